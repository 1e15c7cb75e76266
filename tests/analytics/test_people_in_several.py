"""Who is in several programs is one person: what spans programs hides few people, however often they are enrolled."""

import random
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.analytics import store as analytics_store
from services.analytics.domain.lattice import EVERYBODY, Cell, Joint, Several, cells
from services.analytics.domain.releasing import Counts, Known, Release, release
from services.analytics.domain.rules import Rules
from services.analytics.store.cells import count_all
from shared.events.intake import ParticipantErased
from shared.identity import derived_id
from tests.analytics.conftest import NORTH_QUAY, OLD_TOWN, ORGANISATION, Told
from tests.analytics.test_releases import API, MANAGER, improving
from tests.analytics.test_releases import release as released
from tests.analytics.world import Person, play
from tests.attack.running import findings

RULES = Rules()
MORNING = derived_id(ORGANISATION, "program", "morning-circle")


async def enrol(told: Told, twice: list[Person], once: list[Person]) -> None:
    """The first in two programs, the others in one."""
    await play(told, [*twice, *once])
    await play(told, [replace(one, enrolment=uuid4()) for one in twice], program=MORNING, code="morning-circle")


def erased(person: Person) -> ParticipantErased:
    return ParticipantErased(participant_id=person.participant, enrolment_ids=[], occasion_ids=[])


async def table(client: Any, *dimensions: str) -> dict[tuple[str, ...], int | None]:
    """One table of the newest release, as a manager sees it."""
    found = (await client.get(f"{API}/tables", headers=MANAGER)).json()["rows"]
    return {tuple(map(row["of"].get, dimensions)): row["n"] for row in found if row["of"].keys() == {*dimensions}}


@pytest.mark.parametrize(("many", "shown"), [(10, None), (11, 22)])
async def test_few_people_of_a_site_are_few_in_how_many_programs_they_may_be(
    client: Any, told: Told, many: int, shown: int | None
) -> None:
    quay = [improving(number, NORTH_QUAY) for number in range(many)]
    await enrol(told, quay, [improving(number, OLD_TOWN) for number in range(40)])
    await released(client)
    assert (await table(client, "site"))["north-quay",] == shown


async def test_a_site_waits_until_enough_people_have_joined_it_however_often(client: Any, told: Told) -> None:
    await enrol(told, [], [improving(number, site) for site in (OLD_TOWN, NORTH_QUAY) for number in range(40)])
    await released(client)
    for joining, shown in ((10, 40), (15, 40 + 2 * 25)):
        new = [improving(number, NORTH_QUAY) for number in range(joining)]
        await enrol(told, new, [improving(number, OLD_TOWN) for number in range(30)])
        await released(client)
        assert (await table(client, "site"))["north-quay",] == shown


async def test_a_second_program_for_everybody_moves_the_tables(client: Any, told: Told) -> None:
    """Nobody new is there, and yet something is new for each of them."""
    people = [improving(number, site) for site in (OLD_TOWN, NORTH_QUAY) for number in range(40)]
    await enrol(told, [], people)
    await released(client)
    await play(told, [replace(one, enrolment=uuid4()) for one in people], program=MORNING, code="morning-circle")
    await released(client)
    assert await table(client, "site") == {("old-town",): 80, ("north-quay",): 80}


async def test_what_waits_is_kept_with_who_they_were(client: Any, told: Told) -> None:
    """Ten people leave with two enrolments each: to a reader who is told of it these would be twenty."""
    twice = [improving(number, NORTH_QUAY) for number in range(10)]
    others = [improving(number, site) for site in (OLD_TOWN, NORTH_QUAY) for number in range(40)]
    await enrol(told, twice, others)
    await released(client)
    assert (await table(client, "site"))["north-quay",] == 60
    await told.tell(*(erased(one) for one in twice))
    await play(told, [improving(number, OLD_TOWN) for number in range(30)])
    await released(client)
    assert (await table(client, "site"))["north-quay",] == 60


def test_what_a_release_shows_is_of_enough_people() -> None:
    of = ("spring", "", "")
    found = cells({(program, site, *of): n for program in "ab" for site, n in (("town", 30), ("quay", 8))})
    quay = (("site", "quay"),)
    made = release(Counts(found, {quay: Several(8, 2), EVERYBODY: Several(68, 2)}), [], RULES)
    assert quay not in made.shown
    assert EVERYBODY in made.shown
    assert quay in release(Counts(found), [], RULES).shown


def test_of_a_release_that_did_not_say_who_they_were_a_single_person_is_one() -> None:
    """Sixty were shown, of thirty people; one more is not the thirty that they are fewer than sixty."""
    quay = (("site", "quay"),)
    was = Known(60, was_shown=True)
    assert Counts({quay: 61}, {quay: Several(31, 2)}).changed(quay, was) == 1
    assert Counts({quay: 61}, {quay: Several(31, 2)}).changed(quay, replace(was, several=Several(30, 2))) == 1
    assert Counts({quay: 90}, {quay: Several(45, 2)}).changed(quay, was) == 15


@pytest.mark.parametrize("seed", range(12))
def test_no_sequence_shows_a_number_of_few_people_nor_a_move_by_few(seed: int) -> None:
    """People join one program, two or three, and leave; the attack reads all of it, too."""
    chance = random.Random(seed)
    people: dict[int, frozenset[Joint]] = {}
    made: list[Release] = []
    days: list[dict[Cell, Counter[int]]] = []
    for day in range(6):
        _a_day(people, chance, 300 if day == 0 else chance.choice((20, 60, 120)))
        joint = Counter(one for own in people.values() for one in own)
        days.append(_who(people))
        several = {cell: Several(len(own), max(own.values())) for cell, own in days[-1].items()}
        made.append(release(Counts(cells(joint), several), made, RULES))
    shown_on: dict[Cell, int] = {}
    for day, one in enumerate(made):
        for cell in one.shown:
            now = days[day].get(cell, Counter())
            assert len(now) >= 11 or not now
            if cell in shown_on and one.values[cell] != made[shown_on[cell]].values[cell]:
                assert len(now.keys() ^ days[shown_on[cell]].get(cell, Counter()).keys()) >= 11
            shown_on[cell] = day
    assert not findings(made, [one.values for one in made], RULES)
    assert sum(n != len(days[-1].get(cell, ())) for cell, n in made[-1].values.items()) > 5, "somebody is there twice"


def _a_day(people: dict[int, frozenset[Joint]], chance: random.Random, joining: int) -> None:
    for number in list(people):
        if chance.random() < 0.02:
            del people[number]
    for _ in range(joining):
        site = chance.choices(("town", "quay", "hill"), (6, 3, 1))[0]
        programs = chance.sample("abc", chance.choice((1, 1, 2, 3)))
        people[len(people) + chance.randrange(10**9)] = frozenset((one, site, "spring", "", "") for one in programs)


def _who(people: dict[int, frozenset[Joint]]) -> dict[Cell, Counter[int]]:
    """Who is in which cell, and how often."""
    found: defaultdict[Cell, Counter[int]] = defaultdict(Counter)
    for number, own in people.items():
        for cell, times in cells(dict.fromkeys(own, 1)).items():
            found[cell][number] += times
    return dict(found)


async def test_who_is_there_several_times_is_counted_by_all_that_spans_programs(told: Told) -> None:
    chance = random.Random(7)
    in_first, in_second = [], []
    for _ in range(60):
        quarter = chance.choice((1, 4, 7))
        one = Person(
            site=chance.choice((OLD_TOWN, NORTH_QUAY)),
            age=chance.choice((None, "under-30", "30-plus")),
            enrolled=date(2025, quarter, 6),
        )
        in_first.append(one)
        if chance.random() < 0.5:
            elsewhere = chance.choice((OLD_TOWN, NORTH_QUAY))
            in_second.append(replace(one, enrolment=uuid4(), site=elsewhere, enrolled=date(2025, 4, 6)))
    await play(told, in_first)
    await play(told, in_second, program=MORNING, code="morning-circle")
    sites, found = {OLD_TOWN: "old-town", NORTH_QUAY: "north-quay"}, defaultdict[Cell, Counter[UUID]](Counter)
    for program, people in (("evening-circle", in_first), ("morning-circle", in_second)):
        for one in people:
            own = program, sites[one.site], f"2025-q{(one.enrolled.month + 2) // 3}"
            for cell in cells({(*own, "", ""): 1, (*own, "age", one.age or "unknown"): 1}):
                found[cell][one.participant] += 1
    several = {
        cell: (own.total() - len(own), max(own.values())) for cell, own in found.items() if max(own.values()) > 1
    }
    async with told.store.doors.transaction(ORGANISATION) as tx:
        await count_all(tx)
        assert await analytics_store.find_several(tx, ()) == several
