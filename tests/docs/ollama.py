"""An Ollama on loopback: its own wire, as LiteLLM speaks it, and the offline models' words."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Any, Self

from agents.offline import speak
from tests.support.loopback import serving


class Ollama:
    """`with Ollama() as ollama:` serves at `ollama.base`. `thinks`: hidden tokens before the first of a reply."""

    def __init__(self, thinks: int = 0) -> None:
        self._handler = type("Handler", (_Handler,), {"thinks": thinks})

    def __enter__(self) -> Self:
        self._serving = serving(self._handler)
        self._port = self._serving.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._serving.__exit__(kind, error, at)

    @property
    def base(self) -> str:
        """What stands in OLLAMA_API_BASE."""
        return f"http://127.0.0.1:{self._port}"


class _Handler(BaseHTTPRequestHandler):
    """POST /api/chat; /api/show, which LiteLLM asks what the model can do."""

    thinks = 0

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/api/chat":
            self._answer(_chat(asked, self.thinks))
        elif self.path == "/api/show":
            self._answer({"template": "", "model_info": {}, "capabilities": ["completion"]})
        else:
            self.send_error(404)

    def _answer(self, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Keeps the tests' output clean."""


def _chat(asked: dict[str, Any], thinks: int) -> dict[str, Any]:
    text = speak.reply("offline/student", asked["messages"])
    if starved := thinks > 0 and asked["options"]["num_predict"] < thinks + len(text) // 4:
        text = ""
    thinking = {"thinking": "Hm. " * thinks} if thinks else {}
    said = sum(len(m["content"]) for m in asked["messages"])
    return {
        "model": asked["model"],
        "created_at": "2026-01-01T00:00:00Z",
        "message": {"role": "assistant", "content": text, **thinking},
        "done": True,
        "done_reason": "length" if starved else "stop",
        "prompt_eval_count": said // 4,
        "eval_count": len(text) // 4,
    }
