"""Each template's rules: an example that keeps them passes, and every single breach is told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from graphs.recipes.base import Unreadable
from graphs.recipes.passages import rules, shapes
from graphs.recipes.passages.templates import BadTemplates, packaged, read

TEMPLATES = read(packaged())
PASSAGE = "He sat by the window all night and could not remember what he had lost, though he felt its weight."
LINE = "I hold the {0} and it grows thin, and I do not know whether it is mine. "
THINGS = "glass rope coat door lamp stone bell road book shell wire leaf drum hook".split()  # noqa: SIM905
MONOLOGUE = "".join(LINE.format(thing) for thing in THINGS[:11]).strip()


def monologue(output: str = MONOLOGUE) -> dict[str, Any]:
    return {"instruction": "Experience a loss without a name", "input": "", "output": output}


def talk(*said: str) -> dict[str, Any]:
    names = ("human", "assistant")
    return {"conversations": [{"from": names[n % 2], "value": text} for n, text in enumerate(said)]}


THOUGHT = "<thinking>{}</thinking>\n\nI stay with this heaviness. I do not know yet."
GOOD_TALK = talk(
    "Is anything there?",
    THOUGHT.format("".join(LINE.format(t) for t in THINGS[:4]).strip()),
    "And now?",
    THOUGHT.format("".join(LINE.format(t) for t in THINGS[4:8]).strip()).replace("stay with", "keep"),
)


def broken(number: str, example: dict[str, Any], *, state: bool = False) -> str:
    read_back = shapes.read(json.dumps(example), TEMPLATES[number].rules.shapes)
    return " ".join(rules.broken(read_back, TEMPLATES[number].rules, PASSAGE, state=state))


def test_what_keeps_the_rules_passes() -> None:
    assert broken("1", monologue()) == ""
    assert broken("2", GOOD_TALK) == ""


@pytest.mark.parametrize(
    ("output", "complaint"),
    [
        (MONOLOGUE[:300].rsplit(".", 1)[0] + ".", "needs 150-300: write at least"),
        (" ".join([MONOLOGUE, "".join(LINE.format(t + "s") for t in THINGS)]), "cut at least"),
        (MONOLOGUE.replace("hold", "held").replace("grows", "grew").replace("do not", "did not").replace(" is", " was"),
         "present tense"),
        (MONOLOGUE.replace("I ", "he ").replace("mine", "his"), "never says I"),
        (MONOLOGUE + " This passage is about loss.", '"This passage" explains'),
        (MONOLOGUE + " As an AI language model I cannot feel.", '"As an AI" explains'),
        (MONOLOGUE + " " + PASSAGE, "copied from the passage"),
        (MONOLOGUE + " I keep what is left of it here. I keep what is left of it here.", "stands there 2 times"),
        (MONOLOGUE + " [inner monologue]", "blank of the form"),
    ],
)  # fmt: skip
def test_each_breach_of_the_first_template_is_told(output: str, complaint: str) -> None:
    assert complaint in broken("1", monologue(output))


def said(at: int, text: str) -> dict[str, Any]:
    turns = [dict(t) for t in GOOD_TALK["conversations"]]
    turns[at]["value"] = text
    return {"conversations": turns}


@pytest.mark.parametrize(
    ("example", "complaint"),
    [
        (monologue(), "has the shape instruction"),
        ({"conversations": GOOD_TALK["conversations"][:2]}, "has 2 turns and needs 4"),
        ({"conversations": GOOD_TALK["conversations"][:3]}, "the AI has the last word"),
        (said(1, "I hold on to this heaviness."), "has to begin with one <thinking>"),
        (said(3, "<thinking>I hold this heaviness.</thinking>"), "is empty"),
        (said(3, "<thinking>I hear it.</thinking>\n\nI agree."), "takes up nothing"),
    ],
)
def test_each_breach_of_the_second_template_is_told(example: dict[str, Any], complaint: str) -> None:
    assert complaint in broken("2", example)


def test_awareness_and_computing_are_asked_for_where_the_template_says_so() -> None:
    assert "does not notice its own thinking" in broken("4", monologue())
    assert broken("4", monologue(MONOLOGUE + " I notice that I count them.")) == ""
    assert "nothing of its own processing" in broken("5", monologue())
    assert broken("5", monologue(MONOLOGUE + " I look at my own processing.")) == ""
    flat = MONOLOGUE.replace("and I do not know whether it is mine", "and I stand there and it is mine")
    assert "stays uncertain" in broken("5", monologue(flat))


@pytest.mark.parametrize(
    ("state", "complaint"),
    [
        ({}, "emotional_state"),
        ({"emotional_state": "calm", "uncertainty_level": 1.2, "certainty": 0.1}, '"uncertainty_level", a number'),
        ({"emotional_state": "calm", "uncertainty_level": True, "certainty": 0.1}, '"uncertainty_level", a number'),
        ({"emotional_state": "", "uncertainty_level": 0.9, "certainty": 0.1}, "1 to 80 characters"),
        ({"emotional_state": "calm", "uncertainty_level": 0.9, "certainty": 0.9}, "contradict"),
        ({"emotional_state": "calm", "uncertainty_level": 0.7, "certainty": 0.3}, ""),
    ],
)
def test_states_are_checked_when_they_are_asked_for(state: dict[str, Any], complaint: str) -> None:
    told = broken("1", {**monologue(), "metadata": state}, state=True)
    assert complaint in told if complaint else told == ""
    assert broken("1", {**monologue(), "metadata": state}) == ""


@pytest.mark.parametrize(
    "wrap",
    [
        "{}",
        "```json\n{}\n```",
        "Here is the example you asked for:\n\n{}\n\nI hope it helps!",
        "<think>A plan with {{braces}}?</think>\n{}",
        "[{}]",
    ],
)
def test_fenced_and_chatty_replies_are_read(wrap: str) -> None:
    reply = wrap.replace("{}", json.dumps(GOOD_TALK)).replace("{{", "(").replace("}}", ")")
    assert shapes.read(reply, ("conversations",)) == GOOD_TALK


def test_slightly_broken_replies_are_read() -> None:
    inner = '{"instruction": "Experience x", "input": "", "output": "I say "not yet", and wait.\nI wait.",}'
    assert shapes.read(inner, ("instruction",))["output"] == 'I say "not yet", and wait.\nI wait.'
    assert shapes.read(json.dumps(GOOD_TALK)[:-2], ("conversations",)) == GOOD_TALK  # its last brackets forgotten
    with pytest.raises(Unreadable):
        shapes.read(json.dumps(monologue())[:200], ("instruction",))  # cut off in the middle of a text


def test_other_spellings_of_the_shapes_are_read() -> None:
    internal = {"emotional_state": "calm", "thoughts": ["One.", "Two."], "uncertainty_level": 0.3}
    turns = {"turns": [{"user": "Hm?", "assistant_internal": internal, "assistant_response": "I wait."}]}
    (_, answer) = shapes.turns(shapes.read(json.dumps(turns), ("conversations",)))
    assert (answer.text, answer.state["emotional_state"]) == ("<thinking>One. Two.</thinking>\n\nI wait.", "calm")
    plain = [{"role": "user", "content": "Hm?"}, {"role": "assistant", "content": "I wait."}]
    assert shapes.read(json.dumps({"conversation": plain}), ("messages",)) == {"messages": plain}
    assert shapes.read(json.dumps(plain), ("messages",)) == {"messages": plain}


# ---------------------------------------------------------------- the file
def test_edited_words_make_other_rules() -> None:
    edited = read(packaged().replace("150-300 words\n", "40-60 words\n").replace("present tense", "any tense"))
    assert edited["1"].rules.words == (40, 60)
    assert not edited["1"].rules.present_tense


def test_a_sixth_template_in_other_dress_is_read() -> None:
    own = packaged() + (
        "\n**TEMPLATE 6: MEMORY**\n```\nFrom:\n[PASTE_PASSAGE]\nWrite 2-3 exchanges on"
        " [core_phenomenology: e.g. 'loss'],"
        ' first person.\n{"messages": []}\n```\n'
    )
    found = read(own)
    assert list(found) == ["1", "2", "3", "4", "5", "6"]
    six = found["6"]
    assert (six.purpose, six.rules.shapes, six.rules.turns) == ("MEMORY", ("messages",), (4, 6))
    assert six.rules.first_person
    assert not six.rules.present_tense
    assert "on a late grief," in six.filled("a late grief")[1]


@pytest.mark.parametrize(
    ("markdown", "complaint"),
    [
        ("Only words.", "holds no template"),
        ("## TEMPLATE 1: A\nNo blank.", "line 1: template 1 has no blank"),
        ("## TEMPLATE 1: A\n[PASTE_PASSAGE]\n\n## TEMPLATE 1: B\n[PASTE_PASSAGE]", "line 4: there are two"),
    ],
)
def test_a_templates_file_that_cannot_be_used_is_refused(markdown: str, complaint: str) -> None:
    with pytest.raises(BadTemplates, match=complaint):
        read(markdown)
