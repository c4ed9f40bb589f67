"""A line to the models for one example: every call has a place, and what was said there once is not paid for again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from pydantic import BaseModel, ValidationError

from agents import telemetry
from agents.budget import Budget
from agents.errors import UnreadableReply
from agents.gateway import Gateway
from agents.prompting import Prompt, render
from agents.replies import read_json
from agents.sampling import SAMPLING
from agents.wire import Message, Reply, Request

Shape = TypeVar("Shape", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the work on an example a call stands. `attempt` tells repairs and more samples from the first call."""

    role: str
    step: str
    round: int
    attempt: int = 1


class Ledger(Protocol):
    """What was said before, kept for good. A reply is recorded before anybody uses it."""

    async def recall(self, place: Place, fingerprint: str) -> Reply | None:
        """The reply recorded at this place for this very request, if any."""

    async def record(self, place: Place, fingerprint: str, model: str, reply: Reply) -> None:
        """Returns when the reply can no longer be lost."""


class NoLedger:
    """Keeps nothing: for measuring, and for a loop that runs once."""

    async def recall(self, place: Place, fingerprint: str) -> Reply | None:
        """Nothing was said before."""

    async def record(self, place: Place, fingerprint: str, model: str, reply: Reply) -> None:
        """Forgets it."""


@dataclass(frozen=True, slots=True)
class Line:
    """The gateway, the budget of the job and the ledger of one example."""

    gateway: Gateway
    budget: Budget = field(default_factory=lambda: Budget(None))
    ledger: Ledger = field(default_factory=NoLedger)

    async def send(self, place: Place, request: Request) -> Reply:
        """A reply, from the ledger where it is there, else from the model, recorded. Raises ModelError."""
        with telemetry.agent(place, request.model):
            return await self._send(place, request)

    async def _send(self, place: Place, request: Request) -> Reply:
        fingerprint = request.fingerprint()
        if known := await self.ledger.recall(place, fingerprint):
            telemetry.recalled()
            return known
        with telemetry.chat(place.role, request) as call:
            reply = await self.gateway.complete(request, self.budget)
            call.said(reply)
        await self.ledger.record(place, fingerprint, request.model, reply)
        call.counted(reply)
        return reply

    async def say(
        self, place: Place, model: str, name: str, prompt: Prompt, *, temperature: float | None = None
    ) -> Reply:
        """A reply in free text to the prompt called `name`."""
        sampling = SAMPLING[name]
        heat = sampling.temperature if temperature is None else temperature
        request = Request(model, prompt.messages(), heat, sampling.max_tokens, extra=prompt.extra)
        return await self.send(place, request)

    async def ask(self, place: Place, model: str, name: str, prompt: Prompt, shape: type[Shape]) -> Shape:
        """A reply of the given shape, with one repair. Raises UnreadableReply."""
        with telemetry.agent(place, model):
            return await self._ask(place, model, name, prompt, shape)

    async def _ask(self, place: Place, model: str, name: str, prompt: Prompt, shape: type[Shape]) -> Shape:
        sampling = SAMPLING[name]
        schema = _schema(shape)
        messages: list[Message] = prompt.messages()
        said = await self._send(place, Request(model, messages, sampling.temperature, sampling.max_tokens, schema))
        try:
            return shape.model_validate(read_json(said.text))
        except (ValueError, ValidationError) as error:
            complaint = _complaint(error)
        repair = render("repair", answer=said.text, error=complaint)
        # The first prompt stays in view: what has to be mended may be no attempt at the form at all.
        mend = {"role": "user", "content": f"{repair.system}\n\n{repair.user}"}
        messages = [*messages, {"role": "assistant", "content": said.text or "-"}, mend]
        again = Place(place.role, place.step, place.round, place.attempt + 100)
        said = await self._send(again, Request(model, messages, sampling.temperature, sampling.max_tokens, schema))
        try:
            return shape.model_validate(read_json(said.text))
        except (ValueError, ValidationError) as error:
            raise UnreadableReply(f"{model} gave no readable {shape.__name__.lower()}: {_complaint(error)}") from error


_SCHEMAS: dict[type[BaseModel], dict[str, object]] = {}


def _schema(shape: type[BaseModel]) -> dict[str, object]:
    return _SCHEMAS.get(shape) or _SCHEMAS.setdefault(shape, shape.model_json_schema())


def _complaint(error: ValueError) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        return f"{'.'.join(map(str, first['loc'])) or 'the reply'}: {first['msg']}"
    return str(error)
