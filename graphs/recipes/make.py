"""The recipe that a caller named, bound to its source."""

from __future__ import annotations

from graphs.recipes.base import Recipe, Sources
from graphs.recipes.options import CandidatesOptions, CommandsOptions, PassagesOptions, PersonasOptions

Chosen = CommandsOptions | PassagesOptions | CandidatesOptions | PersonasOptions


def make(options: Chosen, sources: Sources, seed: int) -> Recipe:
    """Raises ValueError where options or source can't be worked with; the message says what to change."""
    match options:  # imported here, because none of them is needed to start
        case CommandsOptions():
            from graphs.recipes.commands.recipe import Commands

            return Commands(options, sources, seed)
        case PassagesOptions():
            from graphs.recipes.passages.recipe import Passages

            return Passages(options, sources, seed)
        case CandidatesOptions():
            from graphs.recipes.candidates.recipe import Candidates

            return Candidates(options, sources, seed)
        case PersonasOptions():
            from graphs.recipes.personas.recipe import Personas

            return Personas(options, sources, seed)
