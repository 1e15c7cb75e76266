"""Somebody is erased: no store, log or topic can tell that they were ever here, and the others still count."""

import asyncio
import csv
import json
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import RecordsToDelete
from playwright.async_api import Page, expect

from deploy.importer import import_folder
from deploy.local.postgres import packaged_install
from deploy.postgres.provision import SERVICES, dsn_of
from shared.events import PARTITIONS, TOPICS
from tests.conftest import admin_client, eventually
from tests.journeys.conftest import Kith
from tests.journeys.test_command import kith_command
from tests.web.looking import DESK, PHONE, look

CODE = "quiet-pier"
ORGANISATION = """\
code = "quiet-pier"
name = "Quiet Pier"

[[batteries]]
program = "steps"
entries = [
  { occasion = "baseline", kind = "baseline", instruments = ["phq-4"] },
  { occasion = "month-1", kind = "monthly", ordinal = 1, months_after = 1, instruments = ["phq-4"] },
]
"""
NAMES = ("Zephyrine", *(f"Other {number}" for number in range(12)))
FILES: dict[str, list[dict[str, Any]]] = {
    "sites": [{"code": "pier", "name": "Pier", "time_zone": "Europe/Oslo", "languages": "en"}],
    "programs": [{"code": "steps", "name": "Steps", "sites": "pier", "objectives": "coping"}],
    "groups": [
        {"code": "circle", "name": "Circle", "program": "steps", "site": "pier", "capacity": 20}
        | {"weekday": "tuesday", "starts_at": "18:00", "minutes": 60, "first_on": "2025-01-07"}
    ],
    "participants": [
        {"reference": f"zq-{name.lower()}", "preferred_name": name, "email": f"{name.replace(' ', '')}@example.org"}
        | {"language": "en", "site": "pier", "program": "steps", "enrolled_on": "2025-01-06", "group": "circle"}
        | {"consent_reporting": "yes", "consent_contact_after": "yes"}
        for name in NAMES
    ],
    "sessions": [{"group": "circle", "date": "2025-01-07", "status": "held"}],
    "attendance": [
        {"group": "circle", "date": "2025-01-07", "participant": f"zq-{name.lower()}", "status": "present"}
        for name in NAMES
    ],
    "check-ins": [
        {"participant": f"zq-{name.lower()}", "program": "steps", "occasion": occasion, "instrument": "phq-4"}
        | {"total": total, "answered_on": day}
        for name in NAMES
        for occasion, total, day in (("baseline", 9, "2025-01-06"), ("month-1", 6, "2025-02-06"))
    ],
}


@pytest.fixture
async def person(kith: Kith, tmp_path: Path) -> dict[str, Any]:
    """Thirteen people with a history, of whom one will ask to be erased."""
    (tmp_path / "organisation.toml").write_text(ORGANISATION)
    for name, rows in FILES.items():
        with (tmp_path / f"{name}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)
    summary = await import_folder(tmp_path, kith.url, await kith.token(CODE, "administrator"), lambda *_: None)
    assert summary.refused == []
    await eventually(lambda: counted(kith, len(NAMES)))
    async with await kith.doors(CODE, "coordinator") as doors:
        found = await doors.ask("GET", "/intake/api/v1/references", params={"kind": "participant"})
    one: dict[str, Any] = found["zq-zephyrine"]
    return one


async def counted(kith: Kith, people: int) -> bool:
    asked = {"program": "steps", "instrument": "phq-4", "from": "baseline", "to": "month-1"}
    async with await kith.doors(CODE, "coordinator") as doors:
        [row] = (await doors.ask("GET", "/analytics/api/v1/change", params=asked))["rows"]
    return bool(row["n_paired"] == people and row["n_enrolled"] == people)


async def dump(kith: Kith, service: str) -> bytes:
    """Everything in a store, as a backup would have it."""
    process = await asyncio.create_subprocess_exec(
        *(str(packaged_install() / "bin" / "pg_dump"), "--dbname", dsn_of(kith.system.urls["postgres"], service)),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out


def canaries(person: dict[str, Any]) -> list[bytes]:
    """What must not be found; in a dump the bytes of an event are written in hexadecimal."""
    texts = ["Zephyrine", "zephyrine", person["id"], person["short_code"], *person["enrolments"].values()]
    return [one for text in texts for one in (text.encode(), text.encode().hex().encode())]


async def traces(kith: Kith, person: dict[str, Any]) -> list[str]:
    """The stores and logs in which they can be found."""
    files = [path for path in (kith.system.settings.data / "logs").rglob("*") if path.is_file()]
    places = {f"store of {one}": await dump(kith, one) for one in SERVICES}
    places |= {path.name: path.read_bytes() for path in files if not path.name.startswith("postgresql")}
    return [name for name, content in places.items() if any(one in content for one in canaries(person))]


async def expire(kafka: str) -> None:
    """What the retention of 90 days does: the topics begin where they end now."""
    reader = AIOKafkaConsumer(bootstrap_servers=kafka)
    await reader.start()
    ends = await reader.end_offsets([TopicPartition(topic, part) for topic in TOPICS for part in range(PARTITIONS)])
    await reader.stop()
    async with admin_client(kafka) as admin:
        await admin.delete_records({tp: RecordsToDelete(before_offset=end) for tp, end in ends.items()})


async def topics(kafka: str) -> bytes:
    """Every byte that a subscriber can still read."""
    reader = AIOKafkaConsumer(bootstrap_servers=kafka, auto_offset_reset="earliest")
    await reader.start()
    every = [TopicPartition(topic, part) for topic in TOPICS for part in range(PARTITIONS)]
    reader.assign(every)
    await reader.seek_to_beginning(*every)
    ends, found = await reader.end_offsets(every), []
    while any([await reader.position(tp) < end for tp, end in ends.items()]):
        for records in (await reader.getmany(timeout_ms=500)).values():
            found += [part for one in records for part in (one.key, one.value)]
    await reader.stop()
    return b"\n".join(found)


async def test_somebody_is_erased_everywhere_and_the_others_still_count(
    kith: Kith, sign_in: Any, person: dict[str, Any]
) -> None:
    assert len(await traces(kith, person)) >= len(SERVICES)
    page: Page = await sign_in("Vera Lund")
    await page.goto(f"/intake/participants/{person['id']}")
    await page.get_by_role("link", name="Erase this person").click()
    await look(page, "journey-erase", PHONE, DESK)
    await page.get_by_role("button", name="Erase for good").click()
    await expect(page.get_by_role("main")).to_contain_text("Type")
    await page.get_by_label("They asked for it").check()
    await page.get_by_label(f"Type {person['short_code']}").fill(person["short_code"])
    await page.get_by_role("button", name="Erase for good").click()
    await expect(page.get_by_role("main")).to_contain_text("They are erased here")

    await eventually(lambda: counted(kith, len(NAMES) - 1))

    async def nothing_is_left() -> bool:
        return await traces(kith, person) == []

    await eventually(nothing_is_left)
    kafka = kith.system.urls["kafka"]
    content = await topics(kafka)
    assert person["id"].encode() in content  # the topics keep it until their retention is over
    await expire(kafka)
    content = await topics(kafka)
    assert not [one for one in canaries(person) if one in content]

    async with await kith.doors(CODE, "administrator") as doors:
        [line] = (await doors.ask("GET", "/intake/api/v1/erasures"))["erasures"]
    assert line["reason"] == "asked-by-participant"
    here = {"KITH_DATA": str(kith.system.settings.data)}
    status, out, err = await kith_command("rebuild", "analytics", "facts", "--json", "--switch", **here)
    assert (status, err) == (0, "")
    assert json.loads(out)["differences"] == []
    status, _, _ = await kith_command("rebuild", "analytics", "facts", "--drop", **here)
    assert status == 0
    assert await counted(kith, len(NAMES) - 1)
    assert await traces(kith, person) == []
