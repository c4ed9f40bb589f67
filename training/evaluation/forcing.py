"""How probable a given text is to a model that llama.cpp serves: it is made to say it, and asked for the probabilities.

llama.cpp's server tells probabilities of what it writes, not of what it reads. What was found by trying:

- A grammar of token literals (`<[id]>`) forces a whole text in one request; the probabilities that come with it are the
  model's own, over the whole vocabulary, before grammar and bias. It can't force the token that ends an answer.
- A bias forces any one token, that one as well; a request for each, with the text before it kept in the cache.
- A token that ends within a UTF-8 character breaks the grammar and is not told. A plain token is then forced in its
  place, and its probability read among those of all tokens: right, and slow.

The same text scored twice differs by up to 0.01 nats a token.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any, Final, Self

import httpx

from training.llama import Llama, LlamaFailed

_PATIENCE: Final = 600.0
_BIAS: Final = 1e4
_EVERY: Final = 1_000_000
"""More tokens than a vocabulary has."""
_PLAIN: Final[dict[str, Any]] = {
    "temperature": 0, "top_k": 0, "top_p": 1.0, "min_p": 0.0, "repeat_penalty": 1.0, "cache_prompt": True,
}  # fmt: skip


class Forced:
    """A way of asking a `Llama` that runs, from `__enter__` to `__exit__`."""

    def __init__(self, llama: Llama) -> None:
        self._llama = llama

    def __enter__(self) -> Self:
        self._client = httpx.Client(
            base_url=self._llama.base_url.removesuffix("/v1"),
            headers={"Authorization": f"Bearer {self._llama.api_key}"},
            timeout=_PATIENCE,
            trust_env=False,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def log_probabilities(self, prompt: list[int], said: list[int]) -> list[float] | None:
        """The log-probability (natural) of each token of `said` behind `prompt`; the last one may be the end token.

        None where the server keeps one to itself. Raises LlamaFailed where it ends or refuses.
        """
        body, end = said[:-1], said[-1]
        found = self._at_once(prompt, body) if body else []
        if found is None:
            found = []
            for place, token in enumerate(body):
                one = self._one(prompt + body[:place], token)
                if one is None:
                    return None
                found.append(one)
        last = self._one(prompt + body, end)
        return None if last is None else [*found, last]

    def _at_once(self, prompt: list[int], said: list[int]) -> list[float] | None:
        grammar = "root ::= " + " ".join(f"<[{token}]>" for token in said)
        reply = self._post({"prompt": prompt, "n_predict": len(said), "n_probs": 1, "grammar": grammar})
        forced = reply.get("completion_probabilities") or [] if reply else []
        if [one["id"] for one in forced] != said:
            return None
        return [float(one["logprob"]) for one in forced]

    def _one(self, before: list[int], token: int) -> float | None:
        reply = self._post({"prompt": before, "n_predict": 1, "n_probs": 1, "logit_bias": [[token, _BIAS]]})
        told = (reply or {}).get("completion_probabilities") or []
        if told and told[0]["id"] == token:
            return float(told[0]["logprob"])
        return self._among_all(before, token)

    def _among_all(self, before: list[int], token: int) -> float | None:
        (plain, *_) = self._llama.tokenize("a")
        reply = self._post({"prompt": before, "n_predict": 1, "n_probs": _EVERY, "logit_bias": [[plain, _BIAS]]})
        for told in (reply or {}).get("completion_probabilities") or []:
            for one in told["top_logprobs"]:
                if one["id"] == token:
                    return float(one["logprob"])
        return None

    def _post(self, body: dict[str, Any]) -> dict[str, Any] | None:
        """The server's reply; None where it refuses (a grammar that a token broke)."""
        try:
            response = self._client.post("/completion", json={**body, **_PLAIN})
        except httpx.HTTPError as error:
            raise LlamaFailed(f"{self._llama.path}: llama.cpp did not answer ({error})") from error
        if response.is_error:
            return None
        reply: dict[str, Any] = response.json()
        return reply
