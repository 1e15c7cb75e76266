"""Check-ins through the gateway, with all services on this machine: how long sending one takes at a steady rate, what
1,000 pairs that are sent in the same moment leave behind, and whether 10,000 links opened by a scanner change anything.

Run: uv run python -m benchmarks.submit [SECONDS] [A_SECOND] [PAIRS] [LINKS]
"""

import asyncio
import hashlib
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TypeVar
from uuid import UUID, uuid4

import asyncpg
import httpx
import uvloop

from benchmarks.parts import fetch, percentile
from deploy.local.ports import free_port
from deploy.local.settings import Settings
from deploy.local.supervisor import System
from deploy.postgres.provision import SERVICES, dsn_of
from services.feedback import store
from services.feedback.domain.contacts import SetCrisisContacts
from shared import clock
from shared.database import Database
from shared.events import Event, Heard
from shared.events.intake import CheckInInvited, Consents, ParticipantEnrolled, ProgramPublished, SiteOpened
from shared.events.scheduling import CheckInDue
from shared.identity import derived_id, organisation_id

E = TypeVar("E", bound=Event)
ORGANISATION = organisation_id("bench")
SITE, PROGRAM = derived_id(ORGANISATION, "site", "pier"), derived_id(ORGANISATION, "program", "steps")
ANSWERS = {f"answers.session-pulse.{item}": "3" for item in ("heard", "safe", "useful", "hopeful")}
CONNECTIONS = 64
BY_ITSELF = {"analytics machinery.timers"}  # its counting sets its own timer again, every ten seconds


async def fill(dsn: str, many: int) -> list[str]:
    """A site with crisis contacts, and so many people with a link; gives the tokens."""
    now = clock.now()
    contacts = SetCrisisContacts.model_validate(
        {"contacts": [{"label": {"en": "Line"}, "phone": "555-0100"}], "note": {"en": "Weekdays."}}
        | {"confirmed_on": now.date().isoformat()}
    )
    database, tokens = await Database.open(dsn, size=2, name="bench"), [uuid4().hex for _ in range(many)]
    async with database.transaction(ORGANISATION) as tx:
        site = {"organisation_id": ORGANISATION, "site_id": SITE, "code": "pier", "time_zone": "Europe/Oslo"}
        await store.save_site(tx, ORGANISATION, SiteOpened.model_validate(site | {"languages": ["en"]}))
        program = {"program_id": PROGRAM, "code": "steps", "site_ids": [SITE], "objectives": []}
        await store.save_program(tx, ORGANISATION, ProgramPublished.model_validate(program))
        await store.save_contacts(tx, ORGANISATION, SITE, contacts, now)
        dues = [a_due(uuid4(), uuid4()) for _ in tokens]
        await store.add_enrolments(tx, [heard(an_enrolment(due, number)) for number, due in enumerate(dues)])
        await store.save_due(tx, [heard(due) for due in dues])
        await store.add_links(tx, [heard(an_invitation(*one)) for one in zip(dues, tokens, strict=True)])
    await database.close()
    return tokens


def heard(event: E) -> Heard[E]:
    """As it would have come."""
    return Heard(event, uuid4(), ORGANISATION, clock.now(), 1)


def a_due(participant: UUID, enrolment: UUID) -> CheckInDue:
    """A Session Pulse that is open now."""
    now = clock.now()
    return CheckInDue(
        occasion_id=uuid4(),
        participant_id=participant,
        enrolment_id=enrolment,
        program_id=PROGRAM,
        site_id=SITE,
        kind="session",
        code="session-1",
        ordinal=1,
        instruments=["session-pulse"],
        due_at=now - timedelta(hours=1),
        opens_at=now - timedelta(hours=1),
        closes_at=now + timedelta(days=7),
    )


def an_enrolment(due: CheckInDue, number: int) -> ParticipantEnrolled:
    """Somebody who agrees to be asked."""
    letters = "".join(chr(ord("A") + number // 1000 // 26**place % 26) for place in range(3))
    return ParticipantEnrolled(
        participant_id=due.participant_id,
        enrolment_id=due.enrolment_id,
        program_id=PROGRAM,
        site_id=SITE,
        short_code=f"{letters}-{number % 1000:03}",
        language="en",
        enrolled_on=due.due_at.date(),
        attributes={},
        consents=Consents(taking_part=True, reporting=True, contact_after=True),
        consent_text="standard",
        consent_version=1,
    )


def an_invitation(due: CheckInDue, token: str) -> CheckInInvited:
    """Their link."""
    mark = hashlib.sha256(token.encode()).hexdigest()
    return CheckInInvited(
        occasion_id=due.occasion_id, token_sha256=mark, language="en", channel="hand", expires_at=due.closes_at
    )


async def at_a_rate(http: httpx.AsyncClient, tokens: Sequence[str], a_second: int) -> list[float]:
    """Seconds of each, counted from the moment at which it was to be sent: who waits for a connection waits, too."""
    began, taken = time.perf_counter() + 0.2, []

    async def send(number: int, token: str) -> None:
        at = began + number / a_second
        await asyncio.sleep(max(0.0, at - time.perf_counter()))
        answer = await http.post(f"/c/{token}", data=ANSWERS)
        taken.append(time.perf_counter() - at)
        assert answer.status_code == 200, answer.text

    await asyncio.gather(*(send(number, token) for number, token in enumerate(tokens)))
    return taken


async def in_one_moment(http: httpx.AsyncClient, tokens: Sequence[str]) -> set[int]:
    """Each link twice, with other answers, all at once; which statuses there were."""
    others = dict.fromkeys(ANSWERS, "0")
    asked = [http.post(f"/c/{token}", data=data) for token in tokens for data in (ANSWERS, others)]
    return {answer.status_code for answer in await asyncio.gather(*asked)}


async def digests(admin_dsn: str) -> dict[str, str]:
    """Of every row of every table of all four stores, by table; without what changes by itself."""
    found = {}
    for service in SERVICES:
        connection = await asyncpg.connect(dsn_of(admin_dsn, service))
        names = await connection.fetch(
            "select format('%I.%I', schemaname, tablename) as name from pg_tables"
            " where schemaname in ('public', 'machinery') order by 1"
        )
        for row in names:
            if f"{service} {row['name']}" in BY_ITSELF:
                continue
            sql = f"select md5(coalesce(string_agg(md5(t::text), '' order by md5(t::text)), '')) from {row['name']} t"
            found[f"{service} {row['name']}"] = await connection.fetchval(sql)
        await connection.close()
    return found


async def at_rest(admin_dsn: str) -> dict[str, str]:
    """The digests once nothing changes them any more by itself."""
    before: dict[str, str] = {}
    while (found := await digests(admin_dsn)) != before:
        before = found
        await asyncio.sleep(5)
    return found


async def main(seconds: int, a_second: int, pairs: int, links: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="kith-bench-") as name:
        data = Path(name)
        data.chmod(0o711)
        system = System(Settings(data, free_port(), free_port(), free_port()))
        await system.start()
        admin_dsn, limits = system.urls["postgres"], httpx.Limits(max_connections=CONNECTIONS)
        try:
            async with httpx.AsyncClient(
                base_url=system.urls["public"], trust_env=False, timeout=60, limits=limits
            ) as http:
                feedback = dsn_of(admin_dsn, "feedback")
                warm, *rest = [await fill(feedback, many) for many in (a_second * 5, a_second * seconds, pairs, links)]
                await at_a_rate(http, warm, a_second)
                taken = await at_a_rate(http, rest[0], a_second)
                shown = ", ".join(f"p{share:g} {percentile(taken, share / 100) * 1000:.1f}" for share in (50, 95, 99))
                print(f"{len(taken):,} submissions at {a_second} a second: {shown} ms, goal p95 60")
                await tell_pairs(http, feedback, rest[1])
                await tell_scanned(http, admin_dsn, rest[2])
        finally:
            await system.stop()


async def tell_pairs(http: httpx.AsyncClient, dsn: str, tokens: Sequence[str]) -> None:
    """How many answers 1,000 pairs leave."""
    count = "select count(*) as n from check_ins"
    [before] = await fetch(dsn, count)
    statuses = await in_one_moment(http, tokens)
    [after] = await fetch(dsn, count)
    kept = after["n"] - before["n"]
    print(f"{len(tokens):,} links sent twice in one moment: {kept:,} answers, answered with {statuses}")


async def tell_scanned(http: httpx.AsyncClient, admin_dsn: str, tokens: Sequence[str]) -> None:
    """Whether opening links changes anything."""
    before = await at_rest(admin_dsn)
    gate = asyncio.Semaphore(CONNECTIONS)

    async def opened(number: int, token: str) -> int:
        async with gate:
            method = "HEAD" if number % 4 == 3 else "GET"
            return (await http.request(method, f"/c/{token}", headers={"sec-purpose": "prefetch"})).status_code

    statuses = set(await asyncio.gather(*(opened(number, token) for number, token in enumerate(tokens))))
    after = await at_rest(admin_dsn)
    changed = sorted(name for name, one in after.items() if before[name] != one)
    print(f"{len(tokens):,} links opened by a scanner: changed {changed or 'nothing'}, answered with {statuses}")


if __name__ == "__main__":
    told = [int(one) for one in sys.argv[1:]]
    uvloop.run(main(*(told + [60, 50, 1000, 10_000][len(told) :])))
