"""A model becomes a file: merged, converted, quantized, held against the model, whole or not there at all."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import signal
import subprocess
import sys
import warnings
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from training import artifacts, base, convert, embedded, fidelity, gguf, merge, modelfile, names, templates
from training.configs import validate
from training.errors import InvalidInput, Missing, TrainingError
from training.quantization import importance
from training.quantization.container import GgufFile
from training.quantization.types import FILE_TYPES

pytestmark = pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")  # PEFT's, by an old name

MARKED = "{% for m in messages %}{% generation %}{{ m['content'] }}{% endgeneration %}{% endfor %}"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama of 64 dimensions with the tokenizer of SmolLM2, which llama.cpp's converter knows."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("tiny") / "smollm-tiny"
    tokenizer = base.tokenizer(base.resolve(embedded.NAME))
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, tie_word_embeddings=True, max_position_embeddings=512, initializer_range=0.3,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def adapter(tiny: Path) -> Path:
    """A LoRA adapter on it that changes what it says, with a template that was changed for training."""
    import torch
    from peft import LoraConfig, get_peft_model

    loaded = base.load(tiny)
    lora = LoraConfig(r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # as below, for fixtures
        model = get_peft_model(loaded.model, lora)
    model.peft_config["default"].base_model_name_or_path = str(tiny)
    torch.manual_seed(1)
    folder = tiny.with_name("adapter")
    model.save_pretrained(folder)
    loaded.tokenizer.chat_template = MARKED
    loaded.tokenizer.save_pretrained(folder)
    return folder


def settings(output: Path, model: Path, **sections: Any) -> gguf.GgufConfig:
    given = {"model": {"name": str(model)}, "output_dir": str(output), "fidelity": {"threshold": 0}, **sections}
    return validate(gguf.GgufConfig, given)


def test_an_adapter_becomes_one_model_with_the_stock_template(tiny: Path, adapter: Path, tmp_path: Path) -> None:
    import torch

    config = validate(merge.MergeConfig, {"model": {"name": str(adapter)}, "output_dir": str(tmp_path / "merged")})
    merge.run(config)
    merged, separate = base.load(tmp_path / "merged"), base.load(adapter)
    ids = torch.tensor([[5, 77, 1234]])
    with torch.inference_mode():
        assert torch.allclose(merged.model(ids).logits, separate.model(ids).logits, atol=1e-4)
    assert merged.tokenizer.chat_template == base.tokenizer(tiny).chat_template
    assert (tmp_path / "merged" / artifacts.MANIFEST).exists()
    with pytest.raises(InvalidInput, match="no adapter"):
        merge.check(str(tiny))
    lost = tmp_path / "lost"
    shutil.copytree(adapter, lost)
    told = json.loads((lost / base.ADAPTER).read_text())
    (lost / base.ADAPTER).write_text(json.dumps({**told, "base_model_name_or_path": "/nowhere/at/all"}))
    with pytest.raises(Missing, match="its base model can't be found"):
        merge.check(str(lost))


def test_marks_of_training_render_nothing() -> None:
    from jinja2 import Environment

    plain = templates.handed_on("a {%- generation -%} b {%- endgeneration %} c")
    assert Environment(autoescape=True).from_string(plain).render() == "ab c"
    assert "generation" not in templates.handed_on(MARKED)


@pytest.mark.timeout(600)
def test_an_adapter_becomes_a_file_that_answers_as_it_does(adapter: Path, tmp_path: Path) -> None:
    held_out = tmp_path / "held_out.jsonl"
    held_out.write_text('{"prompt": "What is three times four?", "completion": "12"}\n')
    config = settings(
        tmp_path / "out",
        adapter,
        quantization={"type": "F16"},
        naming={"name": "mycli", "prefix": "clitron"},
        data={"fidelity_file": str(held_out)},
        fidelity={"threshold": 1, "max_new_tokens": 8},
    )
    metrics = gguf.run(config).metrics
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "clitron-mycli-f16.Modelfile", "clitron-mycli-f16.gguf", "clitron-mycli-f16.json"
    ]  # fmt: skip
    assert metrics["fidelity"]["held_out"]["agreement"] == 1
    assert metrics["fidelity"]["held_out"]["mean_kl"] < fidelity.MOST_KL
    assert metrics["fidelity"]["chat"]["tokenized_alike"] == 3
    with GgufFile(tmp_path / "out" / "clitron-mycli-f16.gguf") as file:
        assert file.value("general.finetune") == "clitron-mycli"
        assert file.value("general.size_label") == metrics_label(metrics)
        assert file.value("tokenizer.chat_template") == base.tokenizer(base.resolve(embedded.NAME)).chat_template
    before = (tmp_path / "out" / "clitron-mycli-f16.gguf").stat().st_mtime_ns
    assert gguf.run(config).metrics == metrics
    assert (tmp_path / "out" / "clitron-mycli-f16.gguf").stat().st_mtime_ns == before


def metrics_label(metrics: dict[str, Any]) -> str:
    return names.size_label(metrics["parameters"])


@pytest.mark.timeout(600)
def test_a_file_that_answers_otherwise_is_rejected(
    tiny: Path, adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held_out = tmp_path / "held_out.jsonl"
    held_out.write_text('{"prompt": "What is three times four?", "completion": "12"}\n')
    # what is converted is the base, as if merging had lost the adapter
    monkeypatch.setattr(merge, "merge", lambda _, folder, **__: shutil.copytree(tiny, folder))
    config = settings(
        tmp_path / "out",
        adapter,
        quantization={"type": "q8_0"},
        naming={"name": "x"},
        data={"fidelity_file": str(held_out)},
        fidelity={"max_new_tokens": 8},
    )
    with pytest.raises(gguf.Unfaithful, match=r"0 of 1 held-out rows .*x-q8_0\.gguf\.rejected"):
        gguf.run(config)
    assert not list((tmp_path / "out").glob("*.gguf"))


def test_what_can_not_be_made_is_refused_before_any_work(tiny: Path, tmp_path: Path) -> None:
    for kind, why in {"q4_m": "known types", "iq2_xs": "importance matrix", "q1_0": "nothing to fall back to"}.items():
        with pytest.raises(InvalidInput, match=why):
            gguf.run(settings(tmp_path / "out", tiny, quantization={"type": kind}))
    (tmp_path / "pickled").mkdir()
    (tmp_path / "pickled" / "config.json").write_text("{}")
    (tmp_path / "pickled" / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(InvalidInput, match="pickle"):
        gguf.run(settings(tmp_path / "out", tmp_path / "pickled"))
    assert not (tmp_path / "out").exists()


def test_a_converter_that_fails_says_its_last_words(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / convert.SCRIPT).write_text(
        "import os, sys\nprint(sorted(os.environ))\nsys.exit('no such architecture')\n"
    )
    monkeypatch.setenv("LLAMA_CPP_DIR", str(tmp_path))
    monkeypatch.setenv("A_SECRET", "hush")
    with pytest.raises(TrainingError, match="no such architecture") as told:
        gguf.run(settings(tmp_path / "out", tiny))
    assert "A_SECRET" not in str(told.value)
    assert not list((tmp_path / "out").glob("*.gguf"))
    monkeypatch.setenv("LLAMA_CPP_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(Missing, match="LLAMA_CPP_DIR"):
        convert.converter()


@pytest.mark.timeout(600)
def test_train_rows_say_which_channels_matter(tiny: Path, tmp_path: Path) -> None:
    train = tmp_path / "train.jsonl"
    train.write_text('{"prompt": "What is three times four?", "completion": "12"}\n' * 3)
    config = settings(
        tmp_path / "out", tiny, quantization={"type": "q4_0"}, naming={"name": "x"}, data={"imatrix_file": str(train)}
    )
    gguf.run(config)
    known = importance.read(tmp_path / "out" / "x-q4_0.imatrix")
    assert known.dataset == "train.jsonl"
    assert known.weights["blk.0.attn_q.weight"].shape == (64,)
    assert known.weights["blk.1.ffn_down.weight"].shape == (128,)
    assert all(name.startswith("blk.") for name in known.weights), "the embedding is no matrix that inputs go through"
    with GgufFile(tmp_path / "out" / "x-q4_0.gguf") as file:
        assert file.value("quantize.imatrix.entries_count") == len(known.weights) == 14


def test_names(tiny: Path) -> None:
    named = names.Names("SmolLM2", "135M", "gh", "v1.0", "clitron")
    assert named.file(FILE_TYPES["q4_k_m"], "seed") == "clitron-gh-q4_k_m.gguf"
    assert named.file(FILE_TYPES["q4_k_m"], "gguf") == "SmolLM2-135M-clitron-gh-v1.0-Q4_K_M.gguf"
    assert named._replace(prefix="").file(FILE_TYPES["f16"], "seed") == "gh-f16.gguf"
    assert names.of(tiny, "meta-llama/Llama-3.2-1B-Instruct", name="gh", prefix="", version="v1.0").base == "Llama-3.2"
    assert [names.size_label(n) for n in (134_515_008, 1_235_814_400, 8_030_261_248)] == ["135M", "1.2B", "8.0B"]


def test_the_modelfile(tiny: Path) -> None:
    text = modelfile.modelfile(tiny, "gh-q4_k_m.gguf")
    assert text.startswith("FROM ./gh-q4_k_m.gguf\n")
    assert 'PARAMETER stop "<|im_end|>"' in text
    assert "PARAMETER num_ctx 512" in text
    assert 'SYSTEM """You are a helpful AI assistant' in text
    assert "{{- range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}" in text


def test_divergence() -> None:
    import math

    p = [math.log(x) for x in (0.5, 0.25, 0.25)]
    assert fidelity.divergence(p, {0: p[0], 1: p[1]}) == pytest.approx(0, abs=1e-9)
    expected = 0.5 * math.log(0.5 / 0.25) + 0.5 * math.log(0.5 / 0.75)
    assert fidelity.divergence(p, {0: math.log(0.25)}) == pytest.approx(expected)
    assert fidelity.alike('{"a": 1, "b": [2]}', ' {"b":[2],"a":1}')
    assert not fidelity.alike('{"a": 1}', '{"a": 2}')
    assert fidelity.alike("Paris is  it.\n", "Paris is it.")


@pytest.mark.timeout(900)
def test_killed_while_it_converts_and_while_it_quantizes(adapter: Path, tmp_path: Path) -> None:
    _kills(adapter, tmp_path, ['"stage": "convert"', '"stage": "quantize"'])


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_killed_at_ten_points(adapter: Path, tmp_path: Path) -> None:
    chosen = random.Random(3)
    _kills(adapter, tmp_path, [chosen.choice(["merge", "convert", "quantize"]) for _ in range(10)])


def _kills(adapter: Path, tmp_path: Path, points: list[str]) -> None:
    """Kills a run when it tells of each point, then lets one end: the bytes must be those of a run never killed."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    given = {"quantization": {"type": "q5_k_m"}, "naming": {"name": "x"}}
    gguf.run(settings(whole, adapter, **given))
    quicker = 0
    for point in points:
        with contextlib.closing(_started(killed, adapter)) as lines:
            for line in lines:
                if point in line:
                    break
        if list(killed.glob("*.gguf")):  # so small a model may be done before the kill: then it is whole
            assert (killed / "x-q5_k_m.gguf").read_bytes() == (whole / "x-q5_k_m.gguf").read_bytes()
            shutil.rmtree(killed)
            quicker += 1
    assert quicker <= len(points) // 2
    gguf.run(settings(killed, adapter, **given))
    assert (killed / "x-q5_k_m.gguf").read_bytes() == (whole / "x-q5_k_m.gguf").read_bytes()
    assert sorted(path.name for path in killed.iterdir()) == sorted(path.name for path in whole.iterdir())


def _started(output: Path, adapter: Path) -> Generator[str, None, None]:
    """The events of a run in a process of its own, which is killed when nobody listens any more."""
    overrides = [f"output_dir={output}", f"model.name={adapter}", "naming.name=x", "fidelity.threshold=0"]
    command = [sys.executable, "-m", "training.gguf", "quantization.type=q5_k_m", *overrides]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            yield from process.stdout
        finally:
            process.send_signal(signal.SIGKILL)
