"""What stands beside each other for readers of releases is of one release, and what a page is made of is released."""

from datetime import date
from typing import Any
from uuid import uuid4

from shared.events.feedback import BatteryActivated, BatteryEntry
from shared.events.intake import SiteOpened
from tests.analytics.conftest import NORTH_QUAY, OLD_TOWN, ORGANISATION, PROGRAM, Told, an_enrolment, an_instrument
from tests.analytics.test_api import a_due
from tests.analytics.test_readers import answered
from tests.analytics.test_releases import API, COORDINATOR, MANAGER, release, rows
from tests.analytics.test_sentences import PAGE, text_of
from tests.analytics.test_versions import by_version
from tests.analytics.world import ASKED, OF, PHQ9, Person, play
from tests.doors import bearer


async def test_who_leads_a_group_sees_elsewhere_what_a_manager_sees(client: Any, told: Told) -> None:
    await play(told, [Person(scores={"baseline": (20 - n % 4,), "end": (10 + n % 3,)}) for n in range(20)])
    await release(client)
    await play(told, [Person(scores={"baseline": (20,), "end": (10,)})])
    both = bearer("program-manager", roles=["program-manager", "facilitator"])
    for path in ("change", "rates", "sites"):
        assert await rows(client, both, path) == await rows(client, path=path)
    assert "what changed for 20 people" in await text_of(client, f"{PAGE}?to=end", both)
    assert (await rows(client, COORDINATOR))[0]["n_paired"] == 21


async def test_numbers_of_two_releases_do_not_stand_side_by_side(client: Any, told: Told) -> None:
    """Of 40 half have answered twice; then 52 of 60 have, and the baseline waits: the others would be eight people."""
    people = [Person(scores={"baseline": (20 - n % 4,)} | ({"end": (9 + n % 3,)} if n < 20 else {})) for n in range(40)]
    await play(told, people)
    await release(client)
    for path in ("change", "rates"):
        [row] = await rows(client, path=path)
        assert (row["n_first"], row["n_later"], row["n_paired"]) == (40, 20, 20)
    assert row["difference"] is not None
    await told.tell(*(answered(one.enrolment, "end", 9 + n % 3) for n, one in enumerate(people[20:])))
    more = [Person(scores={"baseline": (19 - n % 4,)} | ({"end": (8 + n % 3,)} if n < 12 else {})) for n in range(20)]
    await play(told, more)
    await release(client)
    for path in ("change", "rates"):
        [row] = (await client.get(f"{API}/{path}", params=ASKED, headers=MANAGER)).json()["rows"]
        assert (row["n_first"], row["n_paired"], row["release"]) == (None, 52, 2)
    assert row["difference"] is None
    text = await text_of(client, f"{PAGE}?to=end", MANAGER)
    assert "Answered baseline hidden" in text
    assert "Both 52" in text
    assert "SD lower than those" not in text
    [live] = await rows(client, COORDINATOR)
    assert (live["n_first"], live["n_later"], live["n_paired"]) == (60, 52, 52)


async def test_where_nobody_answered_twice_yet_who_answered_once_is_told_with_its_release(
    client: Any, told: Told
) -> None:
    await play(told, [Person(scores={"baseline": (20 - n % 4,)}, came=1) for n in range(20)])
    await release(client)
    await play(told, [Person() for _ in range(12)])
    assert (await release(client))["release"] == 2
    [row] = (await client.get(f"{API}/change", params=ASKED, headers=MANAGER)).json()["rows"]
    assert (row["suppressed"], row["n_first"], row["n_eligible"], row["release"]) == (True, 20, None, 1)


async def by_month(told: Told, many: int, *months: int) -> None:
    """So many more, who answer at the baseline and in these months."""
    for number in range(many):
        one = uuid4()
        scores = {f"month-{month}": 9 + (number + month) % 4 for month in months}
        due = [a_due(one, at, "monthly") for at in scores]
        told_first = [an_enrolment(one), *due, answered(one, "baseline", 20 - number % 4)]
        await told.tell_at_once([*told_first, *(answered(one, at, count) for at, count in scores.items())])


async def lasting(client: Any, *three: str) -> Any:
    asked = OF | dict(zip(("from", "end", "to"), three, strict=True))
    return await client.get(f"{API}/lasting", params=asked, headers=MANAGER)


async def test_an_attribute_that_nobody_had_is_not_named_before_a_release_names_it(client: Any, told: Told) -> None:
    await play(told, [Person(age="30-plus", scores={"baseline": (20 - n % 4,)}) for n in range(20)])
    await release(client)
    one = an_enrolment(uuid4()).model_copy(update={"attributes": {"mother-tongue": "polish"}})
    await told.tell(one)
    assert "Mother Tongue" in await text_of(client, PAGE, COORDINATOR)
    assert "Mother Tongue" not in await text_of(client, PAGE, MANAGER)
    asked = {"program": "evening-circle", "by": "mother-tongue"}
    refused = await client.get(f"{API}/retention", params=asked, headers=MANAGER)
    assert (refused.status_code, refused.json()["code"]) == (404, "attribute-not-found")


async def test_an_occasion_of_few_is_not_named_nor_does_what_lasts_end_there(client: Any, told: Told) -> None:
    """After the release one person is asked in the third month, and is so when the next release is made."""
    entries = [
        BatteryEntry(occasion="baseline", kind="baseline", instruments=["phq-9"]),
        BatteryEntry(occasion="month", kind="monthly", repeats_months=1, instruments=["phq-9"]),
    ]
    await play(told, [])
    await told.tell(BatteryActivated(program_id=PROGRAM, entries=entries))
    await by_month(told, 40, 1, 2)
    await release(client)
    one = an_enrolment(uuid4())
    await told.tell(one, a_due(one.enrolment_id, "month-3", "monthly"))
    assert "Month 3" in await text_of(client, PAGE, COORDINATOR)
    for people in (40, 52):
        text = await text_of(client, PAGE, MANAGER)
        assert "Month 3" not in text
        assert "who were reliably better at month 1 have kept it at month 2" in text
        assert (await lasting(client, "baseline", "month-1", "month-2")).json()["rows"][0]["n"] == people
        unknown = await lasting(client, "baseline", "month-2", "month-3")
        assert (unknown.status_code, unknown.json()["code"]) == (404, "occasion-not-found")
        await by_month(told, 12, 1, 2)
        await release(client)
    await by_month(told, 30, 1, 2, 3)
    await release(client)
    assert "Month 3" in await text_of(client, PAGE, MANAGER)
    assert (await lasting(client, "baseline", "month-2", "month-3")).status_code == 200


async def apart(client: Any) -> dict[str, tuple[float | None, float | None, int]]:
    """Of each age that is shown who came, and the gap to everybody else; and the release."""
    answer = await client.get(f"{API}/equity", params=ASKED | {"attribute": "age"}, headers=MANAGER)
    shown = [row for row in answer.json()["rows"] if not row["suppressed"]]
    return {row["group"]: (row["reach"]["rate"], row["reach"]["gap"], row["release"]) for row in shown}


async def test_everybody_else_is_also_who_is_hidden_and_of_the_same_release(client: Any, told: Told) -> None:
    ages = {"30-plus": 60, "under-30": 60, "45-plus": 20, "60-plus": 5}
    came = {"30-plus": (0, 2), "under-30": (1, 3)}
    people = [Person(age=age, came=came.get(age, (0, 0))[n % 2]) for age, many in ages.items() for n in range(many)]
    await play(told, people)
    await release(client)
    others = [one.came > 0 for one in people if one.age != "30-plus"]
    assert (await apart(client))["30-plus"] == (0.5, 0.5 - sum(others) / len(others), 1)
    assert (await apart(client)).keys() == {"30-plus", "under-30"}
    await play(told, [Person(age="under-30", came=1 + n % 2) for n in range(40)])
    await release(client)
    found = await apart(client)
    assert found["30-plus"] == (0.5, None, 1)
    assert found["under-30"][1:] != (None, 1)
    text = await text_of(client, f"{PAGE}?attribute=age", MANAGER)
    assert "differ from all others by more than chance: Under 30 (came)" in text


async def test_a_quarter_that_is_within_a_site_does_not_leave_one_person_of_it(client: Any, told: Told) -> None:
    """A program began at one site. Of those who enrolled later one has answered twice: no two rows leave that one."""
    first, second = date(2025, 1, 6), date(2025, 4, 7)
    twice = [{"baseline": (20 - n % 4,), "end": (9 + n % 5,)} for n in range(40)]
    people = [Person(scores=twice[n] if n < 29 else {}, enrolled=first) for n in range(30)]
    people += [Person(scores={"baseline": (23,), "end": (19,)} if n == 0 else {}, enrolled=second) for n in range(30)]
    people += [Person(site=NORTH_QUAY, scores=twice[n] if n < 12 else {}, enrolled=second) for n in range(40)]
    await play(told, people)
    await release(client)
    found = {}
    for label in ("site", "cohort"):
        asked = ASKED | {"by": label}
        answer = await client.get(f"{API}/change", params=asked, headers=MANAGER)
        found |= {one["group"]: one["n_paired"] for one in answer.json()["rows"]}
    assert found == {"old-town": 30, "north-quay": 12, "2025-q1": None, "2025-q2": None}


async def test_of_several_sites_no_number_stands_beside_one_of_fewer_of_them(client: Any, told: Told) -> None:
    """At one of the two sites of this manager few answered twice, and few completed: their others are of both sites."""
    west = uuid4()
    people = []
    for site, twice, completed, many in ((OLD_TOWN, 28, 25, 40), (NORTH_QUAY, 9, 9, 30), (west, 9, 9, 30)):
        for n in range(many):
            scores = {"baseline": (20 - n % 4,)} | ({"end": (9 + n % 5,)} if n < twice else {})
            people.append(
                Person(site=site, scores=scores, came=1 + n % 3, end="completed" if n < completed else "there")
            )
    await play(told, people)
    await told.tell(
        SiteOpened(
            organisation_id=ORGANISATION, site_id=west, code="west-point", time_zone="Europe/London", languages=["en"]
        )
    )
    await release(client)
    of_two = bearer("program-manager", "old-town", "north-quay")
    by_site = {row["group"]: row for row in await rows(client, MANAGER, by="site")}
    assert by_site["old-town"]["n_paired"] == 28
    assert by_site["north-quay"]["n_paired"] is None
    [change] = await rows(client, of_two)
    assert (change["n_enrolled"], change["n_paired"]) == (70, 28)
    assert (change["n_eligible"], change["n_first"], change["n_later"]) == (None, None, None)
    [rates] = await rows(client, of_two, "rates")
    assert (rates["is_complete"], rates["improved"]["rate"], rates["difference"]) == (False, None, None)
    assert (rates["improved"]["if_missing_not"], rates["improved"]["if_missing_all"]) == (None, None)
    answer = await client.get(f"{API}/retention", params={"program": "evening-circle"}, headers=of_two)
    [staying] = answer.json()["rows"]
    assert (staying["suppressed"], staying["n_completed"]) == (False, None)


async def test_scores_of_an_older_version_are_not_judged_by_the_newest_one(client: Any, told: Told) -> None:
    """Until a version that does not compare is answered twice what lasts is told of the one before, then of neither."""
    scores = [{"baseline": (20 - n % 4,), "end": (9 + n % 5,), "follow-up": (8 + n % 6,)} for n in range(30)]
    await play(told, [Person(scores=one) for one in scores])
    await release(client)
    [row] = (await lasting(client, "baseline", "end", "follow-up")).json()["rows"]
    assert (row["n"], row["suppressed"]) == (30, False)
    await told.tell(an_instrument(**PHQ9 | {"version": 2, "reliable_change": 2}))
    [row] = (await lasting(client, "baseline", "end", "follow-up")).json()["rows"]
    assert (row["n"], row["suppressed"]) == (30, False)
    for number in range(12):
        one = an_enrolment(uuid4())
        said = [answered(one.enrolment_id, at, 14 + number % n) for at, n in (("baseline", 3), ("end", 4))]
        await told.tell(one, *(by_version(each, 2) for each in said))
    await release(client)
    [row] = (await lasting(client, "baseline", "end", "follow-up")).json()["rows"]
    assert (row["n"], row["suppressed"]) == (None, True)


async def test_what_lasts_stands_there_from_wherever_a_reader_looks(client: Any, told: Told) -> None:
    scores = [{"baseline": (20 - n % 4,), "end": (9 + n % 5,), "follow-up": (8 + n % 6,)} for n in range(30)]
    await play(told, [Person(scores=one) for one in scores])
    for begins in ("baseline", "end"):
        text = await text_of(client, f"{PAGE}?instrument=phq-9&from={begins}&to=follow-up", COORDINATOR)
        assert "who were reliably better at end have kept it at follow-up" in text
