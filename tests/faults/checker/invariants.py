"""I1 to I8: what must hold after every cell, whatever was done to the system."""

import asyncio
import itertools
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.faults.checker import effects, erased, parked, stores, tenants
from tests.faults.checker.columns import COLUMNS, HEARS
from tests.faults.checker.evidence import Answered, Evidence, Pools
from tests.faults.checker.folds import FOLDS, moment
from tests.faults.checker.log import Mark, Rec, Story, ends, read, schemas, story

SHOWN = 4


@dataclass(frozen=True, slots=True)
class Finding:
    """A promise that was not kept."""

    invariant: str
    sentence: str
    is_of_time: bool = False  # nothing is wrong, but it took too long, or too little was seen of it


async def check(
    kafka: str,
    pools: Pools,
    *,
    since: Mark,
    organisations: Sequence[str],
    writes: Collection[Answered],
    injected: Collection[tuple[str, int, int]] = (),
    as_service: Callable[[str], Any] | None = None,
    logs: Path | None = None,
) -> tuple[list[Finding], Evidence]:
    """Look at everything; no finding is the only good answer. The system must have come to rest."""
    topics = sorted({about["x-kafka"]["topic"] for about in schemas().values()})
    records = await asyncio.to_thread(_records, kafka, since, topics, organisations, set(injected))
    said: dict[tuple[str, str, int], tuple[str, bytes]] = {}
    for pool in pools.values():
        said |= await stores.event_log(pool, organisations)
    told = story(records, schemas())
    seen = Evidence(pools, organisations, writes, told, records, said, set(injected), kafka, topics)
    findings = [*_answered(seen), *_said(seen), *_once(seen), *_of_nobody(seen)]
    if disorder := [*_in_order(seen)]:  # nothing can be recomputed from such a log
        return [Finding(*one) for one in (*findings, *disorder)], seen
    traces = erased.traces_of(told, [word for one in writes for word in one.canaries])
    for name in pools:
        findings += await _views(seen, name)
        findings += await _readers(seen, name)
        findings += await erased.check_erased(pools[name], name, traces, organisations)
        findings += await parked.check_parked(seen.pools[name], name, told, HEARS[name], organisations)
    findings += erased.check_logs(logs, list(pools), traces)
    findings += await effects.check_effects(seen)
    findings += await tenants.check_tenants(pools, organisations, told, as_service)
    findings += await _at_rest(seen)
    return [Finding(*one) for one in findings], seen


async def check_log(pools: Pools, organisations: Sequence[str], writes: Collection[Answered]) -> list[Finding]:
    """I1 for a system that has stopped, or whose topics are gone: what was answered is in its speaker's log."""
    there: set[str] = set()
    for pool in pools.values():
        for (_, key, _), (_, value) in (await stores.event_log(pool, organisations)).items():
            there |= {key, str(json.loads(value).get("enrolment_id"))}
    erased_ids = {one.ids["enrolment_id"] for one in writes if one.what == "participant-erased"}
    wanted = [one.ids for one in writes if one.ids.get("enrolment_id") not in erased_ids]
    lost = [
        ids for ids in wanted if ids.get("occasion_id", ids.get("enrolment_id", ids.get("session_id"))) not in there
    ]
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
    said = Counter(one.key for one in seen.story.of("attendance-corrected"))
    asked = Counter(one.ids["session_id"] for one in seen.writes if one.what == "attendance-corrected")
    if fewer := [session for session, count in asked.items() if said[session] < count]:
        yield "I1", f"attendance was corrected more often than was said: {fewer[:SHOWN]}"


def _mark(wire: str, ids: Mapping[str, Any]) -> str:
    if wire == "participant-erased":
        return str(ids.get("participant_id"))
    if wire in ("session-held", "attendance-corrected"):
        return str(ids.get("session_id"))
    return str(ids.get("occasion_id") if wire.startswith("check-in") else ids.get("enrolment_id"))


def _said(seen: Evidence) -> Iterator[tuple[str, str]]:
    """I1: the event logs and the topics hold the same events with the same bytes, and nothing else.

    But whoever was erased is only in the topics; where they were named among others, logs name a stranger.
    """
    gone, people = erased.gone(seen.story), erased.people_of(seen.story)
    there: dict[tuple[str, str, int], tuple[str, bytes]] = {}
    for one in (*seen.story.facts, *seen.story.repeated):
        if one.rec.place in seen.injected:
            continue
        mark, what = (one.rec.topic, one.key, one.version), (one.id, one.rec.value or b"")
        if there.setdefault(mark, what) != what:
            yield "I2", f"two events have version {one.version} of {one.rec.topic} {one.key}"
    lost = [mark for mark, what in seen.said.items() if not _is_same(there.get(mark), what, people)]
    invented = [mark for mark in there if mark not in seen.said and mark[1] not in gone]
    if lost:
        yield "I1", f"{len(lost)} of {len(seen.said)} events said are in no topic as said: {lost[:SHOWN]}"
    if invented:
        yield "I1", f"{len(invented)} events are in the topics that nobody has said: {invented[:SHOWN]}"


def _is_same(there: tuple[str, bytes] | None, said: tuple[str, bytes], people: Collection[str]) -> bool:
    return there is not None and there[0] == said[0] and erased.is_rekeyed(there[1], said[1], people)


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
    due = Counter(one.key for one in seen.story.of("check-in-due", "follow-up-due"))  # once more after an end
    often = [key for key, count in by_mail.items() if count > due[key]]
    if often:
        yield "I2", f"{len(often)} people were invited twice: {often[:SHOWN]}"


def _of_nobody(seen: Evidence) -> Iterator[tuple[str, str]]:
    """I6: whoever stands for somebody who was erased is counted among others, and nothing happens to them."""
    told = [one for one in seen.story.facts if erased.is_stranger(one.body.get("participant_id"))]
    if told:
        yield "I6", f"{len(told)} events tell of a stranger: {[(one.wire, one.key) for one in told[:SHOWN]]}"


def _in_order(seen: Evidence) -> Iterator[tuple[str, str]]:
    """I4: in the topics no version of an aggregate is missing or comes back before the one that it follows."""
    if seen.story.gaps:
        yield "I4", f"{len(seen.story.gaps)} versions are out of order in the topics: {seen.story.gaps[:SHOWN]}"


async def _views(seen: Evidence, name: str) -> list[tuple[str, str]]:
    """I3: each view is what a computation from scratch gives."""
    findings = []
    wanted = FOLDS[name](erased.living(seen.story))
    if "horizons" in wanted:
        wanted["horizons"] = await _horizons(seen)
    for table, columns in COLUMNS[name].items():
        where = "was_said" if (name, table) == ("scheduling", "occasions") else "true"
        found = await stores.rows(seen.pools[name], table, columns, seen.tenants, where)
        missing, extra = wanted[table] - set(found), set(found) - wanted[table]
        if missing or extra or len(found) != len(set(found)):
            shown = f"missing {sorted(missing, key=str)[:2]}, there but wrong {sorted(extra, key=str)[:2]}"
            findings.append(("I3", f"{name}.{table}: {len(missing)} missing, {len(extra)} wrong rows: {shown}"))
    return findings


async def _horizons(seen: Evidence) -> set[tuple[Any, ...]]:
    """Those that were found, if no earlier than what was heard of the living and no later than anybody tells.

    What a clock that is ahead has put into the future reaches to the moment at which it was heard.
    """
    columns = ("topic", "part", "position", "heard_at")
    kept = await stores.rows(seen.pools["analytics"], "machinery.heard", columns, seen.tenants)
    heard = {(topic, part, position): at for topic, part, position, at in kept}
    living = [one for one in erased.living(seen.story).facts if one.rec.place in heard]
    capped = [replace(one, time=min(moment(one.time), heard[one.rec.place])) for one in living]
    least = FOLDS["analytics"](Story(facts=capped))["horizons"]
    newest = dict(FOLDS["analytics"](seen.story)["horizons"])
    found = dict(await stores.rows(seen.pools["analytics"], "horizons", COLUMNS["analytics"]["horizons"], seen.tenants))
    return {(one, at if not at <= found.get(one, "") <= newest[one] else found[one]) for one, at in least}


async def _readers(seen: Evidence, name: str) -> list[tuple[str, str]]:
    """I2, I4: what each reader has seen is the newest version, and it never went back."""
    findings = []
    versions = erased.living(seen.story).versions
    mine = {mark: version for mark, version in versions.items() if mark[0] in HEARS[name]}
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
    """I2, I4: what analytics has kept is each fact once, as it stands in the topic, but for whoever was erased."""
    found = await stores.rows(
        seen.pools["analytics"], "machinery.heard", ("topic", "part", "position", "value"), seen.tenants
    )
    living = erased.living(seen.story).facts
    wanted = {one.rec.place: one for one in living if one.rec.topic in HEARS["analytics"]}
    ids = {one.rec.place: one.id for one in (*seen.story.facts, *seen.story.repeated)}
    count = Counter(ids.get((topic, part, position)) for topic, part, position, _ in found)
    findings = []
    if twice := [event_id for event_id, number in count.items() if number > 1]:
        findings.append(("I2", f"{len(twice)} events were effective more than once: {twice[:SHOWN]}"))
    kept = {(topic, part, position): bytes(value) for topic, part, position, value in found}
    if lost := [place for place in wanted if place not in kept]:
        findings.append(("I1", f"{len(lost)} events have had no effect: {lost[:SHOWN]}"))
    people = erased.people_of(seen.story)
    said = {place: wanted[place].rec.value or b"" for place in kept if place in wanted}
    if other := [place for place, value in said.items() if not erased.is_rekeyed(value, kept[place], people)]:
        findings.append(("I3", f"{len(other)} events were kept with other bytes: {other[:SHOWN]}"))
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
