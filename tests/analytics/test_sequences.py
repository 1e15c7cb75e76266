"""Whatever people do between releases: the attack finds nothing in the tables, and scores move as whole bases.

In one week some answered the newest version of an instrument, some an earlier one that is not comparable, some both.
"""

import os
from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from services.analytics.domain import Fact, Instrument
from services.analytics.domain.lattice import EVERYBODY, Cell, cells
from services.analytics.domain.people import taken_together
from services.analytics.domain.releasing import Counts, Release, release
from services.analytics.domain.rules import Rules
from services.analytics.domain.waiting import Latest, to_move
from tests.attack.running import findings
from tests.attack.sums import Reader, Scores, few

SEARCHED = int(os.environ.get("KITH_SEARCHED", "30"))
"""So many histories: 30 for every day, 1,000 by chance in `make attack`."""
RULES = Rules()
NEWEST = Instrument("phq-9", 2, 1, 0, 27, higher_is_better=False, is_validated=True)
ANSWERED = ("1", "1", "1+2", "2", "2")  # by the score: which versions
Person = tuple[str, str, str, str, int]
PLACES = st.tuples(
    st.sampled_from(("circle", "walk")), st.sampled_from(("quay", "town", "hill")), st.sampled_from(("c1", "c2")),
    st.sampled_from(("young", "old")),
)  # fmt: skip


class Releases(RuleBasedStateMachine):
    """People join and leave; releases are made of who they are and of what they scored."""

    def __init__(self) -> None:
        super().__init__()
        self.people: list[Person] = []
        self.made: list[Release] = []
        self.truths: list[dict[Cell, int]] = []
        self.rows: list[dict[Cell, Latest]] = []
        self.reader = Reader()
        self.weeks: list[dict[Cell, Latest]] = []
        self.reader_of_weeks = Reader(across=False)

    @initialize(groups=st.lists(st.tuples(PLACES, st.integers(1, 60)), min_size=3, max_size=8))
    def begin(self, groups: list[tuple[tuple[str, str, str, str], int]]) -> None:
        for place, many in groups:
            self.join(place, many)
        self.release()

    @rule(place=PLACES, many=st.integers(1, 30))
    def join(self, place: tuple[str, str, str, str], many: int) -> None:
        self.people += [(*place, (len(self.people) + number) % 5) for number in range(many)]

    @precondition(lambda self: len(self.people) > 1)
    @rule(chance=st.randoms(use_true_random=False))
    def leave(self, chance: object) -> None:
        self.people.pop(chance.randrange(len(self.people)))  # type: ignore[attr-defined]

    @rule()
    def release(self) -> None:
        joint = Counter(
            (program, site, cohort, *own)
            for program, site, cohort, age, _ in self.people
            for own in (("", ""), ("age", age))
        )
        self.truths.append(cells(joint))
        self.made.append(release(Counts(self.truths[-1]), self.made, RULES))
        self.rows.append(to_move(self._scores(), self.rows, (), RULES))
        moved: dict[Cell, Scores | None] = {
            cell: None if row.facts is None else Counter(row.facts) for cell, row in self.rows[-1].items()
        }
        assert not few(self.reader.read(moved), RULES.people_min)
        now = self._scores()
        assert all(row.facts is None or row.facts == now.get(cell, {}) for cell, row in self.rows[-1].items())
        self.weeks.append(to_move(self._weeks(), self.weeks, (), RULES))
        answered = {cell: people_of_week(row) for cell, row in self.weeks[-1].items()}
        assert not few(self.reader_of_weeks.read(answered), RULES.people_min)

    def teardown(self) -> None:
        assert not findings(self.made, self.truths, RULES)

    def _scores(self) -> dict[Cell, Scores]:
        found: dict[Cell, Scores] = {}
        for _, site, _, age, score in self.people:
            for cell in (EVERYBODY, (("site", site),), (("age", age),)):
                found.setdefault(cell, Counter())["answer", "phq-9", "1", "end", str(score)] += 1
        return found

    def _weeks(self) -> dict[Cell, dict[Fact, int]]:
        found: dict[Cell, Scores] = {}
        for _, site, _, _, score in self.people:
            answered = ANSWERED[score]
            for cell in (EVERYBODY, (("site", site),)):
                facts = found.setdefault(cell, Counter())
                facts["in-week", "phq-9", answered, "2026-w07"] += 1
                facts.update(("week", "phq-9", one, "2026-w07", str(score)) for one in answered.split("+"))
        return {cell: taken_together(facts, {"phq-9": NEWEST}) for cell, facts in found.items()}


def people_of_week(row: Latest) -> Scores | None:
    return None if row.facts is None else Counter({fact: n for fact, n in row.facts.items() if fact[0] == "in-week"})


TestReleases = Releases.TestCase
TestReleases.settings = settings(
    max_examples=SEARCHED, derandomize=SEARCHED <= 30, stateful_step_count=15, deadline=None
)


def test_a_cell_hidden_for_another_one_is_not_told_by_the_days_before() -> None:
    """Found by chance: of 13 people that were hidden beside one, both bounds had come to 13."""
    history = Releases()
    history.begin(
        [(("circle", "quay", "c1", "young"), 2), (("circle", "quay", "c2", "young"), 12),
         (("circle", "hill", "c2", "young"), 11)]
    )  # fmt: skip
    history.join(("circle", "quay", "c1", "young"), 11)
    history.join(("walk", "quay", "c1", "young"), 1)
    history.release()
    history.join(("walk", "town", "c2", "young"), 12)
    history.release()
    history.teardown()


def test_bounds_that_chase_each_other_meet_nowhere() -> None:
    """Found by chance: who stopped following them half-way held what could not be, and in it a true number."""
    history = Releases()
    history.begin([(("circle", "quay", "c1", "young"), 50), (("circle", "quay", "c2", "old"), 1)])
    history.people.pop(0)
    history.join(("circle", "town", "c1", "young"), 1)
    history.join(("walk", "quay", "c1", "young"), 9)
    history.release()
    history.teardown()


def test_a_release_in_which_no_number_is_new_names_nothing_new() -> None:
    """Found by chance: what a day named, and what not, came between the numbers of the days around it."""
    history = Releases()
    history.begin([(("walk", "quay", "c1", "young"), 11)])
    del history.people[:2]
    history.join(("circle", "quay", "c1", "young"), 2)
    history.join(("circle", "quay", "c1", "old"), 7)
    history.release()
    assert history.made[1].values == history.made[0].values
    history.people.pop(0)
    history.join(("circle", "quay", "c2", "young"), 7)
    history.release()
    history.teardown()
