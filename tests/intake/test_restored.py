"""A store that went back: who was enrolled since stands in the log alone, and is erased everywhere all the same."""

from pathlib import Path
from typing import Any

from deploy.kafka.topics import ensure_topics
from shared.events import TOPICS
from tests.conftest import Parts
from tests.intake.conftest import HOME, Intake, a_due, a_participant, opened
from tests.intake.test_erasing import order
from tests.shared.test_restored import adopt, left, logs_as_they_were, restored

__all__ = ["logs_as_they_were"]
WALKS = {"name": "Walks", "sites": ["north-quay"], "objectives": ["belonging"]}


async def test_whoever_was_enrolled_since_the_backup_is_erased(fresh_store: Any, tmp_path: Path, parts: Parts) -> None:
    await ensure_topics(parts.kafka, TOPICS)
    store = await fresh_store("intake")
    async with opened(store, tmp_path, HOME) as (before, _):
        await before.set_up()
        await before.put("/programs/walks", WALKS)
        known = await before.post("/participants", a_participant("Amparo"))
        await left(store, parts)
        async with restored(store) as backup:
            lost = await before.post("/participants", a_participant("Marisol"))
            walks = {**a_participant(), "program": "walks", "site": "north-quay", "group": None}
            asked = {name: walks[name] for name in ("program", "site", "group", "attributes", "consent")}
            again = await before.post(f"/participants/{known['participant_id']}/enrolments", asked)
            await left(store, parts)
            taken = (await adopt(backup, parts, "--json"))["taken"]
            ids = {lost["participant_id"], known["participant_id"]}
            assert {one["subject"] for one in taken if one["type"] == "participant-enrolled"} >= ids
            async with opened(backup, tmp_path, HOME) as (intake, _):
                await is_erased(intake, lost, known, again)


async def is_erased(intake: Intake, lost: dict[str, Any], known: dict[str, Any], again: dict[str, Any]) -> None:
    path, due = f"/participants/{lost['participant_id']}", a_due(lost)
    await intake.hear(due)  # again, from where the store is
    assert (await intake.ask("GET", path)).status_code == 404
    for role, sites, status in (("facilitator", (), 403), ("coordinator", ("north-quay",), 404)):
        assert (await intake.ask("POST", f"{path}/erase", role, *sites, json=order(lost))).status_code == status
    assert (await intake.ask("POST", f"{path}/erase", json=order(lost), organisation="other-house")).status_code == 404
    wrong = await intake.ask("POST", f"{path}/erase", json=order(lost, short_code="AAA-000"))
    assert (wrong.status_code, wrong.json()["errors"][0]["code"]) == (422, "another-participant")
    page = {"origin": HOME, "cookie": f"kith_session={intake.token('coordinator', 'old-town')}"}
    shown = await intake.client.get(f"/intake{path}/erase", headers=page)
    assert (shown.status_code, f"Type {lost['short_code']} to confirm" in shown.text) == (200, True)

    done = await intake.client.post(f"/intake{path}/erase", data=order(lost), headers=page)
    assert done.status_code == 303
    assert (await intake.ask("POST", f"{path}/erase", json=order(lost))).status_code == 404  # nobody is erased twice
    log = await intake.rows("select version from machinery.event_log where key = $1", lost["participant_id"])
    assert sorted(row["version"] for row in log) == [1, 2, 3]  # behind what the others have heard: they take it
    other = f"/participants/{known['participant_id']}/erase"
    refused = await intake.ask("POST", other, "coordinator", "old-town", json=order(known))
    assert (refused.status_code, refused.json()["code"]) == (409, "enrolled-at-another-site")
    await intake.post(other, order(known))
    assert [one | {"wire": ""} for one in await intake.said("participant-erased")] == [
        {
            "wire": "",
            "participant_id": lost["participant_id"],
            "enrolment_ids": [lost["enrolment_id"]],
            "occasion_ids": [str(due.occasion_id)],
        },
        {
            "wire": "",
            "participant_id": known["participant_id"],
            "enrolment_ids": [known["enrolment_id"], again["enrolment_id"]],
            "occasion_ids": [],
        },
    ]
    assert len((await intake.ask("GET", "/erasures", "administrator")).json()["erasures"]) == 2
