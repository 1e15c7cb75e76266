"""What every request passes first: a size limit, the trace, the origin check, and the stopwatch."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import metrics
from shared.errors import Forbidden, Refusal
from shared.logs import begin_trace

BODY_BYTES_MAX = 64 * 1024
FILE_BYTES_MAX = 8 * 1024 * 1024
READING = {"GET", "HEAD", "OPTIONS"}
Answer = Callable[[Scope, Refusal], Awaitable[Any]]


class TooLarge(Refusal):
    """A body over the limit."""

    status = 413


class NotWhole(Refusal):
    """The sender has gone before the body had ended."""

    status = 400


class Guard:
    """Pure ASGI, around everything else."""

    def __init__(self, app: ASGIApp, *, origin: str, answer: Answer) -> None:
        self.app, self.origin, self.answer = app, origin, answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse early, or pass on with the whole body in hand."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        begin_trace(headers.get("traceparent"))
        status, started = 500, time.perf_counter()

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._pass_on(scope, headers, receive, watch)
        finally:  # a fault is answered outside of here, when it has passed: a 500
            route = getattr(scope.get("route"), "path", "none")
            metrics.HTTP_SECONDS.labels(scope["method"], route, status).observe(time.perf_counter() - started)

    async def _pass_on(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        try:
            self._check_origin(scope, headers)
            body = await _body(scope, headers, receive)
        except Refusal as refusal:
            response = await self.answer(scope, refusal)
            await response(scope, receive, send)
        else:
            await self.app(scope, _replay(body, receive), send)

    def _check_origin(self, scope: Scope, headers: Headers) -> None:
        """A change by way of a cookie must come from our own pages."""
        if scope["method"] in READING or bearer_of(headers) or "cookie" not in headers:
            return
        if scope["path"].startswith("/c/"):  # the link's token is the authority there, no cookie is read
            return
        if headers.get("origin") != self.origin:
            raise Forbidden("wrong-origin", "This change did not come from a page of ours.")


def bearer_of(headers: Headers) -> str | None:
    """The bearer token; whoever sends none, or another kind of authorization, speaks by a cookie."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else None


async def _body(scope: Scope, headers: Headers, receive: Receive) -> bytes:
    limit = FILE_BYTES_MAX if scope["path"].endswith("/import-file") else BODY_BYTES_MAX
    refusal = TooLarge("body-too-large", f"The body may have at most {limit // 1024} kB.", limit_bytes=limit)
    length = headers.get("content-length", "0")
    if length.isdigit() and int(length) > limit:
        raise refusal
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":  # whatever came so far, its end is missing: it must not be acted on
            raise NotWhole("bad-request", "The body is not whole.")
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > limit:
            raise refusal
    return body


def _replay(body: bytes, receive: Receive) -> Receive:
    """The body once more, then whatever else happens to the connection."""
    pending = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return pending.pop() if pending else await receive()

    return again
