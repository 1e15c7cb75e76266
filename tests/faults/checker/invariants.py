"""I1 to I8: what must hold after every cell, whatever was done to the system."""

import asyncio
import itertools
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import asyncpg

from tests.faults.checker import erased, parked, stores, tenants
from tests.faults.checker.folds import COLUMNS, FOLDS, HEARS
from tests.faults.checker.log import Fact, Mark, Rec, Story, ends, read, schemas, story

Pools = Mapping[str, "asyncpg.Pool[Any]"]
SHOWN = 4


class Answered(Protocol):
    """A write that was answered."""

    @property
    def what(self) -> str: ...
    @property
    def ids(self) -> dict[str, str]: ...


@dataclass(frozen=True, slots=True)
class Finding:
    """A promise that was not kept."""

    invariant: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that the checker looks at."""

    pools: Pools
    tenants: Sequence[str]
    writes: Collection[Answered]
    story: Story
    records: Sequence[Rec]
    said: Mapping[tuple[str, str, int], tuple[str, bytes]]  # of all services
    injected: Collection[tuple[str, int, int]]  # records that no service has said
    kafka: str
    topics: Collection[str]


async def check(
    kafka: str,
    pools: Pools,
    *,
    since: Mark,
    organisations: Sequence[str],
    writes: Collection[Answered],
    injected: Collection[tuple[str, int, int]] = (),
    as_service: Callable[[str], Any] | None = None,
) -> tuple[list[Finding], Evidence]:
    """Look at everything; no finding is the only good answer. The system must have come to rest."""
    topics = sorted({about["x-kafka"]["topic"] for about in schemas().values()})
    records = await asyncio.to_thread(_records, kafka, since, topics, organisations, set(injected))
    said: dict[tuple[str, str, int], tuple[str, bytes]] = {}
    for pool in pools.values():
        said |= await stores.event_log(pool, organisations)
    told = story(records, schemas())
    seen = Evidence(pools, organisations, writes, told, records, said, set(injected), kafka, topics)
    findings = [*_answered(seen), *_said(seen), *_once(seen), *_in_order(seen)]
    for name in pools:
        findings += await _views(seen, name)
        findings += await _readers(seen, name)
        findings += await erased.check_erased(pools[name], name, told)
        findings += await parked.check_parked(seen.pools[name], name, told, HEARS[name], organisations)
    findings += await _effects(seen)
    findings += await tenants.check_tenants(pools, organisations, told, as_service)
    findings += await _at_rest(seen)
    return [Finding(*one) for one in findings], seen


async def check_log(pools: Pools, organisations: Sequence[str], writes: Collection[Answered]) -> list[Finding]:
    """I1 for a system that has stopped, or whose topics are gone: what was answered is in its speaker's log."""
    there: set[str] = set()
    for pool in pools.values():
        for (_, key, _), (_, value) in (await stores.event_log(pool, organisations)).items():
            there |= {key, str(json.loads(value).get("enrolment_id"))}
    lost = [one.ids for one in writes if one.ids.get("occasion_id", one.ids["enrolment_id"]) not in there]
    return [Finding("I1", f"{len(lost)} answered writes are in no event log: {lost[:SHOWN]}")] if lost else []


def _records(
    kafka: str, since: Mark, topics: Sequence[str], organisations: Collection[str], injected: set[tuple[str, int, int]]
) -> list[Rec]:
    """The records of these organisations, and those that were injected."""
    found = read(kafka, since, ends(kafka, topics))
    return [one for one in found if one.header("ce_organisation") in organisations or one.place in injected]


def _answered(seen: Evidence) -> Iterator[tuple[str, str]]:
    """I1: what was answered has been said, and stands in the topics."""
    there = {(one.wire, _mark(one.wire, one.body)) for one in seen.story.facts}
    missing = [
        f"{one.what} {one.ids}"
        for one in seen.writes
        if one.what != "consent"  # saying the same again changes nothing, and is answered too
        and (one.what, _mark(one.what, one.ids)) not in there
    ]
    if missing:
        yield "I1", f"{len(missing)} answered writes are in no topic: {missing[:SHOWN]}"


def _mark(wire: str, ids: Mapping[str, Any]) -> str:
    return str(ids.get("occasion_id") if wire.startswith("check-in") else ids.get("enrolment_id"))


def _said(seen: Evidence) -> Iterator[tuple[str, str]]:
    """I1: the event logs and the topics hold the same events with the same bytes, and nothing else."""
    there: dict[tuple[str, str, int], tuple[str, bytes]] = {}
    for one in (*seen.story.facts, *seen.story.repeated):
        if one.rec.place in seen.injected:
            continue
        mark, what = (one.rec.topic, one.key, one.version), (one.id, one.rec.value or b"")
        if there.setdefault(mark, what) != what:
            yield "I2", f"two events have version {one.version} of {one.rec.topic} {one.key}"
    lost = [mark for mark, what in seen.said.items() if there.get(mark) != what]
    invented = [mark for mark in there if mark not in seen.said]
    if lost:
        yield "I1", f"{len(lost)} of {len(seen.said)} events said are in no topic as said: {lost[:SHOWN]}"
    if invented:
        yield "I1", f"{len(invented)} events are in the topics that nobody has said: {invented[:SHOWN]}"


def _once(seen: Evidence) -> Iterator[tuple[str, str]]:
    """I2: no event has caused the same twice."""
    caused = Counter(
        (cause, one.wire, one.key)
        for one in seen.story.facts
        if (cause := one.rec.header("ce_causationid")) and one.wire != "participant-placed"
    )
    twice = [mark for mark, count in caused.items() if count > 1]
    if twice:
        yield "I2", f"{len(twice)} events have caused the same more than once: {twice[:SHOWN]}"
    ids = Counter(one.id for one in seen.story.facts)
    same = [event_id for event_id, count in ids.items() if count > 1]
    if same:
        yield "I2", f"{len(same)} event ids stand for two facts: {same[:SHOWN]}"
    by_mail = Counter(one.key for one in seen.story.of("check-in-invited") if one.body["channel"] == "email")
    often = [key for key, count in by_mail.items() if count > 1]
    if often:
        yield "I2", f"{len(often)} people were invited twice: {often[:SHOWN]}"


def _in_order(seen: Evidence) -> Iterator[tuple[str, str]]:
    """I4: in the topics no version of an aggregate is missing or comes back before the one that it follows."""
    if seen.story.gaps:
        yield "I4", f"{len(seen.story.gaps)} versions are out of order in the topics: {seen.story.gaps[:SHOWN]}"


async def _views(seen: Evidence, name: str) -> list[tuple[str, str]]:
    """I3: each view is what a computation from scratch gives."""
    findings = []
    wanted = FOLDS[name](seen.story)
    for table, columns in COLUMNS[name].items():
        where = "was_said" if (name, table) == ("scheduling", "occasions") else "true"
        found = await stores.rows(seen.pools[name], table, columns, seen.tenants, where)
        missing, extra = wanted[table] - set(found), set(found) - wanted[table]
        if missing or extra or len(found) != len(set(found)):
            shown = f"missing {sorted(missing, key=str)[:2]}, there but wrong {sorted(extra, key=str)[:2]}"
            findings.append(("I3", f"{name}.{table}: {len(missing)} missing, {len(extra)} wrong rows: {shown}"))
    return findings


async def _readers(seen: Evidence, name: str) -> list[tuple[str, str]]:
    """I2, I4: what each reader has seen is the newest version, and it never went back."""
    findings = []
    mine = {mark: version for mark, version in seen.story.versions.items() if mark[0] in HEARS[name]}
    keys = [key for _, key in mine]
    have = await stores.versions(seen.pools[name], keys)
    behind = [mark for mark, version in mine.items() if have.get(mark) != version]
    if behind:
        findings.append(("I1", f"{name} has not seen the newest version of {len(behind)} keys: {behind[:SHOWN]}"))
    for mark, history in (await stores.diary(seen.pools[name], keys)).items():
        if any(later <= earlier for earlier, later in itertools.pairwise(history)):
            findings.append(("I4", f"{name}: versions of {mark} went {history}"))
    if back := await stores.went_back(seen.pools[name]):
        findings.append(("I4", f"{name}: {len(back)} positions went back: {back[:SHOWN]}"))
    if name == "analytics":
        findings += await _heard(seen)
    return findings[: SHOWN * 2]


async def _heard(seen: Evidence) -> list[tuple[str, str]]:
    """I2, I4: what analytics has kept is each fact once, as it stands in the topic."""
    found = await stores.rows(
        seen.pools["analytics"], "machinery.heard", ("topic", "part", "position", "value"), seen.tenants
    )
    wanted = {one.rec.place: one for one in seen.story.facts if one.rec.topic in HEARS["analytics"]}
    ids = {one.rec.place: one.id for one in (*seen.story.facts, *seen.story.repeated)}
    count = Counter(ids.get((topic, part, position)) for topic, part, position, _ in found)
    findings = []
    if twice := [event_id for event_id, number in count.items() if number > 1]:
        findings.append(("I2", f"{len(twice)} events were effective more than once: {twice[:SHOWN]}"))
    kept = {(topic, part, position): bytes(value) for topic, part, position, value in found}
    if lost := [place for place in wanted if place not in kept]:
        findings.append(("I1", f"{len(lost)} events have had no effect: {lost[:SHOWN]}"))
    if other := [place for place, value in kept.items() if place in wanted and wanted[place].rec.value != value]:
        findings.append(("I3", f"{len(other)} events were kept with other bytes: {other[:SHOWN]}"))
    return findings


async def _effects(seen: Evidence) -> list[tuple[str, str]]:
    """I1: what was answered is in the store of whoever answered; each due date has one answer of intake."""
    findings = []
    own = await stores.rows(seen.pools["intake"], "enrolments", ("enrolment_id", "state"), seen.tenants)
    states = {enrolment: state for enrolment, state in own}
    wanted = {"participant-withdrawn": "withdrawn", "participant-complete": "completed"}
    for one in seen.writes:
        enrolment = one.ids["enrolment_id"]
        if states.get(enrolment) is None or wanted.get(one.what, states[enrolment]) != states[enrolment]:
            findings.append(("I1", f"the answered {one.what} of {enrolment} has left {states.get(enrolment)}"))
    check_ins = await stores.rows(seen.pools["feedback"], "check_ins", ("occasion_id", "answered_at"), seen.tenants)
    lost = {occasion for occasion, _ in check_ins} ^ {
        one.key for one in seen.story.of("check-in-submitted") if one.rec.place not in seen.injected
    }
    if lost:
        findings.append(("I1", f"{len(lost)} check-ins and their events do not fit: {sorted(lost)[:SHOWN]}"))
    messages = await stores.rows(seen.pools["intake"], "messages", ("occasion_id",), seen.tenants)
    by_mail = [(one.key,) for one in seen.story.of("check-in-invited") if one.body["channel"] == "email"]
    if sorted(messages) != sorted(by_mail):
        findings.append(("I2", f"{len(messages)} messages for {len(by_mail)} invitations by mail"))
    return findings[: SHOWN * 2] + _asked(seen)


def _asked(seen: Evidence) -> list[tuple[str, str]]:
    """I1: every enrolment with an undisturbed course has had each of its check-ins fall due, and intake has reacted."""
    disturbed = {one.body["enrolment_id"] for one in seen.story.of("consent-changed", "participant-withdrawn")}
    batteries = {
        one.body["program_id"]: [entry for entry in one.body["entries"] if entry["kind"] == "baseline"]
        for one in seen.story.of("battery-activated")
    }
    due: dict[str, list[Fact]] = {}
    for one in seen.story.of("check-in-due"):
        due.setdefault(one.body["enrolment_id"], []).append(one)
    reacted = {one.key for one in seen.story.of("check-in-invited", "invitation-failed", "check-in-submitted")}
    findings, unasked, unmet = [], [], []
    for one in seen.story.of("participant-enrolled"):
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


async def _at_rest(seen: Evidence) -> list[tuple[str, str]]:
    """I8: nothing waits any more: every reader at the end of the log, every outbox empty, no timer late."""
    findings = []
    end = await asyncio.to_thread(ends, seen.kafka, seen.topics)
    for name, pool in seen.pools.items():
        have = await stores.offsets(pool)
        late = [place for place, offset in end.items() if place[0] in HEARS[name] and have.get(place) != offset]
        if late:
            findings.append(("I8", f"{name} is not at the end of {len(late)} partitions: {late[:SHOWN]}"))
        left = {
            table: await pool.fetchval(f"select count(*) from machinery.{table}")
            for table in ("outbox", "outbox_parked")
        }
        findings += [("I8", f"{name}: {count} rows are left in {table}") for table, count in left.items() if count]
        failing = await pool.fetchval(
            "select count(*) from machinery.timers where attempts > 0 and organisation_id = any($1::uuid[])",
            list(seen.tenants),
        )
        if failing:
            findings.append(("I8", f"{name}: {failing} timers fail"))
    return findings
