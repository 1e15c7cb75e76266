"""I1: what was answered has had its effects, in the store of whoever answered and in what others did then."""

from collections import Counter
from collections.abc import Collection

from tests.faults.checker import folds, stores
from tests.faults.checker.erased import gone, living, names_of
from tests.faults.checker.evidence import Evidence
from tests.faults.checker.log import Fact, Story

SHOWN = 4
ENDS = {"participant-withdrawn": "withdrawn", "participant-completed": "completed", "participant-resumed": "active"}


async def check_effects(seen: Evidence) -> list[tuple[str, str]]:
    """What was answered is in the store of whoever answered; each due date has one answer of intake."""
    alive, erased = living(seen.story), gone(seen.story)
    findings = await _ends(seen, erased)
    check_ins = await stores.rows(seen.pools["feedback"], "check_ins", ("occasion_id", "answered_at"), seen.tenants)
    lost = {occasion for occasion, _ in check_ins} ^ {
        one.key for one in folds.answers(alive).values() if one.rec.place not in seen.injected
    }
    if lost:
        findings.append(("I1", f"{len(lost)} check-ins and their events do not fit: {sorted(lost)[:SHOWN]}"))
    messages = await stores.rows(seen.pools["intake"], "messages", ("occasion_id",), seen.tenants)
    by_mail = [(one.key,) for one in alive.of("check-in-invited") if one.body["channel"] == "email"]
    if sorted(messages) != sorted(by_mail):
        findings.append(("I2", f"{len(messages)} messages for {len(by_mail)} invitations by mail"))
    return findings[: SHOWN * 2] + _asked(seen, alive) + await _attended(seen)


async def _ends(seen: Evidence, erased: Collection[str]) -> list[tuple[str, str]]:
    """Each enrolment is where the answers have left it; whoever was erased has none."""
    own = await stores.rows(seen.pools["intake"], "enrolments", ("enrolment_id", "state"), seen.tenants)
    states = dict(own)
    last = {one.ids["enrolment_id"]: one for one in seen.writes if one.what in ENDS}
    findings = []
    for one in seen.writes:
        enrolment = one.ids.get("enrolment_id")
        if enrolment is None or (enrolment in erased and enrolment not in states):
            continue
        is_last = last.get(enrolment) is one
        if states.get(enrolment) is None or (is_last and ENDS[one.what] != states[enrolment]):
            findings.append(("I1", f"the answered {one.what} of {enrolment} has left {states.get(enrolment)}"))
    return findings


def _asked(seen: Evidence, alive: Story) -> list[tuple[str, str]]:
    """Every enrolment with an undisturbed course has had each of its check-ins fall due, and intake has reacted."""
    disturbed = {one.body["enrolment_id"] for one in alive.of("consent-changed", "participant-withdrawn")}
    batteries = {
        one.body["program_id"]: [entry for entry in one.body["entries"] if entry["kind"] == "baseline"]
        for one in seen.story.of("battery-activated")
    }
    due: dict[str, list[Fact]] = {}
    for one in alive.of("check-in-due"):
        due.setdefault(one.body["enrolment_id"], []).append(one)
    reacted = {one.key for one in alive.of("check-in-invited", "invitation-failed", "check-in-submitted")}
    findings, unasked, unmet = [], [], []
    for one in alive.of("participant-enrolled"):
        enrolment = one.body["enrolment_id"]
        is_ours = one.rec.place not in seen.injected
        if is_ours and enrolment not in disturbed:
            if len(due.get(enrolment, ())) != len(batteries.get(one.body["program_id"], ())):
                unasked.append(enrolment)
            unmet += [fact.key for fact in due.get(enrolment, ()) if fact.key not in reacted]
    if unasked:
        findings.append(("I1", f"{len(unasked)} enrolments lack due dates, or have too many: {unasked[:SHOWN]}"))
    if unmet:
        findings.append(("I1", f"intake has not reacted to {len(unmet)} due dates: {unmet[:SHOWN]}"))
    return findings


async def _attended(seen: Evidence) -> list[tuple[str, str]]:
    """I3: attendance is what was said of it last, with strangers in the place of those who were erased."""
    names = names_of(seen.story)
    columns = ("session_id", "participant_id", "status")
    found = Counter(
        (session, who if who in names else "*", status)
        for session, who, status in await stores.rows(
            seen.pools["scheduling"], "attendance", columns, seen.tenants, "status is not null"
        )
    )
    last = {one.key: one for one in seen.story.of("session-held", "attendance-corrected")}
    wanted = Counter(
        (key, told["participant_id"] if told["participant_id"] in names else "*", told["status"])
        for key, one in last.items()
        for told in one.body["attendance"]
    )
    if found != wanted:
        shown = f"missing {list(wanted - found)[:2]}, there but wrong {list(found - wanted)[:2]}"
        return [("I3", f"scheduling.attendance: {(wanted - found).total()} missing, {shown}")]
    return []
