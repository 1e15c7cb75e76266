"""The harness itself bites: the proxy does what it says, and the checker names what is wrong with a history."""

import asyncio
import json
import random
import struct
from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest

from deploy.local.ports import free_port
from tests.faults.checker import Finding, erased, folds
from tests.faults.checker.invariants import Evidence, _answered, _in_order, _of_nobody, _once, _said
from tests.faults.checker.log import Rec, schemas, story
from tests.faults.driver import Write
from tests.faults.planted.__main__ import FOLDER, ROOT, apply
from tests.faults.proxy import Proxy, Trap, Weather
from tests.faults.result import Result
from tests.faults.scene import Scene
from tests.faults.wire import KafkaWatch, PgWatch

ORGANISATION = str(uuid4())


def rec(offset: int, wire: str, key: str, version: int, body: dict[str, object], **more: str) -> Rec:
    headers = {
        "ce_id": more.get("id", str(UUID(int=offset + 1))),
        "ce_type": f"org.kith.{wire}.v1",
        "ce_time": "2025-03-04T18:00:00Z",
        "ce_organisation": ORGANISATION,
        "ce_aggregateversion": str(version),
    }
    if "cause" in more:
        headers["ce_causationid"] = more["cause"]
    heads = tuple((name, value.encode()) for name, value in headers.items())
    topic = schemas()[wire]["x-kafka"]["topic"]
    return Rec(topic, 0, offset, key.encode(), heads, json.dumps(body).encode())


def withdrawn(offset: int, version: int, key: str, **more: str) -> Rec:
    body: dict[str, object] = {"participant_id": key, "enrolment_id": key, "withdrawn_on": "2025-03-04"}
    return rec(offset, "participant-withdrawn", key, version, body, **more)


def evidence(records: list[Rec], said: list[Rec], writes: list[Write]) -> Evidence:
    facts = story(said, schemas()).facts
    spoken = {(one.rec.topic, one.key, one.version): (one.id, one.rec.value or b"") for one in facts}
    told = story(records, schemas())
    return Evidence({}, [ORGANISATION], writes, told, records, spoken, set(), "", [])


def found(seen: Evidence) -> set[str]:
    return {invariant for check in (_answered, _said, _once, _of_nobody, _in_order) for invariant, _ in check(seen)}


A, B = str(uuid4()), str(uuid4())
GOOD = [withdrawn(0, 1, A), withdrawn(1, 1, B), withdrawn(2, 2, A), withdrawn(3, 3, A)]
WRITES = [Write("participant-withdrawn", ORGANISATION, {"enrolment_id": key}) for key in (A, B)]


def moved(records: list[Rec]) -> list[Rec]:
    """The same in another order: the place in the log is what counts."""
    return [Rec(one.topic, 0, place, one.key, one.headers, one.value) for place, one in enumerate(records)]


@pytest.mark.parametrize(
    ("what", "records", "invariants"),
    [
        ("a good history", GOOD, set()),
        ("the same event once more", [*GOOD, withdrawn(4, 3, A, id=str(UUID(int=4)))], set()),
        ("an event lost", GOOD[:-1], {"I1"}),
        ("one lost in the middle", [GOOD[0], GOOD[1], GOOD[3]], {"I1", "I4"}),
        ("an answered write lost", [GOOD[0], GOOD[2], GOOD[3]], {"I1"}),
        ("reordered within a key", moved([GOOD[0], GOOD[1], GOOD[3], GOOD[2]]), {"I4"}),
        ("said by nobody", [*GOOD, withdrawn(4, 4, A)], {"I1"}),
        ("two events of one version", [*GOOD, withdrawn(4, 3, A)], {"I2"}),
        ("other bytes", [*GOOD[:3], withdrawn(3, 3, A, id=str(UUID(int=99)))], {"I1"}),
    ],
)
def test_the_checker_names_what_is_wrong(what: str, records: list[Rec], invariants: set[str]) -> None:
    assert found(evidence(records, GOOD, WRITES)) == invariants, what


def test_the_checker_sees_an_event_that_caused_the_same_twice() -> None:
    twice = [withdrawn(0, 1, A, cause=B), withdrawn(1, 2, A, cause=B)]
    assert found(evidence(twice, twice, [])) == {"I2"}


def test_the_checker_sees_an_event_about_somebody_who_stands_for_whoever_was_erased() -> None:
    stranger = "6f0a3a5e-6b1c-8d0b-9a51-1f6d2b8f4c11"
    assert found(evidence([withdrawn(0, 1, stranger)], [withdrawn(0, 1, stranger)], [])) == {"I6"}


def test_what_cannot_be_read_is_to_be_parked_with_all_that_follows() -> None:
    bad = Rec(GOOD[0].topic, 0, 4, A.encode(), GOOD[0].headers, b"{broken")
    told = story([*GOOD, bad, withdrawn(5, 4, A), withdrawn(6, 2, B)], schemas())
    assert [one.offset for one in told.parked] == [4, 5]
    assert [one.rec.offset for one in told.facts] == [0, 1, 2, 3, 6]


def test_a_view_from_scratch_follows_corrections() -> None:
    consents = {"taking_part": True, "reporting": True, "contact_after": True}
    ids = {"participant_id": A, "enrolment_id": B}
    own = {"program_id": A, "site_id": B, "short_code": "KLM-482", "language": "en", "enrolled_on": "2025-03-04"}
    more = {"attributes": {}, "consents": consents, "consent_text": "standard", "consent_version": 1}
    changed = {**ids, "consents": consents | {"reporting": False}, "consent_text": "standard", "consent_version": 1}
    records = [
        rec(0, "participant-enrolled", A, 1, {**ids, **own, **more}),
        rec(1, "consent-changed", A, 2, changed),
        rec(2, "attributes-corrected", A, 3, {**ids, "attributes": {"area": "north"}}),
        rec(3, "participant-completed", A, 4, {**ids, "completed_on": "2025-03-05"}),
        rec(4, "participant-resumed", A, 5, ids),
    ]
    who = (ORGANISATION, B, A, A, B, False, '{"area": "north"}')
    for told, ended in ((records, (None, None)), (records[:4], ("2025-03-05", None))):
        assert folds.analytics(story(told, schemas()))["enrolments"] == {(*who, *ended)}
    again = rec(5, "participant-withdrawn", A, 6, {**ids, "withdrawn_on": "2025-03-06"})
    told = story([*records, again], schemas())
    assert folds.analytics(told)["enrolments"] == {(*who, None, "2025-03-06")}
    assert {row[-2:] for row in folds.scheduling(told)["enrolments"]} == {(None, "2025-03-06")}


def test_what_is_due_once_more_after_it_was_cancelled_is_due_from_scratch_as_it_was_said_last() -> None:
    at, later = "2025-03-04T10:00:00+00:00", "2025-03-05T10:00:00+00:00"
    ids = {"occasion_id": A, "participant_id": B, "enrolment_id": B, "program_id": B, "site_id": B}
    due = {**ids, "kind": "end", "code": "end", "ordinal": 0, "instruments": [], "opens_at": at, "is_history": False}
    due["closes_at"] = later
    told = [
        rec(0, "check-in-due", A, 1, due | {"due_at": at}),
        rec(1, "occasion-cancelled", A, 2, {"occasion_id": A, "reason": "completed"}),
        rec(2, "check-in-due", A, 3, due | {"due_at": later}),
    ]
    found = [folds.intake(story(told[:n], schemas()))["occasions"] for n in (1, 2, 3)]
    assert [[row[2] for row in rows] for rows in found] == [["due"], ["cancelled"], ["due"]]
    [row] = folds.feedback(story(told, schemas()))["occasions"]
    assert (row[10], row[-1]) == (folds.moment(later), None)


def test_stays_from_scratch_end_when_somebody_waits_elsewhere_moves_or_leaves() -> None:
    ids = {"participant_id": A, "enrolment_id": B}
    moves = [
        ("placed", {"group_id": A, "placed_on": "2025-03-01"}),
        ("waitlisted", {"group_id": B, "asked_on": "2025-03-06"}),
        ("placed", {"group_id": B, "placed_on": "2025-03-15"}),
        ("placed", {"group_id": A, "placed_on": "2025-03-20"}),
    ]
    facts = [rec(n, f"participant-{what}", A, n + 1, ids | more) for n, (what, more) in enumerate(moves)]
    stays = {(A, "2025-03-01", "2025-03-05"), (B, "2025-03-15", "2025-03-19"), (A, "2025-03-20", None)}
    assert folds._placements(story(facts, schemas())) == {(ORGANISATION, B, *one) for one in stays}
    left = rec(4, "participant-withdrawn", A, 5, ids | {"withdrawn_on": "2025-03-17"})
    stays = {(A, "2025-03-01", "2025-03-05"), (B, "2025-03-15", "2025-03-17"), (A, "2025-03-20", "2025-03-17")}
    assert folds._placements(story([*facts, left], schemas())) == {(ORGANISATION, B, *one) for one in stays}


def test_whoever_was_erased_is_no_part_of_the_story_and_a_stranger_among_others() -> None:
    gone_too, session = str(uuid4()), str(uuid4())
    told = {"participant_id": A, "enrolment_ids": [B], "occasion_ids": [gone_too]}
    reached = {"milestone_id": session, "participant_id": A, "kind": "first-session", "reached_on": "2025-03-04"}
    facts = [withdrawn(0, 1, A), rec(1, "participant-erased", A, 2, told), withdrawn(2, 1, gone_too)]
    known = story(facts, schemas())
    assert erased.gone(known) == {A, B, gone_too}
    assert erased.living(known).facts == []
    milestone = rec(3, "milestone-reached", session, 1, reached | {"recorded_by": "rule", "may_celebrate": False})
    assert erased.gone(story([*facts, milestone], schemas())) == {A, B, gone_too, session}


STRANGER, ANOTHER = "0b51f6a2-8f4c-8d0b-9a51-1f6d2b8f4c11", "1b51f6a2-8f4c-8d0b-9a51-1f6d2b8f4c11"


@pytest.mark.parametrize(
    ("what", "kept", "is_right"),
    [
        ("a stranger for one, twice", "{s} {b} {s}", True),
        ("the one who was erased", "{a} {b} {a}", False),
        ("still named once", "{s} {b} {a}", False),
        ("two strangers for one", "{s} {b} {t}", False),
        ("a stranger for somebody who is there", "{s} {t} {s}", False),
        ("somebody else who is there", "{b} {b} {b}", False),
        ("an id that could be somebody's", "{n} {b} {n}", False),
        ("other bytes", "{s}  {b} {s}", False),
        ("one fewer", "{s} {b} ", False),
    ],
)
def test_what_is_kept_of_several_is_what_was_said_with_a_stranger_for_whoever_was_erased(
    what: str, kept: str, is_right: bool
) -> None:
    said, told = f"{A} {B} {A}", kept.format(a=A, b=B, s=STRANGER, t=ANOTHER, n=uuid4())
    assert erased.is_rekeyed(said.encode(), told.encode(), {A}) is is_right, what
    assert erased.is_rekeyed(said.encode(), said.encode(), set())


def test_traces_are_found_in_text_and_in_bytes_however_they_are_shown() -> None:
    shown = f'(1,"\\\\x{json.dumps({"of": A}).encode().hex()}",zq0123456789abcdef@example.org,+123456789012)'
    assert {A, "zq0123456789abcdef", "123456789012"} <= erased.words(shown)


def test_no_choice_is_left_out_by_a_few_strikes() -> None:
    scene = Scene(None, None, random.Random(1), ())  # type: ignore[arg-type]
    dealt = [scene.one_of("a", "b", "c") for _ in range(9)]
    assert [set(dealt[place : place + 3]) for place in (0, 3, 6)] == [{"a", "b", "c"}] * 3


class Upstream:
    """Answers what it gets, and remembers it."""

    def __init__(self) -> None:
        self.port, self.got = free_port(), bytearray()

    async def serve(self) -> asyncio.Server:
        async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while data := await reader.read(1000):
                self.got += data
                writer.write(data)
            writer.close()

        return await asyncio.start_server(echo, "127.0.0.1", self.port)


class Deaf:
    """Tells a moment for each chunk."""

    def up(self, data: bytes) -> Iterator[str]:
        yield "asked"

    def down(self, data: bytes) -> Iterator[str]:
        yield "answered"


async def asked_through(proxy: Proxy, words: bytes) -> bytes | None:
    """What comes back; None if the connection was reset or refused."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(words)
        async with asyncio.timeout(5):
            return await reader.readexactly(len(words))
    except (OSError, asyncio.IncompleteReadError):
        return None


@pytest.mark.parametrize(
    ("weather", "moment", "answer", "arrives"),
    [
        (Weather(), "", b"hello", True),
        (Weather(is_cut=True), "", None, False),
        (Weather(reset_share=1), "", None, False),
        (Weather(slice_bytes=1), "", b"hello", True),
        (Weather(), "asked", None, False),
        (Weather(), "answered", None, True),
    ],
)
async def test_the_proxy_does_what_it_says(weather: Weather, moment: str, answer: bytes | None, arrives: bool) -> None:
    upstream = Upstream()
    proxy = Proxy(free_port(), upstream.port, Deaf)
    async with await upstream.serve():
        await proxy.start()
        proxy.set(weather)
        proxy.trap = Trap(frozenset({moment}))
        assert await asked_through(proxy, b"hello") == answer
        assert (bytes(upstream.got) == b"hello") == arrives
        assert proxy.trap is None or not moment  # a trap springs once
        await proxy.stop()


async def test_a_stalled_direction_holds_back_until_it_is_fair_again() -> None:
    upstream = Upstream()
    proxy = Proxy(free_port(), upstream.port, Deaf)
    async with await upstream.serve():
        await proxy.start()
        proxy.set(Weather(stalled=frozenset({"down"})))
        answer = asyncio.create_task(asked_through(proxy, b"hello"))
        while not upstream.got:  # noqa: ASYNC110  (the other end of a socket tells nobody)
            await asyncio.sleep(0)
        assert not answer.done()
        proxy.set(Weather())
        assert await answer == b"hello"
        await proxy.stop()


async def test_a_trap_can_hold_back_what_is_on_its_way() -> None:
    upstream, awake = Upstream(), asyncio.Event()
    proxy = Proxy(free_port(), upstream.port, Deaf)
    async with await upstream.serve():
        await proxy.start()
        proxy.trap = trap = Trap(frozenset({"asked"}), drops=False, until=awake)
        answer = asyncio.create_task(asked_through(proxy, b"hello"))
        await trap.sprung.wait()
        assert not upstream.got
        awake.set()
        assert await answer == b"hello"
        await proxy.stop()


def message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


def test_moments_of_postgresql_are_told_by_what_the_transaction_touched() -> None:
    start = struct.pack("!I", 196608) + b"user\0intake_machinery\0\0"
    wire = struct.pack("!I", len(start) + 4) + start
    wire += message(b"P", b"one\0update machinery.offsets o set next_offset = 1\0\0\0")
    wire += message(b"Q", b"begin; set local x = 1\0") + message(b"B", b"\0one\0" + b"\0" * 6)
    watch = PgWatch()
    assert [moment for byte in wire for moment in watch.up(bytes([byte]))] == []  # however it is cut
    assert list(watch.up(message(b"Q", b"commit\0"))) == ["consumer-commit-asked"]
    assert list(watch.down(message(b"E", b"Mout of memory\0\0"))) == []  # an error commits nothing
    assert list(watch.down(message(b"C", b"COMMIT\0"))) == ["consumer-commit-answered"]
    assert list(watch.down(b"Z....")) == []
    begin = message(b"Q", b"begin; set local kith.organisations = '7d4e'\0")
    assert list(watch.up(begin)) == ["batch-begin-asked"]
    assert list(watch.up(message(b"Q", b"begin\0") + message(b"Q", b"commit\0"))) == ["machinery-commit-asked"]
    switch = message(b"P", b"s\0select machinery.switch_rebuild($1)\0\0\0") + message(b"B", b"\0s\0" + b"\0" * 6)
    assert list(watch.up(switch + message(b"Q", b"commit\0"))) == ["switch-asked", "switch-commit-asked"]


def test_moments_of_kafka_are_told_by_requests_and_their_answers() -> None:
    def frame(head: bytes) -> bytes:
        return struct.pack("!I", len(head) + 90) + head + b"x" * 90

    watch = KafkaWatch()
    wire = (
        frame(struct.pack("!hhi", 1, 4, 7)) + frame(struct.pack("!hhi", 0, 8, 8)) + frame(struct.pack("!hhi", 8, 2, 9))
    )
    assert [moment for byte in wire for moment in watch.up(bytes([byte]))] == ["produce-asked", "offset-commit-asked"]
    answers = frame(struct.pack("!ii", 7, 0)) + frame(struct.pack("!ii", 8, 0))  # the fetch found nothing
    assert [moment for byte in answers for moment in watch.down(bytes([byte]))] == ["produce-answered"]
    assert list(watch.up(frame(struct.pack("!hhi", 1, 4, 9)))) == []
    records = struct.pack("!Iii", 1000, 9, 0) + b"x" * 992
    assert list(watch.down(records)) == ["records-answered"]


def test_only_a_cell_in_which_nothing_was_wrong_gets_a_second_time() -> None:
    slow, wrong = Finding("I8", "not caught up", is_of_time=True), Finding("I1", "lost")
    assert not Result("W1F1", "1").is_only_slow
    assert Result("W1F1", "1", [slow]).is_only_slow
    assert not Result("W1F1", "1", [slow, wrong]).is_only_slow


def test_every_planted_bug_applies_to_the_source_as_it_is() -> None:
    bugs = sorted(FOLDER.glob("*.diff"))
    assert len(bugs) == 15
    assert {one.stem: apply(one, ROOT, "--check") for one in bugs} == {one.stem: "" for one in bugs}
