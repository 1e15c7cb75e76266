"""A log that was lost is said again out of the event log, and heard from its beginning: all repeats are dropped."""

from datetime import timedelta

from shared import clock
from shared.database import Tx


async def is_at_work(tx: Tx, service: str) -> bool:
    """Whether a process of the service is connected: it would say, or hear, what comes later before what is missing."""
    found: bool = await tx.fetchval(
        """select exists (
               select from pg_stat_activity where datname = current_database() and application_name = $1)""",
        f"{service} machinery",
    )
    return found


async def say_again(tx: Tx, days: int) -> int:
    """Put what was said in so many days into the outbox, behind it what waits there; gives how many events these are.

    An erasure that waits is in no event log any more.
    """
    await tx.execute("delete from machinery.offsets")
    await tx.execute("delete from machinery.topics_heard")
    await tx.execute(  # before the places of the log that is to come
        """update machinery.heard set position = position - moved.by from (
               select greatest(max(position), 0) - least(min(position), 0) + 1 as by from machinery.heard
           ) as moved"""
    )
    said: int = await tx.fetchval(
        """with waiting as (
               delete from machinery.outbox returning topic, key, version, headers, value, put_at
           ), again as (
               insert into machinery.outbox (lane, topic, key, version, headers, value, put_at)
               select hashtext(key) & 15, every.* from (
                   table waiting
                   union all
                   select topic, key, version, headers, value, put_at from machinery.event_log e
                   where put_at >= $1 and not exists (
                       select from waiting w where w.topic = e.topic and w.key = e.key and w.version = e.version
                   ) and not exists (
                       select from machinery.operator_acts o where o.act = 'never-said'
                           and o.topic = e.topic and o.key = e.key and o.version = e.version)
               ) as every
               order by topic, key, version returning 1
           )
           select count(*) from again""",
        clock.now() - timedelta(days=days),
    )
    return said
