"""Settings: the documented files load as they are, and a slip is named."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from teachback.cli import demo_train

from training import configs
from training.configs import DpoConfig, SftConfig
from training.errors import InvalidInput

CONFIGS = Path(configs.__file__).parent / "configs"


def test_the_documented_files_are_the_defaults() -> None:
    sft = configs.load(SftConfig, ["--config", str(CONFIGS / "sft_config.yaml")])
    assert sft.model.name == "meta-llama/Llama-3.2-1B-Instruct"
    assert (sft.training.learning_rate, sft.training.lora_r, sft.training.lora_alpha) == (2e-5, 16, 32)
    assert sft.data.validation_file == Path("data/train_val.jsonl")
    assert sft.model_copy(update={"data": sft.data.model_copy(update={"validation_file": None})}) == SftConfig()
    assert configs.load(DpoConfig, ["--config", str(CONFIGS / "dpo_config.yaml")]) == DpoConfig()
    assert (DpoConfig().training.beta, DpoConfig().training.learning_rate) == (0.1, 5e-6)


def test_the_small_run_is_what_the_demo_does() -> None:
    smoke = configs.load(SftConfig, ["--config", str(CONFIGS / "smoke.yaml")])
    assert smoke.model.name == demo_train.MODEL
    told = {**smoke.training.model_dump(), "max_seq_length": smoke.data.max_seq_length}
    assert {name: told[name] for name in demo_train.RECIPE["sft"]} == demo_train.RECIPE["sft"]


def test_overrides_and_what_is_written_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("training:\n  learning_rate: 2e-5\n")
    config = configs.load(
        SftConfig, ["--config", str(file), "training.learning_rate=1e-3", "training.lora_target_modules=[q_proj]"]
    )
    assert (config.training.learning_rate, config.training.lora_target_modules) == (1e-3, ["q_proj"])
    file.write_text(configs.dump(config))
    assert configs.load(SftConfig, ["--config", str(file)]) == config


def test_all_linear_may_be_written_as_peft_writes_it(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("training:\n  lora_target_modules: all-linear\n")
    assert configs.load(SftConfig, ["--config", str(file)]).training.lora_target_modules == configs.ALL_LINEAR


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("training.learnig_rate=1", "training.learnig_rate is not a known field; did you mean training.learning_rate?"),
        ("model.max_seq_length=9", "model.max_seq_length is not a known field; did you mean data.max_seq_length?"),
        ("training.lora_dropout=1", "training.lora_dropout: Input should be less than 1, not 1"),
        ("training.max_steps=many", "training.max_steps: Input should be a valid integer"),
        ("training=3", "training: Input should be"),
        ("training.seed", "has to be field=value"),
    ],
)
def test_a_slip_is_named(override: str, said: str) -> None:
    with pytest.raises(InvalidInput) as error:
        configs.load(SftConfig, [override])
    assert said in str(error.value)


def test_four_bits_train_an_adapter_alone() -> None:
    with pytest.raises(InvalidInput, match=r"load_in_4bit needs training\.use_lora"):
        configs.load(SftConfig, ["model.load_in_4bit=true", "training.use_lora=false"])


def test_rows_and_settings_load_without_torch() -> None:
    names = "rows", "configs", "progress", "schedule", "artifacts"
    code = f"import sys, {', '.join(f'training.{name}' for name in names)}; print('torch' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=100)
    assert told.stdout.strip() == "False"
