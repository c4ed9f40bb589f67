"""How probable a given answer is to a model that llama.cpp serves: the embedded student, or any llama-server.

The reply is forced, token by token, by a grammar of token literals (`<[id]>`), and its log-probabilities are asked for.
What was found by trying (llama.cpp of xllamacpp 2026.10.11549, SmolLM2-135M):

- The numbers are the model's own: softmax over the whole vocabulary, before grammar, bias, temperature and top-k. Each
  agrees with the one taken from all 49,152 probabilities of `/completion` at that place to 0.01 nats (a test holds it).
- A grammar of plain text is not enough: it lets the model spell ("Z", "e", "b", "ra" for "Z", "ebra"), each time as it
  likes in that context, and the spelling's price (16 nats at "ra") drowns what is measured. Hence token literals.
- A token that ends within a UTF-8 character (SmolLM2 spells rare letters, Japanese and emoji in bytes) breaks the
  grammar, and no way of asking gets its probability out of the server: such an answer has no score with such a model.
- The same request scored twice, with the prompt cached or not, alone or beside others, differs by up to 0.01 nats.
"""

from __future__ import annotations

from typing import Any, Final

import aiohttp

from agents.lift import Messages, Scored, ScoreError

CUE: Final = "Answer:"
"""What the prompts make a student write before its answer; forced as well, and not counted."""


class LlamaScorer:
    """A `Scorer` on a llama.cpp server. `base_url` ends in /v1; the session is the caller's, its time limit too."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str, api_key: str, model: str, cue: str = CUE) -> None:
        self._session = session
        self._root = base_url.removesuffix("/").removesuffix("/v1")
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._model = model
        self._cue = cue

    async def score(self, messages: Messages, answer: str) -> Scored:
        """Log-probability of "Answer: " + `answer` as the reply, counted from the answer's first token to its last.

        The end of the reply is not counted: small students go on with "." or a new line as often as they stop. Raises
        ScoreError where the server refuses (an answer too long for its context, a server that is not llama.cpp) or
        other tokens came out than were forced.
        """
        spoken = {"content": f"{self._cue} {answer.strip()}", "with_pieces": True, "parse_special": False}
        said = (await self._post("/tokenize", spoken))["tokens"]
        if not all(isinstance(token["piece"], str) for token in said):
            raise ScoreError("the answer holds characters that the model spells in bytes, which can't be scored")
        ids = [int(token["id"]) for token in said]
        first = _first_token([token["piece"] for token in said], len(f"{self._cue} "))
        reply = await self._post(
            "/v1/chat/completions",
            {
                "model": self._model,
                "messages": messages,
                "max_tokens": len(ids),
                "temperature": 0,
                "grammar": "root ::= " + " ".join(f"<[{id_}]>" for id_ in ids),
                "logprobs": True,
                "top_logprobs": 1,
            },
        )
        forced = (reply["choices"][0].get("logprobs") or {}).get("content") or []
        if [token.get("id") for token in forced] != ids:
            raise ScoreError("the server did not say the answer in the tokens it was forced to")
        return Scored(tuple(ids[first:]), sum(float(token["logprob"]) for token in forced[first:]))

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """One request. Raises ScoreError, with the server's own words, on any answer but 200 and where none comes."""
        try:
            async with self._session.post(self._root + path, json=body, headers=self._headers) as response:
                if response.status != 200:
                    raise ScoreError(f"{path} answered {response.status}: {(await response.text())[:300]}")
                reply: dict[str, Any] = await response.json()
                return reply
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ScoreError(f"{path}: {type(error).__name__}: {error}") from error


def _first_token(pieces: list[str], start: int) -> int:
    """The index of the first piece that reaches beyond character `start`; the answer's first may begin with a space."""
    end = 0
    for index, piece in enumerate(pieces):
        end += len(piece)
        if end > start:
            return index
    raise ScoreError("the answer has no tokens")
