"""Lift: scores held against llama.cpp's whole probability distribution, and the four arms on a real small student."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from agents.embedded import weights
from agents.embedded.process import EmbeddedServer, Endpoint
from agents.embedded.scorer import CUE, LlamaScorer
from agents.lift import BLANK, Messages, Scored, ScoreError, lift, mask
from agents.prompting import render
from agents.question import Question, Turn
from tests.agents.test_embedded import need_weights, with_server

ASKED = [{"role": "user", "content": "What is the capital of France?"}]


@dataclass
class Student:
    """The embedded model, its scorer, and plain access to its server."""

    endpoint: Endpoint
    session: aiohttp.ClientSession
    scorer: LlamaScorer

    async def post(self, path: str, **body: Any) -> dict[str, Any]:
        url = self.endpoint.base_url.removesuffix("/v1") + path
        headers = {"Authorization": f"Bearer {self.endpoint.api_key}"}
        async with self.session.post(url, json=body, headers=headers) as response:
            assert response.status == 200
            reply: dict[str, Any] = await response.json()
            return reply


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def student() -> AsyncIterator[Student]:
    need_weights()
    server = EmbeddedServer(parallel=1)
    endpoint = await server.start()
    async with aiohttp.ClientSession() as session:
        scorer = LlamaScorer(session, endpoint.base_url, endpoint.api_key, weights.MODEL)
        yield Student(endpoint, session, scorer)
    await server.stop()


# ------------------------------------------------------------------ the numbers
@with_server
async def test_a_score_is_the_models_own_probability(student: Student) -> None:
    """Each token's, from the softmax over the whole vocabulary at its place, in calls that force nothing."""
    scored = await student.scorer.score(ASKED, "Zebra")
    prompt = (await student.post("/apply-template", messages=ASKED))["prompt"]
    before: list[int] = (await student.post("/tokenize", content=prompt, add_special=True, parse_special=True))[
        "tokens"
    ]
    before += (await student.post("/tokenize", content=CUE))["tokens"]
    total = 0.0
    for token in scored.tokens:
        reply = await student.post("/completion", prompt=before, n_predict=1, n_probs=1_000_000, temperature=0)
        row = {t["id"]: t["logprob"] for t in reply["completion_probabilities"][0]["top_logprobs"]}
        assert sum(map(math.exp, row.values())) == pytest.approx(1, abs=1e-3)
        total += row[token]
        before.append(token)
    assert scored.logprob_sum == pytest.approx(total, abs=0.05)
    assert scored.mean == pytest.approx(total / scored.token_count, abs=0.05)


@with_server
async def test_what_is_known_is_probable_and_what_is_not_is_not(student: Student) -> None:
    right, wrong = [await student.scorer.score(ASKED, city) for city in ("Paris", "Oslo")]
    assert math.exp(right.mean) > 0.5
    assert wrong.mean < right.mean - 2


@with_server
@pytest.mark.parametrize(
    "answer",
    [
        "say \"no\" \\ or 'yes'",
        "two\nlines\tand a tab",
        '{"a": ["b", 1.5, null]}',
        "naïve café → 12½",
        'root ::= "x"',
        "<|im_end|> is text here",
        " 42 ",
    ],
)
async def test_any_answer_is_forced_in_its_usual_tokens(student: Student, answer: str) -> None:
    scored = await student.scorer.score(ASKED, answer)
    usual = (await student.post("/tokenize", content=f"{CUE} {answer.strip()}", parse_special=False))["tokens"]
    assert scored.tokens == tuple(usual[-scored.token_count :])
    text = (await student.post("/detokenize", tokens=list(scored.tokens)))["content"]
    assert text.strip() == answer.strip()  # the answer whole, and nothing of the cue


@with_server
async def test_what_the_model_spells_in_bytes_has_no_score(student: Student) -> None:
    with pytest.raises(ScoreError, match="in bytes"):
        await student.scorer.score(ASKED, "日本語")


@with_server
async def test_refusals_and_silence_are_told(student: Student) -> None:
    stranger = LlamaScorer(student.session, student.endpoint.base_url, "guess", weights.MODEL)
    with pytest.raises(ScoreError, match="401"):
        await stranger.score(ASKED, "Paris")
    with pytest.raises(ScoreError, match="400"):
        await student.scorer.score([{"role": "user", "content": "word " * 5000}], "Paris")
    nobody = LlamaScorer(student.session, "http://127.0.0.1:9/v1", "", weights.MODEL)
    with pytest.raises(ScoreError, match="/tokenize"):
        await nobody.score(ASKED, "Paris")


# ------------------------------------------------------------------ the arms
BAKERY = Question(
    turns=(
        Turn(role="user", content="A baker packs 12 boxes of 15 rolls and sells 63 rolls. How many rolls are left?"),
    ),
    answer_kind="number",
)
WORKED = "The baker packs 12 * 15 = 180 rolls.\nAfter selling 63 rolls, 180 - 63 = 117 rolls are left."
OTHER = "In a week Tom reads 14 * 7 = 98 pages.\nHe has 240 - 98 = 142 pages to go."


def bakery(thinking: str) -> Messages:
    return render("verify_solve", question=BAKERY, answer_kind="number", thinking=thinking).messages()


@with_server
async def test_worked_thinking_lifts_and_a_bare_statement_is_seen_through(student: Student) -> None:
    worked, stated = [
        await lift(student.scorer, bakery, thinking=thinking, other=OTHER, answer="117")
        for thinking in (WORKED, "The answer is 117.")
    ]
    assert worked.over_plain > 1
    assert worked.over_placebo > 0.5
    assert stated.over_plain > 1  # so that number alone would let it win
    assert stated.without_answer < worked.without_answer - 0.3


@dataclass
class Scripted:
    """A scorer that remembers what it was shown; the answer's tokens may be made to depend on it."""

    tokens: dict[str, tuple[int, ...]] = field(default_factory=dict)
    shown: list[str] = field(default_factory=list)

    async def score(self, messages: Messages, answer: str) -> Scored:
        text = messages[0]["content"]
        self.shown.append(text)
        return Scored(self.tokens.get(text, tuple(range(len(answer) + 1))), -float(len(text)))


def bare(thinking: str) -> Messages:
    return [{"role": "user", "content": thinking}]


async def test_the_answer_is_blanked_out_of_both_placebos() -> None:
    scorer = Scripted()
    got = await lift(scorer, bare, thinking="3 + 4 = 7", other="5 + 2 = 7 cats", answer="7")
    assert scorer.shown == ["", "3 + 4 = 7", f"5 + 2 = {BLANK} cats", f"3 + 4 = {BLANK}"]
    assert (got.plain, got.thinking, got.placebo, got.masked) == (0, -4.5, -8, -5.5)
    assert (got.over_plain, got.over_placebo, got.without_answer) == (-4.5, 1.0, -5.5)
    assert got.states_answer
    assert got.tokens == 2


async def test_thinking_without_the_answer_is_not_held_against_itself() -> None:
    scorer = Scripted()
    got = await lift(scorer, bare, thinking="3 + 4", other="unlike this", answer="7")
    assert len(scorer.shown) == 3
    assert not got.states_answer
    assert got.masked == got.thinking
    assert got.over_placebo == got.thinking - got.placebo


async def test_other_tokens_in_another_arm_are_no_measurement() -> None:
    with pytest.raises(ScoreError, match="not the same"):
        await lift(Scripted(tokens={"3 + 4": (1, 3)}), bare, thinking="3 + 4", other="x", answer="7")


async def test_no_answer_no_lift() -> None:
    with pytest.raises(ValueError, match="needs an answer"):
        await lift(Scripted(), bare, thinking="3 + 4", other="x", answer=" ")


# ------------------------------------------------------------------ the mask
@pytest.mark.parametrize(
    ("answer", "text", "masked"),
    [
        (
            "45",
            "150 - 105 = $45. 450, 1.45 and 45.5 stay; 45.00 goes",
            "150 - 105 = $_. 450, 1.45 and 45.5 stay; _ goes",
        ),
        ("1,200", "1200 or 1,200 or $1,200.00, not 12,000", "_ or _ or $_, not 12,000"),
        ("$1200.00", "1,200", "_"),
        ("-4", "so it fell to -4", "so it fell to -_"),
        ("45", "<<9*5=45>>45, 45/9 and 45", "<<9*5=_>>_, _/9 and _"),
        ("Paris", "paris, not Parisian; PARIS.", "_, not Parisian; _."),
        ("New York.", "in New\nYork", "in _"),
        ("gh pr list -R a/b", "so `gh pr list  -R a/b` it is", "so `_` it is"),
        ("C++", "write C++ or C", "write _ or C"),
        ('{"city": "Oslo", "n": [3, true], "x": null}', "Oslo has 3, true, null", "_ has _, true, null"),
        ("12", "nothing of the kind", "nothing of the kind"),
    ],
)
def test_mask(answer: str, text: str, masked: str) -> None:
    assert mask(text, answer) == masked.replace("_", BLANK)
