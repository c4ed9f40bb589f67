"""The settings that the page shows are settings that the programs take."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.docs.pages import blocks
from training.arms import ArmsConfig
from training.configs import validate
from training.evaluate import EvaluateConfig
from training.generations import GenerationsConfig

SHOWN = [block.text for block in blocks("yaml") if block.id.startswith("docs/evaluation")]


@pytest.mark.parametrize(
    ("config", "text"), list(zip([EvaluateConfig, ArmsConfig, GenerationsConfig], SHOWN, strict=True))
)
def test_a_shown_file_is_taken(config: Any, text: str) -> None:
    validate(config, yaml.safe_load(text))


def test_every_setting_of_an_evaluation_is_shown() -> None:
    shown = yaml.safe_load(SHOWN[0])
    assert [*shown] == [*EvaluateConfig.model_fields]
    assert [*shown["data"]] == [*EvaluateConfig.model_fields["data"].annotation.model_fields]  # type: ignore[union-attr]
