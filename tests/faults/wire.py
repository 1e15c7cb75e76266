"""Just enough of two wire protocols to know the moment: a COMMIT is asked for or answered, a produce is, and whose."""

import re
import struct
from collections.abc import Iterator

CONSUMER, RELAY, TIMERS, SWITCH = "consumer", "relay", "timers", "switch"
_SSL_REQUEST = 80877103
_COMMITTED = b"COMMIT\0"
_PRODUCE, _FETCH, _OFFSET_COMMIT = 0, 1, 8
_OF_SOMEBODY = re.compile(rb"kith\.organisations = '[^']")
_RECORDS_BYTES_MIN = 600  # an answer to a fetch that is longer has records in it


class PgWatch:
    """One connection to PostgreSQL: tells `<whose>-commit-asked` and `<whose>-commit-answered`.

    Whose: `doors` for that role; else what the transaction has touched: consumer, relay, timers, the switch of a
    rebuild (which is told when it is asked, too: `switch-asked`), or `machinery`. And `batch-begin-asked`: whoever
    hears has records in hand, and no transaction yet.
    """

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.role = ""
        self.statements: dict[bytes, str] = {}
        self.touched: set[str] = set()
        self.asked = ""

    def up(self, data: bytes) -> Iterator[str]:
        """What the client sends."""
        self.buffer += data
        while message := self._next():
            kind, body = message
            if kind == b"P":
                name, _, rest = body.partition(b"\0")
                self.statements[name] = _touches(rest.partition(b"\0")[0])
            elif kind == b"B":
                touched = self.statements.get(body.partition(b"\0")[2].partition(b"\0")[0], "")
                self.touched.add(touched)
                if touched == SWITCH:
                    yield "switch-asked"
            elif kind == b"Q":
                yield from self._simple(body.rstrip(b"\0").strip().lower())

    def down(self, data: bytes) -> Iterator[str]:
        """What the server answers."""
        if self.asked and _COMMITTED in data:  # an error is an answer, too
            asked, self.asked = self.asked, ""
            yield f"{asked}-commit-answered"

    def _simple(self, sql: bytes) -> Iterator[str]:
        if sql.startswith(b"begin"):
            self.touched.clear()
            self.asked = ""
            if self.role.endswith("_machinery") and _OF_SOMEBODY.search(sql):
                yield "batch-begin-asked"
        if sql.endswith(b"commit"):
            self.asked = self._whose()
            yield f"{self.asked}-commit-asked"

    def _whose(self) -> str:
        if not self.role.endswith("_machinery"):
            return "doors"
        return next((one for one in (CONSUMER, RELAY, TIMERS, SWITCH) if one in self.touched), "machinery")

    def _next(self) -> tuple[bytes, bytes] | None:
        """The next whole message; the first ones have no kind."""
        head = 0 if not self.role else 1
        if len(self.buffer) < head + 4:
            return None
        end = head + struct.unpack_from("!I", self.buffer, head)[0]
        if len(self.buffer) < end:
            return None
        kind, body = bytes(self.buffer[:head]), bytes(self.buffer[head + 4 : end])
        del self.buffer[:end]
        if not self.role and struct.unpack_from("!I", body)[0] != _SSL_REQUEST:
            words = body[4:].split(b"\0")
            self.role = dict(zip(words[::2], words[1::2], strict=False)).get(b"user", b"?").decode()
        return kind, body


def _touches(sql: bytes) -> str:
    words = b" ".join(sql.lower().split())
    if b"machinery.offsets" in words and b"update" in words:
        return CONSUMER
    if b"delete from machinery.outbox" in words:
        return RELAY
    if b"machinery.switch_rebuild" in words:
        return SWITCH
    return TIMERS if b"delete from machinery.timers" in words else ""


class KafkaWatch:
    """One connection to the broker: tells `produce-asked`, `produce-answered`, `records-answered`."""

    def __init__(self) -> None:
        self.asked, self.answered = _Frames(), _Frames()
        self.produces: set[int] = set()
        self.fetches: set[int] = set()

    def up(self, data: bytes) -> Iterator[str]:
        """What the client sends."""
        for _, head in self.asked.heads(data):
            api, _, correlation = struct.unpack("!hhi", head)
            if api == _FETCH:
                self.fetches.add(correlation)
            if api == _PRODUCE:
                self.produces.add(correlation)
                yield "produce-asked"
            if api == _OFFSET_COMMIT:
                yield "offset-commit-asked"

    def down(self, data: bytes) -> Iterator[str]:
        """What the broker answers."""
        for size, head in self.answered.heads(data):
            correlation = struct.unpack_from("!i", head)[0]
            if correlation in self.fetches:
                self.fetches.discard(correlation)
                if size > _RECORDS_BYTES_MIN:
                    yield "records-answered"
            if correlation in self.produces:
                self.produces.discard(correlation)
                yield "produce-answered"


class _Frames:
    """Cuts a stream into frames, and keeps no more than the length and the first eight bytes of each."""

    def __init__(self) -> None:
        self.head = bytearray()
        self.skip = 0

    def heads(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        place = 0
        while place < len(data):
            if self.skip:
                step = min(self.skip, len(data) - place)
                self.skip -= step
                place += step
                continue
            wanted = 12 - len(self.head)
            self.head += data[place : place + wanted]
            place += wanted
            if len(self.head) == 12:
                size = struct.unpack_from("!I", self.head)[0]
                self.skip = size - 8
                yield size, bytes(self.head[4:])
                self.head.clear()
