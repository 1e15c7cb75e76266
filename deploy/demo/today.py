"""What happens at Harbour Trust on the day of the demo: people enrol, and a link is handed over."""

import asyncio
from typing import Any
from uuid import UUID

from deploy.demo.harbour_trust import FACILITATORS, GROUPS
from deploy.importer.doors import Doors, Refused
from shared.identity import derived_id

PROGRAM = "evening-circle"
TRIES = 150
PAUSE_SECONDS = 0.2
STILL = 15
LAPSED = {reference for reference, _, _, days in FACILITATORS if days < 0}
NEWCOMERS = (  # reference, name, e-mail, language, group
    ("today-1", "Marisol T.", "marisol@people.example", "es", "evening-circle-early"),
    ("today-2", "Dev K.", "dev@people.example", "en", "evening-circle-late"),
    ("today-3", "June O.", "", "en", "evening-circle-late"),
)


async def live_today(doors: Doors) -> str | None:
    """Do it once, however often it is asked for; gives the address of a check-in that is open now, if one is left."""
    facilitators = await doors.ask("GET", "/intake/api/v1/references", params={"kind": "facilitator"})
    for group in GROUPS:
        if group.facilitator not in LAPSED:
            body = {"facilitator_id": facilitators[group.facilitator]["id"]}
            path = f"/scheduling/api/v1/groups/{group.code}/facilitator"
            await until_heard(doors, "PUT", path, json=body)
    before = {"kind": "participant", "after": "today", "limit": len(NEWCOMERS)}
    here = await doors.ask("GET", "/intake/api/v1/references", params=before)
    enrolled = [
        here[one[0]]["enrolments"][PROGRAM] if one[0] in here else await _enrol(doors, *one) for one in NEWCOMERS
    ]
    for enrolment_id in reversed(enrolled):
        occasion = derived_id(UUID(enrolment_id), "baseline", "0")
        try:
            answer = await until_heard(doors, "POST", "/intake/api/v1/invitations", json={"occasion_id": str(occasion)})
        except Refused:  # answered or closed since an earlier start
            continue
        return str(answer["url"])
    return None


async def release(doors: Doors, program: str) -> None:
    """Show managers what was imported, as soon as analytics has heard all of it: its newest event stays the newest."""
    seen: list[Any] = []
    while len(seen) < STILL or any(one != seen[-1] for one in seen[-STILL:]):
        seen.append(await until_heard(doors, "GET", "/analytics/api/v1/retention", params={"program": program}))
        await asyncio.sleep(PAUSE_SECONDS)
    await doors.ask("POST", "/analytics/api/v1/releases")


async def _enrol(doors: Doors, reference: str, name: str, email: str, language: str, group: str) -> str:
    body = {
        "reference": reference,
        "preferred_name": name,
        "language": language,
        "program": PROGRAM,
        "site": "old-town",
        "group": group,
        "attributes": {"age-band": "25-34", "gender": "prefer-not-to-say"},
        "consent": {"text": "standard", "version": 1, "taking_part": True, "reporting": True, "contact_after": True},
    }
    if email:
        body["email"] = email
    headers = {"Idempotency-Key": f"demo-{reference}"}
    answer = await until_heard(doors, "POST", "/intake/api/v1/participants", json=body, headers=headers)
    return str(answer["enrolment_id"])


async def until_heard(doors: Doors, method: str, path: str, **what: Any) -> Any:
    """Ask until the service has heard of what this names."""
    for attempt in range(TRIES):
        try:
            return await doors.ask(method, path, **what)
        except Refused as refused:
            if attempt == TRIES - 1 or not refused.code.endswith(("-not-found", "-not-due")):
                raise
        await asyncio.sleep(PAUSE_SECONDS)
    raise AssertionError("unreachable")
