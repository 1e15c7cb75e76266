"""What other programs and readers get from analytics."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from services.analytics.handlers import after_batch
from services.analytics.store import find_horizon
from shared import clock
from shared.events import Heard
from shared.events.feedback import BatteryActivated, BatteryEntry, CheckInOpened, CheckInSubmitted
from shared.events.intake import ConsentChanged, Consents
from shared.events.scheduling import CheckInDue, OccasionCancelled
from shared.identity import derived_id
from tests.analytics.conftest import (
    AT,
    NORTH_QUAY,
    OLD_TOWN,
    ORGANISATION,
    PROGRAM,
    Told,
    a_battery,
    a_check_in,
    a_program,
    an_enrolment,
    an_instrument,
)
from tests.doors import bearer

CHANGE = "/analytics/api/v1/change"
ASKED = {"program": "evening-circle", "instrument": "bdi-ii", "from": "baseline", "to": "end"}
COORDINATOR = bearer("coordinator")


async def twelve_people(told: Told, reporting: bool = True, site: UUID = OLD_TOWN) -> list[UUID]:
    people = [uuid4() for _ in range(12)]
    await told.tell(a_program(site_ids=[OLD_TOWN, NORTH_QUAY]), an_instrument(), a_battery("baseline", "end"))
    for number, enrolment in enumerate(people):
        await told.tell(
            an_enrolment(enrolment, reporting, site),
            a_check_in(enrolment, "baseline", 20, site),
            a_check_in(enrolment, "end", 15 if number % 2 else 17, site),
        )
    return people


async def test_the_change_of_those_who_answered_twice(client: Any, told: Told) -> None:
    await twelve_people(told)
    await told.tell(an_enrolment(first_only := uuid4()), a_check_in(first_only, "baseline", 60))
    answer = await client.get(CHANGE, params=ASKED, headers=COORDINATOR)
    assert answer.status_code == 200
    [row] = answer.json()["rows"]
    assert (row["n_enrolled"], row["n_first"], row["n_later"], row["n_paired"]) == (13, 13, 12, 12)
    assert (row["mean_first"], row["mean_later"], row["mean_change"]) == (20, 16, 4)
    assert row["change_low"] == pytest.approx(3.336378, abs=1e-6)
    assert (row["from"], row["to"], row["suppressed"]) == ("baseline", "end", False)
    assert row["data_through"] == "2025-03-04T18:00:00Z"


async def test_data_reach_no_further_than_the_moment_at_which_they_were_heard(told: Told) -> None:
    async with told.store.machinery.transaction(ORGANISATION) as tx:
        await after_batch(tx, [Heard(a_program(), uuid4(), ORGANISATION, AT.replace(year=2999), 1)])
        horizon = await find_horizon(tx)
    assert horizon
    assert AT < horizon <= clock.now()


def a_due(enrolment: UUID, code: str, kind: Any = "end") -> CheckInDue:
    return CheckInDue(
        **of(enrolment, code), kind=kind, code=code, ordinal=0, instruments=["bdi-ii"], due_at=AT, opens_at=AT,
        closes_at=AT,
    )  # fmt: skip


def of(enrolment: UUID, code: str) -> dict[str, Any]:
    """Whose occasion it is."""
    ids = {"participant_id": uuid4(), "enrolment_id": enrolment, "program_id": PROGRAM, "site_id": OLD_TOWN}
    return {"occasion_id": derived_id(enrolment, code, "0"), **ids}


async def test_reached_is_who_touched_the_page_once_each(client: Any, told: Told) -> None:
    people = await twelve_people(told)
    for enrolment in [*people, people[0]]:
        await told.tell(CheckInOpened(**of(enrolment, "end"), opened_at=AT))
    await told.tell(*(a_due(enrolment, "end") for enrolment in people))
    for path in (CHANGE, "/analytics/api/v1/rates"):
        [row] = (await client.get(path, params=ASKED, headers=COORDINATOR)).json()["rows"]
        assert (row["n_eligible"], row["n_invited"], row["n_reached"]) == (12, None, 12)


async def test_who_leaves_out_too_much_for_a_score_has_answered(client: Any, told: Told) -> None:
    """Also where the occasion is taken back later: they were asked, and answered."""
    people = await twelve_people(told)
    more = [uuid4() for _ in range(3)]
    await told.tell(*(an_enrolment(one) for one in more), *(a_due(one, "end") for one in (*people, *more)))
    await told.tell(
        *(
            CheckInSubmitted(
                **of(one, "end"), kind="end", code="end", ordinal=0, scores=[], answered_at=AT, entered_by="participant"
            )
            for one in more
        )
    )
    await told.tell(OccasionCancelled(occasion_id=of(more[0], "end")["occasion_id"], reason="withdrawn"))
    [row] = (await client.get("/analytics/api/v1/rates", params=ASKED, headers=COORDINATOR)).json()["rows"]
    assert (row["answered"]["n"], row["answered"]["of"], row["n_later"]) == (15, 15, 12)


async def test_what_repeats_can_be_compared_by_its_numbers(client: Any, told: Told) -> None:
    people = await twelve_people(told)
    month = BatteryEntry(occasion="month", kind="monthly", repeats_months=1, instruments=["bdi-ii"])
    await told.tell(BatteryActivated(program_id=PROGRAM, entries=[month]))
    for enrolment in people:
        for number in range(1, 12):
            await told.tell(a_due(enrolment, f"month-{number}", "monthly"))
        await told.tell(a_check_in(enrolment, "month-2", 20), a_check_in(enrolment, "month-11", 10))
    asked = ASKED | {"from": "month-2", "to": "month-11"}
    [row] = (await client.get(CHANGE, params=asked, headers=COORDINATOR)).json()["rows"]
    assert (row["n_eligible"], row["n_paired"], row["mean_change"]) == (12, 12, 10)
    for nowhere in ("month", "month-12", "baseline"):
        answer = await client.get(CHANGE, params=asked | {"to": nowhere}, headers=COORDINATOR)
        assert (answer.status_code, answer.json()["code"]) == (404, "occasion-not-found")
    page = (await client.get("/analytics/programs/evening-circle", headers=COORDINATOR)).text
    assert page.index("Month 2") < page.index("Month 11")


async def test_who_takes_consent_back_is_counted_no_longer(client: Any, told: Told) -> None:
    people = await twelve_people(told)
    without = Consents(taking_part=True, reporting=False, contact_after=True)
    for enrolment in people[:2]:
        await told.tell(
            ConsentChanged(
                participant_id=uuid4(),
                enrolment_id=enrolment,
                consents=without,
                consent_text="standard",
                consent_version=1,
            )
        )
    [row] = (await client.get(CHANGE, params=ASKED, headers=COORDINATOR)).json()["rows"]
    assert row["suppressed"]
    assert row["mean_change"] is None


async def test_a_score_that_comes_before_its_enrolment_is_counted(client: Any, told: Told) -> None:
    await twelve_people(told)
    late = uuid4()
    await told.tell(a_check_in(late, "end", 1), a_check_in(late, "baseline", 1), an_enrolment(late))
    [row] = (await client.get(CHANGE, params=ASKED, headers=COORDINATOR)).json()["rows"]
    assert row["n_paired"] == 13


async def test_a_reader_sees_their_own_sites_only(client: Any, told: Told) -> None:
    await twelve_people(told, site=NORTH_QUAY)
    [row] = (await client.get(CHANGE, params=ASKED, headers=bearer("coordinator", "old-town"))).json()["rows"]
    assert row["n_enrolled"] is None
    assert row["suppressed"]
    [row] = (await client.get(CHANGE, params=ASKED, headers=bearer("coordinator", "north-quay"))).json()["rows"]
    assert row["n_paired"] == 12


@pytest.mark.parametrize(
    ("params", "status", "code"),
    [
        (ASKED | {"program": "nowhere"}, 404, "program-not-found"),
        (ASKED | {"instrument": "nothing"}, 404, "instrument-not-found"),
        (ASKED | {"to": "never"}, 404, "occasion-not-found"),
        (ASKED | {"program": "Not A Code"}, 422, "invalid-fields"),
        (ASKED | {"program": "a\x00b"}, 422, "invalid-fields"),
        ({}, 422, "invalid-fields"),
    ],
)
async def test_what_is_unknown_is_refused(
    client: Any, told: Told, params: dict[str, str], status: int, code: str
) -> None:
    await twelve_people(told)
    answer = await client.get(CHANGE, params=params, headers=COORDINATOR)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_another_organisation_sees_nothing(client: Any, told: Told) -> None:
    await twelve_people(told)
    other = bearer("program-manager", organisation="somebody-else")
    answer = await client.get(CHANGE, params=ASKED, headers=other)
    assert (answer.status_code, answer.json()["code"]) == (404, "program-not-found")


@pytest.mark.parametrize(
    ("headers", "status"), [({}, 401), (bearer("facilitator"), 403), ({"authorization": "Bearer x"}, 401)]
)
async def test_only_analysts_read(client: Any, headers: dict[str, str], status: int) -> None:
    assert (await client.get(CHANGE, params=ASKED, headers=headers)).status_code == status


async def test_the_page_says_the_same_as_the_json(client: Any, told: Told) -> None:
    await twelve_people(told)
    page = await client.get("/analytics/programs/evening-circle", headers=COORDINATOR)
    assert page.status_code == 200
    for words in (
        "what changed for 12 people",
        "+4.00",
        "+3.34 to +4.66",
        "change without a comparison group",
    ):
        assert words in page.text, words
    chart = await client.get("/analytics/programs/evening-circle/charts/changed.svg", headers=COORDINATOR)
    assert chart.headers["content-type"] == "image/svg+xml"
    assert b"End" in chart.content
    assert b"n 12" in chart.content


async def test_the_page_of_few_people_has_a_sentence_instead_of_numbers(client: Any, told: Told) -> None:
    await told.tell(a_program(), an_instrument(), a_battery("baseline", "end"))
    for _ in range(5):
        await told.tell(an_enrolment(one := uuid4()), a_check_in(one, "baseline", 61), a_check_in(one, "end", 7))
    page = await client.get("/analytics/programs/evening-circle", headers=COORDINATOR)
    assert "Fewer than 11 people answered both check-ins" in page.text
    assert "61" not in page.text
    assert (
        await client.get("/analytics/programs/evening-circle/charts/changed.svg", headers=COORDINATOR)
    ).status_code == 404


async def test_a_follow_up_of_another_time_is_not_counted(client: Any, told: Told) -> None:
    await told.tell(a_program(), an_instrument(), a_battery("baseline", "follow-up"))
    for number in range(14):
        follow_up = a_check_in(one := uuid4(), "follow-up", 20).model_copy(
            update={"kind": "follow-up", "in_window": number < 12}
        )
        await told.tell(an_enrolment(one), a_check_in(one, "baseline", 30), follow_up)
    answer = await client.get(CHANGE, params=ASKED | {"to": "follow-up"}, headers=COORDINATOR)
    [row] = answer.json()["rows"]
    assert (row["n_first"], row["n_later"], row["n_paired"]) == (14, 12, 12)


async def test_an_empty_program_has_a_page(client: Any, told: Told) -> None:
    await told.tell(a_program())
    page = await client.get("/analytics/programs/evening-circle", headers=COORDINATOR)
    assert "Nothing is asked twice in this program" in page.text
    assert "Evening Circle" in (await client.get("/analytics/", headers=COORDINATOR)).text


@pytest.mark.parametrize(
    ("comparable", "unit", "n_paired"),
    [([], 1, None), ([1], 1, 12), ([1], 2, None)],
    ids=["not said", "said", "said, and counted in another unit"],
)
async def test_two_versions_are_paired_only_where_the_newer_one_says_so(
    client: Any, told: Told, comparable: list[int], unit: int, n_paired: int | None
) -> None:
    await told.tell(a_program(), an_instrument(), a_battery("baseline", "end"))
    await told.tell(an_instrument(version=2, comparable_versions=comparable, unit=unit))
    for _ in range(12):
        later = a_check_in(one := uuid4(), "end", 15)
        newer = [score.model_copy(update={"version": 2, "unit": unit}) for score in later.scores]
        await told.tell(an_enrolment(one), a_check_in(one, "baseline", 20), later.model_copy(update={"scores": newer}))
    [row] = (await client.get(CHANGE, params=ASKED, headers=COORDINATOR)).json()["rows"]
    assert row["n_paired"] == n_paired
    assert row["mean_change"] == (5 if n_paired else None)


async def test_scores_of_parts_are_not_counted(client: Any, told: Told) -> None:
    await twelve_people(told)
    await told.tell(an_instrument(code="ons4", has_total=False))
    answered = a_check_in(one := uuid4(), "end", 15)
    part = answered.scores[0].model_copy(update={"scale": "part", "count": 1})
    await told.tell(an_enrolment(one), a_check_in(one, "baseline", 20))
    await told.tell(answered.model_copy(update={"scores": [part, *answered.scores, part]}))
    [row] = (await client.get(CHANGE, params=ASKED, headers=COORDINATOR)).json()["rows"]
    assert row["n_paired"] == 13
    answer = await client.get(CHANGE, params=ASKED | {"instrument": "ons4"}, headers=COORDINATOR)
    assert answer.json()["code"] == "instrument-not-found"


async def test_fields_are_described_as_they_are_computed(client: Any) -> None:
    shapes = (await client.get("/analytics/api/openapi.json")).json()["components"]["schemas"]
    for field, high, of_100 in (("limit_low_95", "limit_high_95", "95"), ("limit_low_998", "limit_high_998", "99.8")):
        said = f"between this and `{high}` lie {of_100} in 100 sites of this size that differ by chance, and by "
        assert shapes["SiteRow"]["properties"][field]["description"].startswith(f"{said}`between` (Spiegelhalter 2005")
    finished = shapes["CourseShape"]["properties"]["finished"]["description"]
    assert finished == "answered PHQ-9 and GAD-7 at both occasions; whether they completed the program is not asked"
