"""Everything dies between each two steps of a concern, and it is never without an owner and a running clock."""

import asyncio
from typing import Any

import pytest
from confluent_kafka import Consumer

from tests.conftest import eventually
from tests.journeys.conftest import Kith, settled

CODE, SITE = "watchful-house", "lighthouse"
WEEK = [1, 2, 3, 4, 5, 6, 7]
ROTA = {
    "acknowledge_within_minutes": 1,
    "responders": [
        {"code": "ana", "name": "Ana", "email": "ana@watch.example"},
        {"code": "ben", "name": "Ben", "email": "ben@watch.example"},
    ],
    "shifts": [
        {"level": 1, "responder": "ana", "weekdays": WEEK, "begins": "00:00", "ends": "00:00"},
        {"level": 2, "responder": "ben", "weekdays": WEEK, "begins": "00:00", "ends": "00:00"},
    ],
}
SERVICES = ("intake", "scheduling", "feedback", "analytics")
STEPS = ["concern-raised", "concern-escalated", "concern-acknowledged", "concern-action-recorded", "concern-closed"]


@pytest.fixture
async def watched(kith: Kith) -> None:
    """A house with one site and two people on its rota."""
    async with await kith.doors(CODE, "administrator") as doors:
        house = {"name": "Watchful House", "attributes": [], "consent_texts": []}
        await doors.ask("PUT", "/intake/api/v1/organisation", json=house)
        site = {"name": "Lighthouse", "time_zone": "Europe/Oslo", "languages": ["en"]}
        await doors.ask("PUT", f"/intake/api/v1/sites/{SITE}", json=site)
        await settled(lambda: doors.ask("PUT", f"/feedback/api/v1/sites/{SITE}/rota", json=ROTA))


async def everything_dies(kith: Kith) -> None:
    """As in a power cut; then all of it is started again."""
    for name in (*SERVICES, "kafka", "postgresql"):
        kith.system.kill(name)
    await asyncio.gather(*(kith.system.start_one(name) for name in ("kafka", "postgresql")))
    await asyncio.gather(*(kith.system.start_one(name) for name in SERVICES))


async def as_(kith: Kith, name: str, method: str, path: str, role: str = "coordinator", **more: Any) -> Any:
    async with await kith.doors(CODE, role, sites=(SITE,), name=name) as doors:
        return await doors.ask(method, f"/feedback/api/v1/concerns{path}", **more)


async def watch(kith: Kith, state: str, owner: str) -> None:
    """After everything has died: it has an owner, and a clock that runs."""
    await everything_dies(kith)
    [one] = (await as_(kith, "Ana", "GET", ""))["concerns"]
    assert (one["state"], one["owner"]) == (state, owner)
    assert one["due_at"]


def said(kafka: str) -> list[tuple[str, int]]:
    """The events by type and version, as an outsider reads them; one may come twice when its speaker dies."""
    reader = Consumer({"bootstrap.servers": kafka, "group.id": "concerned", "auto.offset.reset": "earliest"})
    reader.subscribe(["kith.concerns"])
    found: dict[str, tuple[str, int]] = {}
    while len(found) < len(STEPS):
        record = reader.poll(120)
        assert record is not None, f"only {found} came"
        assert not record.error()
        headers = {name: value.decode() for name, value in record.headers()}
        found.setdefault(headers["ce_id"], (headers["ce_type"].split(".")[2], int(headers["ce_aggregateversion"])))
    reader.close()
    return list(found.values())


async def test_no_concern_is_ever_without_an_owner_and_a_clock(kith: Kith, watched: None) -> None:
    words = {"site": SITE, "text": "She was not herself today."}
    one = await as_(kith, "Tomasz", "POST", "", role="facilitator", json=words)
    await watch(kith, "open", "ana")
    kith.move_clock(float(kith.clock.read_text()) + 70)

    async def next_level() -> bool:
        [seen] = (await as_(kith, "Ana", "GET", ""))["concerns"]
        return bool(seen["owner"] == "ben")

    await eventually(next_level)
    await eventually(lambda: kith.mail_to("ben@watch.example"))
    await as_(kith, "Ben", "POST", f"/{one['concern_id']}/acknowledge")
    await watch(kith, "acknowledged", "ben")
    await as_(kith, "Ben", "POST", f"/{one['concern_id']}/actions", json={"text": "I went to see her."})
    await watch(kith, "acted-on", "ben")
    await as_(kith, "Ana", "POST", f"/{one['concern_id']}/close", json={"text": "I asked her too."})
    await everything_dies(kith)
    assert (await as_(kith, "Ana", "GET", ""))["concerns"] == []
    found = await asyncio.to_thread(said, kith.system.urls["kafka"])
    assert found == [(name, version) for version, name in enumerate(STEPS, start=1)]
