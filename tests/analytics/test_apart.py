"""Groups beside everybody else, and a program beside its comparison: of how many, and each number in its own unit."""

import re
from datetime import date
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

import numpy as np
import pytest
from scipy import stats

from shared.events.feedback import BatteryActivated, BatteryEntry
from shared.identity import derived_id
from shared.web.filters import words
from tests.analytics.conftest import (
    NORTH_QUAY,
    OLD_TOWN,
    ORGANISATION,
    PROGRAM,
    Told,
    a_check_in,
    an_enrolment,
    an_instrument,
)
from tests.analytics.test_floor import table
from tests.analytics.test_releases import COORDINATOR, MANAGER, release
from tests.analytics.test_sentences import API, PAGE, text_of
from tests.analytics.world import ASKED, Person, play

BETTER, SAME = {"baseline": (16, 9), "end": (6, 9)}, {"baseline": (16, 9), "end": (16, 9)}


def of_two_ages() -> list[Person]:
    """Of the young 20 of 25 are reliably better, of the old 5 of 25; all but five of each came."""
    young = [Person(age="under-30", scores=BETTER if n < 20 else SAME, came=n % 5) for n in range(25)]
    old = [Person(age="30-plus", scores=BETTER if n < 5 else SAME, came=n % 5) for n in range(25)]
    return young + old


async def test_of_each_group_and_of_all_others_it_is_said_how_many_of_how_many(client: Any, told: Told) -> None:
    await play(told, of_two_ages())
    text = await text_of(client, f"{PAGE}?to=end", COORDINATOR)
    assert "Age People Share All others Their share Gap, percentage points" in text
    assert "Under 30: reliably better 20 of 25 80% (61% to 91%) 5 of 25 20% +60 (+33 to +76)" in text
    assert "Under 30: came 20 of 25 80% (61% to 91%) 20 of 25 80% 0 (−22 to +22)" in text
    head, lines = await table(client, "groups", COORDINATOR)
    assert head[1:3] + head[6:9] == ["People", "People: of", "All others", "All others: of", "Their share"]
    [line] = [line for line in lines if line[0] == "Under 30: reliably better"]
    assert line[1:4] + line[6:9] == ["20", "25", "0.8", "5", "25", "0.2"]
    assert round(float(line[head.index("Gap, percentage points")])) == 60


async def test_where_no_session_was_held_nobody_is_said_not_to_have_come(client: Any, told: Told) -> None:
    people = of_two_ages()
    for one in people:
        one.came = 0
    await play(told, people)
    _, lines = await table(client, "groups", COORDINATOR)
    assert {line[0].partition(": ")[2] for line in lines} == {"stayed", "reliably better"}


async def test_beside_a_comparison_each_number_has_its_own_unit(client: Any, told: Told) -> None:
    other = derived_id(ORGANISATION, "program", "usual-care")
    gained = [Person(scores={"baseline": (14 + n % 4, 9), "end": (7 + n % 5, 9)}, age="any") for n in range(20)]
    waited = [Person(scores={"baseline": (14 + n % 3, 9), "end": (13 + n % 4, 9)}) for n in range(15)]
    await play(told, waited, program=other, code="usual-care")
    await play(told, gained, comparison_program_id=other)
    head, [line] = await table(client, "beside", COORDINATOR)
    assert [one for one in head if "percentage points" in one or "SDs" in one] == [
        head[at] for at in (3, 4, 5, 10, 11, 12)
    ]
    improved = sum(one.scores["baseline"][0] - one.scores["end"][0] >= 6 for one in gained)
    assert line[1:3] + line[6:10] == ["20", "15", str(improved), "20", "0", "15"]
    assert float(line[10]) == 100 * improved / 20
    text = await text_of(client, f"{PAGE}?to=end", COORDINATOR)
    assert f"Baseline to end 20 15 +{float(line[3]):.2f}" in text
    assert f"{improved} of 20 0 of 15 +{5 * improved}" in text


async def belonging(told: Told, ages: dict[str, tuple[UUID, range]]) -> None:
    """Of an instrument of which no source says what is reliable: so many quarters of a point more, by age and site."""
    entries = [BatteryEntry(occasion=at, kind=at, instruments=["belonging"]) for at in ("baseline", "end")]
    await play(told, [])
    await told.tell(an_instrument(code="belonging", maximum=16, unit=4, higher_is_better=True, is_validated=False))
    await told.tell(BatteryActivated(program_id=PROGRAM, entries=entries))
    for age, (site, gains) in ages.items():
        for number, gain in enumerate(gains):
            one = an_enrolment(uuid4(), site=site).model_copy(update={"attributes": {"age": age}})
            await told.tell_at_once([one, *(answers(one, at, 4 + number % 4 + more) for at, more in
                                            (("baseline", 0), ("end", gain % 5)))])  # fmt: skip


def answers(one: Any, at: str, count: int) -> Any:
    said = a_check_in(one.enrolment_id, at, count, one.site_id)
    score = said.scores[0].model_copy(update={"instrument": "belonging", "unit": 4})
    return said.model_copy(update={"scores": [score]})


MORE, LESS = range(24), [0, 0, 0, 1] * 5


@pytest.mark.parametrize(
    ("who", "few", "is_shown"),
    [(COORDINATOR, 3, True), (MANAGER, 0, True), (MANAGER, 3, False)],
    ids=["as it is now", "of a release", "of a release, beside a few"],
)
async def test_where_no_source_says_what_is_reliable_groups_differ_by_their_mean_change(
    client: Any, told: Told, who: Any, few: int, is_shown: bool
) -> None:
    """Of a release the other ages are hidden, too, where beside them three people would be left."""
    ages = {"under-30": (OLD_TOWN, MORE), "30-plus": (NORTH_QUAY, LESS), "90-plus": (OLD_TOWN, range(few))}
    await belonging(told, ages)
    await release(client)
    asked = ASKED | {"instrument": "belonging", "attribute": "age"}
    rows = (await client.get(f"{API}/equity", params=asked, headers=who)).json()["rows"]
    gained = {row["group"]: row["gained"] for row in rows}
    text = await text_of(client, f"{PAGE}?{urlencode(asked)}", who)
    assert {row["group"]: row["outcome"] for row in rows} == dict.fromkeys(gained)
    assert "No source says how much change on Belonging is reliable for a single person, so these are means." in text
    assert gained.get("90-plus") is None
    if not is_shown:
        assert all((one["n_others"] or 11) >= 11 for one in gained.values() if one)
        without = [group for group, one in gained.items() if one is None]
        assert [group for group in without if not re.search(rf"{words(group)}( and [\w ]+?)? hidden", text)] == []
        assert list(gained.values()).count(None) >= 2
        return
    mine, others, young = [n % 5 / 4 for n in MORE], [n % 5 / 4 for n in (*LESS, *range(few))], gained["under-30"]
    exact = stats.ttest_ind(mine, others, equal_var=False).confidence_interval()
    assert (young["n"], young["n_others"], young["is_flagged"]) == (24, 20 + few, True)
    assert young["gap"] == pytest.approx(np.mean(mine) - np.mean(others))
    assert (young["gap_low"], young["gap_high"]) == (pytest.approx(exact.low), pytest.approx(exact.high))
    differ = "the change of these differs from that of all others by more than chance"
    assert f"By age, {differ}: 30 plus, Under 30" in text
    assert f"By site, {differ}: North Quay, Old Town" in text
    assert f"Under 30 24 +{young['mean_change']:.2f}" in text


async def test_without_attributes_people_are_told_apart_by_when_they_enrolled(client: Any, told: Told) -> None:
    """And the page asks for another way: by site."""
    begun = date(2025, 1, 6), date(2025, 4, 7)
    await play(told, [Person(scores=(BETTER, SAME)[n % 2], enrolled=begun[n % 2], came=1) for n in range(40)])
    page = (await client.get(f"{PAGE}?to=end", headers=COORDINATOR)).text
    assert '<option value="cohort" selected>' in page
    assert '<option value="site">' in page
    text = await text_of(client, f"{PAGE}?to=end", COORDINATOR)
    assert "2025 Q1: reliably better 20 of 20 100% (84% to 100%) 0 of 20 0% +100" in text
    assert "No attribute is known" not in text
    by_site = await text_of(client, f"{PAGE}?to=end&attribute=site", COORDINATOR)
    assert "Old Town: came 40 of 40" in by_site


async def test_who_answered_again_is_compared_by_the_first_score_whatever_the_instrument(
    client: Any, told: Told
) -> None:
    await belonging(told, {"under-30": (OLD_TOWN, MORE)})
    for number in range(12):
        one = an_enrolment(uuid4())
        await told.tell(one, answers(one, "baseline", 9 + number % 3))
    file = await client.get(
        f"{PAGE}/tables/answered.csv?instrument=belonging&from=baseline&to=end", headers=COORDINATOR
    )
    assert file.status_code == 200
    text = await text_of(client, f"{PAGE}?instrument=belonging&to=end", COORDINATOR)
    assert re.search(r"Those who answered Belonging again at end began \d\.\d\d SD lower than those who have not", text)
