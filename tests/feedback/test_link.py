"""The check-in on a phone: what a link shows, and what is stored when it is answered."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from shared import clock
from shared.events.intake import ConsentChanged, Consents, ParticipantWithdrawn
from shared.events.scheduling import FollowUpDue, OccasionCancelled
from tests.feedback.conftest import (
    API,
    CONFIRMED_ON,
    CONTACTS,
    COORDINATOR,
    PULSE,
    ROTA,
    TOKEN,
    Told,
    a_due,
    a_program,
    a_site,
    an_enrolment,
    an_invitation,
    long_ago,
)
from tests.feedback.test_wording import a_questionnaire, load
from tests.forms import filled

LINK = f"/c/{TOKEN}"
pytestmark = pytest.mark.usefixtures("site")


async def an_open_link(told: Told, *instruments: str, **changes: Any) -> Any:
    due = a_due(*instruments, **changes)
    await told.tell(an_enrolment(due), due, an_invitation(due))
    return due


async def test_a_link_opens_the_questions_of_its_occasion(client: Any, told: Told) -> None:
    await an_open_link(told)
    page = await client.get(LINK)
    assert page.status_code == 200
    assert page.text.count('type="radio"') == 20
    assert "When I had something to say, people listened." in page.text
    assert "<title>A few questions</title>" in page.text
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    assert 'href="tel:5550100"' in page.text
    assert 'href="sms:+445550101"' in page.text
    assert "A person reads answers on weekdays." in page.text
    assert f"{CONFIRMED_ON.day} {CONFIRMED_ON:%B %Y}" in page.text


async def test_opening_a_link_never_consumes_it(client: Any, told: Told) -> None:
    await an_open_link(told)
    for _ in range(3):
        assert (await client.get(LINK)).status_code == 200
    assert (await client.head(LINK)).status_code in (200, 405)
    assert await told.said("check-in-submitted") == []


async def test_an_answer_is_stored_and_said(client: Any, told: Told) -> None:
    due = await an_open_link(told)
    page = await client.post(LINK, data=PULSE | {"answers.session-pulse.hopeful": "1"})
    assert page.status_code == 200
    assert "Thank you" in page.text
    assert "<b>10</b> <span>of 16</span>" in page.text
    assert "Not validated: trends only." in page.text
    assert "It is not a test" in page.text
    assert 'href="tel:5550100"' in page.text
    [event] = await told.said("check-in-submitted")
    assert (event.occasion_id, event.enrolment_id, event.kind) == (due.occasion_id, due.enrolment_id, "session")
    assert (event.code, event.ordinal, event.entered_by) == ("session-3", 3, "participant")
    [score] = event.scores
    assert (score.instrument, score.version, score.count, score.unit) == ("session-pulse", 1, 10, 1)
    rows = await told.rows("select item, value from answers order by item")
    assert [tuple(row) for row in rows] == [("heard", 3), ("hopeful", 1), ("safe", 3), ("useful", 3)]


async def test_a_mean_is_said_as_an_exact_count(client: Any, told: Told) -> None:
    await an_open_link(told, "belonging")
    items = ("welcome", "honest", "understood", "missed", "giving", "part")
    page = await client.post(LINK, data={f"answers.belonging.{item}": str(n % 4) for n, item in enumerate(items)})
    assert "<b>1.2</b> <span>of 4</span>" in page.text
    [event] = await told.said("check-in-submitted")
    assert (event.scores[0].count, event.scores[0].unit) == (7, 6)


async def test_an_answer_is_stored_once_however_often_it_is_sent(client: Any, told: Told) -> None:
    await an_open_link(told)
    others = {name: "0" for name in PULSE}
    pages = await asyncio.gather(*(client.post(LINK, data=PULSE) for _ in range(6)))
    again = await client.post(LINK, data=others)
    empty = await client.post(LINK)
    assert [page.status_code for page in (*pages, again, empty)] == [200] * 6 + [410] * 2
    assert all("<b>12</b>" in page.text for page in (*pages, again, empty))
    assert len(await told.said("check-in-submitted")) == 1


async def test_who_answers_once_more_reads_that_it_is_not_kept_and_loses_no_word(client: Any, told: Told) -> None:
    """On the phone without a connection, then on the tablet: the phone sends its own later."""
    await an_open_link(told, "monthly-check-in")
    name = "texts.monthly-check-in.one-change"
    assert (await client.post(LINK, data={name: "Longer sessions."})).status_code == 200
    assert "Thank you" in (await client.post(LINK, data={name: "Longer sessions. "})).text
    page = await client.post(LINK, data={name: "Shorter sessions."})
    assert page.status_code == 410
    assert "You have answered already" in page.text
    assert "What you send now is not kept" in page.text
    assert "Shorter sessions." in page.text
    assert "have arrived" not in page.text
    spanish = await client.post(f"{LINK}?lang=es", data={name: "Shorter sessions.", "show": "es"})
    assert "Lo que envías ahora no se guarda" in spanish.text
    assert "Shorter sessions." in spanish.text
    assert [row["text"] for row in await told.rows("select text from texts")] == ["Longer sessions."]


async def test_a_character_that_cannot_be_seen_keeps_nobody_from_sending(client: Any, told: Told) -> None:
    """Pasted with the rest; a browser shows nothing of it."""
    await an_open_link(told, "monthly-check-in")
    pasted, kept = "Please\x0bcall.\r\n\x0cSoon.\x00", "Please call.\n Soon."
    asked = await client.post(f"{LINK}/contact", data={"about": "me", "text": pasted, "key": str(uuid4())})
    assert asked.status_code == 303
    assert (await client.post(f"{LINK}/story", data={"text": pasted, "key": str(uuid4())})).status_code == 303
    assert (await client.post(LINK, data={"texts.monthly-check-in.one-change": pasted})).status_code == 200
    for table in ("concern_steps", "stories", "texts"):
        assert [row["text"] for row in await told.rows(f"select text from {table}")] == [kept]


async def test_a_missing_answer_keeps_the_others(client: Any, told: Told) -> None:
    await an_open_link(told)
    page = await client.post(LINK, data={"answers.session-pulse.heard": "4", "answers.session-pulse.safe": "2"})
    assert page.status_code == 422
    assert page.text.count(" checked") == 2
    assert "Question 3: choose an answer." in page.text
    assert "Question 1: choose an answer." not in page.text
    assert 'href="#f-answers.session-pulse.useful"' in page.text
    assert "<title>Error: A few questions</title>" in page.text
    assert 'href="tel:5550100"' in page.text
    assert await told.said("check-in-submitted") == []


@pytest.mark.parametrize(
    "data",
    [
        PULSE | {"answers.session-pulse.heard": "9"},
        PULSE | {"answers.session-pulse.heard": "x" * 3000},
        PULSE | {"answers.session-pulse.heard": "9" * 5000},
        PULSE | {"answers.session-pulse.other": "1"},
        PULSE | {"answers.bdi-ii.one": "1"},
        {"answers": "1"} | PULSE,
        {"answers.session-pulse": "4"},
        {"answers.session-pulse.heard.deep.deeper": "4"},
        {"answers.session-pulse.heard": ["1", "2"]},
        {"answers.\x00": "1"},
    ],
)
async def test_a_form_that_is_not_ours_is_refused_on_the_page(client: Any, told: Told, data: Any) -> None:
    await an_open_link(told)
    page = await client.post(LINK, data=data)
    assert page.status_code == 422, page.text
    assert "error-summary" in page.text
    assert await told.said("check-in-submitted") == []


async def test_the_language_of_the_invitation_and_the_switch(client: Any, told: Told) -> None:
    due = a_due()
    await told.tell(an_enrolment(due), due, an_invitation(due, language="es"))
    page = await client.get(LINK)
    assert '<html lang="es" dir="ltr">' in page.text
    assert "Cuando tuve algo que decir, me escucharon." in page.text
    assert "Línea de crisis (siempre):" in page.text
    assert 'formaction="?lang=en"' in page.text
    page = await client.get(f"{LINK}?lang=en")
    assert "people listened" in page.text
    wrong = await client.post(f"{LINK}?lang=es", data={})
    assert "Pregunta 1: elige una respuesta." in wrong.text
    thanks = await client.post(f"{LINK}?lang=es", data=PULSE)
    assert "Gracias" in thanks.text
    assert "No es un examen" in thanks.text


async def test_an_answered_link_says_so_and_shows_the_score_for_a_while_only(
    client: Any, told: Told, moved_clock: Any
) -> None:
    await an_open_link(told)
    await client.post(LINK, data=PULSE)
    page = await client.get(LINK)
    assert page.status_code == 410
    assert "You have answered already" in page.text
    assert "<b>12</b>" in page.text
    moved_clock(3600)
    page = await client.get(LINK)
    assert page.status_code == 410
    assert "<b>12</b>" not in page.text
    assert 'href="tel:5550100"' in page.text


async def test_a_link_runs_out(client: Any, told: Told, moved_clock: Any) -> None:
    await an_open_link(told)
    moved_clock(8 * 86400)
    for page in (await client.get(LINK), await client.post(LINK, data=PULSE)):
        assert page.status_code == 410
        assert "This link has run out" in page.text
        assert "ask your facilitator or your coordinator for a new link" in page.text
        assert 'href="tel:5550100"' in page.text
    assert await told.said("check-in-submitted") == []


async def test_an_answered_link_that_has_run_out_shows_no_score(client: Any, told: Told, moved_clock: Any) -> None:
    await an_open_link(told)
    await client.post(LINK, data=PULSE)
    moved_clock(8 * 86400)
    for page in (await client.get(LINK), await client.post(LINK, data=PULSE)):
        assert page.status_code == 410
        assert "<b>12</b>" not in page.text


async def test_a_cancelled_occasion_is_closed_whatever_came_first(client: Any, told: Told) -> None:
    due = a_due()
    cancelled = OccasionCancelled(occasion_id=due.occasion_id, reason="withdrawn")
    await told.tell(cancelled, an_invitation(due), due)
    for page in (await client.get(LINK), await client.post(LINK, data=PULSE)):
        assert page.status_code == 410
        assert "not needed any more" in page.text
    assert await told.said("check-in-submitted") == []


async def test_the_page_looks_at_consent_by_itself(client: Any, told: Told) -> None:
    due = await an_open_link(told)
    without = Consents(taking_part=False, reporting=True, contact_after=True)
    changed = ConsentChanged(
        participant_id=due.participant_id,
        enrolment_id=due.enrolment_id,
        consents=without,
        consent_text="standard",
        consent_version=1,
    )
    await told.tell(changed)
    assert (await client.get(LINK)).status_code == 410
    await told.tell(
        changed.model_copy(update={"consents": Consents(taking_part=True, reporting=True, contact_after=False)})
    )
    assert (await client.get(LINK)).status_code == 200  # it is about contact after the end, and this is a session


async def test_a_follow_up_needs_the_consent_to_be_contacted_after(client: Any, told: Told) -> None:
    due = a_due("belonging", event=FollowUpDue, code="follow-up")
    consents = Consents(taking_part=True, reporting=True, contact_after=False)
    await told.tell(due, an_invitation(due), an_enrolment(due, consents=consents))
    assert (await client.get(LINK)).status_code == 410


async def test_who_has_withdrawn_is_not_asked(client: Any, told: Told) -> None:
    due = await an_open_link(told)
    withdrawn = ParticipantWithdrawn(
        participant_id=due.participant_id, enrolment_id=due.enrolment_id, withdrawn_on=long_ago(0).date()
    )
    await told.tell(withdrawn)
    assert (await client.post(LINK, data=PULSE)).status_code == 410
    assert await told.said("check-in-submitted") == []


async def test_too_early(client: Any, told: Told) -> None:
    await an_open_link(told, opens_at=long_ago(-2), closes_at=long_ago(-9))
    page = await client.get(LINK)
    assert page.status_code == 409
    assert "It is a little early" in page.text


async def test_a_site_without_crisis_contacts_asks_nobody(client: Any, told: Told) -> None:
    due = a_due(site_id=a_site("north-quay").site_id)
    await told.tell(a_site("north-quay"), due, an_enrolment(due), an_invitation(due))
    page = await client.get(LINK)
    assert page.status_code == 409
    assert "site-without-crisis-contacts" in page.text
    assert "call the emergency number" in page.text


async def test_whoever_has_the_questions_before_them_is_heard_when_the_crisis_contacts_run_out_meanwhile(
    client: Any, told: Told
) -> None:
    assert (await client.put(f"{API}/sites/old-town/rota", json=ROTA, headers=COORDINATOR)).status_code == 200
    assert (await load(client, "phq-9", a_questionnaire())).status_code == 201
    due = await an_open_link(told, "phq-9")
    assert (await client.get(LINK)).status_code == 200
    unconfirmed = CONTACTS | {"confirmed_on": None}
    await client.put(f"{API}/sites/old-town/crisis-contacts", json=unconfirmed, headers=COORDINATOR)
    assert (await client.get(LINK)).status_code == 409
    answers = {f"answers.phq-9.{number}": "0" for number in range(1, 10)} | {"answers.phq-9.9": "3"}
    page = await client.post(LINK, data=answers)
    assert (page.status_code, "A person reads this by" in page.text) == (200, True)
    assert [one.participant_id for one in await told.said("concern-raised")] == [due.participant_id]
    assert len(await told.said("check-in-submitted")) == 1


WRITTEN = {"texts.monthly-check-in.one-change": "Chairs with a back, please.", "answers.experience.all-in-all": "4"}


@pytest.mark.parametrize(
    ("why", "status"),
    [("not open yet", 409), ("expired", 410), ("withdrawn", 410), ("completed", 410), ("attendance-corrected", 410)],
)
async def test_what_somebody_was_writing_when_the_link_closed_is_not_lost(
    client: Any, told: Told, why: str, status: int, moved_clock: Any
) -> None:
    due = await an_open_link(told, "monthly-check-in", "experience", closes_at=long_ago(-1))
    assert (await client.get(LINK)).status_code == 200
    if why == "not open yet":
        await told.tell(due.model_copy(update={"opens_at": long_ago(-0.5)}))
    elif why == "expired":
        moved_clock(2 * 86_400)
    else:
        await told.tell(OccasionCancelled.model_validate({"occasion_id": due.occasion_id, "reason": why}))
    page = await client.post(f"{LINK}?lang=es", data=WRITTEN)
    assert page.status_code == status
    for words in ("Chairs with a back, please.", "Lo que respondiste no se ha enviado.", 'href="tel:5550100"'):
        assert words in page.text, words
    may_open_again = why in ("not open yet", "withdrawn", "completed")  # an end may be taken back
    assert ("Volver a intentarlo ahora" in page.text) == may_open_again
    assert await told.said("check-in-submitted") == []
    if may_open_again:
        assert 'name="answers.experience.all-in-all" value="4"' in page.text
        await told.tell(due)
        assert (await client.post(f"{LINK}?lang=es", data=WRITTEN)).status_code == 200
    assert len(await told.said("check-in-submitted")) == may_open_again


async def test_another_language_loses_nothing_on_a_link_that_is_closed_for_now(client: Any, told: Told) -> None:
    due = await an_open_link(told, "monthly-check-in", "experience")
    await told.tell(due.model_copy(update={"opens_at": long_ago(-1)}))
    page = await client.post(LINK, data=WRITTEN)
    assert 'form="answers" name="show" value="es" formaction="?lang=es"' in page.text
    page = await client.post(f"{LINK}?lang=es", data=filled(page.text, "?lang=en") | {"show": "es"})
    assert (page.status_code, "Lo que respondiste no se ha enviado." in page.text) == (409, True)
    given = filled(page.text, "?lang=es")
    assert {name: given[name] for name in WRITTEN} == {name: [value] for name, value in WRITTEN.items()}
    assert 'name="show"' not in (await client.get(LINK)).text  # nothing is to be taken along


async def test_a_total_is_entered_together(client: Any, told: Told) -> None:
    await an_open_link(told, "phq-4")
    page = await client.get(LINK)
    assert page.status_code == 200
    assert "This is done together" in page.text
    assert "<form" not in page.text
    assert (await client.post(LINK, data=PULSE)).status_code == 200
    assert await told.said("check-in-submitted") == []


@pytest.mark.parametrize(
    "token", ["unknown-unknown-unknown", "x", "%00" * 20, "a" * 4000, "%F0%9F%98%80" * 10, "..%2f..%2fetc%2fpasswd"]
)
async def test_an_unknown_link_gets_a_page_that_says_so(client: Any, token: str) -> None:
    for page in (await client.get(f"/c/{token}"), await client.post(f"/c/{token}", data=PULSE)):
        assert page.status_code == 404
        assert page.headers["referrer-policy"] == "no-referrer"
    page = await client.get("/c/unknown-unknown-unknown", headers={"accept-language": "es-MX,es;q=0.9"})
    assert "Este enlace no funciona" in page.text
    assert "número de emergencias" in page.text


async def test_a_link_that_came_before_its_occasion_is_not_ready(client: Any, told: Told) -> None:
    due = a_due()
    await told.tell(an_invitation(due))
    assert (await client.get(LINK)).status_code == 404
    await told.tell(due)
    assert (await client.get(LINK)).status_code == 200  # the enrolment may come later still


async def test_every_link_of_an_occasion_works_until_it_runs_out(client: Any, told: Told) -> None:
    due = await an_open_link(told)
    await told.tell(an_invitation(due, "another-token-of-the-same"))
    assert (await client.get(LINK)).status_code == 200
    assert (await client.get("/c/another-token-of-the-same")).status_code == 200
    await client.post(LINK, data=PULSE)
    assert (await client.get("/c/another-token-of-the-same")).status_code == 410


async def test_a_signed_in_cookie_changes_nothing(client: Any, told: Told) -> None:
    await an_open_link(told)
    headers = {"cookie": "kith_session=nonsense", "origin": "null"}
    assert (await client.post(LINK, data=PULSE, headers=headers)).status_code == 200


async def test_an_answer_of_staff_is_not_overwritten_by_the_link(client: Any, told: Told) -> None:
    due = await an_open_link(told)
    entered = await client.post(
        "/feedback/api/v1/check-ins",
        json={"occasion_id": str(due.occasion_id), "totals": {"session-pulse": 5}},
        headers=COORDINATOR,
    )
    assert entered.status_code == 201
    assert (await client.get(LINK)).status_code == 410
    page = await client.post(LINK, data=PULSE)
    assert "What you send now is not kept" in page.text
    assert len(await told.said("check-in-submitted")) == 1


async def test_an_old_form_that_is_sent_again_shows_no_score(
    client: Any, told: Told, moved_clock: Callable[[float], None]
) -> None:
    await an_open_link(told)
    assert "<b>12</b>" in (await client.post(LINK, data=PULSE)).text
    assert "<b>12</b>" in (await client.post(LINK, data=PULSE)).text
    moved_clock(31 * 60)
    page = await client.post(LINK, data=PULSE)
    assert (page.status_code, "<b>12</b>" in page.text) == (200, False)


async def test_the_doors_cannot_list_links(store: Any, told: Told) -> None:
    import asyncpg

    await an_open_link(told)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with store.doors.transaction() as tx:
            await tx.fetch("select * from machinery.links")


async def test_a_link_of_another_organisation_stays_with_it(client: Any, told: Told) -> None:
    from shared.identity import organisation_id

    other = organisation_id("somebody-else")
    due = a_due(closes_at=long_ago(-timedelta(days=1).days))
    await told.tell(due, an_invitation(due), organisation=other)
    await told.tell(a_program())
    page = await client.get(LINK)
    assert page.status_code == 409  # that organisation has no crisis contacts, whatever ours has
    assert "site-without-crisis-contacts" in page.text


async def test_a_form_that_is_not_ours_is_refused_in_the_language_of_the_page(client: Any, told: Told) -> None:
    await an_open_link(told)
    page = await client.post(f"{LINK}?lang=es", data=PULSE | {"answers.bdi-ii.one": "1"})
    assert "Algo de lo enviado no corresponde aquí" in page.text


BROKEN_FORM = {"content": b"--x\r\nnot a form", "headers": {"content-type": "multipart/form-data; boundary=x"}}
TOO_LARGE = {"data": {"x": "y" * 70_000}}


@pytest.mark.parametrize(("sent", "status"), [(BROKEN_FORM, 400), (TOO_LARGE, 413)])
async def test_what_cannot_be_read_is_refused_with_the_crisis_contacts(
    client: Any, told: Told, sent: dict[str, Any], status: int
) -> None:
    await an_open_link(told)
    page = await client.post(f"{LINK}?lang=es", **sent)
    assert page.status_code == status
    for words in ('lang="es"', 'href="tel:5550100"', "Línea de crisis", "Hay respuestas que conviene revisar"):
        assert words in page.text, words
    assert "parsing" not in page.text
    unknown = await client.post("/c/nobody-has-this-token-0", **sent)
    assert "call the emergency number of the place where you are" in unknown.text
    assert "tel:" not in unknown.text
    assert await told.said("check-in-submitted") == []


async def test_a_check_in_takes_no_other_way_in_and_says_whom_to_call(client: Any, told: Told) -> None:
    await an_open_link(told)
    page = await client.delete(LINK)
    assert (page.status_code, 'href="tel:5550100"' in page.text) == (405, True)


@pytest.mark.parametrize(("days_ago", "status"), [(90, 200), (92, 409), (None, 409)])
async def test_a_link_opens_only_where_somebody_has_called_the_numbers_in_90_days(
    client: Any, told: Told, days_ago: int | None, status: int
) -> None:
    await an_open_link(told)
    day = clock.now().date() - timedelta(days=days_ago) if days_ago else None
    body = CONTACTS | {"confirmed_on": day and day.isoformat()}
    url = f"{API}/sites/old-town/crisis-contacts"
    assert (await client.put(url, json=body, headers=COORDINATOR)).status_code == 200
    assert (await client.get(LINK)).status_code == status
    warned = "confirmed in the last 90 days" in (await client.get("/feedback/", headers=COORDINATOR)).text
    assert warned == (status == 409)
