"""A GGUF file under test, run by llama.cpp with the prompts that a Hugging Face folder gets."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self

from training import rows, templates
from training.errors import InvalidInput, Missing
from training.evaluation.forcing import Forced
from training.generation import ALONE, Answer, Loss, Prompt
from training.llama import Llama
from training.rows import Row

_LEAST_ROOM: Final = 512
_MARGIN: Final = 256
"""Tokens of context beyond what was counted: a template may add a system message of its own."""
_LISTS: Final = (".tokens", ".merges", ".scores", ".token_type")
_CONTROL: Final = 3
"""The type of a token that is no text."""


class Template:
    """The chat template inside a GGUF file, as `rows.render` wants a tokenizer: the prompts come out the same."""

    def __init__(self, path: Path) -> None:
        """Raises Missing where there is no such file, InvalidInput where it is no GGUF."""
        from gguf import GGUFReader

        if not path.is_file():
            raise Missing(f"{path}: there is no such GGUF file")
        try:
            fields = GGUFReader(path).fields
        except (ValueError, IndexError, KeyError, OSError, OverflowError) as error:
            raise InvalidInput(f"{path}: is no GGUF file that can be read: {error}") from error
        held = {name: fields[name].contents() for name in fields if name.split(".")[0] in ("general", "tokenizer")
                and not name.endswith(_LISTS)}  # fmt: skip
        architecture = held.get("general.architecture")
        longest = fields.get(f"{architecture}.context_length")
        self.longest = int(longest.contents()) if longest else 4096
        self.name_or_path = str(path)
        template = held.get("tokenizer.chat_template")
        self.chat_template = templates.steady(template) if isinstance(template, str) else None
        self.eos = held.get("tokenizer.ggml.eos_token_id")
        tokens = fields.get("tokenizer.ggml.tokens")
        self._types = fields.get("tokenizer.ggml.token_type")
        self._special: dict[str, str] = {}
        for name in ("bos", "eos", "unknown", "padding"):
            number = held.get(f"tokenizer.ggml.{name}_token_id")
            if tokens is not None and number is not None:
                short = {"unknown": "unk", "padding": "pad"}.get(name, name)
                self._special[f"{short}_token"] = tokens.contents(int(number))

    def is_control(self, token: int) -> bool:
        """Whether a token is one that no text holds."""
        return self._types is not None and self._types.contents(token) == _CONTROL

    def apply_chat_template(self, messages: Any, *, tokenize: bool = False, add_generation_prompt: bool = False) -> str:
        """The messages as text, by the same function that transformers' tokenizers use."""
        from transformers.utils.chat_template_utils import render_jinja_template

        assert not tokenize
        rendered, _ = render_jinja_template(
            [messages],
            chat_template=self.chat_template,
            add_generation_prompt=add_generation_prompt,
            **self._special,
        )
        return str(rendered[0])


class Gguf:
    """A GGUF file, from `__enter__` to `__exit__`. Prompts are asked one at a time: all have a latency."""

    kind: Literal["model", "adapter", "gguf"] = "gguf"

    def __init__(self, path: Path, *, room: int) -> None:
        self._template = Template(path)
        self.size_bytes = path.stat().st_size
        self._context = min(self._template.longest, max(_LEAST_ROOM, room + _MARGIN))
        self._llama = Llama(path, context=self._context)
        self._path = path

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._llama)
            self._forced = stack.enter_context(Forced(self._llama))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def answer(
        self,
        prompts: Sequence[Prompt],
        max_new_tokens: int,
        *,
        timed: int = ALONE,
        temperature: float = 0,
        seed: int = 0,
    ) -> Iterator[tuple[int, Answer]]:
        if prompts and timed:
            self._llama.complete(self._render(prompts[0]), max_tokens=2)
        for index, prompt in enumerate(prompts):
            asked = self._render(prompt)
            count = len(self._llama.tokenize(asked))
            if count + max_new_tokens > self._context:
                raise InvalidInput(
                    f"{self._path}: prompt {index + 1} has {count} tokens; with max_new_tokens {max_new_tokens} that "
                    f"is more than the {self._context} it can have; ask for shorter answers or leave the row out"
                )
            drawn = seed + index if temperature else 0  # one seed for all would draw alike wherever prompts are alike
            said = self._llama.complete(asked, max_tokens=max_new_tokens, temperature=temperature, seed=drawn)
            text = rows.opener(self._template) + said.text
            yield index, Answer(text, len(said.tokens), said.seconds, said.finish_reason)

    def losses(self, some: Sequence[Row]) -> Iterator[tuple[int, Loss | None]]:
        end = self._end()
        for index, row in enumerate(some):
            prompt = self._llama.tokenize(self._render(row.prompt))
            said = self._llama.tokenize(templates.rest(row.completion, rows.opener(self._template)))
            if end is None or len(prompt) + len(said) + 1 >= self._context:
                yield index, None
                continue
            found = self._forced.log_probabilities(prompt, [*said, end])
            yield index, Loss(-sum(found), len(found)) if found is not None else None

    def _end(self) -> int | None:
        """The token that ends the assistant's turn, as `tokens.end_of_turn` finds it: the template's, else EOS."""
        mark = "0123456789"
        said = [{"role": "user", "content": mark}, {"role": "assistant", "content": mark}]
        after = self._template.apply_chat_template(said).rpartition(mark)[2].strip()
        first = self._llama.tokenize(after)[:1]
        if first and self._template.is_control(first[0]):
            return first[0]
        return None if self._template.eos is None else int(self._template.eos)

    def _render(self, prompt: Prompt) -> str:
        return rows.render(self._template, prompt)
