"""A row of one release beside others of another one: people come, answer again and move on, and few stay behind."""

from collections import Counter
from collections.abc import Mapping, Sequence

import pytest

from services.analytics.acts.release import _order
from services.analytics.domain.bases import Base, Facts
from services.analytics.domain.lattice import EVERYBODY, Cell, nearly_within
from services.analytics.domain.moving import moving
from services.analytics.domain.people import Fact
from services.analytics.domain.rules import Rules
from services.analytics.domain.waiting import Latest, to_move
from services.analytics.store import Program
from tests.analytics.conftest import PROGRAM

RULES = Rules()
END, LATER = ("pair", "phq-9", "baseline", "end"), ("pair", "phq-9", "baseline", "follow-up")
THRICE = ("together", "phq-9:baseline phq-9:end phq-9:follow-up")
Answers = Sequence[tuple[int, ...]]


def facts(people: Answers) -> dict[Base, dict[Cell, Facts]]:
    """Of scores at baseline, end and follow-up: who answered at the first two, at the first and last, at all three."""
    found: dict[Base, Counter[Fact]] = {END: Counter(), LATER: Counter(), THRICE: Counter()}
    for scores in people:
        found[END]["pair", "phq-9", "1", "1", "baseline", "end", str(scores[0]), str(scores[1])] += 1
        if len(scores) > 2:
            found[LATER]["pair", "phq-9", "1", "1", "baseline", "follow-up", str(scores[0]), str(scores[2])] += 1
            found[THRICE][*THRICE, " ".join(map(str, scores))] += 1
    return {base: {EVERYBODY: one} for base, one in found.items() if one}


def test_who_did_not_answer_again_is_not_what_an_earlier_release_leaves() -> None:
    """Of the forty of the first release all but one have answered at the follow-up in the third."""
    both = [(n, n % 3, n % 4) for n in range(20)]
    once = [(20 + n, n % 3) for n in range(20)]
    more = [(n % 27, n % 5) for n in range(40)]
    again = [(*one, place % 4) for place, one in enumerate(once[:19])]
    days = [[*both, *once], [*both, *once, *more], [*both, *again, *once[19:], *more]]
    earlier: dict[Base, dict[int, Mapping[Cell, Latest]]] = {}
    moved = []
    for day, people in enumerate(days):
        rows = moving(facts(people), earlier, (), RULES, [END, LATER, THRICE])
        moved.append({base: row[EVERYBODY].n for base, row in rows.items()})
        for base, own in rows.items():
            earlier.setdefault(base, {})[day] = own
    assert moved == [{END: 40, LATER: 20, THRICE: 20}, {END: 80}, {}]


def by_band(**people: Sequence[int]) -> dict[Cell, Facts]:
    """What those scored who came to so many sessions, and everybody."""
    found: dict[Cell, Counter[Fact]] = {EVERYBODY: Counter()}
    for band, scores in people.items():
        own = Counter(("answer", "phq-9", "1", "end", str(score)) for score in scores)
        found[(("sessions attended", band),)] = own
        found[EVERYBODY].update(own)
    return found


def test_who_stayed_in_a_part_is_not_what_the_whole_of_an_earlier_day_leaves() -> None:
    """All of the first day but one have moved on to the second part since, and thirty others have come to the first."""
    first = by_band(few=list(range(20)), many=list(range(20, 40)))
    second = by_band(few=[19, *(n % 28 for n in range(30))], many=[*range(19), *range(20, 40)])
    rows = to_move(first, [], (), RULES)
    assert {row.n for row in rows.values() if row.facts} == {20, 40}
    assert (("sessions attended", "many"),) not in to_move(second, [rows], (), RULES)


def of_two_labels(joint: Mapping[tuple[str, str], Sequence[int]]) -> dict[Cell, Facts]:
    """What those of a site and a quarter scored, by site, by quarter and all together."""
    found: dict[Cell, Counter[Fact]] = {EVERYBODY: Counter()}
    for (site, quarter), scores in joint.items():
        own = Counter(("answer", "phq-9", "1", "end", str(score)) for score in scores)
        for cell in (EVERYBODY, (("site", site),), (("cohort", quarter),)):
            found.setdefault(cell, Counter()).update(own)
    return found


def test_a_quarter_within_a_site_leaves_no_few_of_it() -> None:
    """A program began at one site: of those who enrolled there later, one has answered. Then twenty have."""
    old, few, new = ("pier", "2025-q1"), ("pier", "2025-q2"), ("quay", "2025-q2")
    labels = [(dict(zip(("site", "cohort"), one, strict=True)), 30) for one in (old, few, new)]
    within = nearly_within(labels, "unknown")
    pier, first_quarter = (("site", "pier"),), (("cohort", "2025-q1"),)
    assert (first_quarter, pier) in within
    assert (pier, first_quarter) not in within
    scores = {old: list(range(28)), few: [23], new: [n % 9 for n in range(13)]}
    moved = to_move(of_two_labels(scores), [], (), RULES, within=within)
    assert not all(cell in moved and moved[cell].facts for cell in (pier, first_quarter))
    assert moved[EVERYBODY].facts
    assert moved[pier].facts
    later = scores | {few: list(range(7, 27))}
    now = to_move(of_two_labels(later), [moved], (), RULES, within=within)
    assert now[pier].facts
    assert first_quarter not in now  # it is as it was when it left one of the pier


def test_a_quarter_leaves_no_few_of_a_site_of_another_day() -> None:
    """The quarter waits, and comes when somebody of it is no longer counted: the site stood for all of them."""
    old, new = ("pier", "2025-q1"), ("quay", "2025-q2")
    within = nearly_within([({"site": "pier", "cohort": "2025-q1"}, 40)], "unknown")
    pier, first_quarter = (("site", "pier"),), (("cohort", "2025-q1"),)
    day = of_two_labels({old: list(range(28)), new: [n % 9 for n in range(40)]})
    first = {cell: row for cell, row in to_move(day, [], (), RULES).items() if cell != first_quarter}
    later = of_two_labels({old: list(range(27)), new: [n % 9 for n in range(80)]})
    assert first_quarter in to_move(later, [first], (), RULES)
    assert to_move(later, [first], (), RULES, within=within).get(first_quarter, Latest(0, None)).facts is None
    assert pier not in to_move(later, [first], (), RULES, within=within)


@pytest.mark.parametrize(("first", "later"), [("baseline", "follow-up"), ("pre", "follow-up")])
def test_what_changed_until_the_last_time_comes_first_however_occasions_are_called(first: str, later: str) -> None:
    entries = [{"occasion": one, "instruments": ["phq-9"], "kind": "other"} for one in (first, "end", later)]
    program = Program(PROGRAM, "evening-circle", None, tuple(entries))  # type: ignore[arg-type]
    last: Base = ("pair", "phq-9", *sorted((first, later)))
    together: Base = ("together", f"phq-9:{first} phq-9:end phq-9:{later}")
    assert _order(program, [together, last])[0] == last
