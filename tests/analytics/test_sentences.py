"""What the sentences of a page say is what its data say: of what is hidden, of who left, and of which way scores go."""

import io
import re
from typing import Any

import pytest
from pypdf import PdfReader

from services.analytics.domain.definitions import DEFINITIONS
from services.analytics.pages.sheets import HIDDEN
from tests.analytics.conftest import NORTH_QUAY, Told, a_battery, a_check_in, a_program, an_enrolment, an_instrument
from tests.analytics.test_other_rules import DECIDED, rule
from tests.analytics.test_releases import COORDINATOR, MANAGER, improving, release
from tests.analytics.world import ASKED, OF, Person, play
from tests.doors import bearer

API = "/analytics/api/v1"
PAGE = "/analytics/programs/evening-circle"


async def text_of(client: Any, path: str, who: Any) -> str:
    answer = await client.get(path, headers=who)
    assert answer.status_code == 200, answer.text
    return " ".join(re.sub(r"<[^>]+>", " ", answer.text).replace("&#39;", "'").split())


def claims(text: str) -> list[str]:
    """What is said of how few people something is, beside the one sentence that leaves it open."""
    return re.findall(r"(?i)too few|fewer than \d+ people answered", text.replace(HIDDEN, ""))


async def company(client: Any, told: Told) -> None:
    """A hundred at one site, six at the other: to whom sees the larger one alone, it is hidden."""
    large = [improving(number) for number in range(100)]
    await play(told, [*large, *(improving(number, NORTH_QUAY) for number in range(6))])
    await release(client)


async def test_what_is_hidden_as_company_is_not_said_to_be_of_few(client: Any, told: Told) -> None:
    await company(client, told)
    mine = bearer("program-manager", "old-town")
    for path in ("/analytics/", f"{PAGE}?to=end"):
        text = await text_of(client, path, mine)
        assert HIDDEN in text
        assert claims(text) == []
    paper = await client.get(f"{PAGE}/export.pdf?to=end", headers=mine)
    printed = " ".join(page.extract_text() for page in PdfReader(io.BytesIO(paper.content)).pages)
    assert claims(" ".join(printed.split())) == []
    assert "what changed for 100" in await text_of(client, f"{PAGE}?to=end", bearer("coordinator", "old-town"))


async def test_whoever_sees_what_is_now_is_told_exactly(client: Any, told: Told) -> None:
    await play(told, [improving(number) for number in range(4)])
    await release(client)
    text = await text_of(client, f"{PAGE}?to=end", COORDINATOR)
    assert "Fewer than 11 people answered both check-ins." in text
    assert "Too few people answered twice to say what changed since baseline" in text
    assert HIDDEN not in text
    assert claims(await text_of(client, f"{PAGE}?to=end", MANAGER)) == []


async def test_no_words_fix_a_number_that_the_organisation_sets(client: Any) -> None:
    said = await text_of(client, "/analytics/definitions", MANAGER)
    assert "of fewer than 11, unless it decided otherwise" in said
    assert not [one for one in DEFINITIONS if re.search(r"\b11\b|1 to 10", one.formula)]
    assert "eleven" not in (await client.get("/analytics/api/openapi.json")).text


async def test_the_tables_are_explained_by_the_rule_that_made_them(client: Any, told: Told) -> None:
    await rule(client, **DECIDED)
    await play(told, [improving(number, NORTH_QUAY if number < 7 else OLD) for number in range(60)])
    await release(client)
    await rule(client, people_min=20)
    text = await text_of(client, "/analytics/releases", MANAGER)
    assert "Hidden: of fewer than 5 people" in text
    assert "fewer than 5 people changed since" in text


OLD = improving(0).site


@pytest.mark.parametrize(
    ("stays", "said"),
    [
        ([(4, "there")] * 20, "Nobody has left yet"),
        ([(1, "there")] * 15 + [(5, "left")] * 5, "Too few are left to follow when people leave"),
        ([(1, "left")] * 5 + [(5, "there")] * 15, "75% stay beyond session 1"),
    ],
)
async def test_who_left_is_told_though_few_were_left_to_follow(
    client: Any, told: Told, stays: list[tuple[int, Any]], said: str
) -> None:
    await play(told, [Person(scores={"baseline": (9, 9)}, came=came, end=end) for came, end in stays])
    assert said in await text_of(client, PAGE, COORDINATOR)


@pytest.mark.parametrize(
    ("later", "higher_is_better", "said"),
    [
        (5, False, "everybody scores 5.0 points better at end"),
        (5, True, "everybody scores 5.0 points worse at end"),
        (0, False, "nobody's score has changed at end"),
    ],
)
async def test_where_all_change_alike_that_is_said(
    client: Any, told: Told, later: int, higher_is_better: bool, said: str
) -> None:
    await told.tell(a_program(), an_instrument(higher_is_better=higher_is_better), a_battery("baseline", "end"))
    for number in range(12):
        one = an_enrolment(improving(0).enrolment)
        at = ("baseline", 20 + number), ("end", 20 + number - later)
        await told.tell(one, *(a_check_in(one.enrolment_id, *each) for each in at))
    assert f"Since baseline, {said}" in await text_of(client, PAGE, COORDINATOR)


@pytest.mark.parametrize(
    ("higher_is_better", "pulses", "said"),
    [
        (True, [8, 10, 12], "a person's Session pulse gets 0.50 points better"),
        (False, [8, 10, 12], "a person's Session pulse gets 0.50 points worse"),
        (False, [12, 10, 8], "a person's Session pulse gets 0.50 points better"),
        (True, [8, 8, 8], "No clear movement of Session pulse"),
    ],
)
@pytest.mark.parametrize("spread", [0, 1], ids=["all alike", "not all alike"])
async def test_which_way_scores_go_from_session_to_session(
    client: Any, told: Told, higher_is_better: bool, pulses: list[int], said: str, spread: int
) -> None:
    people = [Person(pulse=[one + spread * (n % 3 - 1) * place for place, one in enumerate(pulses)], came=3)
              for n in range(15)]  # fmt: skip
    await play(told, people)
    newer = {"code": "session-pulse", "version": 2, "comparable_versions": [1], "maximum": 16, "unit": 4}
    await told.tell(an_instrument(**newer, higher_is_better=higher_is_better, is_validated=False))
    assert said in await text_of(client, PAGE, COORDINATOR)


async def test_who_lost_some_of_it_has_not_kept_it(client: Any, told: Told) -> None:
    """Twelve are still reliably better than at first, and have reliably lost some since the end."""
    later = [9] * 13 + [14] * 12
    scores = [{"baseline": (20 + n % 2, 9), "end": (8, 9), "follow-up": (at, 9)} for n, at in enumerate(later)]
    await play(told, [Person(scores=one) for one in scores])
    text = await text_of(client, PAGE, COORDINATOR)
    assert "13 of 25 who were reliably better at end have kept it at follow-up" in text
    assert "Kept 13 52%" in text
    assert "Kept in part 12 48%" in text
    assert "still are at" not in text
    assert "Still reliably better" not in text


@pytest.mark.parametrize(
    ("few", "of_sites", "of_ages"),
    [
        (5, "Only Old Town has a rate", "By age, no group can be compared with all others"),
        (20, "All 2 sites with a rate lie within", "By age, no gap between a group and all others is larger than"),
    ],
)
async def test_only_what_was_compared_is_said_to_be_alike(
    client: Any, told: Told, few: int, of_sites: str, of_ages: str
) -> None:
    """Sixty at one site and of one age, and a few of the others."""
    people = [improving(number) for number in range(60)]
    others = [improving(number, NORTH_QUAY) for number in range(few)]
    for one in people + others:
        one.age = "30-plus" if one in people else "under-30"
    await play(told, people + others)
    text = await text_of(client, f"{PAGE}?to=end", COORDINATOR)
    assert of_sites in text
    assert of_ages in text
    found = (await client.get(f"{API}/sites", params=ASKED, headers=COORDINATOR)).json()
    limits = [row["limit_low_95"] for row in found["rows"] if row["rate"] is not None]
    assert [found["target"] is None, *(one is None for one in limits)] == [few == 5] * (len(limits) + 1)
    chart = await client.get(f"{PAGE}/charts/sites.svg?to=end", headers=COORDINATOR)
    assert chart.status_code == (404 if few == 5 else 200)


async def test_where_nothing_is_asked_after_sessions_that_is_said(client: Any, told: Told) -> None:
    await told.tell(a_program(), an_instrument(), a_battery("baseline", "end"))
    for number in range(30):
        one = an_enrolment(improving(0).enrolment)
        answers = [a_check_in(one.enrolment_id, at, 20 + number) for at in ("baseline", "end")]
        await told.tell_at_once([one, *answers])
    for who in (COORDINATOR, MANAGER):
        text = await text_of(client, PAGE, who)
        assert "Nothing is asked after sessions, so it is not known how single people move" in text
        assert "more than once to say how it moves" not in text


async def test_answers_of_whoever_did_not_touch_the_page_came_otherwise(client: Any, told: Told) -> None:
    await play(told, [improving(number) for number in range(20)])
    text = await text_of(client, f"{PAGE}?to=end", COORDINATOR)
    assert "Some answered by file or on paper, without touching the page." in text
    assert "without an invitation" not in text


async def test_how_many_have_completed_is_told(client: Any, told: Told) -> None:
    ends = ["completed"] * 15 + ["there"] * 20 + ["left"] * 13
    await play(told, [Person(scores={"baseline": (9 + n % 3,)}, came=1 + n % 3, end=end) for n, end in enumerate(ends)])
    await release(client)
    asked = {"program": "evening-circle"}
    for who in (COORDINATOR, MANAGER):
        assert "15 of 48 have completed the program." in await text_of(client, PAGE, who)
        [row] = (await client.get(f"{API}/retention", params=asked, headers=who)).json()["rows"]
        assert (row["n"], row["n_completed"]) == (48, 15)
    await play(told, [Person(came=1 + n % 3, end="completed" if n < 4 else "there") for n in range(40)])
    await release(client)
    [row] = (await client.get(f"{API}/retention", params=asked, headers=MANAGER)).json()["rows"]
    assert (row["n"], row["n_completed"], row["release"]) == (88, None, 2)  # four more have completed: that waits
    assert "have completed the program" not in await text_of(client, PAGE, MANAGER)
    assert "19 of 88 have completed the program." in await text_of(client, PAGE, COORDINATOR)


async def test_what_became_of_people_by_categories_and_by_both_instruments(client: Any, told: Told) -> None:
    ways = {(16, 12, 8, 6): 20, (15, 12, 11, 9): 15, (9, 5, 16, 11): 12, (8, 5, 8, 5): 13}
    scores = [each for each, many in ways.items() for _ in range(many)]
    await play(told, [Person(scores={"baseline": one[:2], "end": one[2:]}) for one in scores])
    for who in (COORDINATOR, MANAGER):
        await release(client)
        text = await text_of(client, f"{PAGE}?to=end", who)
        assert "20 of 60 recovered: reliably better, and out of the clinical range" in text
        assert "20 of 35 cases by PHQ-9 or GAD-7 are below both cut-offs later" in text
        for line in (
            "Recovered 20 60 33%",
            "Unchanged 28 60 47%",
            "Deteriorated 0 60 0%",
            "Recovered, of the cases 20",
        ):
            assert line in text, line
        assert "Harmed: reliably worse, and into the clinical range 12 60 20%" in text
        assert "an interval is narrower than its 95 % say" in text
        [row] = (await client.get(f"{API}/rates", params=ASKED, headers=who)).json()["rows"]
        rates = row["talking_therapies"]["rates"]
        assert {name: (one["n"], one["of"]) for name, one in rates.items()} == {
            "recovered": (20, 35),
            "reliably_recovered": (20, 35),
            "improved": (20, 60),
            "deteriorated": (12, 60),
        }
        assert rates["improved"]["low"] < 20 / 60 == rates["improved"]["rate"] < rates["improved"]["high"]
    other = (await client.get(f"{API}/rates", params=ASKED | OF | {"to": "follow-up"}, headers=COORDINATOR)).json()
    assert other["rows"][0]["talking_therapies"] is None
