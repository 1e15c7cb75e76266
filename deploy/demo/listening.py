"""What people of Harbour Trust wrote in their monthly check-ins, what came of it, and what some of them shared."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL
from zoneinfo import ZoneInfo

from deploy.demo.harbour_trust import SITES
from deploy.demo.today import until_heard
from deploy.importer.doors import Doors, Refused
from shared import clock
from shared.identity import derived_id

PROGRAM, OCCASION, INSTRUMENT, ITEM = "evening-circle", "month-1", "monthly-check-in", "one-change"
VOICES = "/feedback/api/v1/voices"
SESSION_ENDS_IN, A_DAY, SINCE = timedelta(hours=2), timedelta(days=1), timedelta(weeks=3)
PEOPLE_MAX = 500  # so many may be asked for at once
LATE, QUIET, FOOD = "starts-too-late", "a-quieter-room", "something-to-eat"
THEMES = (  # code, English, Spanish, for those who code
    (LATE, "The group starts too late", "El grupo empieza muy tarde", "The hour, also the last bus; not the day."),
    (QUIET, "A quieter room", "Una sala más tranquila", "Doors, echo, other groups; not who talks how much."),
    (FOOD, "Something to eat", "Algo de comer", "Snacks, tea, a break for them."),
)
WRITTEN = (  # what somebody would change, and what the first and the second who read it found in it
    ("Could we begin at six? My last bus goes at nine.", (LATE,), (LATE,)),
    ("Half past seven is late for me, I get up at five.", (LATE,), (LATE,)),
    ("An earlier start, please.", (LATE,), (LATE,)),
    ("Empezar antes. Vuelvo a casa de noche.", (LATE,), (LATE,)),
    ("It is dark when we finish, and I walk home alone.", (LATE,), ()),
    ("Begin earlier in winter.", (LATE,), (LATE,)),
    ("Si empezara a las seis podría venir siempre.", (LATE,), (LATE,)),
    ("I have to leave before the end because of the children.", (LATE,), (LATE,)),
    ("The hour. Everything else is fine.", (LATE,), (LATE,)),
    ("An hour earlier would help my sister with the baby.", (LATE,), (LATE,)),
    ("A las siete y media ya estoy muy cansado.", (LATE,), (LATE,)),
    ("Earlier, and a cup of tea.", (LATE, FOOD), (LATE, FOOD)),
    ("I miss the beginning each time, the late shift of my job ends at eight.", (), (LATE,)),
    ("The door slams, and I lose what I wanted to say.", (QUIET,), (QUIET,)),
    ("La sala tiene mucho eco.", (QUIET,), (QUIET,)),
    ("The choir next door is lovely but loud.", (QUIET,), (QUIET,)),
    ("A room without the lift beside it.", (QUIET,), (QUIET,)),
    ("Tea in the break.", (FOOD,), (FOOD,)),
    ("Un poco de fruta, por favor.", (FOOD,), (FOOD,)),
    ("Biscuits! But I say that everywhere.", (FOOD,), (FOOD,)),
    ("Nothing, thank you.", (), ()),
    ("Somebody at the door who says hello to those who are new.", (), ()),
    ("Más tiempo para cada persona.", (), ()),
    ("I would like to hear more from those who have been here for long.", (), ()),
)
DECISIONS: tuple[tuple[str, dict[str, Any], dict[str, str]], ...] = (  # theme, decision, and what was then made
    (
        LATE,
        {"decision": "will-do", "site": "old-town"}
        | {"why": {"en": "Many of you lose the last bus.", "es": "Muchas personas pierden el último autobús."}},
        {"en": "The later group begins at half past six.", "es": "El segundo grupo empieza a las seis y media."},
    ),
    (
        QUIET,
        {"decision": "later"}
        | {"why": {"en": "The room above is free from spring.", "es": "La sala de arriba queda libre en primavera."}},
        {},
    ),
)
STORIES = (  # what somebody told, in which language, and what it may be used for
    ("I came for my brother and stayed for myself.", "en", ("within-program", "report-to-funders", "public-page")),
    ("Aquí aprendí a decir que hoy no puedo.", "es", ("within-program", "report-to-funders")),
    ("In the third week somebody saved me a chair. That was all, and it was a lot.", "en", ("within-program",)),
)
MILESTONES = (("spoke-up", True), ("own-goal", True), ("helped-somebody", False))  # and may the group celebrate it?


async def listen(first: Doors, second: Doors) -> None:
    """As two of the staff would do it. What is asked for twice is done once, so a start that was cut off goes on."""
    people = await first.ask("GET", "/intake/api/v1/references", params={"kind": "participant"})
    here = [one["id"] for one in people.values() if PROGRAM in one["enrolments"]]
    for code, english, spanish, about in THEMES:
        await _once(first, f"{VOICES}/themes", code=code, title={"en": english, "es": spanish}, about=about)
    written = zip(await _were_asked(first, here), WRITTEN, strict=False)
    await asyncio.gather(*(_hear(first, second, occasion, *one) for occasion, one in written))
    for theme, decision, what in DECISIONS:
        decided = await _once(first, f"{VOICES}/themes/{theme}/decisions", **decision)
        change = f"/feedback/api/v1/changes/{decided['change_id']}"
        if what and not (await first.ask("GET", change))["made_at"]:
            since = (clock.now().date() - SINCE).isoformat()
            await _once(first, f"{change}/made", what=what, since=since)
    for (kind, may_celebrate), person in zip(MILESTONES, reversed(here), strict=False):
        reached = {"reached_on": (clock.now() - A_DAY).date().isoformat(), "may_celebrate": may_celebrate}
        await _once(first, "/feedback/api/v1/milestones", participant_id=person, kind=kind, **reached)
    for (text, language, uses), person in zip(STORIES, here, strict=False):
        told = {"text": text, "language": language, "uses": list(uses), "note": "Said so after the group."}
        await _once(first, "/feedback/api/v1/stories", participant_id=person, **told)


async def _were_asked(doors: Doors, people: Sequence[str]) -> list[str]:
    """The check-ins of the first month that fell due."""
    requests = [{"participant_id": one, "program": PROGRAM, "occasion": OCCASION} for one in people[:PEOPLE_MAX]]
    answer = await doors.ask("POST", "/scheduling/api/v1/occasions/ids", json={"requests": requests})
    return [one["occasion_id"] for one in answer["occasions"] if one["state"] in ("due", "expired")]


async def _hear(
    first: Doors, second: Doors, occasion: str, text: str, found: Sequence[str], found_again: Sequence[str]
) -> None:
    """Somebody wrote it on paper, and one or two read it: whether a second one does, nobody chooses."""
    await _once(first, "/feedback/api/v1/check-ins", occasion_id=occasion, texts={INSTRUMENT: {ITEM: text}})
    which = {"occasion_id": occasion, "item": ITEM}
    await _once(first, f"{VOICES}/codings", **which, themes=list(found))
    with suppress(Refused):
        await _once(second, f"{VOICES}/codings", **which, themes=list(found_again))


async def _once(doors: Doors, path: str, **body: Any) -> Any:
    """Say it under a key that follows from it: said again it has the first answer."""
    key = derived_id(NAMESPACE_URL, path, json.dumps(body, sort_keys=True))
    return await until_heard(doors, "POST", path, json=body, headers={"Idempotency-Key": str(key)})


async def put_up_a_tablet(doors: Doors, now: datetime) -> str:
    """A tablet at the door of a session that is on: each start puts up another one. Gives its address."""
    site, _, zone, _ = SITES[0]
    ends_at = (now + SESSION_ENDS_IN).astimezone(ZoneInfo(zone)).strftime("%H:%M")
    body = {"site": site, "program": PROGRAM, "ends_at": ends_at, "shows_codes": True}
    return str((await doors.ask("POST", "/feedback/api/v1/kiosks", json=body))["url"])
