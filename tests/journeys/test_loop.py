"""The loop back, all of it running: what people write comes back to them as a change, and stories stay theirs."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from confluent_kafka import Consumer

from shared import clock
from shared.identity import derived_id, organisation_id
from tests.conftest import eventually
from tests.journeys.conftest import Kith, settled

CODE, SITE = "listening-house", "mill"
HOUSE = {
    "name": "Listening House",
    "attributes": [],
    "consent_texts": [],
}
CONTACTS = {
    "contacts": [{"label": {"en": "Crisis line"}, "phone": "555-0100"}],
    "note": {"en": "A person reads answers on weekdays."},
}
BATTERY = {"entries": [{"occasion": "baseline", "kind": "baseline", "instruments": ["monthly-check-in"]}]}
LATE, WARM = "starts-too-late", "warm-welcome"
ASKS = "I always miss the last bus home."
WROTE = {  # what each person would change, and what the two who code it find in it: they differ once
    ASKS: ([LATE], [LATE]),
    "Half past seven is late for me.": ([LATE], [LATE]),
    "It gets dark before we begin.": ([LATE], []),
    "More chairs.": ([], []),
    "Nothing, thank you.": ([], []),
    "Somebody at the door who says hello.": ([], []),
}
STORY = "I laughed again for the first time in a year."
WHY, WHAT = "Many of you asked for it.", "We begin an hour earlier."
USES = ("within-program", "report-to-funders", "public-page")


class House:
    """Listening House on one day: who works there, its people's links, and its next session."""

    def __init__(self, kith: Kith) -> None:
        self.kith = kith
        self.now: datetime = clock.now() + timedelta(seconds=float(kith.clock.read_text()))
        self.links: dict[str, str] = {}
        group_id = derived_id(organisation_id(CODE), "group", "circle")
        tomorrow = (self.now + timedelta(days=1)).date()
        self.weekday = tomorrow.isoweekday()
        self.session = f"/scheduling/sessions/{derived_id(group_id, 'session', tomorrow.isoformat())}"

    async def ask(self, method: str, path: str, role: str = "coordinator", name: str = "Ana", **more: Any) -> Any:
        """What a door answers somebody of the staff, once its service has heard what it needs."""
        async with await self.kith.doors(CODE, role, name=name) as doors:
            return await settled(lambda: doors.ask(method, path, **more))

    async def page(self, path: str, role: str = "coordinator") -> str:
        """A page as somebody of the staff sees it."""
        token = await self.kith.token(CODE, role)
        async with httpx.AsyncClient(base_url=self.kith.url, trust_env=False) as http:
            answer = await http.get(path, headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == 200, answer.text
        return answer.text

    async def shows(self, path: str, *words: str, role: str = "facilitator") -> None:
        """Wait until a page says all of it: its service has heard by then."""

        async def is_there() -> bool:
            text = await self.page(path, role)
            return all(one in text for one in words)

        await eventually(is_there)


async def on_a_phone(link: str, path: str = "", **fields: Any) -> str:
    """What somebody sees at their link; with fields, after they sent them."""
    async with httpx.AsyncClient(trust_env=False, follow_redirects=True) as phone:
        answer = await (phone.post(f"{link}{path}", data=fields) if fields else phone.get(f"{link}{path}"))
    assert answer.status_code == 200, answer.text
    return answer.text


@pytest.fixture
async def house(kith: Kith) -> House:
    """A house with one group, and six people whose first check-in is open."""
    one = House(kith)
    feedback, day = "/feedback/api/v1", one.now.date().isoformat()
    await one.ask("PUT", "/intake/api/v1/organisation", "administrator", json=HOUSE)
    site = {"name": "Mill", "time_zone": "Europe/Oslo", "languages": ["en"]}
    await one.ask("PUT", f"/intake/api/v1/sites/{SITE}", "administrator", json=site)
    program = {"name": "Circle", "sites": [SITE], "objectives": ["connection"]}
    await one.ask("PUT", "/intake/api/v1/programs/circle", "administrator", json=program)
    confirmed = CONTACTS | {"confirmed_on": day}
    await one.ask("PUT", f"{feedback}/sites/{SITE}/crisis-contacts", "administrator", json=confirmed)
    await one.ask("PUT", f"{feedback}/batteries/circle", "administrator", json=BATTERY)
    group = {"name": "Circle", "program": "circle", "site": SITE, "capacity": 12, "weekday": one.weekday}
    group |= {"starts_at_local": "18:00", "minutes": 90, "first_on": day}
    await one.ask("PUT", "/scheduling/api/v1/groups/circle", "administrator", json=group)
    await asyncio.gather(*(enrol(one, number, text) for number, text in enumerate(WROTE)))
    return one


async def enrol(house: House, number: int, text: str) -> None:
    person = {
        "preferred_name": f"Person {number}",
        "language": "en",
        "program": "circle",
        "site": SITE,
        "group": "circle",
        "attributes": {},
        "consent": {"text": "standard", "version": 1, "taking_part": True, "reporting": True, "contact_after": True},
    }
    enrolled = await house.ask("POST", "/intake/api/v1/participants", json=person)
    occasion = derived_id(UUID(enrolled["enrolment_id"]), "baseline", "0")
    handed = await house.ask("POST", "/intake/api/v1/invitations", json={"occasion_id": str(occasion)})
    house.links[text] = handed["url"]

    async def is_open() -> bool:
        async with httpx.AsyncClient(trust_env=False) as phone:
            return (await phone.get(handed["url"])).status_code == 200

    await eventually(is_open)
    await on_a_phone(handed["url"], **{"texts.monthly-check-in.one-change": text})


async def test_what_people_write_comes_back_to_them(kith: Kith, house: House) -> None:
    await two_people_code_without_seeing_each_other(house)
    change = await a_change_is_decided_and_made(house)
    await those_who_asked_are_told_and_nobody_else(house, change)
    await a_story_is_theirs(house)
    await a_milestone_is_celebrated(house)
    said = await asyncio.to_thread(everything_said, kith.system.urls["kafka"])
    for words in (*WROTE, STORY, WHY, WHAT):
        assert words.encode() not in said, "what somebody wrote has left its store"


async def two_people_code_without_seeing_each_other(house: House) -> None:
    voices = "/feedback/api/v1/voices"
    for code in (LATE, WARM):
        theme = {"code": code, "title": {"en": code}, "about": "What the name says."}
        await house.ask("POST", f"{voices}/themes", json=theme)
    await house.ask("PUT", f"{voices}/share", "administrator", json={"percent": 100})
    for place, coder in enumerate(("Ana", "Ben")):
        for _ in WROTE:
            one = (await house.ask("GET", f"{voices}/next-text", name=coder))["text"]
            assert set(one) == {"occasion_id", "item", "text", "site", "program"}, "no name, and nobody's finding"
            found = {"occasion_id": one["occasion_id"], "item": one["item"], "themes": WROTE[one["text"]][place]}
            assert (await house.ask("POST", f"{voices}/codings", name=coder, json=found))["place"] == place + 1
    seen = await house.ask("GET", voices)
    assert (seen["texts"], seen["coded"], seen["coded_twice"]) == (6, 6, 6)
    [late] = [one for one in seen["voices"] if one["theme"]["code"] == LATE]
    assert late["agreement"]["kappa"] == pytest.approx(2 / 3)  # they agree on 5 of 6, and by chance on half
    assert late["agreement"]["standard_error"] > 0
    assert (late["people"], late["agreement"]["is_provisional"]) == (None, False)  # six people are few
    assert "Person" not in await house.page("/feedback/voices")


async def a_change_is_decided_and_made(house: House) -> str:
    decision = {"decision": "will-do", "why": {"en": WHY}, "program": "circle"}
    decided = await house.ask("POST", f"/feedback/api/v1/voices/themes/{LATE}/decisions", json=decision)
    assert WHY in await on_a_phone(house.links[ASKS], "/changes")
    made = {"what": {"en": WHAT}, "since": house.now.date().isoformat()}
    await house.ask("POST", f"/feedback/api/v1/changes/{decided['change_id']}/made", json=made)
    return str(decided["change_id"])


async def those_who_asked_are_told_and_nobody_else(house: House, change: str) -> None:
    for text, (first, _) in WROTE.items():
        told = await on_a_phone(house.links[text], "/changes")
        assert (WHAT in told) == bool(first), text
    asked = house.links[ASKS]
    assert "Thank you for reading it." in await on_a_phone(asked, "/changes", read="yes")
    await house.shows(house.session, "Tell the group about a change made:", f"/feedback/changes/{change}")


async def a_story_is_theirs(house: House) -> None:
    """Each use has its own consent; taken back, it is gone from every view at once."""
    link = house.links["More chairs."]
    shared = await on_a_phone(link, "/story", text=STORY, uses=["within-program", "public-page"], key=str(uuid4()))
    assert "Your story has arrived." in shared
    views = {use: f"/feedback/stories?use={use}" for use in USES}
    assert {use: STORY in await house.page(path) for use, path in views.items()} == {
        "within-program": True,
        "report-to-funders": False,
        "public-page": True,
    }
    assert STORY in await house.page("/feedback/stories/export?use=public-page")
    story = shared.partition('action="/c/')[2].partition("/story/")[2].partition('"')[0].partition("?")[0]
    taken = await on_a_phone(link, f"/story/{story}", do="withdraw")
    assert "Nobody can read it any more." in taken
    for use, path in views.items():
        assert STORY not in await house.page(path)
        assert STORY not in await house.page(f"/feedback/stories/export?use={use}")
        assert (await house.ask("GET", "/feedback/api/v1/stories", params={"use": use}))["stories"] == []


async def a_milestone_is_celebrated(house: House) -> None:
    link = house.links["Nothing, thank you."]
    await on_a_phone(link, "/milestones", kind="own-goal", may_celebrate="true")
    await house.shows(house.session, "Celebrate")


def everything_said(kafka: str) -> bytes:
    """Everything that feedback has said about the loop so far, as an outsider reads it."""
    told = {"group.id": "listener", "auto.offset.reset": "earliest", "enable.partition.eof": True}
    reader = Consumer({"bootstrap.servers": kafka} | told)
    topics = ["kith.check-ins", "kith.changes", "kith.stories", "kith.milestones"]
    reader.subscribe(topics)
    found, ended = b"", 0
    while ended < 12 * len(topics):
        record = reader.poll(10)
        assert record is not None, "nothing came for ten seconds"
        ended += bool(record.error())
        found += b"" if record.error() else record.value()
    reader.close()
    assert found
    return found
