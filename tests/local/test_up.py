"""`kith up` as a process: how it ends, and that it never leaves anything behind."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from deploy.local.child import until
from deploy.local.ports import free_port
from tests.local.conftest import is_running


@pytest.fixture
def environment(data: Path) -> dict[str, str]:
    names = ("KITH_PORT", "KITH_KAFKA_PORT", "KITH_POSTGRES_PORT")
    inherited = {k: v for k, v in os.environ.items() if k not in ("KITH_POSTGRES", "KITH_KAFKA")}
    return inherited | {"KITH_DATA": str(data)} | {name: str(free_port()) for name in names}


@contextmanager
def _up(environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.local.stand_in", "up"]
    started = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield started
    finally:
        started.kill()
        started.wait()


def _wait_until_up(started: subprocess.Popen[str]) -> None:
    assert started.stdout
    seen = []
    for line in started.stdout:
        seen.append(line)
        if "Ctrl-C stops it" in line:
            return
    raise AssertionError("".join(seen))


def _run(data: Path) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((data / "run.json").read_text())
    return facts


async def _all_gone(pids: list[int]) -> None:
    async def gone() -> bool:
        return not any(map(is_running, pids))

    assert await until(gone, 20), [pid for pid in pids if is_running(pid)]


async def test_a_killed_supervisor_leaves_nothing_and_the_next_one_starts(
    data: Path, environment: dict[str, str]
) -> None:
    with _up(environment) as first:
        await asyncio.to_thread(_wait_until_up, first)
        pids = list(_run(data)["pids"].values())
        assert len(pids) == 5
        first.kill()
        first.wait()
        with _up(environment) as second:
            await asyncio.to_thread(_wait_until_up, second)
            await _all_gone(pids)
            pids = list(_run(data)["pids"].values())
            second.send_signal(signal.SIGINT)
            assert second.wait(30) == 0
            await _all_gone(pids)
    assert not (data / "run.json").exists()


async def test_a_child_that_dies_stops_everything_with_one_sentence(data: Path, environment: dict[str, str]) -> None:
    with _up(environment) as started:
        await asyncio.to_thread(_wait_until_up, started)
        pids = _run(data)["pids"]
        os.kill(pids["intake"], signal.SIGKILL)
        output, _ = await asyncio.to_thread(started.communicate, timeout=40)
        assert started.returncode == 1
        assert "intake has ended by itself, so everything was stopped." in output
        assert "Traceback" not in output
        await _all_gone(list(pids.values()))


async def test_it_can_be_stopped_while_it_starts(data: Path, environment: dict[str, str]) -> None:
    with _up(environment) as started:

        async def first_part_runs() -> bool:
            return (data / "run.json").exists()

        assert await until(first_part_runs, 60)
        pids = list(_run(data)["pids"].values())
        started.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(started.wait, 40) == 0
        await _all_gone(pids)


async def test_production_is_refused_by_the_development_tools(data: Path, environment: dict[str, str]) -> None:
    with _up(environment | {"KITH_ENVIRONMENT": "production"}) as started:
        output, _ = await asyncio.to_thread(started.communicate, timeout=90)
        assert started.returncode == 1
        assert "do not run in production" in output
