"""`ThinkingEnhancer`, written down as its users write it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from teachback import Client, StudentTeacherConfig, ThinkingEnhancer
from teachback.errors import BadInput
from teachback.service import Endpoint

from tests.clients.conftest import qa_row, read_rows, write_rows


async def test_a_file_is_enhanced_and_the_numbers_come_back(
    service: Endpoint, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEACHBACK_HOME", str(home))
    source = write_rows(tmp_path / "qa_sample.jsonl", [qa_row(80, n) for n in range(12)])
    config = StudentTeacherConfig(
        student_model="offline/student",
        teacher_model="offline/teacher",
        max_iterations=3,
        use_local_student=True,
        batch_size=5,
    )
    stats = await ThinkingEnhancer(config).enhance_dataset(
        input_path=source, output_path=tmp_path / "qa_enhanced.jsonl", max_samples=10
    )
    assert stats["total_examples"] == 10
    assert sum(stats["outcomes"].values()) == 10
    assert 0 <= stats["convergence_rate"] <= 1
    assert stats["average_iterations"] >= 1
    assert len(read_rows(tmp_path / "qa_enhanced.jsonl")) == 10


@pytest.mark.parametrize(
    ("name", "local", "sent"),
    [
        ("unsloth/Phi-3.5-mini-instruct", True, "local/unsloth/Phi-3.5-mini-instruct"),
        ("openai/gpt-oss-20b", True, "local/openai/gpt-oss-20b"),
        ("qwen3", True, "local/qwen3"),
        ("embedded/smollm2-135m", True, "embedded/smollm2-135m"),
        ("ollama/qwen3:4b", True, "ollama/qwen3:4b"),
        ("gpt-4o-mini", False, "gpt-4o-mini"),
        ("unsloth/Phi-3.5-mini-instruct", False, "unsloth/Phi-3.5-mini-instruct"),
    ],
)
def test_which_student_is_meant(name: str, local: bool, sent: str) -> None:
    assert StudentTeacherConfig(student_model=name, use_local_student=local).student == sent


def test_numbers_that_would_mean_not_given_are_refused(client: Client, tmp_path: Path) -> None:
    for rounds in (0, -1):
        with pytest.raises(BadInput, match="at least one round"):
            StudentTeacherConfig(max_iterations=rounds)
    with pytest.raises(BadInput, match="Leave it out for no limit"):
        StudentTeacherConfig(max_cost=0)
    source = write_rows(tmp_path / "in.jsonl", [qa_row(81, 3)])
    with pytest.raises(BadInput, match="Leave it out for no limit"):
        client.enhance(source, student="offline/student", teacher="offline/teacher", max_cost=0)


async def test_a_local_student_without_a_server_of_its_own_is_refused_saying_what_to_configure(
    service: Endpoint, tmp_path: Path
) -> None:
    source = write_rows(tmp_path / "in.jsonl", [qa_row(81, 1)])
    config = StudentTeacherConfig(teacher_model="offline/teacher")
    enhancer = ThinkingEnhancer(config, server=service.grpc, token=service.token)
    with pytest.raises(BadInput, match=r"(?i)local_api_base"):
        await enhancer.enhance_dataset(source, tmp_path / "out.jsonl")


async def test_a_cancelled_call_leaves_the_job_going(service: Endpoint, client: Client, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "in.jsonl", [qa_row(n, 82) for n in range(1500)])
    config = StudentTeacherConfig(student_model="offline/student", teacher_model="offline/teacher", batch_size=1)
    enhancer = ThinkingEnhancer(config, server=service.grpc, token=service.token)
    task = asyncio.create_task(enhancer.enhance_dataset(source, tmp_path / "out.jsonl"))
    checkpoint = tmp_path / ".thinking_checkpoint.json"
    while not checkpoint.exists():
        await asyncio.sleep(0.02)
        assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert json.loads(checkpoint.read_text())["processed"] < 1500
    job = next(iter(client.jobs()))
    assert job.job.spec.enhance.batch_size == 1
    assert not job.ended
    job.cancel()
