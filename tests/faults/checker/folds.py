"""What each store must hold, computed from the facts from scratch, as slowly and as plainly as possible.

Each fold gives rows by table; a row is a tuple in the order of COLUMNS. Nothing here knows about batches, versions or
transactions: only about what happened.
"""

import json
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests.faults.checker.columns import HEARS
from tests.faults.checker.log import Fact, Story

Rows = dict[str, set[tuple[Any, ...]]]


def moment(text: str) -> str:
    """A time in one spelling."""
    return datetime.fromisoformat(text).astimezone(UTC).isoformat()


def _last(facts: Iterable[Fact], field: str) -> dict[str, Fact]:
    """The last fact about each thing: facts of one key are in order."""
    return {one.body[field]: one for one in facts}


def answers(story: Story) -> dict[str, Fact]:
    """What was answered at each occasion, and was not taken back."""
    last = _last(story.of("check-in-submitted", "check-in-withdrawn"), "occasion_id")
    return {occasion: one for occasion, one in last.items() if one.wire == "check-in-submitted"}


def ends(story: Story) -> dict[str, Fact]:
    """How each enrolment has ended, unless that was taken back."""
    last = _last(story.of("participant-completed", "participant-withdrawn", "participant-resumed"), "enrolment_id")
    return {enrolment: one for enrolment, one in last.items() if one.wire != "participant-resumed"}


def _cancelled(story: Story) -> dict[str, Fact]:
    """Which occasions are not wanted any more, unless they were due once more after that."""
    last = _last(story.of("check-in-due", "follow-up-due", "occasion-cancelled"), "occasion_id")
    return {occasion: one for occasion, one in last.items() if one.wire == "occasion-cancelled"}


def _due(story: Story) -> Iterable[Fact]:
    """What has fallen due, as it was said last."""
    return _last(story.of("check-in-due", "follow-up-due"), "occasion_id").values()


def _day(ended: dict[str, Fact], enrolment: str, name: str) -> str | None:
    day: str | None = ended[enrolment].body.get(name) if enrolment in ended else None
    return day


def _sites(story: Story, *more: str) -> set[tuple[Any, ...]]:
    first: dict[str, str] = {}
    for one in story.of("site-opened", "site-changed"):
        first.setdefault(one.body["site_id"], one.body["code"])
    last = _last(story.of("site-opened", "site-changed"), "site_id")
    return {
        (one.organisation, site, first[site], *(_value(one.body[name]) for name in ("time_zone", *more)))
        for site, one in last.items()
    }


def _value(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _programs(story: Story, *more: str) -> set[tuple[Any, ...]]:
    last = _last(story.of("program-published"), "program_id")
    return {
        (one.organisation, program, one.body["code"], *(_value(one.body.get(name)) for name in more))
        for program, one in last.items()
    }


def analytics(story: Story) -> Rows:
    """Facts, and how far they reach."""
    rows: Rows = {
        "sites": _sites(story),
        "programs": _programs(story, "comparison_program_id", "site_ids"),
        "instruments": set(),
        "battery_entries": set(),
        "enrolments": set(),
        "scores": set(),
        "horizons": set(),
    }
    names = ("code", "version", "unit", "minimum", "maximum", "higher_is_better", "is_validated")
    for one in story.of("instrument-published"):
        rows["instruments"].add((one.organisation, *(one.body[name] for name in names)))
    for program, one in _last(story.of("battery-activated"), "program_id").items():
        for place, entry in enumerate(one.body["entries"]):
            asked = (entry["occasion"], entry["kind"], tuple(entry["instruments"]), entry["months_after"])
            rows["battery_entries"].add((one.organisation, program, place, *asked))
    consents = _last(story.of("participant-enrolled", "consent-changed"), "enrolment_id")
    known = _last(story.of("participant-enrolled", "attributes-corrected"), "enrolment_id")
    ended = ends(story)
    for one in story.of("participant-enrolled"):
        ids = (one.body[name] for name in ("enrolment_id", "participant_id", "program_id", "site_id"))
        reporting = consents[one.body["enrolment_id"]].body["consents"]["reporting"]
        attributes = json.dumps(known[one.body["enrolment_id"]].body["attributes"])  # one at most: in no order
        days = (_day(ended, one.body["enrolment_id"], name) for name in ("completed_on", "withdrawn_on"))
        rows["enrolments"].add((one.organisation, *ids, reporting, attributes, *days))
    for one in answers(story).values():
        rows["scores"] |= {
            (
                one.organisation, one.body["occasion_id"], score["instrument"], score["version"],
                one.body["enrolment_id"], one.body["program_id"], one.body["code"], score["count"],
                moment(one.body["answered_at"]),
            )
            for score in one.body["scores"] if one.body.get("in_window", True)
        }  # fmt: skip
    heard = [one for one in story.facts if one.rec.topic in HEARS["analytics"]]
    for organisation in {one.organisation for one in heard}:
        newest = max(moment(one.time) for one in heard if one.organisation == organisation)
        rows["horizons"].add((organisation, newest))
    return rows


def feedback(story: Story) -> Rows:
    """What a check-in needs."""
    rows: Rows = {
        "sites": _sites(story, "languages"),
        "programs": _programs(story, "site_ids"),
        "enrolments": set(),
        "occasions": set(),
        "machinery.links": set(),
    }
    consents = _last(story.of("participant-enrolled", "consent-changed"), "enrolment_id")
    ended = ends(story)
    for one in story.of("participant-enrolled"):
        enrolment = one.body["enrolment_id"]
        agreed = consents[enrolment].body["consents"]
        left = _day(ended, enrolment, "withdrawn_on")
        own = (enrolment, one.body["participant_id"], one.body["short_code"])
        rows["enrolments"].add((one.organisation, *own, agreed["taking_part"], agreed["contact_after"], left))
    cancelled = _cancelled(story)
    for one in _due(story):
        why = cancelled.get(one.body["occasion_id"])
        rows["occasions"].add((one.organisation, *_occasion(one), why.body["reason"] if why else None))
    for one in story.of("check-in-invited"):
        link = (one.body["token_sha256"], one.body["occasion_id"], one.body["language"])
        rows["machinery.links"].add((one.organisation, *link, moment(one.body["expires_at"])))
    return rows


def _occasion(one: Fact) -> tuple[Any, ...]:
    names = ("occasion_id", "participant_id", "enrolment_id", "program_id", "site_id", "kind", "code", "ordinal")
    times = (moment(one.body[name]) for name in ("due_at", "opens_at", "closes_at"))
    return (*(one.body[name] for name in names), tuple(one.body["instruments"]), *times, one.body["is_history"])


def intake(story: Story) -> Rows:
    """Groups, and how occasions ended."""
    rows: Rows = {"groups": set(), "occasions": set(), "invitations": set()}
    for group, one in _last(story.of("group-formed"), "group_id").items():
        names = ("code", "program_id", "site_id", "capacity")
        rows["groups"].add((one.organisation, group, *(one.body[name] for name in names)))
    answered = answers(story)
    cancelled = _cancelled(story)
    for one in _due(story):
        occasion = one.body["occasion_id"]
        state = "answered" if occasion in answered else "cancelled" if occasion in cancelled else "due"
        own = (one.body[name] for name in ("participant_id", "enrolment_id", "kind", "code", "ordinal"))
        rows["occasions"].add((one.organisation, occasion, state, *own))
    for one in story.of("check-in-invited"):
        made = (one.body["token_sha256"], one.body["occasion_id"], one.body["channel"])
        rows["invitations"].add((one.organisation, *made, moment(one.body["expires_at"])))
    return rows


def scheduling(story: Story) -> Rows:
    """Rosters and due dates: what was said to be due, and what was answered."""
    rows: Rows = {
        "sites": _sites(story, "languages"),
        "programs": _programs(story, "site_ids"),
        "battery_entries": _entries(story),
        "facilitators": set(),
        "qualifications": set(),
        "enrolments": _enrolments(story),
        "placements": _placements(story),
        "occasions": set(),
    }
    for facilitator, one in _last(story.of("facilitator-qualified"), "facilitator_id").items():
        own = (one.body["short_code"], tuple(one.body["site_ids"]))
        rows["facilitators"].add((one.organisation, facilitator, *own))
        for held in one.body["qualifications"]:
            rows["qualifications"].add((one.organisation, facilitator, held["code"], held["valid_until"]))
    answered = answers(story)
    for one in _due(story):
        answer = answered.get(one.body["occasion_id"])
        at = moment(answer.body["answered_at"]) if answer else None
        rows["occasions"].add((one.organisation, *_occasion(one), at))
    return rows


def _entries(story: Story) -> set[tuple[Any, ...]]:
    """A battery as it is; an entry that stayed keeps the time since when it is in it."""
    now: dict[str, list[tuple[Any, ...]]] = {}
    for one in story.of("battery-activated"):
        before = {row[3:6] + row[7:8]: row[9] for row in now.get(one.body["program_id"], ())}
        rows = []
        for place, entry in enumerate(one.body["entries"]):
            mark = (entry["occasion"], entry["kind"], entry["ordinal"], entry["months_after"])
            since = before.get(mark, moment(one.time))
            asked = (*mark[:3], tuple(entry["instruments"]), entry["months_after"], entry["window_days"], since)
            rows.append((one.organisation, one.body["program_id"], place, *asked))
        now[one.body["program_id"]] = rows
    return {row for rows in now.values() for row in rows}


def _enrolments(story: Story) -> set[tuple[Any, ...]]:
    rows, ended = set(), ends(story)
    by_enrolment: dict[str, list[Fact]] = {}
    for one in story.of("participant-enrolled", "consent-changed"):
        by_enrolment.setdefault(one.body["enrolment_id"], []).append(one)
    for enrolment, facts in by_enrolment.items():
        begun = facts[0]
        agreed = begun.body["consents"]
        since: dict[str, str | None] = {"taking_part": None, "contact_after": None}
        for one in facts[1:]:
            again = one.body["consents"]
            since |= {name: moment(one.time) for name in since if again[name] and not agreed[name]}
            agreed = again
        names = ("participant_id", "program_id", "site_id", "short_code", "enrolled_on")
        own = (enrolment, *(begun.body[name] for name in names), agreed["taking_part"], agreed["contact_after"])
        days = (_day(ended, enrolment, name) for name in ("completed_on", "withdrawn_on"))
        when = (since["taking_part"], since["contact_after"], moment(begun.time), *days)
        rows.add((begun.organisation, *own, *when))
    return rows


def _placements(story: Story) -> set[tuple[Any, ...]]:
    """Stays in groups: whatever comes next, another place, a place in a line or the end, ends those before it."""
    now: dict[tuple[str, str, str], list[Any]] = {}
    begins = {
        "participant-placed": "placed_on",
        "participant-waitlisted": "asked_on",
        "participant-unplaced": "given_up_on",
    }
    for one in story.of(*begins, "participant-completed", "participant-withdrawn"):
        enrolment = one.body["enrolment_id"]
        ended = one.body.get("completed_on") or one.body.get("withdrawn_on")
        last = ended or _day_before(one.body[begins[one.wire]])
        for place, row in now.items():
            if place[0] == enrolment and (row[4] is None or row[4] > last):
                row[4] = last
        if one.wire == "participant-placed":
            mark = (enrolment, one.body["group_id"], one.body["placed_on"])
            now[mark] = [one.organisation, *mark, None]
    return {tuple(row) for row in now.values()}


def _day_before(day: str) -> str:
    return (date.fromisoformat(day) - timedelta(days=1)).isoformat()


FOLDS: dict[str, Callable[[Story], Rows]] = {
    "intake": intake,
    "scheduling": scheduling,
    "feedback": feedback,
    "analytics": analytics,
}
