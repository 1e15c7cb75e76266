"""Whatever people do between releases: the attack finds nothing in the tables, and scores move as whole bases."""

from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from services.analytics.domain.bases import Latest, to_move
from services.analytics.domain.lattice import EVERYBODY, Cell, cells
from services.analytics.domain.releasing import Release, release
from services.analytics.domain.rules import Rules
from tests.attack.judging import Judge
from tests.attack.reader import Published
from tests.attack.sums import Reader, Scores, few

RULES = Rules()
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
        self.made.append(release(self.truths[-1], self.made, RULES))
        self.rows.append(to_move(self._scores(), self.rows, (), RULES))
        moved: dict[Cell, Scores | None] = {
            cell: None if row.facts is None else Counter(row.facts) for cell, row in self.rows[-1].items()
        }
        assert not few(self.reader.read(moved), RULES.people_min)
        now = self._scores()
        assert all(row.facts is None or row.facts == now.get(cell, {}) for cell, row in self.rows[-1].items())

    def teardown(self) -> None:
        seen = [
            Published({cell: one.values[cell] for cell in one.shown}, frozenset(one.values.keys() - one.shown))
            for one in self.made
        ]
        assert not list(Judge(seen, self.truths, RULES.people_min).findings())

    def _scores(self) -> dict[Cell, Scores]:
        found: dict[Cell, Scores] = {}
        for _, site, _, age, score in self.people:
            for cell in (EVERYBODY, (("site", site),), (("age", age),)):
                found.setdefault(cell, Counter())["answer", "phq-9", "1", "end", str(score)] += 1
        return found


TestReleases = Releases.TestCase
TestReleases.settings = settings(max_examples=30, stateful_step_count=15, deadline=None)
