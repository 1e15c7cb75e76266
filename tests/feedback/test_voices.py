"""Texts are read by few and coded by two; what people ask for is decided, changed, and told to them."""

import re
from datetime import datetime, time, timedelta
from html import unescape
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from services.feedback.store import library
from shared import clock
from shared.events.intake import ConsentChanged, Consents, ParticipantErased, ParticipantPlaced
from shared.identity import derived_id
from tests.doors import bearer
from tests.feedback.conftest import (
    ADMINISTRATOR,
    API,
    CONTACTS,
    OLD_TOWN,
    ORGANISATION,
    Told,
    a_due,
    a_program,
    a_site,
    an_enrolment,
    an_invitation,
)
from tests.feedback.loop import (
    ANA,
    BEN,
    CANARY,
    GROUP,
    LAMP,
    TIME,
    a_group,
    an_id,
    by,
    code,
    share,
    themes,
    voice,
    writes,
)
from tests.forms import filled

NORTH_QUAY = derived_id(ORGANISATION, "site", "north-quay")
WHY = {"en": "You need time to come from work.", "es": "Necesitáis tiempo para llegar del trabajo."}
WHAT = {"en": "The group begins at seven.", "es": "El grupo empieza a las siete."}
DECIDE = {"decision": "will-do", "why": WHY, "site": "old-town"}


async def decide(client: Any, theme: str = "starts-too-late", **changes: Any) -> Any:
    return await client.post(f"{API}/voices/themes/{theme}/decisions", json=DECIDE | changes, headers=by(ANA))


async def make(client: Any, change: dict[str, Any], **changes: Any) -> Any:
    body = {"what": WHAT, "since": clock.now().date().isoformat()} | changes
    return await client.post(f"{API}/changes/{change['change_id']}/made", json=body, headers=by(ANA))


async def pulses(client: Any, told: Told, number: int, at: datetime, score: int = 8, **changes: Any) -> None:
    """Somebody answers a Session Pulse."""
    due = a_due(participant_id=UUID(int=900 + number), enrolment_id=UUID(int=950 + number), **changes)
    await told.tell(an_enrolment(due, short_code=f"PUL-{number:03}"), due)
    body = {"occasion_id": str(due.occasion_id), "totals": {"session-pulse": str(score)}, "answered_at": at.isoformat()}
    answer = await client.post(f"{API}/check-ins", json=body, headers=ADMINISTRATOR)
    assert answer.status_code == 201, answer.text


async def reports(told: Told, due: Any, *, agrees: bool) -> None:
    """Somebody agrees to be counted, or does not any more."""
    consents = Consents(taking_part=True, reporting=agrees, contact_after=True)
    whose = {"participant_id": due.participant_id, "enrolment_id": due.enrolment_id}
    await told.tell(ConsentChanged(consents=consents, consent_text="standard", consent_version=1, **whose))


async def test_a_text_is_read_by_those_who_code_it_and_each_reading_is_written_down(
    site: None, client: Any, told: Told
) -> None:
    await themes(client, TIME)
    await writes(client, told, 1)
    for role in ("facilitator", "program-manager", "operator"):
        assert (await client.get(f"{API}/voices/next-text", headers=bearer(role))).status_code == 403
    elsewhere = await client.get(f"{API}/voices/next-text", headers=bearer("coordinator", "north-quay"))
    assert elsewhere.json() == {"text": None}
    shown = (await client.get(f"{API}/voices/next-text", headers=by(ANA))).json()["text"]
    assert (shown["text"], shown["item"], shown["site"]) == (CANARY, "one-change", "old-town")
    assert "KLM" not in str(shown)
    assert [row["subject"] for row in await told.rows("select subject from text_readings")] == ["Ana R."]
    listed = (await client.get(f"{API}/voices/readings", headers=ADMINISTRATOR)).json()["readings"]
    assert [one["name"] for one in listed] == ["Ana R."]
    assert CANARY not in str(listed)
    assert (await client.get(f"{API}/voices/readings", headers=by(ANA))).status_code == 403
    page = await client.get("/feedback/voices/coding", headers=by(BEN))
    assert CANARY in page.text
    assert len(await told.rows("select from text_readings")) == 2


async def test_a_text_that_worries_whoever_codes_it_leads_to_a_concern_about_whoever_wrote_it(
    site: None, client: Any, told: Told
) -> None:
    await themes(client, TIME)
    due, _ = await writes(client, told, 1)
    page = (await client.get("/feedback/voices/coding", headers=by(ANA))).text
    [link] = re.findall(r'href="(/feedback/concerns/raise\?[^"]+)" target="_blank"', page)
    form = (await client.get(unescape(link), headers=by(ANA))).text
    fields = {name: value for name, [value] in filled(form, "").items()} | {"text": "I fear for them."}
    sent = await client.post(unescape(link), data=fields, headers=by(ANA))
    after = await client.get(sent.headers["location"], headers=by(ANA))
    assert "KLM-001" not in page + form + after.text
    assert str(due.participant_id) not in page + form + after.text
    [event] = await told.said("concern-raised")
    assert (event.participant_id, event.site_id) == (due.participant_id, due.site_id)
    answered = await client.get(f"/feedback/concerns/{event.concern_id}", headers=by(BEN))
    assert "KLM-001" in answered.text
    assert "I fear for them." in answered.text


async def test_a_concern_is_raised_from_no_text_of_another_site(site: None, client: Any, told: Told) -> None:
    due, _ = await writes(client, told, 1)
    fields = {"occasion_id": str(due.occasion_id), "item": "one-change", "text": "I fear for them."}
    address = "/feedback/concerns/raise"
    elsewhere = await client.post(address, data=fields, headers=bearer("coordinator", "north-quay"))
    assert (elsewhere.status_code, "I fear for them." in elsewhere.text) == (422, True)
    assert (await client.post(address, data=fields, headers=bearer("facilitator", "old-town"))).status_code == 403
    odd = await client.post(address, data=fields | {"occasion_id": "none", "site": "old-town"}, headers=by(ANA))
    assert (odd.status_code, 'name="site"' in odd.text) == (422, True)
    assert await told.said("concern-raised") == []


async def test_what_the_first_one_found_is_hidden_from_the_second(site: None, client: Any, told: Told) -> None:
    await themes(client, TIME, LAMP)
    await share(client, 100)
    due, _ = await writes(client, told, 1)
    assert (await code(client, due.occasion_id, "light")).json()["place"] == 1
    assert (await code(client, due.occasion_id, "light")).json()["code"] == "coded-by-you"
    assert (await client.get(f"{API}/voices/next-text", headers=by(ANA))).json()["text"] is None
    again = await client.get(f"{API}/voices/next-text", headers=by(BEN))
    assert set(again.json()["text"]) == {"occasion_id", "item", "text", "site", "program"}
    page = await client.get("/feedback/voices/coding", headers=by(BEN))
    assert "checked" not in page.text
    assert (await code(client, due.occasion_id, who=BEN)).json()["place"] == 2
    assert (await code(client, due.occasion_id, who=("Cleo", "old-town"))).json()["code"] == "already-coded"
    agreement = (await voice(client, "light"))["agreement"]
    assert (agreement["n"], agreement["kappa"], agreement["is_provisional"]) == (1, 0, True)
    assert (await voice(client))["agreement"]["why_not"].startswith("Both found it in none of 1")


async def test_the_agreement_of_coders_is_shown_to_others_once_enough_people_stand_behind_it(
    site: None, client: Any, told: Told
) -> None:
    await themes(client, LAMP)
    await share(client, 100)
    dues = [(await writes(client, told, number))[0] for number in range(44)]
    manager = bearer("program-manager")
    for number, due in enumerate(dues):
        await code(client, due.occasion_id, *(["light"] if number % 4 < 2 else []))
        await code(client, due.occasion_id, *(["light"] if number % 2 else []), who=BEN)
        if number == 42:
            hidden = (await voice(client, "light", headers=manager))["agreement"]
            page = (await client.get("/feedback/voices", headers=manager)).text
    assert (hidden["n"], hidden["kappa"], hidden["low"]) == (None, None, None)
    assert "coordinators alone" in hidden["why_not"]
    assert "kappa" not in page
    for headers in (manager, by(ANA)):
        shown = (await voice(client, "light", headers=headers))["agreement"]
        assert (shown["n"], shown["kappa"]) == (44, 0)


async def test_how_much_was_written_is_shown_to_others_once_enough_people_wrote(
    site: None, client: Any, told: Told
) -> None:
    """The number moves with every text, and who sees it move knows who came to the group that day."""
    await themes(client, TIME)
    manager, seen = bearer("program-manager"), []
    for number in range(11):
        due, _ = await writes(client, told, number)
        await code(client, due.occasion_id, "starts-too-late")
        if number in (9, 10):
            seen.append((await client.get(f"{API}/voices", headers=manager)).json())
        if number == 9:
            page = (await client.get("/feedback/voices", headers=manager)).text
            own = (await client.get(f"{API}/voices", headers=by(ANA))).json()
    assert [(one["texts"], one["coded"], one["coded_twice"]) for one in seen] == [(None,) * 3, (11, 11, 0)]
    assert (own["texts"], own["coded"], own["coded_twice"]) == (10, 10, 0)
    assert "Fewer than 11 people have written so far" in page
    assert "10 of 10" not in page


async def test_who_has_read_of_a_change_is_said_to_others_once_enough_people_asked(
    site: None, client: Any, told: Told
) -> None:
    await themes(client, TIME)
    manager, links, said = bearer("program-manager"), [], set()

    async def told_to(headers: dict[str, str]) -> str:
        return str((await voice(client, headers=headers))["answers"][0]["told"])

    for number in range(11):
        due, link = await writes(client, told, number)
        await code(client, due.occasion_id, "starts-too-late")
        links.append(link)
    change = (await decide(client)).json()
    await make(client, change)
    await reports(told, due, agrees=False)
    for link in links[:2]:
        said.add(await told_to(manager))
        await client.post(f"{link}/changes")
    said.add(await told_to(manager))
    assert said == {"Fewer than 11 people asked for it: who has read it is not shown"}
    assert await told_to(by(ANA)) == "Some who asked have read it"
    await reports(told, due, agrees=True)
    assert await told_to(manager) == "2 of 11 who asked have read it"


async def test_who_asked_is_counted_at_the_sites_of_the_reader(site: None, client: Any, told: Told) -> None:
    await told.tell(a_site("north-quay"))
    await client.put(f"{API}/sites/north-quay/crisis-contacts", json=CONTACTS, headers=ADMINISTRATOR)
    await themes(client, TIME)
    due, link = await writes(client, told, 1, site_id=NORTH_QUAY)
    await code(client, due.occasion_id, "starts-too-late", who=("Cleo", "north-quay"))
    url = f"{API}/voices/themes/starts-too-late/decisions"
    assert (await client.post(url, json=DECIDE | {"site": None}, headers=ADMINISTRATOR)).status_code == 201
    await client.post(f"{link}/changes")
    elsewhere = by(("Cleo", "north-quay"))
    assert (await voice(client))["answers"][0]["told"] == "Nobody asked for it here"
    assert (await voice(client, headers=elsewhere))["answers"][0]["told"] == "All who asked have read it"
    await reports(told, due, agrees=False)
    assert (await voice(client, headers=elsewhere))["answers"][0]["told"] == "Nobody asked for it here"


async def test_whoever_does_not_agree_to_be_counted_is_not_in_the_agreement_of_coders(
    site: None, client: Any, told: Told
) -> None:
    await themes(client, LAMP)
    await share(client, 100)
    dues = [(await writes(client, told, number))[0] for number in range(2)]
    for due in dues:
        for who in (ANA, BEN):
            await code(client, due.occasion_id, "light", who=who)
    assert (await voice(client, "light"))["agreement"]["n"] == 2
    await reports(told, dues[0], agrees=False)
    assert (await voice(client, "light"))["agreement"]["n"] == 1


async def test_without_a_share_no_second_person_is_asked(site: None, client: Any, told: Told) -> None:
    await themes(client, TIME)
    await share(client, 0)
    due, _ = await writes(client, told, 1)
    assert (await code(client, due.occasion_id, "starts-too-late")).status_code == 201
    assert (await code(client, due.occasion_id, who=BEN)).json()["code"] == "already-coded"
    assert (await client.get(f"{API}/voices/next-text", headers=by(BEN))).json()["text"] is None


async def test_the_codebook_only_grows_and_nothing_is_said_of_what_came_later(
    site: None, client: Any, told: Told
) -> None:
    await themes(client, TIME)
    due, _ = await writes(client, told, 1)
    assert (await code(client, due.occasion_id, "starts-too-late")).status_code == 201
    await share(client, 100)
    await themes(client, LAMP)
    assert (await code(client, due.occasion_id, "light", who=BEN)).status_code == 201
    assert (await voice(client, "light"))["agreement"]["n"] == 0
    taken = await client.post(f"{API}/voices/themes", json=TIME, headers=by(ANA))
    assert [(one["field"], one["code"]) for one in taken.json()["errors"]] == [("code", "code-taken")]
    bare = {"code": "tea", "title": {"en": "Tea"}, "about": "Tea."}
    lacking = await client.post(f"{API}/voices/themes", json=bare, headers=by(ANA))
    assert [(one["field"], one["code"]) for one in lacking.json()["errors"]] == [("title.es", "translation-missing")]
    retired = await client.post(f"{API}/voices/themes/light/retire", headers=by(ANA))
    assert retired.json()["retired_at"]
    fresh, _ = await writes(client, told, 2)
    wrong = await code(client, fresh.occasion_id, "light")
    assert [(one["field"], one["code"]) for one in wrong.json()["errors"]] == [("themes", "theme-unknown")]


async def test_people_count_and_not_mentions_and_only_who_agreed(site: None, client: Any, told: Told) -> None:
    await themes(client, TIME)
    dues = [(await writes(client, told, number))[0] for number in range(1, 13)]
    for due in dues[:10]:
        assert (await code(client, due.occasion_id, "starts-too-late")).status_code == 201
    assert (await voice(client))["people"] is None
    again = a_due(
        "monthly-check-in",
        kind="monthly",
        code="month-2",
        ordinal=2,
        participant_id=dues[0].participant_id,
        enrolment_id=dues[0].enrolment_id,
    )
    await told.tell(again, an_invitation(again, "a-token-of-22-letters-again"))
    data = {"texts.monthly-check-in.one-change": "the hour, once more"}
    assert (await client.post("/c/a-token-of-22-letters-again", data=data)).status_code == 200
    assert (await code(client, again.occasion_id, "starts-too-late")).status_code == 201
    assert (await voice(client))["people"] is None
    for due in dues[10:]:
        assert (await code(client, due.occasion_id, "starts-too-late")).status_code == 201
    assert ((await voice(client))["people"], (await voice(client))["of"]) == (12, 12)
    for due in dues[:2]:
        await reports(told, due, agrees=False)
    assert (await voice(client))["people"] is None
    page = await client.get("/feedback/voices", headers=bearer("program-manager"))
    assert "fewer than 11 people so far" in page.text
    assert CANARY not in page.text


async def test_a_change_is_told_to_those_who_asked_and_to_nobody_else(site: None, client: Any, told: Told) -> None:
    await themes(client, TIME, LAMP)
    asked, link = await writes(client, told, 1)
    other, elsewhere = await writes(client, told, 2)
    await code(client, asked.occasion_id, "starts-too-late")
    await code(client, other.occasion_id, "light")
    change = (await decide(client)).json()
    page = await client.get(f"{link}/changes?lang=es")
    assert page.status_code == 200
    assert WHY["es"] in page.text
    assert "El grupo empieza muy tarde" in page.text
    assert (await make(client, change)).status_code == 200
    page = (await client.get(f"{link}/changes")).text
    assert WHAT["en"] in page
    assert WHY["en"] not in page
    assert CANARY not in page
    assert WHAT["en"] not in (await client.get(f"{elsewhere}/changes")).text
    [event] = await told.said("change-made")
    assert (str(event.change_id), event.theme, event.site_id) == (change["change_id"], "starts-too-late", OLD_TOWN)
    [decided] = await told.said("change-decided")
    assert decided.decision == "will-do"
    said = str(await told.rows("select convert_from(value, 'UTF8') as value from machinery.outbox"))
    assert WHAT["en"] not in said
    assert CANARY not in said


async def test_told_counts_when_they_say_so_and_not_when_a_scanner_opens_it(
    site: None, client: Any, told: Told
) -> None:
    await themes(client, TIME)
    due, link = await writes(client, told, 1)
    await code(client, due.occasion_id, "starts-too-late")
    change = (await decide(client)).json()
    await make(client, change)
    for _ in range(20):
        assert "I have read it" in (await client.get(f"{link}/changes")).text
    assert (await voice(client))["answers"][0]["told"] == "Nobody who asked has read it yet"
    read = await client.post(f"{link}/changes")
    assert read.status_code == 303
    after = (await client.get(read.headers["location"])).text
    assert "Thank you for reading it." in after
    assert "I have read it" not in after
    assert (await voice(client))["answers"][0]["told"] == "All who asked have read it"


@pytest.mark.parametrize(
    ("changes", "field", "code_"),
    [
        ({"site": None}, "site", "site-needed"),
        ({"site": "nowhere"}, "site", "site-not-found"),
        ({"site": "north-quay"}, "site", "site-not-found"),
        ({"program": "nowhere"}, "program", "program-not-found"),
        ({"group_id": an_id()}, "group_id", "group-not-found"),
        ({"why": {"en": "Only English"}}, "why.es", "translation-missing"),
        ({"why": {}}, "why", "no-words"),
        ({"decision": "perhaps"}, "decision", "literal-error"),
        ({"why": WHY | {"fr": "Oui"}}, "why.fr", "extra-forbidden"),
    ],
)
async def test_a_decision_that_cannot_be_told_is_refused(
    site: None, client: Any, told: Told, changes: dict[str, Any], field: str, code_: str
) -> None:
    await told.tell(a_site("north-quay"))
    await themes(client, TIME)
    answer = await decide(client, **changes)
    assert answer.status_code == 422
    assert [(one["field"], one["code"]) for one in answer.json()["errors"]] == [(field, code_)]
    assert await told.said("change-decided") == []


@pytest.mark.parametrize(
    ("changes", "field", "code_"),
    [
        ({"site": "north-quay", "program": "evening-circle"}, "program", "program-elsewhere"),
        ({"site": "north-quay", "group_id": str(GROUP)}, "group_id", "group-elsewhere"),
        ({"site": None, "program": "new-roots", "group_id": str(GROUP)}, "group_id", "group-elsewhere"),
        ({"site": None, "program": "evening-circle", "group_id": str(GROUP)}, "", ""),
        ({"program": "evening-circle", "group_id": str(GROUP)}, "", ""),
    ],
)
async def test_a_decision_is_for_a_place_that_there_is(
    site: None, client: Any, told: Told, changes: dict[str, Any], field: str, code_: str
) -> None:
    await told.tell(a_site("north-quay"), a_program("new-roots"), a_group())
    await themes(client, TIME)
    url = f"{API}/voices/themes/starts-too-late/decisions"
    answer = await client.post(url, json=DECIDE | changes, headers=ADMINISTRATOR)
    errors = answer.json().get("errors", [])
    assert [(one["field"], one["code"]) for one in errors] == ([(field, code_)] if field else [])
    assert len(await told.said("change-decided")) == (not field)
    fields = {name: value for name, value in (DECIDE | changes).items() if value and name != "why"}
    form = fields | {f"why.{language}": words for language, words in WHY.items()}
    page = await client.post("/feedback/voices/themes/starts-too-late/decide", data=form, headers=ADMINISTRATOR)
    assert (page.status_code, f'id="f-{field}-error"' in page.text) == ((422, True) if field else (303, False))


async def test_a_change_follows_a_yes_once_and_not_tomorrow(site: None, client: Any, told: Told) -> None:
    await themes(client, TIME)
    no = (await decide(client, decision="will-not-do")).json()
    assert (await make(client, no)).json()["code"] == "not-decided"
    yes = (await decide(client)).json()
    tomorrow = (clock.now() + timedelta(days=2)).date().isoformat()
    assert (await make(client, yes, since=tomorrow)).json()["errors"][0]["code"] == "in-the-future"
    assert (await make(client, yes)).status_code == 200
    assert (await make(client, yes)).json()["code"] == "already-made"
    assert len(await told.said("change-made")) == 1
    assert (await decide(client, theme="unheard")).json()["code"] == "theme-not-found"
    foreign = bearer("coordinator", organisation="other-house")
    assert (await client.get(f"{API}/changes/{yes['change_id']}", headers=foreign)).status_code == 404


async def test_a_change_of_one_group_is_told_to_its_members(site: None, client: Any, told: Told) -> None:
    await themes(client, TIME)
    await told.tell(a_group())
    inside, link = await writes(client, told, 1)
    outside, other = await writes(client, told, 2)
    placed = ParticipantPlaced(
        participant_id=inside.participant_id,
        enrolment_id=inside.enrolment_id,
        group_id=GROUP,
        placed_on=clock.now().date(),
    )
    await told.tell(placed)
    for due in (inside, outside):
        await code(client, due.occasion_id, "starts-too-late")
    change = (await decide(client, site=None, group_id=str(GROUP))).json()
    await make(client, change)
    assert WHAT["en"] in (await client.get(f"{link}/changes")).text
    assert WHAT["en"] not in (await client.get(f"{other}/changes")).text
    part = await client.get(
        f"/feedback/changes/{change['change_id']}", headers=by(ANA, "facilitator") | {"hx-request": "true"}
    )
    assert WHAT["en"] in part.text
    assert "<html" not in part.text


async def test_the_pulse_before_and_since_a_change_is_cut_at_midnight_of_the_site(
    site: None, client: Any, told: Told
) -> None:
    zone = ZoneInfo("America/New_York")
    await told.tell(a_site(time_zone="America/New_York"))
    await themes(client, TIME)
    change = (await decide(client)).json()
    since = clock.now().astimezone(zone).date() - timedelta(days=3)
    await make(client, change, since=since.isoformat())
    evening = datetime.combine(since - timedelta(days=1), time(20), tzinfo=zone)  # the next day, in Greenwich
    for number in range(11):
        await pulses(client, told, number, evening)
        await pulses(client, told, number + 11, evening + timedelta(hours=4))
    pulse = (await voice(client))["answers"][0]["pulse"]
    assert (pulse["before"]["n"], pulse["after"]["n"]) == (11, 11)


async def test_whoever_works_at_one_site_does_not_say_that_all_have_changed(
    site: None, client: Any, told: Told
) -> None:
    await themes(client, TIME)
    everywhere = {"site": None, "program": None, "group_id": None}
    decided = await client.post(
        f"{API}/voices/themes/starts-too-late/decisions", json=DECIDE | everywhere, headers=ADMINISTRATOR
    )
    assert decided.status_code == 201, decided.text
    refused = await make(client, decided.json())
    assert (refused.status_code, refused.json()["code"]) == (409, "site-needed")
    assert "It is done" not in (await client.get("/feedback/voices", headers=by(ANA))).text
    assert "It is done" in (await client.get("/feedback/voices", headers=ADMINISTRATOR)).text
    assert await told.said("change-made") == []


async def test_the_pulse_stands_beside_a_change_and_hides_few(site: None, client: Any, told: Told) -> None:
    await themes(client, TIME)
    change = (await decide(client)).json()
    await make(client, change, since=(clock.now() - timedelta(days=3)).date().isoformat())
    shown = (await voice(client))["answers"][0]["pulse"]
    assert shown["before"] == shown["after"] == {"n": None, "mean": None, "low": None, "high": None}
    most = library()["session-pulse"].total
    assert most
    for number in range(11):
        await pulses(client, told, number, clock.now() - timedelta(days=10))
    shown = (await voice(client))["answers"][0]["pulse"]
    assert shown["before"] == shown["after"] == {"n": None, "mean": None, "low": None, "high": None}
    for number in range(11):
        await pulses(client, told, number, clock.now() - timedelta(days=1), 8 + number % 3)
    pulse = (await voice(client))["answers"][0]["pulse"]
    assert (pulse["before"]["n"], pulse["before"]["mean"]) == (11, 8.0)
    assert pulse["after"]["mean"] == pytest.approx(8 + 10 / 11)
    assert pulse["after"]["low"] < pulse["after"]["mean"] < pulse["after"]["high"]
    page = (await client.get("/feedback/voices", headers=by(ANA))).text
    assert "is not its effect" in page


async def test_the_pulse_is_for_coordinators_and_of_their_own_sites(site: None, client: Any, told: Told) -> None:
    """It moves with every answer: 12 means of 12 less 11 means of 11 is what the twelfth person said."""
    await told.tell(a_site("north-quay"))
    await themes(client, TIME)
    url = f"{API}/voices/themes/starts-too-late/decisions"
    change = (await client.post(url, json=DECIDE | {"site": None}, headers=ADMINISTRATOR)).json()
    body = {"what": WHAT, "since": (clock.now() - timedelta(days=3)).date().isoformat()}
    made = await client.post(f"{API}/changes/{change['change_id']}/made", json=body, headers=ADMINISTRATOR)
    assert made.status_code == 200, made.text
    for number in range(22):
        where = {"site_id": NORTH_QUAY} if number >= 11 else {}
        for days in (10, 1):
            await pulses(client, told, number, clock.now() - timedelta(days=days), 8 if where else 4, **where)
    for sites, n, mean in (("old-town",), 11, 4), (("old-town", "north-quay"), 22, 6), ((), 22, 6):
        pulse = (await voice(client, headers=bearer("coordinator", *sites)))["answers"][0]["pulse"]
        assert [(one["n"], one["mean"]) for one in (pulse["before"], pulse["after"])] == [(n, mean)] * 2
    for role in ("program-manager", "administrator"):
        assert (await voice(client, headers=bearer(role)))["answers"][0]["pulse"] is None
        page = (await client.get("/feedback/voices", headers=bearer(role))).text
        assert "Session Pulse:" not in page
        assert "stands here for coordinators alone" in page
    assert "stands here for coordinators alone" not in (await client.get("/feedback/voices", headers=by(ANA))).text


async def test_somebody_who_is_erased_leaves_no_word_and_no_coding(site: None, client: Any, told: Told) -> None:
    await themes(client, TIME)
    due, link = await writes(client, told, 1)
    await client.get(f"{API}/voices/next-text", headers=by(ANA))
    await code(client, due.occasion_id, "starts-too-late")
    change = (await decide(client)).json()
    await make(client, change)
    await client.post(f"{link}/changes")
    erased = ParticipantErased(
        participant_id=due.participant_id, enrolment_ids=[due.enrolment_id], occasion_ids=[due.occasion_id]
    )
    await told.tell(erased)
    for table in ("texts", "codings", "text_readings", "tellings", "placements", "attended"):
        assert await told.rows(f"select * from {table}") == [], table
    assert (await voice(client))["answers"][0]["told"] == "Nobody asked for it here"


async def test_the_pages_say_what_to_do_while_there_is_nothing(site: None, client: Any, told: Told) -> None:
    empty = (await client.get("/feedback/voices", headers=by(ANA))).text
    assert "Put the monthly check-in into the battery" in empty
    assert "The codebook has no theme yet" in empty
    coding = (await client.get("/feedback/voices/coding", headers=by(ANA))).text
    assert "Write the codebook first" in coding
    form = {"code": "light", "title.en": "Light", "title.es": "Luz", "about": "Anything about light."}
    added = await client.post("/feedback/voices/themes", data=form, headers=by(ANA))
    assert added.status_code == 303
    wrong = await client.post("/feedback/voices/themes", data=form | {"title.es": ""}, headers=by(ANA))
    assert wrong.status_code == 422
    assert "It is read in Spanish, too" in wrong.text
    due, link = await writes(client, told, 1)
    fields = {"occasion_id": str(due.occasion_id), "item": "one-change", "themes": "light"}
    assert (await client.post("/feedback/voices/coding", data=fields, headers=by(ANA))).status_code == 303
    decision = {"decision": "will-do", "why.en": "Yes", "why.es": "Sí", "site": "old-town"}
    lacking = await client.post("/feedback/voices/themes/light/decide", data=decision | {"why.es": ""}, headers=by(ANA))
    assert lacking.status_code == 422
    done = await client.post("/feedback/voices/themes/light/decide", data=decision, headers=by(ANA))
    assert done.status_code == 303
    shown = (await client.get("/feedback/voices", headers=by(ANA))).text
    [address] = re.findall(r'href="(/feedback/changes/[0-9a-f-]+/make)"', shown)
    assert (await client.get(address, headers=by(ANA))).status_code == 200
    made = {"what.en": "New lamps", "what.es": "Lámparas nuevas", "since": clock.now().date().isoformat()}
    assert (await client.post(address, data=made, headers=by(ANA))).status_code == 303
    assert "New lamps" in (await client.get(f"{link}/changes")).text
    assert "Lámparas nuevas" in (await client.get(f"{link}/changes?lang=es")).text


async def test_a_link_that_has_run_out_shows_nothing_of_theirs(site: None, client: Any, told: Told) -> None:
    due = a_due()
    over = an_invitation(due, "a-token-of-22-letters-over", expires_at=clock.now() - timedelta(minutes=1))
    await told.tell(an_enrolment(due), due, over)
    for page in ("changes", "story", "milestones"):
        answer = await client.get(f"/c/a-token-of-22-letters-over/{page}?lang=es")
        assert answer.status_code == 410
        assert "555-0100" in answer.text
        assert (await client.get(f"/c/a-token-of-nobody-at-all/{page}")).status_code == 404
