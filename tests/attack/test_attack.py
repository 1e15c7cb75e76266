"""The attack finds nothing in what is released, and much where protection is taken away."""

from collections import Counter
from dataclasses import replace

import pytest

from services.analytics.domain.lattice import cells
from services.analytics.domain.releasing import Counts, Release, release
from services.analytics.domain.rules import Rules
from tests.attack import judging
from tests.attack.judging import Finding, Truth
from tests.attack.reader import Published
from tests.attack.running import Tally, attacked, findings, unprotected
from tests.attack.worlds import NEW, SMALL, TINY, sequence, table

RULES = Rules()


def test_tables_tell_of_nobody() -> None:
    found = Tally()
    for seed in range(50):
        found += attacked([table(seed, TINY if seed % 5 else SMALL)], RULES)
    assert not found.findings
    assert found.small > 200, "there has to be something to find"


def test_sequences_tell_of_nobody() -> None:
    found = Tally()
    for seed in range(50):
        found += attacked(list(sequence(seed, TINY)), RULES)
    assert not found.findings
    assert found.small > 100, "there has to be something to find"
    assert found.large_seen > found.large / 2, "who hides everything has no attack to fear"


@pytest.mark.parametrize("rules", [Rules(5), Rules(20), Rules(11, zeros_hidden=True)])
def test_releases_tell_of_nobody_by_other_rules(rules: Rules) -> None:
    for seed in range(4, 6):
        assert not attacked([table(seed, SMALL)], rules).findings
        assert not attacked(list(sequence(seed, TINY)), rules).findings


@pytest.mark.parametrize("rules", [RULES, Rules(11, zeros_hidden=True)])
def test_new_organisations_tell_of_nobody(rules: Rules) -> None:
    for seed in range(15):
        assert not attacked(list(sequence(seed, NEW)), rules).findings


def test_a_page_by_a_new_rule_does_not_tell_what_it_hides() -> None:
    """Its numbers are attacked alone: what an earlier release has shown of small cells is known to whoever kept it."""
    found, masked = 0, 0
    for seed in range(10):
        truth = cells(table(seed, TINY if seed % 5 else SMALL))
        first = release(Counts(truth), [], Rules(5))
        found += len(_of_page(release(Counts(truth), [first], RULES), truth))
        masked += len(_of_page(replace(first, rules=RULES), truth))
    assert not found
    assert masked > 10, "there has to be something to find"


def _of_page(one: Release, truth: Truth) -> list[Finding]:
    seen = {cell: one.known[cell].n for cell in one.values if not one.is_hidden(cell)}
    page = Published(seen, frozenset(one.values.keys() - seen.keys()))
    found = judging.findings([page], [truth], one.rules.people_min)
    return [each for each in found if one.rules.is_small(each.truth)]


@pytest.mark.parametrize("rules", [(Rules(5), RULES), (RULES, Rules(5)), (RULES, Rules(20))])
def test_days_before_a_new_rule_stay_as_wide_as_both_rules_ask_for(rules: tuple[Rules, Rules]) -> None:
    for seed in range(6):
        truths, made = list(map(cells, sequence(seed, TINY))), list[Release]()
        for day, truth in enumerate(truths):
            made.append(release(Counts(truth), made, rules[day >= len(truths) // 2]))
        assert not findings(made, truths, rules[0].milder(rules[1]))


def test_where_only_small_cells_are_hidden_the_attack_recovers_them() -> None:
    found = Tally()
    for seed in range(10):
        found += attacked([table(seed, SMALL)], RULES, unprotected)
    exact = [one for one in found.findings if one.low == one.high and one.truth < RULES.people_min]
    assert len(exact) > 20


def test_where_nothing_waits_the_attack_sees_what_few_people_did() -> None:
    found = Tally()
    for seed in range(3):
        found += attacked(list(sequence(seed, SMALL)), RULES, lambda now, _, rules: unprotected(now, [], rules))
    assert [one for one in found.findings if one.kind == "side by side"]
    assert [one for one in found.findings if "people join" in one.kind]


@pytest.mark.parametrize("sums", [0, 30_000])
def test_too_many_links_for_programs_are_looked_at_sum_by_sum(monkeypatch: pytest.MonkeyPatch, sums: int) -> None:
    """Of whom a site and a cohort have in common one value is told: eleven of that cohort. So it cannot be more.

    One world of 1,000 showed that programs with fewer links do not see it.
    """
    monkeypatch.setattr("services.analytics.domain.ledger.LINKS_AT_MOST", 0)
    monkeypatch.setattr("services.analytics.domain.releasing.LINKS_AT_MOST", 0)
    monkeypatch.setattr("services.analytics.domain.releasing.SUMS_AT_MOST", sums)
    at = {
        ("old", "spring", "1"): 5, ("new", "spring", "1"): 6, ("new", "spring", "2"): 40, ("old", "autumn", "1"): 25,
        ("old", "autumn", "3"): 40, ("new", "autumn", "1"): 60, ("new", "autumn", "2"): 60, ("new", "autumn", "3"): 60,
    }  # fmt: skip
    joint = {("circle", site, cohort, "age", value): n for (site, cohort, value), n in at.items()}
    every = Counter[tuple[str, str, str, str, str]]()
    for (site, cohort, _), n in at.items():
        every["circle", site, cohort, "", ""] += n
    found = {one.cell for one in attacked([dict(every) | joint], RULES).findings}
    assert found == ({(("cohort", "spring"), ("site", "old"))} if sums == 0 else set())
