"""Two small houses for the tests of bad input: one that everything bad is sent to, and one that must not be touched."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from deploy.importer.doors import Doors
from deploy.postgres.provision import SERVICES, dsn_of
from shared.identity import derived_id, organisation_id
from tests.conftest import eventually
from tests.journeys.conftest import Kith, settled

CODE, OTHER = "bad-house", "other-house"
ROLES = ("administrator", "coordinator", "facilitator", "program-manager")
CANARY = "zq-canary-4711"
"""In everything bad that is sent: a log that has it has told what people wrote."""
CONSENT = {"text": "standard", "version": 1, "taking_part": True, "reporting": True, "contact_after": False}
CONTACTS = {
    "contacts": [{"label": {"en": "Crisis line"}, "phone": "555-0100"}],
    "note": {"en": "A person reads answers on weekdays."},
    "confirmed_on": datetime.now(UTC).date().isoformat(),  # noqa: TID251  (near enough to the clock of the system)
}
BATTERY = [
    {"occasion": "baseline", "kind": "baseline", "instruments": ["belonging"]},
    {"occasion": "month-1", "kind": "monthly", "months_after": 1, "instruments": ["belonging"]},
]


@dataclass(frozen=True)
class House:
    """What the cases name by a word in capitals."""

    token: str
    names: dict[str, str]

    def fill(self, text: bytes) -> bytes:
        """The same with ids in the place of the words."""
        for name, value in self.names.items():
            text = text.replace(name.encode(), value.encode())
        return text


async def build(kith: Kith) -> House:
    """Both houses, each with somebody enrolled, and in ours a check-in that can be answered."""
    foreign = await _furnish(kith, OTHER)
    ours = await _furnish(kith, CODE)
    async with await kith.doors(CODE, *ROLES) as doors:
        occasion = (await eventually(lambda: _due(doors, ours["PARTICIPANT"])))["occasion_id"]
        link = await settled(lambda: doors.ask("POST", "/intake/api/v1/invitations", json={"occasion_id": occasion}))
    await _begin(kith, link["url"])
    names = {"OCCASION": occasion, "LINK": link["url"].rpartition("/c/")[2], "CANARY": CANARY}
    return House(await kith.token(CODE, *ROLES), {"FOREIGN": foreign["PARTICIPANT"]} | ours | names)


async def _begin(kith: Kith, link: str) -> None:
    """Somebody has begun to answer: that they have touched the page is told, whatever they send then."""
    path = "/c/" + link.rpartition("/c/")[2]
    async with httpx.AsyncClient(base_url=kith.url, trust_env=False) as http:

        async def is_open() -> bool:
            return (await http.get(path)).status_code == 200

        await eventually(is_open)
        assert (await http.post(f"{path}/begun")).status_code == 204


async def _furnish(kith: Kith, code: str) -> dict[str, str]:
    today = datetime.now(UTC).date()  # noqa: TID251  (near enough to the clock of the system)
    group = {"name": "Circle", "program": "steps", "site": "pier", "capacity": 12, "weekday": 2, "minutes": 60}
    group |= {"starts_at_local": "18:00", "first_on": (today - timedelta(days=today.weekday() + 13)).isoformat()}
    async with await kith.doors(code, *ROLES) as doors:
        await doors.ask("PUT", "/intake/api/v1/organisation", json={"name": code})
        site = {"name": "Pier", "time_zone": "Europe/Oslo", "languages": ["en"]}
        await doors.ask("PUT", "/intake/api/v1/sites/pier", json=site)
        await doors.ask("PUT", "/intake/api/v1/programs/steps", json={"name": "Steps", "sites": ["pier"]})
        for path, body in (
            ("/feedback/api/v1/batteries/steps", {"entries": BATTERY}),
            ("/feedback/api/v1/sites/pier/crisis-contacts", CONTACTS),
            ("/scheduling/api/v1/groups/circle", group),
        ):
            await settled(lambda path=path, body=body: doors.ask("PUT", path, json=body))  # type: ignore[misc]
        person = {"preferred_name": "First", "language": "en", "program": "steps", "site": "pier", "consent": CONSENT}
        enrolled = await doors.ask("POST", "/intake/api/v1/participants", json=person | {"is_not_duplicate": True})
    group_id = derived_id(organisation_id(code), "group", "circle")
    coming = today + timedelta(days=(1 - today.weekday()) % 7 or 7)
    return {
        "PARTICIPANT": enrolled["participant_id"],
        "ENROLMENT": enrolled["enrolment_id"],
        "SESSION": str(derived_id(group_id, "session", coming.isoformat())),
    }


async def _due(doors: Doors, participant: str) -> Any:
    asked = {"participant_id": participant, "state": "due"}
    found = (await doors.ask("GET", "/scheduling/api/v1/occasions", params=asked))["occasions"]
    return found[0] if found else None


_TABLES = """
    select quote_ident(table_schema) || '.' || quote_ident(table_name) as name from information_schema.columns
    join pg_class c on c.oid = (quote_ident(table_schema) || '.' || quote_ident(table_name))::regclass
    where column_name = 'organisation_id' and c.relkind in ('r', 'p') and not c.relispartition
          and table_name not in ('touched', 'counted', 'cells') -- counted behind the consumer, in their own time
"""


async def rows(kith: Kith, houses: Sequence[str] = (CODE, OTHER)) -> dict[str, int]:
    """How many rows each table of each store has for these houses."""
    ids, found = [organisation_id(code) for code in houses], {}
    for service in SERVICES:
        store = await asyncpg.connect(dsn_of(kith.system.urls["postgres"], service))
        for row in await store.fetch(_TABLES):
            count = f"select count(*) from {row['name']} where organisation_id = any($1)"
            found[f"{service} {row['name']}"] = await store.fetchval(count, ids)
        found[f"{service} outbox"] = await store.fetchval("select count(*) from machinery.outbox")
        await store.close()
    return found


async def at_rest(kith: Kith) -> dict[str, int]:
    """The same, once everything said is heard: nothing waits in an outbox, and nothing changes any more."""
    last: dict[str, int] = {}

    async def is_at_rest() -> bool:
        before, now = dict(last), await rows(kith)
        last.clear()
        last.update(now)
        return before == now and not any(count for name, count in now.items() if name.endswith(" outbox"))

    await eventually(is_at_rest)
    return last


def logs_with(kith: Kith, word: str) -> list[str]:
    """The logs of services and gateway in which a word stands."""
    return [path.name for path in _logs(kith) if word.encode() in path.read_bytes()]


def lines_of_services(kith: Kith) -> list[str]:
    """What all services have logged; their ends may be half written."""
    ours = [path for path in _logs(kith) if path.stem in SERVICES]
    return [line for path in ours for line in path.read_text().splitlines()[:-1]]


def _logs(kith: Kith) -> list[Path]:
    logs = (kith.system.settings.data / "logs").glob("*.log")
    ours = [path for path in logs if not path.name.startswith(("postgresql", "kafka"))]
    assert {f"{name}.log" for name in (*SERVICES, "gateway")} <= {path.name for path in ours}
    return ours
