"""When a part is away: people keep working, nothing is lost, and everything arrives when it is back."""

import math
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.demo.files import write_rows
from deploy.importer import import_folder
from tests.conftest import eventually
from tests.journeys.conftest import Kith

CODE = "quiet-harbour"
ORGANISATION = """\
code = "quiet-harbour"
name = "Quiet Harbour"

[[batteries]]
program = "steps"
entries = [
  { occasion = "baseline", kind = "baseline", instruments = ["phq-4"] },
  { occasion = "month-1", kind = "monthly", ordinal = 1, months_after = 1, instruments = ["phq-4"] },
]
"""
PEOPLE = 12


@pytest.fixture(scope="module")
async def folder(kith: Kith, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve people, of whom ten have answered twice: one answer short of being shown."""
    made = tmp_path_factory.mktemp("quiet")
    (made / "organisation.toml").write_text(ORGANISATION)
    write_rows(made / "sites.csv", [{"code": "pier", "name": "Pier", "time_zone": "Europe/Oslo", "languages": "en"}])
    write_rows(made / "programs.csv", [{"code": "steps", "name": "Steps", "sites": "pier", "objectives": "coping"}])
    write_rows(made / "participants.csv", map(participant, range(PEOPLE)))
    answers = [answer(one, "baseline", 8) for one in range(PEOPLE)]
    write_rows(made / "check-ins.csv", [*answers, *(answer(one, "month-1", 5) for one in range(10))])
    summary = await import_folder(made, kith.url, await kith.token(CODE, "administrator"), lambda *_: None)
    assert summary.refused == []
    await eventually(lambda: change(kith, 10))
    return made


def participant(number: int) -> dict[str, str]:
    return {
        "reference": f"q-{number}",
        "preferred_name": f"Person {number}",
        "language": "en",
        "site": "pier",
        "program": "steps",
        "enrolled_on": "2025-01-10",
        "consent_reporting": "yes",
        "consent_contact_after": "no",
    }


def answer(number: int, occasion: str, total: int) -> dict[str, Any]:
    day = "2025-01-10" if occasion == "baseline" else "2025-02-11"
    return {
        "participant": f"q-{number}",
        "program": "steps",
        "occasion": occasion,
        "instrument": "phq-4",
        "total": total,
        "answered_on": day,
    }


async def change(kith: Kith, n_paired: int) -> Any:
    """The row of the program, once so many people are in it (a number under 11 is hidden, and looked up inside)."""
    asked = {"program": "steps", "instrument": "phq-4", "from": "baseline", "to": "month-1"}
    async with await kith.doors(CODE, "coordinator") as doors:
        [row] = (await doors.ask("GET", "/analytics/api/v1/change", params=asked))["rows"]
    return (
        row
        if row["n_first"] == PEOPLE and (row["suppressed"] if n_paired < 11 else row["n_paired"] == n_paired)
        else None
    )


async def submit(kith: Kith, number: int) -> None:
    """A coordinator enters a total by the JSON door."""
    async with await kith.doors(CODE, "coordinator") as doors:
        people = await doors.ask("GET", "/intake/api/v1/references", params={"kind": "participant"})
        request = {"participant_id": people[f"q-{number}"]["id"], "program": "steps", "occasion": "month-1"}
        found = await doors.ask("POST", "/scheduling/api/v1/occasions/ids", json={"requests": [request]})
        body = {
            "occasion_id": found["occasions"][0]["occasion_id"],
            "totals": {"phq-4": 4},
            "answered_at": "2025-02-11T12:00:00Z",
        }
        await doors.ask("POST", "/feedback/api/v1/check-ins", json=body)


async def metrics(kith: Kith, service: str) -> list[str]:
    async with httpx.AsyncClient(trust_env=False) as http:
        return (await http.get(f"{kith.system.urls[f'{service}-ops']}/metrics")).text.splitlines()


async def metric(kith: Kith, service: str, name: str) -> float:
    return float(next(one.split()[-1] for one in await metrics(kith, service) if one.startswith(name + " ")))


async def lag_is_unknown(kith: Kith) -> bool:
    """It says nothing rather than the last number, which was nought."""
    return not any(one.startswith("kith_consumer_lag_messages{") for one in await metrics(kith, "analytics"))


async def nothing_waits(kith: Kith) -> bool:
    return await metric(kith, "feedback", "kith_outbox_rows") == 0


async def test_with_kafka_down_people_keep_working_and_events_leave_when_it_is_back(kith: Kith, folder: Path) -> None:
    await eventually(lambda: nothing_waits(kith))
    kith.system.kill("kafka")
    await submit(kith, 10)
    assert await metric(kith, "feedback", "kith_outbox_rows") == 1
    assert await eventually(lambda: lag_is_unknown(kith))
    async with httpx.AsyncClient(trust_env=False) as http:
        assert (await http.get(f"{kith.system.urls['feedback-ops']}/readyz")).status_code == 200
    assert (await change(kith, 10))["suppressed"]  # nothing new is known there yet
    await kith.system.start_one("kafka")
    row = await eventually(lambda: change(kith, 11))
    assert row["mean_change"] == pytest.approx((10 * 3 + 4) / 11)

    await eventually(lambda: nothing_waits(kith))  # others may have heard what the relay has not struck off yet


async def test_a_killed_service_catches_up_and_counts_nothing_twice(kith: Kith, folder: Path) -> None:
    kith.system.kill("analytics")
    await submit(kith, 11)
    async with httpx.AsyncClient(trust_env=False) as http:
        away = await http.get(f"{kith.url}/analytics/api/v1/change")
        assert (away.status_code, away.json()["code"]) == (503, "away")
    await kith.system.start_one("analytics")
    row = await eventually(lambda: change(kith, 12))
    assert row["mean_change"] == pytest.approx((10 * 3 + 2 * 4) / 12)
    assert await metric(kith, "analytics", "kith_parked_events") == 0


async def test_with_postgresql_down_its_numbers_are_not_known_instead_of_the_last_ones(kith: Kith) -> None:
    async def outbox() -> float:
        return await metric(kith, "feedback", "kith_outbox_oldest_seconds")

    assert await outbox() == 0
    kith.system.kill("postgresql")
    assert math.isnan(await eventually(outbox))
    assert math.isnan(await metric(kith, "intake", "kith_outbox_oldest_seconds"))
    assert await metric(kith, "intake", "kith_concerns_overdue") == 0  # it never knows of any
    await kith.system.start_one("postgresql")

    async def is_known() -> bool:
        return not math.isnan(await outbox())

    await eventually(is_known)
