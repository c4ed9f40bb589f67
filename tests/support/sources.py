"""A small source for each recipe, and the options that make some dozen examples of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

PASSAGES = Path(__file__).parents[2] / "agents" / "templates" / "sample_passages.md"

SCHEMA = """\
cli_name: kiln
description: Runs a pottery's kilns from the command line
commands:
  - name: firing
    description: Plan and watch firings
    aliases: [firings, burn]
    subcommands:
      - name: list
        description: List firings
        aliases: [ls, show]
        args:
          - name: state
            type: {enum: [planned, running, done]}
            default: planned
            description: Only firings in this state
          - name: limit
            type: integer
            description: At most so many
        flags:
          - name: log
            short: l
            description: Print the log too
            natural_language: [with the log, and its log]
      - name: start
        description: Start a firing
        aliases: [begin, light]
        args:
          - name: kiln
            type: string
            required: true
            description: Which kiln to light
          - name: cone
            type: integer
            description: Cone to fire to
        flags:
          - name: slow
            description: Raise the heat slowly
  - name: glaze
    description: Look after the glazes
    subcommands:
      - name: view
        description: Show one glaze
        aliases: [show, open]
        args:
          - name: name
            type: string
            required: true
            description: The glaze
      - name: mix
        description: Mix a batch of a glaze
        args:
          - name: name
            type: string
            required: true
            description: The glaze
          - name: litres
            type: integer
            description: How much to mix
"""

_SCENES = [
    ("The harbour master counted the boats twice before the storm, and sent the boys to double every rope.", "harbour"),
    ("At dawn the workers walked together to the mill, and nobody spoke of the strike until the bell rang.", "workers"),
    ("The old general moved a pawn, waited, and said that patience wins more battles than cavalry does.", "battle"),
    ("She had built the bridge with her brothers, stone by stone, and the river had taken it in one night.", "river"),
    ("The schoolmaster lent his books to whoever asked, and kept a list of what each had thought of them.", "books"),
    ("In the observatory they drew the comet every clear night, and compared the drawings in the morning.", "comet"),
    ("The captain shared the last water with the crew, a spoon for each man, and drank after all of them.", "crew"),
    ("Under the lamp the clockmaker showed his daughter how a wheel that hesitates betrays a bent tooth.", "wheel"),
]


def _chunks() -> str:
    rows = []
    for number, (scene, word) in enumerate(_SCENES, start=1):
        text = f"{scene} Whoever was there that day remembered the {word} for the rest of a long life."
        rows.append(
            {
                "id": f"harbour_{number:03d}",
                "source_id": "harbour",
                "source_title": "Tales of the Harbour",
                "text": text,
                "themes": ["endurance"],
                "keywords": [word],
                "length": len(text),
            }
        )
    return "".join(json.dumps(row) + "\n" for row in rows)


SOURCES: dict[str, tuple[str, dict[str, Any]]] = {
    "commands": (SCHEMA, {"num": 40}),
    "passages": (PASSAGES.read_text(encoding="utf-8"), {"templates": ["1", "2", "3", "4", "5"]}),
    "personas": (_chunks(), {"examples_per_chunk": 2}),
}
"""Recipe -> the file's text, and the recipe's options."""
