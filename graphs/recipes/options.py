"""What a caller may choose of each recipe. Zero and empty mean: the recipe's own default, which its comment tells."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Line = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]*$", max_length=200)]
Page = Annotated[str, Field(pattern=r"^[^\x00]*$", max_length=200_000)]


class Options(BaseModel):
    """Unknown fields are refused: a misspelt option must not be silently ignored."""

    model_config = ConfigDict(extra="forbid")


class CommandsOptions(Options):
    """Requests to a command line and the calls that they mean, from a schema."""

    num: int = Field(0, ge=0, le=1_000_000, description="examples to make; 0: 3000")


class PassagesOptions(Options):
    """Examples of inner life, from passages and templates."""

    templates: list[Line] = Field(
        [], max_length=50, description="numbers of the templates to use; empty: each passage's"
    )
    templates_markdown: Page = Field("", description="the templates' own file, as edited; empty: the packaged one")
    state: bool = Field(False, description="ask for emotional_state, uncertainty_level and certainty, and check them")


class CandidatesOptions(Options):
    """Passages that a book offers for templates, for a person to choose from."""

    count: int = Field(0, ge=0, le=1000, description="candidates to propose; 0: 20")


class PersonasOptions(Options):
    """Chat examples from text chunks, in the voices of personas."""

    examples_per_chunk: int = Field(0, ge=0, le=100, description="0: 2")
    max_chunks: int = Field(0, ge=0, le=2**53, description="only the first so many; 0: all")
    personas_yaml: Page = Field("", description="personas in the form of agents/personas; empty: those")
    min_length: int = Field(0, ge=0, le=100_000, description="characters of a reply at least; 0: 50")
    max_length: int = Field(0, ge=0, le=100_000, description="characters of a reply at most; 0: no limit")
    allowed_words: list[Line] = Field([], max_length=1000, description="words that are no anachronisms here")
