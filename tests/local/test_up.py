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
from aiokafka import AIOKafkaProducer

from deploy import Trouble
from deploy.local.child import until
from deploy.local.folder import read_run
from deploy.local.ports import free_port, is_free
from tests.journeys.test_command import kith_command
from tests.local.conftest import is_running
from tests.local.test_recovering import EVENT, KEY, PARTICIPANTS, record

PORTS = ("KITH_PORT", "KITH_KAFKA_PORT", "KITH_POSTGRES_PORT")


@pytest.fixture
def environment(data: Path) -> dict[str, str]:
    inherited = {k: v for k, v in os.environ.items() if k not in ("KITH_POSTGRES", "KITH_KAFKA")}
    return inherited | {"KITH_DATA": str(data)} | {name: str(free_port()) for name in PORTS}


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
        await _said_by_nobody_here(_run(data)["urls"]["kafka"])
        pids = list(_run(data)["pids"].values())
        assert len(pids) == 5
        first.kill()
        first.wait()
        assert (data / "run.json").exists()
        with pytest.raises(Trouble, match="No Kith runs with"):
            read_run(data)
        await _adopts_while_postgresql_and_kafka_run_alone(environment)
        assert not (data / "run.json").exists()
        assert all(is_free(int(environment[name])) for name in PORTS)
        with _up(environment) as second:
            await asyncio.to_thread(_wait_until_up, second)
            await _all_gone(pids)
            pids = list(_run(data)["pids"].values())
            second.send_signal(signal.SIGINT)
            assert second.wait(30) == 0
            await _all_gone(pids)
    assert not (data / "run.json").exists()


async def _said_by_nobody_here(kafka: str) -> None:
    """As if the store of intake had gone back: the log has what it has not said."""
    producer, one = AIOKafkaProducer(bootstrap_servers=kafka), record()
    await producer.start()
    await producer.send_and_wait(PARTICIPANTS, one.value, key=one.key, headers=list(one.headers))
    await producer.stop()


async def _adopts_while_postgresql_and_kafka_run_alone(environment: dict[str, str]) -> None:
    here = environment | {"KITH_POSTGRES": "", "KITH_KAFKA": ""}
    status, out, err = await kith_command("adopt", "intake", "--by", "Ira Novak", "--json", **here)
    are_ready = [f"{name} ready" in err for name in ("postgresql 18.6", "kafka 4.4.0", "intake")]
    assert (status, are_ready) == (0, [True, True, False]), err
    told = json.loads(out)
    assert [(event["id"], event["subject"]) for event in told["taken"]] == [(str(EVENT), str(KEY))]
    assert (told["complete"], told["taken"][0]["earlier"]) == (True, False)


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
