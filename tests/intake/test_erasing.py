"""Erasing a participant: by order, for good, with a line for the audit and a place for the next in line."""

import hashlib
from typing import Any
from uuid import UUID

from shared import erasing
from shared.clock import now
from shared.identity import digest_of
from tests.intake.conftest import HOME, ORGANISATION, Intake, a_due, a_participant
from tests.intake.test_importing import HEADER, a_row, bring, counts

GONE = ("messages", "invitations", "occasions", "consents", "enrolments", "participants", "places")


async def enrolled(intake: Intake, *names: str) -> list[dict[str, Any]]:
    return [await intake.post("/participants", a_participant(name)) for name in names]


def order(person: dict[str, Any], **changed: Any) -> dict[str, Any]:
    return {"short_code": person["short_code"], "reason": "asked-by-participant"} | changed


async def test_everything_goes_and_the_next_in_line_gets_the_place(intake: Intake) -> None:
    await intake.set_up(capacity=1)
    gone, waiting = await enrolled(intake, "Marisol", "Amparo")
    due = a_due(gone)
    await intake.hear(due)
    erased = await intake.post(f"/participants/{gone['participant_id']}/erase", order(gone))
    assert erased["digest"] == digest_of(UUID(gone["participant_id"])).hex()
    assert (await intake.ask("GET", f"/participants/{gone['participant_id']}")).status_code == 404
    for table in GONE:
        rows = await intake.rows(f"select t::text as text from {table} t")
        assert not [row for row in rows if "marisol" in row["text"].lower() or gone["participant_id"] in row["text"]]
    *_, placed = await intake.said("participant-placed")
    assert placed["participant_id"] == waiting["participant_id"]
    assert await intake.said("participant-erased") == [
        {
            "wire": "participant-erased",
            "participant_id": gone["participant_id"],
            "enrolment_ids": [gone["enrolment_id"]],
            "occasion_ids": [str(due.occasion_id)],
        }
    ]
    [line] = (await intake.ask("GET", "/erasures", "administrator")).json()["erasures"]
    assert line == erased
    assert (line["reason"], line["ordered_by"] != "") == ("asked-by-participant", True)


async def test_the_old_file_does_not_bring_somebody_back_who_was_erased(intake: Intake) -> None:
    await intake.set_up(capacity=3)
    people = [HEADER, a_row("P-1"), a_row("P-2")]
    assert counts(await bring(intake, "participants", *people)) == (2, 0, 0, 0)
    [person] = await intake.rows("select participant_id::text, short_code from participants where reference = 'P-1'")
    await intake.post(f"/participants/{person['participant_id']}/erase", order(person))
    said = await intake.said()
    report = await bring(intake, "participants", *people)
    assert counts(report) == (0, 0, 1, 1)
    [refused] = report["refused"]
    assert (refused["line"], refused["column"], refused["code"]) == (2, "reference", "erased")
    assert "take the row out, or enrol them by hand" in refused["message"]
    assert await intake.said() == said
    kept = await intake.rows("select reference_digest, key from erasures join erasure_keys using (organisation_id)")
    assert hashlib.sha256(b"P-1").digest() not in kept[0]["reference_digest"] + kept[0]["key"]


async def test_whoever_comes_back_is_enrolled_by_hand_and_then_the_file_knows_them(intake: Intake) -> None:
    await intake.set_up()
    gone = await intake.post("/participants", a_participant(reference="P-1"))
    await intake.post(f"/participants/{gone['participant_id']}/erase", order(gone))
    back = await intake.post("/participants", a_participant(reference="P-1"))
    assert back["participant_id"] != gone["participant_id"]
    report = await bring(intake, "participants", HEADER, a_row("P-1", enrolled_on=f"{now():%Y-%m-%d}"))
    assert [one for one in report["refused"] if one["code"] == "erased"] == []


async def test_an_order_that_meets_a_long_batch_is_answered_and_can_be_repeated(intake: Intake) -> None:
    await intake.set_up()
    [person] = await enrolled(intake, "Marisol")
    await impatient(intake)
    path, key = f"/participants/{person['participant_id']}/erase", {"headers": {"idempotency-key": "erase-marisol"}}
    from_page = {"origin": HOME, "cookie": f"kith_session={intake.token('coordinator')}"}
    async with intake.running.machinery.transaction(ORGANISATION) as batch:
        await erasing.together(batch)
        answer = await intake.ask("POST", path, json=order(person), **key)
        page = await intake.client.post(f"/intake{path}", data=order(person), headers=from_page)
    assert (answer.status_code, answer.json()["code"]) == (503, "busy")
    assert "Nothing was saved" in answer.json()["title"]
    assert page.status_code == 503
    assert "Nothing was saved" in page.text
    assert (answer.headers["retry-after"], page.headers["retry-after"]) == ("5", "5")
    assert (await intake.ask("GET", f"/participants/{person['participant_id']}")).status_code == 200
    assert await intake.said("participant-erased") == []
    await intake.post(path, order(person), **key)
    assert len(await intake.said("participant-erased")) == 1


async def impatient(intake: Intake) -> None:
    """The doors of this store wait for others for a moment only."""
    pool = intake.running.doors.pool
    database = await pool.fetchval("select current_database()")
    await pool.execute(f"alter role intake in database {database} set lock_timeout = '100ms'")
    await pool.expire_connections()


async def test_a_wrong_order_changes_nothing(intake: Intake) -> None:
    await intake.set_up()
    [person] = await enrolled(intake, "Marisol")
    path = f"/participants/{person['participant_id']}/erase"
    for body, field in (
        (order(person, short_code="AAA-000"), "short_code"),
        (order(person, reason="because"), "reason"),
        ({"reason": "asked-by-participant"}, "short_code"),
    ):
        answer = await intake.ask("POST", path, json=body)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    for role, sites, status in (("facilitator", (), 403), ("coordinator", ("north-quay",), 404)):
        assert (await intake.ask("POST", path, role, *sites, json=order(person))).status_code == status
    foreign = await intake.ask("POST", path, json=order(person), organisation="other-house")
    assert foreign.status_code == 404
    assert (await intake.ask("GET", f"/participants/{person['participant_id']}")).status_code == 200
    assert await intake.said("participant-erased") == []


async def test_nobody_is_erased_behind_the_back_of_another_site(intake: Intake) -> None:
    await intake.set_up()
    await intake.put(
        "/programs/harbour-walks", {"name": "Walks", "sites": ["old-town", "north-quay"], "objectives": ["belonging"]}
    )
    [person] = await enrolled(intake, "Marisol")
    again = {**a_participant(), "program": "harbour-walks", "site": "old-town", "group": None, "is_not_duplicate": True}
    asked = {name: again[name] for name in ("program", "site", "group", "attributes", "consent")}
    answer = await intake.ask("POST", f"/participants/{person['participant_id']}/enrolments", json=asked)
    assert answer.status_code == 201, answer.text
    await intake.rows("update enrolments set site_id = $1 where program_id = $2", *await _elsewhere(intake))
    path = f"/participants/{person['participant_id']}/erase"
    refused = await intake.ask("POST", path, "coordinator", "old-town", json=order(person))
    assert (refused.status_code, refused.json()["code"]) == (409, "enrolled-at-another-site")
    assert (await intake.ask("POST", path, json=order(person))).status_code == 200


async def _elsewhere(intake: Intake) -> tuple[UUID, UUID]:
    [site] = await intake.rows("select site_id from sites where code = 'north-quay'")
    [program] = await intake.rows("select program_id from programs where code = 'harbour-walks'")
    return site["site_id"], program["program_id"]
