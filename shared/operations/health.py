"""Is a service well, and if not: what is the matter, and what can be done about it. In words."""

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

from aiokafka.errors import KafkaError

from shared import clock
from shared.database import OUTAGES, SERVICES, SHARED_MIGRATIONS, Database
from shared.events import PARTITIONS
from shared.operations import ahead, broker, store
from shared.operations.shapes import Clocks, Finding, Health, Letters, Outbox, Parked, Schema, Timers, Topic

LAG_SECONDS_MAX = 60
OUTBOX_SECONDS_MAX = 60
TIMER_SECONDS_MAX = 60
TIMER_ATTEMPTS_MAX = 5
LETTER_SECONDS_MAX = 300
CLOCK_SECONDS_MAX = 2.0


async def examine(service: str, database: Database, kafka: str, hears: Collection[str]) -> Health:
    """Ask the store and the broker, and judge. `hears`: the topics that the service is to hear."""
    asked = clock.now()
    health = Health(service=service, at=asked, store_answers=False, broker_answers=False)
    try:
        async with database.transaction() as tx:
            ahead = await store.clock_ahead(tx)
            stored = await store.facts(tx, asked)
    except OUTAGES as error:
        health.findings = [no_store(service, error)]
        return health
    log = await broker.look(kafka, stored.positions, hears)
    health = _judged(health, stored, log, ahead)
    health.findings[:0] = _about_what_is_not_heard(service, stored, log, hears)
    if log:
        health.findings[:0] = await _about_an_older_store(service, database, kafka)
    return health


def no_store(service: str, error: BaseException) -> Finding:
    """The store cannot be asked."""
    what = f"The store of {service} does not answer: {type(error).__name__}."
    return Finding(code="store-away", what=what, todo="Start PostgreSQL, or look at its log. Nothing is lost.")


def age(seconds: float) -> str:
    """A time as people say it: the largest unit that fits."""
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            count = int(seconds // length)
            return f"{count} {unit}{'s' if count != 1 else ''}"
    return f"{seconds:.0f} seconds" if seconds >= 1 else f"{seconds:.1f} seconds"


def _judged(health: Health, stored: store.Stored, log: broker.Log | None, ahead_seconds: float) -> Health:
    now = health.at
    health.store_answers, health.broker_answers = True, log is not None
    health.topics = _topics(stored, log, now)
    outbox, parked, timers = stored.outbox, stored.parked, stored.timers
    health.outbox = Outbox(
        rows=outbox["rows"],
        oldest_seconds=_since(outbox["oldest"], now),
        oldest_topic=outbox["topic"],
        refused=outbox["refused"],
    )
    health.parked = Parked(keys=parked["keys"], events=parked["events"], since=parked["since"])
    health.timers = Timers(
        overdue=timers["overdue"],
        latest_seconds=_since(timers["first_due"], now),
        attempts_most=timers["attempts"],
    )
    health.letters = Letters(held_up=stored.letters["held_up"], since=stored.letters["since"])
    health.schema_versions = _schema(health.service, stored)
    health.clocks = Clocks(postgresql_seconds=ahead_seconds, broker_seconds=log.ahead_seconds if log else None)
    health.findings = [*_about_the_log(stored, log), *_about_a_flood(stored), *_findings(health)]
    return health


def _since(then: datetime | None, now: datetime) -> float:
    return max(0.0, (now - then).total_seconds()) if then else 0.0


def _topics(stored: store.Stored, log: broker.Log | None, now: datetime) -> list[Topic]:
    places = defaultdict(list)
    for place in stored.positions:
        places[place[0]].append(place)
    topics = []
    for topic, own in sorted(places.items()):
        behind = sum(max(0, log.ends.get(one, 0) - stored.positions[one]) for one in own) if log else None
        ages = [_since(log.oldest[one], now) for one in own if one in log.oldest] if log else []
        topics.append(
            Topic(
                topic=topic,
                position=sum(stored.positions[one] for one in own),
                behind=behind,
                behind_seconds=max(ages) if ages else (0.0 if behind == 0 else None),
                moved_at=stored.moved_at[topic],
            )
        )
    return topics


def _schema(service: str, stored: store.Stored) -> Schema:
    files = [*SHARED_MIGRATIONS.glob("*.sql"), *(SERVICES / service / "migrations").glob("*.sql")]
    known = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    if stored.migrations is None:
        return Schema(applied=None, missing=sorted(known), unknown=[])
    return Schema(
        applied=len(stored.migrations),
        missing=sorted(name for name in known if name not in stored.migrations),
        unknown=sorted(name for name, digest in stored.migrations.items() if known.get(name) != digest),
    )


def _about_the_log(stored: store.Stored, log: broker.Log | None) -> Iterator[Finding]:
    """What a consumer refuses to go on with: it stops loudly, and only a person can decide."""
    if log is None:
        yield Finding(
            code="broker-away",
            what="The broker does not answer.",
            todo="Start Kafka, or look at its log. People keep working meanwhile, and events leave when it is back.",
        )
        return
    counts = Counter(topic for topic, _ in log.ends)
    for topic in sorted({topic for topic, _ in stored.positions}):
        if not counts[topic]:
            yield _no_topic(topic)
        elif counts[topic] != PARTITIONS:
            what = f"{topic} has {counts[topic]} partitions, not {PARTITIONS}, so the service has stopped."
            todo = "Nothing is lost yet. Make the topic anew with 12 partitions under a version of its own."
            yield Finding(code="partitions-changed", what=what, todo=todo)
    for place, position in sorted(stored.positions.items()):
        yield from _about_a_place(place, position, log)


def _about_what_is_not_heard(
    service: str, stored: store.Stored, log: broker.Log | None, hears: Collection[str]
) -> Iterator[Finding]:
    """A topic without a position is one of which nothing has ever been read: no lag tells it."""
    there = {topic for topic, _ in log.ends} if log else set()
    for topic in sorted({*hears} - {topic for topic, _ in stored.positions}) if log else ():
        if topic in there:
            what = f"{service} has not begun to read {topic}."
            todo = (
                f"If it has only just started, ask again in a minute; else its log says why. It needs Read on {topic}."
            )
            yield Finding(code="not-begun", what=what, todo=todo)
        else:
            yield _no_topic(topic)


async def _about_an_older_store(service: str, database: Database, kafka: str) -> list[Finding]:
    """Whoever says anything looks first, and stops."""
    try:
        found = await ahead.look(database, kafka, service)
    except (*OUTAGES, KafkaError):  # told already, or it is away for this moment
        return []
    if not found:
        return []
    places = sorted({f"{one.record.topic}/{one.record.partition}" for one in found})
    more = f" and {_many(len(places) - 1, 'other partition')}" if len(places) > 1 else ""
    what = (
        f"The store of {service} has not said what the log has of it, in {places[0]}{more}, so the service has stopped."
    )
    todo = f"It is older than what it has said: restore it to its last commit, or `kith adopt {service} --by NAME`."
    return [Finding(code="store-older", what=what, todo=todo)]


def _no_topic(topic: str) -> Finding:
    todo = "Make it with `kith topics`. If it was deleted, restore it before the service goes on."
    return Finding(code="topic-missing", what=f"The topic {topic} is not there.", todo=todo)


def _about_a_flood(stored: store.Stored) -> Iterator[Finding]:
    if stored.flood:
        what = f"{stored.flood}, so the service has stopped."
        way_out = "Mend what is wrong, or raise KITH_FLOOD_RUN or KITH_FLOOD_SHARE if so many are to be parked; "
        todo = way_out + "replay or drop what is parked by now (`kith parked`); then start the service again."
        yield Finding(code="flood", what=what, todo=todo)


def _about_a_place(place: tuple[str, int], position: int, log: broker.Log) -> Iterator[Finding]:
    begin, end = log.begins.get(place, position), log.ends.get(place, position)
    where = f"{place[0]}/{place[1]}"
    if position < begin:
        what = f"{where}: {begin - position} events expired before they were applied, so the service has stopped."
        todo = "They are in the speaker's event log: restore them from there before the service goes on."
        yield Finding(code="expired-unread", what=what, todo=todo)
    if position > end:
        what = f"{where}: {position} events were applied and the log has {end}, so the service has stopped."
        todo = "The topic was made again or cut: restore it; if it is lost, docs/backup.md says how to go on."
        yield Finding(code="log-cut", what=what, todo=todo)
    if place in log.damaged:
        what = f"{where}: what the broker has kept from {position} on is damaged. Other partitions go on without it."
        todo = "Restore the partition from a replica or a copy; the speaker's event log has these events, too."
        yield Finding(code="log-damaged", what=what, todo=todo)


def _findings(health: Health) -> Iterator[Finding]:
    name = health.service
    slow = [one for one in health.topics if one.behind and _waited(one, health.at) > LAG_SECONDS_MAX]
    if slow:
        what = "; ".join(
            f"{_many(one.behind or 0, 'event')} of {one.topic}, {_how_long(one, health.at)}" for one in slow
        )
        todo = f"See whether {name} runs and what its log says. If it only has much to do, start a second process."
        yield Finding(code="lag", what=f"Not applied yet: {what}.", todo=todo)
    yield from _about_saying(health)
    if health.parked and health.parked.keys:
        count, since = health.parked, health.parked.since
        ago = age(_since(since, health.at))
        what = f"{_many(count.keys, 'parked key')} with {_many(count.events, 'event')}, "
        todo = f"Look at what is wrong (`kith parked list --service {name}`), mend it, then replay or drop."
        yield Finding(code="parked", what=what + f"the first for {ago}.", todo=todo)
    yield from _about_time(health)
    yield from _about_letters(health)
    yield from _about_the_schema(health)


def _waited(topic: Topic, now: datetime) -> float:
    """For how long something waits; where its age could not be read, since anything was applied last."""
    return _since(topic.moved_at, now) if topic.behind_seconds is None else topic.behind_seconds


def _how_long(topic: Topic, now: datetime) -> str:
    waited = age(_waited(topic, now))
    return f"for {waited}" if topic.behind_seconds is not None else f"and none was applied for {waited}"


def _about_saying(health: Health) -> Iterator[Finding]:
    outbox = health.outbox
    if outbox and outbox.rows and outbox.oldest_seconds > OUTBOX_SECONDS_MAX:
        first = f"the first, of {outbox.oldest_topic}, for {age(outbox.oldest_seconds)} now"
        what = f"{_many(outbox.rows, 'event')} to leave, {first}."
        todo = f"See whether {health.service} runs and can write there: its log says. They leave by themselves then."
        yield Finding(code="outbox-old", what=what, todo=todo)
    if outbox and outbox.refused:
        what = f"The broker refused {_many(outbox.refused, 'event')} for good."
        todo = "See why (`kith parked list`), raise max.message.bytes of the topic if they were too large, then replay."
        yield Finding(code="refused", what=what, todo=todo)


def _about_time(health: Health) -> Iterator[Finding]:
    timers, clocks = health.timers, health.clocks
    if timers and timers.latest_seconds > TIMER_SECONDS_MAX:
        what = f"{_many(timers.overdue, 'timer')} overdue, the latest by {age(timers.latest_seconds)}."
        fails = f" One has failed {timers.attempts_most} times." if timers.attempts_most >= TIMER_ATTEMPTS_MAX else ""
        todo = f"See whether {health.service} runs; its log says why a timer fails. It is tried again by itself."
        yield Finding(code="timers-late", what=what + fails, todo=todo)
    if clocks and not os.environ.get("KITH_CLOCK_FILE"):  # a test moves our clock and no other
        both: Any = (("PostgreSQL", clocks.postgresql_seconds), ("the broker", clocks.broker_seconds))
        for whose, seconds in both:
            if seconds is not None and abs(seconds) > CLOCK_SECONDS_MAX:
                way = "ahead of" if seconds > 0 else "behind"
                what = f"The clock of {whose} is {age(abs(seconds))} {way} this machine's."
                yield Finding(
                    code="clocks-differ", what=what, todo="Let one time server set the clocks of all machines."
                )


def _about_letters(health: Health) -> Iterator[Finding]:
    letters = health.letters
    if letters and letters.held_up and _since(letters.since, health.at) > LETTER_SECONDS_MAX:
        first = age(_since(letters.since, health.at))
        what = f"{_many(letters.held_up, 'message')} to people cannot be sent, the first for {first} now."
        todo = f"See why in the log of {health.service}: the mail server, or KITH_SMTP. They go out by themselves then."
        yield Finding(code="mail-held-up", what=what, todo=todo)


def _about_the_schema(health: Health) -> Iterator[Finding]:
    schema = health.schema_versions
    if schema and schema.missing:
        what = f"The store lacks {_many(len(schema.missing), 'migration')}: {schema.missing[0]}"
        more = " and later ones" if len(schema.missing) > 1 else ""
        yield Finding(code="schema-behind", what=f"{what}{more}.", todo="Run `kith migrate`.")
    if schema and schema.unknown:
        what = f"The store has migrations that this program does not have like that: {', '.join(schema.unknown)}."
        yield Finding(code="schema-ahead", what=what, todo="This is an older program than the store's: upgrade it.")


def _many(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count:,} {word}s"
