"""The option that limits what a job may spend."""

from __future__ import annotations

from typing import Annotated

import typer


def above_zero(dollars: float | None) -> float | None:
    """Refuses what would go to the service as "no limit"."""
    if dollars is not None and not dollars > 0:
        raise typer.BadParameter(f"{dollars:g} is not above 0. Leave it out for no limit.")
    return dollars


MaxCost = Annotated[
    float | None, typer.Option(callback=above_zero, help="US dollars at most, reserved before they are spent.")
]
NewMaxCost = Annotated[float | None, typer.Option(callback=above_zero, help="A new budget in US dollars.")]
StageMaxCost = Annotated[float | None, typer.Option(callback=above_zero, help="US dollars at most, for each stage.")]
