"""Replaying a parked key: the same handlers, in the order of the key, while live events keep flowing."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from shared.database import Database, Tx, see_only
from shared.errors import NotFound, Refusal
from shared.inbox import store
from shared.inbox.batch import Applying, Standing
from shared.inbox.decode import Incoming, decode
from shared.inbox.parked import acts, look

RECORDS_MAX = 500  # in one transaction: live batches of the partition wait for it
Queue = list[tuple[look.ParkedRecord, Incoming]]


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of a key."""

    handled: int  # took effect
    passed_over: int  # had taken effect before, or is about somebody who was erased since
    left: int  # still wait
    blocked_by: look.ParkedKey | None = None  # why the first of those cannot take effect


async def replay(
    database: Database,
    applying: Applying,
    topic: str,
    key: str,
    *,
    gap: acts.Decision | None = None,
    mine: UUID | None = None,
) -> Replayed:
    """Let what waits take effect, as far as it can; with `gap`, versions missing before the first are given up.

    Live events of the key join the end of the queue until it is empty: never past one that waits.
    """
    handled = passed = 0
    while True:
        try:
            done = await _once(database, applying, topic, key, gap, mine)
        except NotFound:
            if not (handled or passed):
                raise
            return Replayed(handled, passed, 0)  # somebody else has replayed or dropped the rest
        handled, passed, gap = handled + done.handled, passed + done.passed_over, None
        if done.blocked_by or not done.left or not (done.handled or done.passed_over):
            return Replayed(handled, passed, done.left, done.blocked_by)


async def _once(
    database: Database, applying: Applying, topic: str, key: str, gap: acts.Decision | None, mine: UUID | None
) -> Replayed:
    """One transaction: what takes effect is gone from the parked ones when it commits, the rest stays."""
    async with database.transaction() as tx:
        await look.lock(tx, topic, key)
        before = await look.one(tx, topic, key, mine=mine)
        await store.forget_flood(tx)  # a person has looked
        waiting = await look.records(tx, topic, key, limit=RECORDS_MAX)
        if gap and waiting:
            await _give_up_what_is_missing(tx, waiting[0], gap)
        queue = await _with_late_ones(tx, waiting, await look.seen(tx, topic, key))
        # What was unreadable was nobody's; now that it can be read, the handlers see its own tenant.
        await see_only(tx, {incoming.organisation_id for _, incoming in queue})
        await look.remove(tx, topic, key, [one.place for one, _ in queue])
        await tx.execute("delete from machinery.parked_keys where topic = $1 and key = $2", topic, key)
        # Parks anew what cannot take effect, and what is behind it.
        standing = await applying(tx, [incoming for _, incoming in queue], carefully=True)
        await _as_it_was(tx, before, [one for one, _ in queue])
        return await _told(tx, before, standing)


async def _with_late_ones(tx: Tx, waiting: Sequence[look.ParkedRecord], seen: int | None) -> Queue:
    """The queue, with a missing version that came late before those that wait for it.

    That is how it looks after the broker had refused an event: the later ones passed it, and it followed.
    """
    queue: Queue = []
    taken: set[tuple[int, int]] = set()
    for one in waiting:
        incoming = decode(one.as_record())
        heard = incoming.heard
        while heard and seen is not None and heard.version > seen + 1 and len(queue) < RECORDS_MAX:
            late = await look.of_version(tx, one.topic, one.key, seen + 1)
            late_incoming = decode(late.as_record()) if late else None
            if late is None or late_incoming is None or late_incoming.heard is None:
                break
            queue.append((late, late_incoming))
            taken.add(late.place)
            seen += 1
        if one.place not in taken:
            queue.append((one, incoming))
            seen = max(seen or 0, heard.version) if heard else seen
    return queue[:RECORDS_MAX]


async def _give_up_what_is_missing(tx: Tx, head: look.ParkedRecord, gap: acts.Decision) -> None:
    heard, seen = decode(head.as_record()).heard, await look.seen(tx, head.topic, head.key)
    has_gap = heard is not None and seen is not None and heard.version > seen + 1
    if not has_gap or await look.of_version(tx, head.topic, head.key, (seen or 0) + 1):
        raise Refusal("no-gap", "No version is missing before the first event of this key: replay it as it is.")
    assert heard
    await store.save_versions(tx, {(head.topic, head.key): heard.version - 1})
    await acts.keep(tx, gap, [acts.about("gap-accepted", head)])


async def _as_it_was(tx: Tx, before: look.ParkedKey, queue: Sequence[look.ParkedRecord]) -> None:
    """Whatever waits on has waited since it was parked first, and still holds its key."""
    await tx.execute(
        """insert into machinery.parked_keys as k (topic, key, since)
           select $1, $2, $3 where exists (select from machinery.parked p where p.topic = $1 and p.key = $2)
           on conflict (topic, key) do update set since = excluded.since""",
        before.topic,
        before.key,
        before.since,
    )
    await tx.execute(
        """update machinery.parked p set parked_at = u.parked_at
           from unnest($3::int[], $4::bigint[], $5::timestamptz[]) as u (part, position, parked_at)
           where p.topic = $1 and p.key = $2 and p.part = u.part and p.position = u.position""",
        before.topic,
        before.key,
        [one.part for one in queue],
        [one.position for one in queue],
        [one.parked_at for one in queue],
    )


async def _told(tx: Tx, before: look.ParkedKey, standing: Standing) -> Replayed:
    became = Counter(result for _, result in standing.results)
    handled = became["handled"] + became["ignored"]
    passed = became["repeated"] + became["erased"]
    if not became["parked"]:
        left = await look.count(tx, before.topic, before.key)
        return Replayed(handled, passed, left)
    now = await look.one(tx, before.topic, before.key, mine=None)
    return Replayed(handled, passed, now.count, now)
