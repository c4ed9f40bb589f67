"""Quantizing gives llama.cpp's own bytes, for every type and many shapes of model; what can't be made is refused."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from tests.training.gguf import synthetic
from training.errors import InvalidInput
from training.quantization import importance, mixes, quantize
from training.quantization.container import GgufFile
from training.quantization.types import FILE_TYPES, TensorType, file_type

TRUTH = json.loads((Path(__file__).parent / "truth.json").read_text())
"""SHA-256 of what llama.cpp itself made (make_truth.py), null where it refused."""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for title, shape in synthetic.SHAPES.items():
        synthetic.write(folder / f"{title}.gguf", shape)
        (folder / title).mkdir()
        # such a file keeps sums, and the sum over one token is the mean
        weights = synthetic.importance(shape)
        importance.write(folder / title / "imatrix.gguf", weights, 1, dataset="rows.jsonl", chunks=0)
    return folder


@pytest.mark.parametrize("title", TRUTH)
@pytest.mark.timeout(600)
def test_every_type_has_the_bytes_that_llama_cpp_writes(title: str, models: Path, tmp_path: Path) -> None:
    name, weighed, _ = title.partition(", imatrix")
    assert TRUTH[title].keys() == FILE_TYPES.keys()
    wrong = []
    for kind in FILE_TYPES.values():
        imatrix = models / name / "imatrix.gguf" if weighed else None
        try:
            quantize.with_ggml(models / f"{name}.gguf", tmp_path / "out.gguf", kind, imatrix=imatrix)
            made = hashlib.sha256((tmp_path / "out.gguf").read_bytes()).hexdigest()
        except InvalidInput:
            made = None
        if made != TRUTH[title][kind.name]:
            wrong.append(f"{kind.name}: {made}")
    assert not wrong


def test_an_unknown_type_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidInput, match=r"unknown quantization type 'q4_m'; known types: f32, .*q4_k_m.*tq1_0"):
        file_type("q4_m")
    for name, why in {"COPY": "without quantizing", "nvfp4": "does not make them", "q4_0_4_4": "take q4_0"}.items():
        with pytest.raises(InvalidInput, match=why):
            file_type(name)
    assert file_type(" Q4_K ").name == "q4_k_m"


def test_the_header_says_what_it_is(models: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.gguf"
    made = quantize.with_ggml(models / "dense.gguf", out, FILE_TYPES["q4_k_m"])
    assert made.types["q4_k"] > made.types["q6_k"] > 1
    assert made.bytes == out.stat().st_size
    with GgufFile(out) as file:
        assert file.value("general.file_type") == 15
        assert file.value("general.quantization_version") == 2
        assert file.value("tokenizer.ggml.tokens") == ["t0", "t1", "t2", "t3"]
        assert [tensor.name for tensor in file.tensors[:4]] == [
            "output.weight", "output_norm.weight", "token_embd.weight", "blk.0.attn_k.weight"
        ]  # fmt: skip


def test_threads_change_no_byte(models: Path, tmp_path: Path) -> None:
    for threads in (1, 3):
        quantize.with_ggml(models / "narrow.gguf", tmp_path / f"{threads}", FILE_TYPES["q5_k_m"], threads=threads)
    assert (tmp_path / "1").read_bytes() == (tmp_path / "3").read_bytes()


def test_what_can_not_be_quantized_is_refused(models: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.gguf"
    quantize.with_ggml(models / "dense.gguf", tmp_path / "q8.gguf", FILE_TYPES["q8_0"])
    with pytest.raises(InvalidInput, match="quantized already"):
        quantize.with_ggml(tmp_path / "q8.gguf", out, FILE_TYPES["q4_k_m"])
    with pytest.raises(InvalidInput, match="comes from another model"):
        quantize.with_ggml(models / "narrow.gguf", out, FILE_TYPES["q4_0"], imatrix=models / "dense" / "imatrix.gguf")
    with pytest.raises(InvalidInput, match="importance matrix"):
        quantize.quantize(models / "dense.gguf", out, FILE_TYPES["iq2_xs"])
    whole = (models / "dense.gguf").read_bytes()
    for cut in (0, 3, 30, 200, 3000, len(whole) - 5):
        (tmp_path / "cut.gguf").write_bytes(whole[:cut])
        with pytest.raises(InvalidInput, match=r"cut\.gguf"):
            quantize.with_ggml(tmp_path / "cut.gguf", out, FILE_TYPES["q4_0"])
    with pytest.raises(InvalidInput, match="nothing to fall back to"):
        mixes.fitting(TensorType.Q1_0, 576, "model.layers.0.mlp.up_proj.weight")


if shutil.which("llama-quantize"):  # elsewhere truth.json, which is what llama.cpp wrote, has to do

    def test_llama_quantize_on_path_writes_the_same(models: Path, tmp_path: Path) -> None:
        for kind in FILE_TYPES.values():
            if kind.needs_imatrix:
                continue
            quantize.with_ggml(models / "dense.gguf", tmp_path / "ours.gguf", kind)
            told = quantize.quantize(models / "dense.gguf", tmp_path / "theirs.gguf", kind)
            assert told.tool == "llama-quantize"
            assert (tmp_path / "ours.gguf").read_bytes() == (tmp_path / "theirs.gguf").read_bytes(), kind.name
