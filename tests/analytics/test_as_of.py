"""As of when a number is: whoever reads releases is told of which release it is, and up to when its data reach."""

import csv
import io
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import openpyxl
from pypdf import PdfReader

from services.analytics import handlers
from services.analytics import store as analytics_store
from services.analytics.domain.releasing import Counts
from services.analytics.domain.releasing import release as draft
from services.analytics.domain.rules import Rules
from shared.clock import now
from shared.events import Event, Heard
from shared.inbox import handle
from tests.analytics.conftest import AT, NORTH_QUAY, OLD_TOWN, ORGANISATION, Told
from tests.analytics.test_export import words_of
from tests.analytics.test_releases import API, COORDINATOR, MANAGER, improving, release
from tests.analytics.test_small_numbers import tables
from tests.analytics.world import ASKED, OF, Person, play
from tests.doors import bearer

PAGE = "/analytics/programs/evening-circle"
LATER = AT + timedelta(days=30)
FIRST, SECOND = (one.isoformat().replace("+00:00", "Z") for one in (AT, LATER))


class ToldLater(Told):
    """The same, a month later."""

    async def tell_at_once(self, events: Sequence[Event]) -> None:
        heard = [Heard(event, uuid4(), ORGANISATION, LATER, 1) for event in events]
        async with self.store.machinery.transaction(ORGANISATION) as tx:
            for one in heard:
                await handle(handlers.HANDLERS, tx, [one])
            await handlers.after_batch(tx, heard)


async def two_releases(client: Any, told: Told) -> None:
    """Forty people answered until the end; a month later sixty more have come, of whom none has."""
    everybody = [
        Person(
            site=(OLD_TOWN, NORTH_QUAY)[n % 2],
            scores={"baseline": (18 + n // 2 % 4,), "end": (8 + n // 2 % 3,), "follow-up": (9 + n // 2 % 5,)},
            pulse=[5 + n // 2 % 4, 7 + n // 2 % 3],
            came=2,
        )
        for n in range(40)
    ]
    await play(told, everybody)
    assert (await release(client))["release"] == 1
    more = [Person(site=(OLD_TOWN, NORTH_QUAY)[n % 2], scores={"baseline": (16 + n // 2 % 5,)}) for n in range(60)]
    await play(ToldLater(told.store), more)
    assert (await release(client))["release"] == 2


async def rows(client: Any, path: str, who: Any = MANAGER, **params: str) -> list[dict[str, Any]]:
    answer = await client.get(f"{API}/{path}", params=params, headers=who)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found.get("rows") or [*found["weeks"], *found["sessions"], found["personal"]]


async def test_every_row_says_of_which_release_it_is(client: Any, told: Told) -> None:
    await two_releases(client, told)
    three = OF | {"from": "baseline", "end": "end", "to": "follow-up"}
    for path, params, definition in (
        ("change", ASKED, "change-1"),
        ("change", ASKED | {"by": "site"}, "change-1"),
        ("rates", ASKED, "rates-2"),
        ("sites", ASKED, "sites-3"),
        ("equity", ASKED | {"attribute": "cohort"}, "equity-3"),
        ("lasting", three, "lasting-3"),
        ("lasting", three | {"by": "site"}, "lasting-3"),
    ):
        for row in await rows(client, path, **params):
            assert (row["definition"], row["release"], row["data_through"]) == (definition, 1, FIRST), path
    for row in await rows(client, "retention", program="evening-circle"):
        assert (row["definition"], row["release"], row["data_through"]) == ("retention-2", 2, SECOND)
    found = await rows(client, "trend", program="evening-circle", instrument="session-pulse")
    assert {(row["definition"], row["release"]) for row in found} == {("trend-1", 1)}
    for row in await rows(client, "change", COORDINATOR, **ASKED):
        assert (row["release"], row["data_through"]) == (None, SECOND)


async def test_of_single_sites_it_is_the_oldest(client: Any, told: Told) -> None:
    await two_releases(client, told)
    mine = bearer("program-manager", "old-town", "north-quay")
    [row] = await rows(client, "change", mine, **ASKED)
    assert (row["release"], row["data_through"], row["n_paired"]) == (1, FIRST, 40)


async def test_what_is_hidden_is_as_of_the_newest_release(client: Any, told: Told) -> None:
    await play(told, [improving(number) for number in range(4)])
    await release(client)
    [row] = await rows(client, "change", **ASKED)
    assert (row["suppressed"], row["release"], row["data_through"]) == (True, 1, FIRST)


async def test_page_and_files_name_the_release_of_what_waits(client: Any, told: Told) -> None:
    await two_releases(client, told)
    asked = "from=baseline&to=end"
    page = (await client.get(f"{PAGE}?{asked}", headers=MANAGER)).text
    assert ">End, release 1</th>" in page
    assert "Where a release is named, nothing has moved since: the data of release 1 up to 04 March 2025, 18:00" in page
    assert "As of release 1, data up to" in page
    assert "As of release 1." in (await client.get("/analytics/", headers=MANAGER)).text
    file = (await client.get(f"{PAGE}/tables/changed.csv?{asked}", headers=MANAGER)).text
    head, *lines = csv.reader(io.StringIO(file))
    assert head[-3:] == ["Release", "Data up to", "Definition"]
    assert [line[-3:] for line in lines] == [["1", AT.isoformat(), "change-1"]] * 2
    file = (await client.get(f"{PAGE}/tables/staying.csv?{asked}", headers=MANAGER)).text
    assert all(line[-3:-1] == ["2", LATER.isoformat()] for line in [*csv.reader(io.StringIO(file))][1:])
    book = openpyxl.load_workbook(
        io.BytesIO((await client.get(f"{PAGE}/export.xlsx?{asked}", headers=MANAGER)).content)
    )
    assert [row[-3:-1] for row in book["Changed"].iter_rows(min_row=2, values_only=True)] == [(1, AT.isoformat())] * 2
    paper = await client.get(f"{PAGE}/export.pdf?{asked}", headers=MANAGER)
    assert "End,release1" in words_of(PdfReader(io.BytesIO(paper.content)))
    live = (await client.get(f"{PAGE}?{asked}", headers=COORDINATOR)).text
    assert "release 1" not in live


async def test_a_table_of_people_marks_what_is_earlier(client: Any, told: Told) -> None:
    people = [improving(n, (OLD_TOWN, NORTH_QUAY)[n % 2]) for n in range(60)]
    await play(told, people)
    await release(client)
    await play(told, [improving(n, OLD_TOWN) for n in range(40)] + [improving(n, NORTH_QUAY) for n in range(5)])
    await release(client)
    page = (await client.get("/analytics/releases?table=site-by-program", headers=MANAGER)).text
    file = (await client.get("/analytics/tables/site-by-program.csv", headers=MANAGER)).text
    head, *lines = csv.reader(io.StringIO(file))
    assert head[-2:] == ["release", "earlier"]
    marked = sum(len(line[-1].split()) for line in lines)
    assert marked == page.count(", earlier<") > 0


async def test_a_release_keeps_the_cut_that_its_event_says(store: Any, client: Any) -> None:
    through: datetime = AT - timedelta(days=1)
    async with store.doors.transaction(ORGANISATION) as tx:
        await analytics_store.move_horizon(tx, ORGANISATION, AT)
        made = draft(Counts(tables(quay=20)), [], Rules())
        await analytics_store.save_release(tx, ORGANISATION, made, {"place": 0, "offsets": {}}, now(), through)
        assert [row["data_through"] for row in await analytics_store.release_list(tx)] == [through]
