"""Two processes of every service behind the gateway, and one of each dies at work: nothing lost or doubled."""

import asyncio
import tempfile
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from deploy.importer.doors import Doors
from deploy.local.ports import free_port
from deploy.local.settings import Settings
from deploy.local.supervisor import System
from deploy.postgres.provision import SERVICES, dsn_of
from shared.events import PARTITIONS
from shared.events.feedback import CHECK_INS
from shared.events.intake import PARTICIPANTS
from shared.events.scheduling import OCCASIONS
from tests.conftest import eventually
from tests.journeys.bad_house import CONSENT, CONTACTS, ROLES
from tests.journeys.conftest import Kith, settled, tell_troubles
from tests.journeys.test_operations import facts

CODE, DAY, PEOPLE = "twin-house", 86_400, 40
BATTERY = [
    {"occasion": "baseline", "kind": "baseline", "instruments": ["belonging"]},
    {"occasion": "follow-up", "kind": "follow-up", "months_after": 2, "instruments": ["belonging"]},
]


@pytest.fixture(scope="module")
async def twins(request: pytest.FixtureRequest) -> AsyncIterator[Kith]:
    """A system of its own, with two of each."""
    with tempfile.TemporaryDirectory(prefix="kith-twins-") as name:
        data = Path(name)
        data.chmod(0o711)
        clock = data / "clock"
        clock.write_text("0")
        settings = Settings(data, free_port(), free_port(), free_port(), clock_file=str(clock), processes=2)
        system = System(settings)
        await system.start()
        try:
            yield Kith(system, clock)
        finally:
            await system.stop()
            if request.session.testsfailed:
                tell_troubles(data / "logs")


@pytest.fixture(scope="module")
async def doors(twins: Kith) -> AsyncIterator[Doors]:
    """A furnished house with a program."""
    async with await twins.doors(CODE, *ROLES) as opened:
        await opened.ask("PUT", "/intake/api/v1/organisation", json={"name": "Twin House"})
        pier = {"name": "Pier", "time_zone": "Europe/Oslo", "languages": ["en"]}
        await opened.ask("PUT", "/intake/api/v1/sites/pier", json=pier)
        await opened.ask("PUT", "/intake/api/v1/programs/steps", json={"name": "Steps", "sites": ["pier"]})
        for path, body in (
            ("/feedback/api/v1/batteries/steps", {"entries": BATTERY}),
            ("/feedback/api/v1/sites/pier/crisis-contacts", CONTACTS),
        ):
            await settled(lambda path=path, body=body: opened.ask("PUT", path, json=body))  # type: ignore[misc]
        yield opened


async def enrol(doors: Doors, number: int) -> dict[str, Any]:
    """Sent twice under one key, and again whenever a twin dies over it."""
    person = {"preferred_name": f"P {number}", "reference": f"p-{number}", "language": "en", "program": "steps"}
    body = person | {"site": "pier", "consent": CONSENT | {"contact_after": True}, "is_not_duplicate": True}
    key = {"idempotency-key": f"enrol-{number}"}
    first, again = [await doors.ask("POST", "/intake/api/v1/participants", json=body, headers=key) for _ in range(2)]
    assert first == again
    return dict(first)


async def answer(doors: Doors, participant: str, occasion: str, points: int) -> None:
    """A check-in is entered as soon as feedback has heard that it is due."""
    request = {"participant_id": participant, "program": "steps", "occasion": occasion}

    async def due() -> Any:
        found = await doors.ask("POST", "/scheduling/api/v1/occasions/ids", json={"requests": [request]})
        one = found["occasions"][0]
        return one["occasion_id"] if one["state"] == "due" else None

    body = {"occasion_id": await eventually(due), "totals": {"belonging": points}}
    key = {"idempotency-key": f"{occasion}-{participant}"}
    for _ in range(2):
        await settled(lambda: doors.ask("POST", "/feedback/api/v1/check-ins", json=body, headers=key))


async def complete(doors: Doors, one: dict[str, Any], day: str) -> None:
    path = f"/intake/api/v1/participants/{one['participant_id']}/enrolments/{one['enrolment_id']}/complete"
    key = {"idempotency-key": f"complete-{one['participant_id']}"}
    await doors.ask("POST", path, json={"completed_on": day}, headers=key)


async def today(twins: Kith, doors: Doors) -> str:
    """The day on which the first was enrolled, as the system sees it."""
    found = await doors.ask("GET", "/intake/api/v1/participants", params={"limit": 1})
    return str(found["participants"][0]["enrolments"][0]["enrolled_on"])


async def in_turns(kill: list[str], twins: Kith, work: list[Any]) -> list[Any]:
    """Do the work eight at a time; at even distances one of the named processes dies at once, as in a crash."""
    slots, deaths = asyncio.Semaphore(8), {len(work) * (n + 1) // (len(kill) + 1): one for n, one in enumerate(kill)}

    async def one(number: int, job: Any) -> Any:
        async with slots:
            if number in deaths:
                twins.system.kill(deaths[number])
            return await job

    return await asyncio.gather(*(one(number, job) for number, job in enumerate(work)))


async def test_1_enrolments_and_answers_while_one_of_each_dies(twins: Kith, doors: Doors) -> None:
    assert len({twins.system.pid(name) for one in SERVICES for name in (one, f"{one}-1")}) == 2 * len(SERVICES)
    people = await in_turns(["intake", "scheduling-1"], twins, [enrol(doors, number) for number in range(PEOPLE)])
    assert len({one["participant_id"] for one in people}) == PEOPLE
    answers = [answer(doors, one["participant_id"], "baseline", number % 5) for number, one in enumerate(people)]
    await in_turns(["feedback", "analytics-1"], twins, answers)
    day = await today(twins, doors)
    await in_turns([], twins, [complete(doors, one, day) for one in people])
    victims = ("intake", "scheduling-1", "feedback", "analytics-1")
    _, found = await facts(twins, "doctor")
    states = {name: state for one in found for name, state in one["processes"].items()}
    assert len(states) == 2 * len(SERVICES)
    assert {name for name, state in states.items() if state != "answers"} == set(victims)
    for dead in victims:
        assert not twins.system.is_alive(dead)
        await twins.system.start_one(dead)


async def test_2_each_follow_up_falls_due_once_though_two_look_at_the_clock(twins: Kith, doors: Doors) -> None:
    await eventually(lambda: all_is_said(twins))
    found = await doors.ask("GET", "/intake/api/v1/participants", params={"limit": 500})
    people = [one["participant_id"] for one in found["participants"]]
    assert len(people) == PEOPLE
    twins.move_clock(63 * DAY)
    async with await twins.doors(CODE, *ROLES) as later:
        answers = [answer(later, one, "follow-up", 4) for one in people]
        await in_turns(["scheduling", "feedback-1"], twins, answers)


async def all_is_said(twins: Kith) -> bool:
    """Nothing waits in an outbox."""
    counts = []
    for service in SERVICES:
        store = await asyncpg.connect(dsn_of(twins.system.urls["postgres"], service))
        counts.append(await store.fetchval("select count(*) from machinery.outbox"))
        await store.close()
    return not any(counts)


async def read(twins: Kith, topic: str) -> list[Any]:
    """Everything on a topic, in the order of each partition."""
    every = [TopicPartition(topic, part) for part in range(PARTITIONS)]
    reader = AIOKafkaConsumer(bootstrap_servers=twins.system.urls["kafka"])
    await reader.start()
    reader.assign(every)
    await reader.seek_to_beginning(*every)
    ends, found = await reader.end_offsets(every), []
    while any([await reader.position(tp) < end for tp, end in ends.items()]):
        for some in (await reader.getmany(timeout_ms=500)).values():
            found += some
    await reader.stop()
    return found


async def test_3_nothing_is_lost_doubled_or_out_of_order(twins: Kith, doors: Doors) -> None:
    """A relay that died may have sent a record twice, with the same id: readers drop it. What is said is said once."""
    await eventually(lambda: all_is_said(twins))
    once: Counter[str] = Counter()
    for topic in (PARTICIPANTS, OCCASIONS, CHECK_INS):
        seen: dict[bytes, list[int]] = defaultdict(list)
        ids = set()
        for record in await read(twins, topic):
            headers = {name: text.decode() for name, text in record.headers}
            if headers["ce_id"] in ids:
                continue
            ids.add(headers["ce_id"])
            seen[record.key].append(int(headers["ce_aggregateversion"]))
            once[headers["ce_type"].split(".")[2]] += 1
        assert all(versions == list(range(1, len(versions) + 1)) for versions in seen.values())
    expected = ("participant-enrolled", "participant-completed", "check-in-due", "follow-up-due")
    assert {name: once[name] for name in expected} == dict.fromkeys(expected, PEOPLE)
    assert once["check-in-submitted"] == 2 * PEOPLE


async def test_4_the_figures_are_exact_on_whichever_twin_answers(twins: Kith, doors: Doors) -> None:
    asked = {"program": "steps", "instrument": "belonging", "from": "baseline", "to": "follow-up"}
    mean = sum(number % 5 for number in range(PEOPLE)) / PEOPLE
    async with await twins.doors(CODE, *ROLES) as later:

        async def counted() -> Any:
            [row] = (await later.ask("GET", "/analytics/api/v1/change", params=asked))["rows"]
            return row if row["n_paired"] == PEOPLE else None

        row = await eventually(counted)
        for _ in range(4):
            assert await counted() == row
            page = await later.http.get("/analytics/programs/steps", params=asked)
            assert f"what changed for {PEOPLE} people" in page.text
    assert (row["n_enrolled"], row["n_first"], row["n_later"]) == (PEOPLE, PEOPLE, PEOPLE)
    assert (row["mean_first"], row["mean_later"]) == (pytest.approx(mean, rel=1e-12), 4)
    async with httpx.AsyncClient(trust_env=False) as http:
        for name in [one for service in SERVICES for one in (service, f"{service}-1") if twins.system.is_alive(one)]:
            text = (await http.get(f"{twins.system.urls[f'{name}-ops']}/metrics")).text
            assert "kith_parked_events 0.0" in text


async def test_5_no_two_processes_waited_for_each_other(twins: Kith, doors: Doors) -> None:
    """PostgreSQL had to end nobody whose locks lay crosswise."""
    sql = "select datname, deadlocks from pg_stat_database where datname in ('intake', 'scheduling')"
    store = await asyncpg.connect(dsn_of(twins.system.urls["postgres"], "intake"))
    assert {row["datname"]: row["deadlocks"] for row in await store.fetch(sql)} == {"intake": 0, "scheduling": 0}
    await store.close()
