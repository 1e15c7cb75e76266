"""A process: it says what is wrong with its settings, none of its parts holds up another one, and every one ends."""

import asyncio
import contextlib
import json
import signal
import ssl
import subprocess
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import certifi
import pytest
from pydantic import ValidationError

from deploy.local.ports import free_port
from shared import clock, service
from shared.database import Tx
from shared.doors import Running
from shared.inbox.positions import Lost
from shared.settings import Settings, troubles
from shared.timers import Timer, set_timer
from shared.web import Pages
from tests.conftest import Parts, running
from tests.doors import running_on

ROOT = Path(__file__).parent.parent.parent

WELL = {
    "KITH_DATABASE": "postgresql://feedback:very-secret@127.0.0.1:1/feedback",
    "KITH_DATABASE_MACHINERY": "postgresql://feedback_machinery:very-secret@127.0.0.1:1/feedback",
    "KITH_KAFKA": "127.0.0.1:1",
    "KITH_ISSUER": "https://sign-in.example.org/o/kith/",
    "KITH_PUBLIC_URL": "https://kith.example.org",
    "KITH_SMTP": "smtps://kith:very-secret@mail.example.org",
}


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        ("KITH_DATABASE", None, "is missing. It is: PostgreSQL URL of the role that serves people"),
        ("KITH_DATABASE", "", "is missing."),
        ("KITH_DATABASE", "feedback:very-secret@127.0.0.1", "cannot be used"),
        ("KITH_DATABASE", "postgresql://feedback:very-secret/1@postgres:5432/feedback", "escaped (/ is %2F"),
        ("KITH_DATABASE", "postgresql://feedback:17/very-secret@postgres:5432/feedback", "escaped (/ is %2F"),
        ("KITH_DATABASE", "postgresql://feedback:very-secret#1@postgres:5432/feedback", "escaped (/ is %2F"),
        ("KITH_DATABASE", "postgresql://feedback:very-secret?1@postgres:5432/feedback", "escaped (/ is %2F"),
        ("KITH_DATABASE", "postgresql://feedback:7@very-secret@postgres:5432/feedback", "escaped (@ is %40)"),
        ("KITH_DATABASE", "postgresql://feedback:[very-secret@postgres:5432/feedback", "its host or its port cannot"),
        ("KITH_DATABASE", "postgresql://feedback:very-secret@postgres:54321000/feedback", "a port is a number up to"),
        ("KITH_DATABASE_MACHINERY", "postgresql://one:5432,two:99999/feedback", "a port is a number up to 65535"),
        ("KITH_KAFKA", "kafka", "cannot be used"),
        ("KITH_KAFKA", "one:9092,two:99999", "cannot be used: a port is a number up to 65535. It is: Kafka brokers"),
        ("KITH_KAFKA", "one:9092 two:9092", "It is: Kafka brokers, host:port, separated by commas;"),
        ("KITH_KAFKA", "kith:very-secret@one:9092", "with an account as scram-sha-512+ssl://user:password@host:port"),
        ("KITH_KAFKA", "scram-sha-512://kith:very-secret@one:9092", "encrypted as ssl://host:port"),
        ("KITH_KAFKA", "scram-sha-512+ssl://one:9092", "cannot be used"),
        ("KITH_PUBLIC_URL", "https://kith.example.org/", "without a slash at the end."),
        ("KITH_PUBLIC_URL", "kith.example.org", "It is: the address people type"),
        ("KITH_PUBLIC_URL", "https://kith.example.org:99999", "a port is a number up to 65535"),
        ("KITH_ISSUER", "https://sign-in.example.org:https/o", "a port is a number up to 65535"),
        ("KITH_SMTP", "mail.example.org:587", "It is: smtp://[user:password@]host:port"),
        ("KITH_SMTP", "smtp://kith:very-secret#1@mail.example.org:587", "special characters of its password"),
        ("KITH_LISTEN", "8000", "cannot be used"),
        ("KITH_LISTEN", "0.0.0.0:99999", "cannot be used: a port is a number up to 65535. It is: host:port"),
        ("KITH_FLOOD_RUN", "many", "cannot be used"),
        ("KITH_CLOCK_FILE", "/tmp/clock", "refused in production: unset it"),
    ],
)
def test_a_wrong_setting_is_named_with_what_it_has_to_be(
    name: str, value: str | None, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for one, good in WELL.items():
        monkeypatch.setenv(one, good)
    Settings()
    monkeypatch.delenv(name, raising=False) if value is None else monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError) as wrong:
        Settings()
    [trouble] = troubles(wrong.value)
    assert trouble.startswith(name)
    assert what in trouble
    assert "very-secret" not in trouble


def test_a_process_with_wrong_settings_names_all_of_them_and_ends() -> None:
    command = [sys.executable, "-m", "services.feedback"]
    given = WELL | {"KITH_KAFKA": "kafka", "KITH_SMTP": "mail"}
    done = subprocess.run(command, env=given, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (2, "")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["trouble"].partition(" ")[0] for line in lines] == ["KITH_KAFKA", "KITH_SMTP"]
    assert "very-secret" not in done.stdout


@pytest.mark.parametrize(
    "name",
    [
        "KITH_DATABASE",
        "KITH_DATABASE_MACHINERY",
        "KITH_LISTEN",
        "KITH_ISSUER",
        "KITH_PUBLIC_URL",
        "KITH_SMTP",
        "KITH_KAFKA",
    ],
)
@pytest.mark.parametrize("way", range(2))
def test_what_is_unusual_and_works_is_taken(name: str, way: int, monkeypatch: pytest.MonkeyPatch) -> None:
    good = {
        "KITH_DATABASE": ("postgresql://feedback:a%2Fb%40c!$&@[::1]/feedback?ssl=require", "postgres:///feedback"),
        "KITH_DATABASE_MACHINERY": ("postgresql://f:p@one:5432,two:5432/f", "postgresql://f@%2Fvar%2Frun/f"),
        "KITH_LISTEN": ("[::1]:8000", "0.0.0.0:65535"),
        "KITH_ISSUER": ("https://sign-in.example.org/@kith", "http://[::1]:8080/"),
        "KITH_PUBLIC_URL": ("http://[::1]:8080", "https://kith.example.org:443"),
        "KITH_SMTP": ("smtp://kith@example.org:p@mail.example.org:25", "smtp://mail.example.org"),
        "KITH_KAFKA": ("plain+ssl://u:p#%2F@one:9092,two:9092", "ssl://one:65535"),
    }
    for one, value in (WELL | {name: good[name][way]}).items():
        monkeypatch.setenv(one, value)
    assert getattr(Settings(), name.removeprefix("KITH_").lower()) == good[name][way]


@pytest.mark.parametrize(
    ("name", "before", "after", "says"),
    [
        ("KITH_DATABASE", "@", "-not@", "does not let us in: password authentication failed"),
        ("KITH_DATABASE_MACHINERY", "@", "-not@", "does not let us in: password authentication failed"),
        ("KITH_DATABASE", "/store_", "/no_store_", 'does not let us in: database "no_store_'),
        ("KITH_DATABASE_MACHINERY", "/store_", "/store_", "does not let us in: permission denied for database"),
        ("KITH_DATABASE", "/store_", "/store_?sslmode=", "cannot be used. It is: PostgreSQL URL"),
    ],
)
async def test_a_process_that_its_store_does_not_let_in_says_so_in_a_line_and_ends(
    fresh_store: Any, name: str, before: str, after: str, says: str
) -> None:
    store = await fresh_store("feedback")
    admin = await asyncpg.connect(store.dsn_admin)
    own = await admin.fetchval("select current_database()")
    if before == after:
        await admin.execute(f"revoke connect on database {own} from public, feedback_machinery")
    await admin.close()
    given = WELL | {"KITH_DATABASE": store.dsn, "KITH_DATABASE_MACHINERY": store.dsn_machinery}
    given[name] = given[name].replace(before, after)
    command = [sys.executable, "-m", "services.feedback"]
    process = await asyncio.create_subprocess_exec(*command, env=given, cwd=ROOT, stdout=PIPE, stderr=PIPE)
    try:
        async with asyncio.timeout(60):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert (process.returncode, err.decode()) == (2, "")
    [line] = [json.loads(line) for line in out.decode().splitlines()]
    assert (line["level"], line["event"]) == ("critical", "a setting is wrong")
    assert says in line["trouble"]


async def test_a_store_whose_certificate_cannot_be_trusted_is_waited_for(certificate: Path) -> None:
    """It may be renewed at any time, and the log says meanwhile what is wrong with it."""
    own = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    own.load_cert_chain(certificate)

    async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await reader.readexactly(8)  # may we speak TLS?
            writer.write(b"S")
            await writer.start_tls(own)
        writer.close()

    server = await asyncio.start_server(answers, "127.0.0.1", 0)
    port, trusted = server.sockets[0].getsockname()[1], certifi.where()
    store = f"127.0.0.1:{port}/feedback?sslmode=verify-full&sslrootcert={trusted}"
    given = WELL | {"KITH_DATABASE": f"postgresql://feedback:very-secret@{store}"}
    command = [sys.executable, "-m", "services.feedback"]
    async with server:
        process = await asyncio.create_subprocess_exec(*command, env=given, cwd=ROOT, stdout=PIPE, stderr=PIPE)
        assert process.stdout
        try:
            async with asyncio.timeout(60):
                line = json.loads(await process.stdout.readline())
        finally:
            process.kill()
            await process.wait()
    assert line["event"] == "waits for the store"
    assert "CERTIFICATE_VERIFY_FAILED" in line["error"]


async def test_a_part_that_missed_its_cancellation_ends_all_the_same(monkeypatch: Any) -> None:
    monkeypatch.setattr(service, "CANCEL_SECONDS", 0.01)
    arrived = asyncio.get_running_loop().create_future()
    asked: list[str] = []

    async def waits_as_some_libraries_do() -> None:
        while True:
            try:
                await arrived
            except asyncio.CancelledError:
                asked.append("to end")
                if len(asked) > 1:
                    raise

    work = asyncio.create_task(waits_as_some_libraries_do())
    await asyncio.sleep(0)
    await service.end([work])
    assert work.cancelled()
    assert asked == ["to end", "to end"]


async def test_a_loud_stop_ends_also_what_missed_its_cancellation(monkeypatch: Any, fresh_store: Any) -> None:
    store = await fresh_store()
    held = running_on(store, listen=f"127.0.0.1:{free_port()}", ops_listen=f"127.0.0.1:{free_port()}")
    monkeypatch.setattr(service, "CANCEL_SECONDS", 0.01)
    asked: list[str] = []

    async def waits_as_some_libraries_do() -> None:
        for _ in range(2):
            try:
                await asyncio.sleep(10)
            except asyncio.CancelledError:
                asked.append("to end")
                if len(asked) > 1:
                    raise

    async def stops_loudly() -> None:
        await asyncio.sleep(0.1)
        raise Lost("a person must look")

    async def opened(*_: Any) -> Running:
        return held

    monkeypatch.setattr(service, "_open", opened)
    monkeypatch.setattr(service, "_work", lambda *_: (waits_as_some_libraries_do(), stops_loudly()))
    one = service.Service("parcels", Pages("parcels", Path(__file__).parent), (), {})
    try:
        with pytest.raises(ExceptionGroup) as stopped:
            await service._run(one, held.settings)
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().remove_signal_handler(number)
    assert [type(error) for error in stopped.value.exceptions] == [Lost]
    assert len(asked) > 1


async def test_a_clock_that_takes_long_holds_up_no_other(fresh_store: Any, parts: Parts) -> None:
    begun, rang, enough = [asyncio.Event() for _ in range(3)]

    async def take_long(tx: Tx, timer: Timer) -> None:
        begun.set()
        await enough.wait()

    async def ring(tx: Tx, timer: Timer) -> None:
        rang.set()

    one = service.Service(
        "parcels",
        Pages("parcels", Path(__file__).parent),
        (),
        {},
        timers={"short": ring},
        apart={"long": take_long},
    )
    held: Running = running_on(await fresh_store(), kafka=parts.kafka)
    async with running(*service._work(one, held.settings, held)):
        for kind, happens in (("long", begun), ("short", rang)):
            async with held.machinery.transaction(organisation := uuid4()) as tx:
                await set_timer(tx, Timer(kind, kind, organisation, clock.now(), {}))
            async with asyncio.timeout(60):
                await happens.wait()
        enough.set()
