"""Questions whose answer can raise a concern are shown while somebody is on call; what waits too long is a number."""

from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY

from services.feedback.handlers import measure
from shared import clock
from shared.events.intake import ProgramPublished
from tests.doors import bearer
from tests.feedback.conftest import (
    ADMINISTRATOR,
    API,
    CONTACTS,
    NORTH_QUAY,
    OLD_TOWN,
    PROGRAM,
    PULSE,
    ROTA,
    TOKEN,
    Told,
    a_due,
    a_site,
    an_enrolment,
    an_invitation,
)
from tests.feedback.test_concerns import RISK, phq_9
from tests.feedback.test_kiosk import a_tablet
from tests.feedback.test_wording import a_questionnaire, load

LINK = f"/c/{TOKEN}"
ASKED = {"entries": [{"occasion": "baseline", "kind": "baseline", "instruments": ["phq-9"]}]}
NOTE = "nobody is on call for a part of the next 14 days"


def number(name: str) -> float:
    """What Prometheus would read."""
    return REGISTRY.get_sample_value(name) or 0.0


def later(hours: int) -> dict[str, Any]:
    """The same rota, on call for an hour in so many hours from now, every day."""
    begins = (clock.now() + timedelta(hours=hours)).strftime("%H:00")
    ends = (clock.now() + timedelta(hours=hours + 1)).strftime("%H:00")
    return ROTA | {"shifts": [one | {"begins": begins, "ends": ends} for one in ROTA["shifts"]]}


@pytest.fixture
async def added(site: None, client: Any, told: Told) -> Any:
    """Old Town is on call and asks PHQ-9. North Quay is added to the program later, and has no rota yet."""
    assert (await client.put(f"{API}/sites/old-town/rota", json=ROTA, headers=ADMINISTRATOR)).status_code == 200
    assert (await load(client, "phq-9", a_questionnaire())).status_code == 201
    assert (await client.put(f"{API}/batteries/evening-circle", json=ASKED, headers=ADMINISTRATOR)).status_code == 200
    both = ProgramPublished(program_id=PROGRAM, code="evening-circle", site_ids=[OLD_TOWN, NORTH_QUAY], objectives=[])
    await told.tell(a_site("north-quay", "UTC"), both)
    contacts = f"{API}/sites/north-quay/crisis-contacts"
    assert (await client.put(contacts, json=CONTACTS, headers=ADMINISTRATOR)).status_code == 200
    due = a_due("phq-9", site_id=NORTH_QUAY)
    await told.tell(an_enrolment(due), due, an_invitation(due))
    return due


async def test_a_site_that_is_added_later_does_not_ask_before_somebody_is_on_call(
    added: Any, client: Any, told: Told
) -> None:
    before = number("kith_questions_withheld_total")
    page = await client.get(LINK)
    assert (page.status_code, "<code>nobody-on-call</code>" in page.text) == (409, True)
    assert "your site has not said yet who that is" in page.text
    assert 'href="tel:5550100"' in page.text
    assert "Algunas respuestas necesitan pronto" in (await client.get(f"{LINK}?lang=es")).text
    assert number("kith_questions_withheld_total") == before + 2
    warned = (await client.get("/feedback/", headers=ADMINISTRATOR)).text
    assert f"North Quay: {NOTE}" in warned
    assert (await client.put(f"{API}/sites/north-quay/rota", json=ROTA, headers=ADMINISTRATOR)).status_code == 200
    assert (await client.get(LINK)).status_code == 200
    assert NOTE not in (await client.get("/feedback/", headers=ADMINISTRATOR)).text


async def test_in_a_gap_the_page_says_from_when_on_and_what_was_begun_is_taken(
    added: Any, client: Any, told: Told
) -> None:
    assert (await client.put(f"{API}/sites/north-quay/rota", json=later(5), headers=ADMINISTRATOR)).status_code == 200
    page = await client.get(LINK)
    assert page.status_code == 409
    assert "Somebody is there again from" in page.text
    fields = {f"answers.phq-9.{item}": str(value) for item, value in phq_9(**{RISK: 1}).items()}
    assert (await client.post(LINK, data=fields)).status_code == 200
    [event] = await told.said("concern-raised")
    assert event.participant_id == added.participant_id
    alerts = await told.rows("select email from alerts order by email")
    assert [one["email"] for one in alerts] == ["ana@staff.example", "ben@staff.example"]  # everybody, in a gap


async def test_a_tablet_does_not_ask_them_either_and_asks_what_is_harmless(added: Any, client: Any, told: Told) -> None:
    tablet = await a_tablet(client, ADMINISTRATOR, site="north-quay", shows_codes="true")
    before = number("kith_questions_withheld_total")
    assert "KLM-482" not in (await client.get(tablet)).text
    refused = await client.post(tablet, data={"code": "KLM-482"})
    assert (refused.status_code, "nothing open" in refused.text) == (422, True)
    assert number("kith_questions_withheld_total") == before + 1
    pulse = a_due(site_id=NORTH_QUAY)
    await told.tell(an_enrolment(pulse), pulse)
    turn = await client.post(tablet, data={"code": "KLM-482"})
    assert turn.status_code == 303
    assert (
        (await client.post(turn.headers["location"], data=PULSE)).headers["location"].split("?")[0].endswith("thanks")
    )


async def test_concerns_that_wait_for_longer_than_their_site_allows_are_a_number(
    added: Any, client: Any, store: Any, moved_clock: Any
) -> None:
    async def counted() -> float:
        async with store.machinery.transaction() as tx:
            await measure(tx)
        return number("kith_concerns_overdue")

    for place in ("old-town", "north-quay"):  # thirty minutes by its rota, sixty without one
        said = {"site": place, "text": "He did not look well."}
        assert (await client.post(f"{API}/concerns", json=said, headers=ADMINISTRATOR)).status_code == 201
    assert await counted() == 0
    moved_clock(31 * 60)
    assert await counted() == 1
    moved_clock(61 * 60)
    assert await counted() == 2
    now = bearer("administrator")
    concerns = (await client.get(f"{API}/concerns", headers=now)).json()["concerns"]
    for one in concerns:
        taken = await client.post(f"{API}/concerns/{one['concern_id']}/acknowledge", headers=now)
        assert taken.status_code == 200
    assert await counted() == 0
