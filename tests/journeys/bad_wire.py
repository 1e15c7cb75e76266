"""The table of requests that are bad before anybody reads their body: as bytes on a connection to the gateway."""

import asyncio
import contextlib
import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.journeys.bad_bodies import GOOD

HEAD = b"POST /intake/api/v1/participants HTTP/1.1\r\nHost: kith\r\nAuthorization: Bearer TOKEN\r\n"
KIND = b"Content-Type: application/json\r\n"
PAGE = b"POST /c/LINK HTTP/1.1\r\nHost: kith\r\nContent-Type: application/x-www-form-urlencoded\r\n"
BOMB = gzip.compress(b" " * 20_000_000)


@dataclass(frozen=True)
class Wire:
    """A named case: its bytes, and the status and a word of the answer: 499 where it is seen first
    that the client has gone."""

    name: str
    sent: bytes
    statuses: tuple[int, ...]
    word: bytes = b""
    is_ended: bool = False  # the client says that it sends no more


def told(length: bytes | int, sent: bytes, head: bytes = HEAD + KIND) -> bytes:
    """A request with a Content-Length that may lie."""
    return head + b"Content-Length: %s\r\n\r\n" % str(length).encode().strip(b"b'") + sent


def chunked(sent: bytes, head: bytes = HEAD + KIND) -> bytes:
    """A request in chunks, as they are given."""
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + sent


def cases() -> Iterator[Wire]:
    """All of them."""
    megabyte = b"100000\r\n" + b"x" * 2**20 + b"\r\n"
    yield Wire("chunks that promise more than comes", chunked(b"FFFF\r\n" + GOOD), (400, 499), is_ended=True)
    yield Wire("a chunk of no size", chunked(b"zz\r\n" + GOOD + b"\r\n0\r\n\r\n"), (400,))
    yield Wire("a chunk longer than it says", chunked(b"5\r\n" + GOOD + b"\r\n0\r\n\r\n"), (400,))
    yield Wire("chunks without an end", chunked(b"%x\r\n%s\r\n" % (len(GOOD), GOOD)), (400, 499), is_ended=True)
    yield Wire(
        "a length and chunks",
        told(3, b"", HEAD + KIND + b"Transfer-Encoding: chunked\r\n") + b"1\r\n{\r\n0\r\n\r\n",
        (422,),
    )
    yield Wire("a length that promises more", told(len(GOOD) + 9, GOOD), (400, 499), is_ended=True)
    yield Wire("a length that promises less", told(9, GOOD), (422,), b"json-invalid")
    yield Wire("two lengths", told(9, GOOD, HEAD + KIND + b"Content-Length: 12\r\n"), (400,))
    yield Wire("a negative length", told(-1, GOOD), (400,))
    yield Wire("a length of words", told("many", GOOD), (400,))
    yield Wire("100 MB announced", told(100_000_000, b"{" * 2_000_000), (413,), b"body-too-large")
    yield Wire("100 MB in chunks", chunked(megabyte * 100), (413,), b"body-too-large")
    yield Wire("100 MB on a link", told(100_000_000, b"x" * 2_000_000, PAGE), (413,), b"If you need somebody now")
    yield Wire(
        "a gzip bomb of 20 MB",
        told(len(BOMB), BOMB, HEAD + KIND + b"Content-Encoding: gzip\r\n"),
        (422,),
        b"json-invalid",
    )
    yield Wire("a header of 2 MB", HEAD + b"X-More: " + b"x" * 2_000_000 + b"\r\n\r\n", (431,))
    yield Wire("an address of 1 MB and more", HEAD.replace(b"/participants", b"/" + b"x" * 1_100_000) + b"\r\n", (431,))
    yield Wire("a header with NUL", HEAD + b"X-More: a\x00b\r\n\r\n", (400,))
    yield Wire("a space before the colon", HEAD + b"Content-Length : 2\r\n\r\n{}", (400,))
    yield Wire("no host", b"GET / HTTP/1.1\r\n\r\n", (400,))
    yield Wire("HTTP of another time", b"GET / HTTP/9.9\r\nHost: kith\r\n\r\n", (505,))
    yield Wire("no HTTP at all", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03CANARY\r\n\r\n", (400,))


WIRES = [*cases()]


async def exchange(port: int, wire: Wire, sent: bytes) -> tuple[int, bytes]:
    """Send it all, as far as it is taken, and give the status and everything that comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answering = asyncio.ensure_future(_read(reader))
    with contextlib.suppress(ConnectionError):
        for begin in range(0, len(sent), 65_536):
            if answering.done():
                break
            writer.write(sent[begin : begin + 65_536])
            await writer.drain()
        if wire.is_ended:
            writer.write_eof()
    answer = b""
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(30):
            answer = await answering
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    status = answer.split(b" ", 2)[1] if answer.startswith(b"HTTP/") else b"0"
    return int(status), answer


async def _read(reader: asyncio.StreamReader) -> bytes:
    """An answer to its end, in however many pieces it comes; or as far as it came before the line was cut."""
    answer = b""
    with contextlib.suppress(ConnectionError):
        while not _is_whole(answer) and (more := await reader.read(200_000)):
            answer += more
    return answer


def _is_whole(answer: bytes) -> bool:
    head, blank, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
    return bool(blank and length and len(body) >= int(length[1])) or body.endswith(b"0\r\n\r\n")
