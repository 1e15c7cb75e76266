"""The processes of a cluster, started as their pods say: jobs prepare, services answer their probes and end in time."""

import asyncio
import os
import subprocess
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from urllib.parse import urlsplit

import httpx
import pytest

from deploy.local.child import until
from deploy.local.kafka import Kafka
from deploy.local.ports import free_port
from deploy.postgres.provision import SERVICES
from tests.local.cluster import ROOT, Object, container, environment, pods, rendered
from tests.local.conftest import running, temporary_folder

Fill = Callable[[dict[str, str]], dict[str, str]]


@pytest.fixture
async def kafka() -> AsyncIterator[str]:
    with temporary_folder() as data:
        broker = Kafka(data, free_port(), free_port())
        async with running(broker, data):
            yield broker.address


@pytest.fixture
def fill(admin_dsn: str, kafka: str) -> Fill:
    """Fills in the example of secrets, as it says."""
    admin, password = urlsplit(admin_dsn), "given-to-{}"
    where = {
        "<administrator>:<its password>": f"{admin.username}:{admin.password}",
        "<your server>:5432": f"{admin.hostname}:{admin.port}",
        "<your brokers>:9092": kafka,
        "<your mail server>": "127.0.0.1",
    }

    def filled(given: dict[str, str]) -> dict[str, str]:
        values = {name: value or password.format(name) for name, value in given.items()}
        for name, value in values.items():
            for words, real in where.items():
                value = value.replace(words, real)
            before, is_asked, after = value.partition("<")
            if is_asked:
                named, _, rest = after.partition(" of migrate>")
                value = before + password.format(named) + rest
            values[name] = value
        return values | {"PATH": os.environ["PATH"]}

    return filled


def command(pod: Object) -> list[str]:
    """As the image begins it."""
    return [sys.executable, "-m", *container(pod)["args"]]


@asynccontextmanager
async def started(pod: Object, given: dict[str, str]) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(*command(pod), env=given, cwd=ROOT, stdout=DEVNULL)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def answers(process: Process, pod: Object, ops: int) -> bool:
    """Whether all of its probes say that it is well."""
    assert process.returncode is None
    probes = [one["httpGet"] for name, one in container(pod).items() if name.endswith("Probe")]
    assert [one["port"] for one in probes] == ["ops"] * 3
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{ops}", trust_env=False) as client:
            return all([(await client.get(one["path"])).is_success for one in probes])
    except httpx.HTTPError:
        return False


async def test_the_jobs_prepare_what_the_processes_need_to_answer_their_probes(fill: Fill) -> None:
    objects = rendered()
    for job in ("migrate", "topics"):
        pod = pods(objects)[job]
        given = fill(environment(objects, pod))
        done = await asyncio.to_thread(
            subprocess.run, command(pod), env=given, cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
    async with AsyncExitStack() as stack:
        for service in SERVICES:
            pod, ops = pods(objects)[service], free_port()
            own = {"KITH_LISTEN": f"127.0.0.1:{free_port()}", "KITH_OPS_LISTEN": f"127.0.0.1:{ops}"}
            process = await stack.enter_async_context(started(pod, fill(environment(objects, pod)) | own))
            assert await until(partial(answers, process, pod, ops), 60), service
            process.terminate()
            async with asyncio.timeout(pod["spec"]["terminationGracePeriodSeconds"]):
                assert await process.wait() == 0, service
