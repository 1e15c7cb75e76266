"""What a reader of a program waits for its page, and what cells save: 200 programs, 50,000 people, 20 check-ins each.

Three stores hear everything through their own handlers. One has all of it. The others have a tenth, and that can mean
two things: two check-ins of each person (the first and the last of the battery, so that there is change to show), or a
tenth of the programs with all twenty. The page is asked for of all three in turns, by somebody of a care team (as it is
now) and by a program manager (the newest release). Then the figures of change of a program are read from the cells, and
computed from the facts by SQL, in turns: they must be equal.

Run: uv run python -m benchmarks.answers [PEOPLE] [PROGRAMS] [PAGES]
"""

import gc
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from itertools import cycle, islice, product

import httpx
import uvloop

from benchmarks.crowd import ORGANISATION, SESSIONS, Crowd
from benchmarks.heard import Analytics, analytics
from benchmarks.parts import parts, percentile, run_sql, spread
from services.analytics import store
from services.analytics.app import create
from services.analytics.domain import Asked, Fact, People, change
from shared.database import Tx
from shared.events import Event
from shared.inbox.hearing import GARBAGE_MIN
from tests.doors import bearer, doors

READERS = ("coordinator", "program-manager")
Taken = dict[str, list[float]]
FROM, TO, INSTRUMENT = "baseline", "end", "phq-9"
FROM_FACTS = """
    with people as (
        select enrolment_id from enrolments where program_id = $1 and is_reporting
    ), latest as (
        select distinct on (s.enrolment_id, s.occasion) s.enrolment_id, s.occasion, s.version, s.count
        from scores s join people using (enrolment_id)
        where s.program_id = $1 and s.instrument = $2 and s.occasion in ($3, $4)
        order by s.enrolment_id, s.occasion, s.answered_at desc, s.occasion_id
    ), asked as (
        select count(*) as eligible, count(i.occasion_id) as invited, count(r.occasion_id) as reached,
               count(l.enrolment_id) as responded
        from occasions o join people using (enrolment_id)
             left join invitations i using (occasion_id) left join openings r using (occasion_id)
             left join latest l on l.enrolment_id = o.enrolment_id and l.occasion = o.code
        where o.code = $4 and (not o.is_cancelled or l.enrolment_id is not null)
    )
    select array['enrolled'] as fact, count(*) as n from people
    union all select array['eligible', $4], eligible from asked
    union all select array['invited', $4], invited from asked
    union all select array['reached', $4], reached from asked
    union all select array['responded', $4], responded from asked
    union all
    select array['answer', $2, version::text, occasion, count::text], count(*) from latest
    group by version, occasion, count
    union all
    select array['pair', $2, a.version::text, b.version::text, $3, $4, a.count::text, b.count::text], count(*)
    from latest a join latest b using (enrolment_id)
    where a.occasion = $3 and b.occasion = $4 group by a.version, b.version, a.count, b.count"""


async def main(people: int, programs: int, pages: int) -> None:
    """Fill three stores, measure in turns, and print."""
    all_of_it, few_each = Crowd(people, programs), Crowd(people, programs)
    few_programs = Crowd(people // 10, max(1, programs // 10))
    async with AsyncExitStack() as stack:
        stores, clients = [], []
        for crowd in (all_of_it, few_each, few_programs):
            one = await stack.enter_async_context(analytics(await stack.enter_async_context(parts(kafka=False))))
            await told(one, crowd.founded(), crowd.enrolled())
            await told(one, crowd.asked("baseline"), crowd.asked("follow-up"))
            if crowd is not few_each:
                await told(one, *(crowd.session(number) for number in range(1, SESSIONS + 1)))
                await told(one, crowd.asked("end"), crowd.ended())
            stores.append(one)
            clients.append((await stack.enter_async_context(doors(create(), one)), crowd.codes))
        of_all, *of_a_tenth = await pages_of(clients, pages)
        for reader in READERS:
            slow = percentile(of_all[reader], 0.95)
            print(f"page, {reader}: {spread(of_all[reader], 0)} ms, 95% within {slow:.0f} ms")
            for what, smaller in zip(("2 check-ins of each", "a tenth of the programs"), of_a_tenth, strict=True):
                print(f"  with {what} {spread(smaller[reader], 0)} ms; of that at", end="")
                for share in (0.5, 0.95):
                    times = percentile(of_all[reader], share) / percentile(smaller[reader], share)
                    print(f" {share:.0%} {times:.2f} times", end="")
                print()
        await from_cells_and_facts(stores[0], all_of_it)


async def told(one: Analytics, *stories: Iterable[Event]) -> None:
    """Hear it all, then count everybody."""
    began, before = time.perf_counter(), one.post.offset
    for story in stories:
        await one.hear(story)
    heard = time.perf_counter() - began
    await one.count()
    await one.tidy()
    taken = time.perf_counter() - began - heard
    print(f"  {one.post.offset - before:,} events heard in {heard:.0f} s, counted in {taken:.0f} s", flush=True)


async def pages_of(clients: Sequence[tuple[httpx.AsyncClient, list[str]]], pages: int) -> list[Taken]:
    """Milliseconds of each page, of each store in turns. Releases first: managers see these alone."""
    for client, _ in clients:
        began = time.perf_counter()
        answer = await client.post("/analytics/api/v1/releases", headers=bearer("administrator"), timeout=None)
        assert answer.status_code == 201, answer.text
        print(f"  released in {time.perf_counter() - began:.0f} s", flush=True)
    gc.freeze()  # the crowds live in this process, too: a service has none of them to look through
    gc.set_threshold(GARBAGE_MIN)  # as a service has it
    found: list[Taken] = [{reader: [] for reader in READERS} for _ in clients]
    for number in range(-len(READERS), pages):
        for reader, ((client, codes), taken) in product(READERS, zip(clients, found, strict=True)):
            began = time.perf_counter()
            code = codes[number * 7 % len(codes)]
            answer = await client.get(f"/analytics/programs/{code}", headers=bearer(reader))
            assert answer.status_code == 200, answer.text
            if number >= 0:
                taken[reader].append((time.perf_counter() - began) * 1000)
    return found


async def from_cells_and_facts(one: Analytics, crowd: Crowd) -> None:
    """Both ways in turns, beside a statement that asks for nothing; equal to the last digit.

    Facts are read with an index that the service does without.
    """
    await run_sql(
        one.dsn_admin, "create index on scores (program_id, instrument, occasion) include (enrolment_id, count)"
    )
    await one.tidy()
    ratios, cells, facts, nothing = [], [], [], []
    for code in islice(cycle(crowd.codes), 50):
        async with one.doors.transaction(ORGANISATION) as tx:
            program = await store.get_program(tx, ORGANISATION, code, None)
            seen = store.Seen(None, None, None)
            asked = Asked(code, await store.get_instrument(tx, program.program_id, INSTRUMENT, seen), FROM, TO)
            began = time.perf_counter()
            by_cells = await store.everybody(tx, program.program_id, seen, asked.facts)
            between = time.perf_counter()
            by_facts = await people_from_facts(tx, program)
            ended = time.perf_counter()
            await tx.fetch("select")
            nothing.append((time.perf_counter() - ended) * 1000)
            assert change(asked, by_cells) == change(asked, by_facts), code
            cells.append((between - began) * 1000)
            facts.append((ended - between) * 1000)
            ratios.append((ended - between) / (between - began))
    print(
        f"change of a program from cells {spread(cells)} ms, by SQL from facts {spread(facts)} ms: {spread(ratios, 1)}"
    )
    print(f"a statement that asks for nothing: {spread(nothing)} ms")


async def people_from_facts(tx: Tx, program: store.Program) -> People:
    """The same people, without any cell."""
    rows = await tx.fetch(FROM_FACTS, program.program_id, INSTRUMENT, FROM, TO)
    counts: dict[Fact, int] = {tuple(row["fact"]): row["n"] for row in rows if row["n"]}
    return People(counts)


if __name__ == "__main__":
    given = [int(one) for one in sys.argv[1:]]
    uvloop.run(main(*(given + [50_000, 200, 200][len(given) :])))
