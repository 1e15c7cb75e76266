"""The FastAPI application of a service: its doors, and the same answers to everything that goes wrong."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import structlog
from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.datastructures import URL
from starlette.exceptions import HTTPException
from starlette.types import Scope

from shared.database import OUTAGES, Database
from shared.doors.guard import Guard
from shared.errors import FieldError, Invalid, NotFound, Refusal, SignedOut
from shared.fields import field_errors
from shared.security import Verifier
from shared.settings import Settings
from shared.web import Pages

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Running:
    """What a running service process holds: its settings, its store by two roles, its verifier."""

    settings: Settings
    doors: Database
    machinery: Database
    verifier: Verifier


class Fault(Refusal):
    """Our own fault, or the store is away; nothing was half done."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(code, message)
        self.status = status
        self.headers = headers or {}


def frame(name: str, routers: Sequence[APIRouter], pages: Pages, running: Running) -> FastAPI:
    """All doors of a service under one roof."""
    app = FastAPI(
        title=f"Kith {name}",
        version="1",
        openapi_url=f"/{name}/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        responses={
            status: {"description": text, "content": {"application/problem+json": {"schema": PROBLEM}}}
            for status, text in REFUSALS.items()
        },
    )
    app.state.running = running
    for router in routers:
        app.include_router(router)
    answer = _answers(pages)

    async def refuse(request: Request, error: Exception) -> Response:
        return await answer(request, _as_refusal(request, error))

    for kind in (Refusal, RequestValidationError, HTTPException, asyncpg.DataError, *OUTAGES, Exception):
        app.add_exception_handler(kind, refuse)

    async def refuse_early(scope: Scope, refusal: Refusal) -> Response:
        return await answer(Request(scope), refusal)

    app.add_middleware(Guard, origin=_origin(running.settings.public_url), answer=refuse_early)
    return app


BUSY = (asyncpg.LockNotAvailableError, asyncpg.TransactionRollbackError)
"""A door waits for whoever works on the same, such as a long batch of what is heard, but not for ever."""
REFUSALS = {
    401: "Nobody is signed in",
    403: "Not allowed",
    404: "Unknown, or not for this reader",
    409: "Refused",
    413: "Too large",
    422: "Fields that cannot be accepted",
    503: "Busy with the same, or the store is away: nothing was saved, try again after `Retry-After` seconds",
}
PROBLEM: dict[str, Any] = {
    "type": "object",
    "required": ["title", "status", "code"],
    "properties": {
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "stable; programs may rely on it"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {name: {"type": "string"} for name in ("field", "code", "message")},
            },
        },
    },
}


def _as_refusal(request: Request, error: Exception) -> Refusal:
    if isinstance(error, Refusal):
        return error
    if isinstance(error, RequestValidationError):
        if not _is_for_programs(request) and any(one["loc"][0] == "path" for one in error.errors()):
            return NotFound("page")  # nobody has typed this into a form: there is no such address
        return Invalid(*field_errors(error.errors()))
    if isinstance(error, HTTPException):
        is_unreadable = error.status_code == 400 and isinstance(error.__cause__, (ValueError, RecursionError))
        return _UNREADABLE if is_unreadable and _is_for_programs(request) else _from_http(error)
    if isinstance(error, asyncpg.DataError):
        return Invalid(FieldError("body", "unacceptable-value", "A value here cannot be stored: check it."))
    if isinstance(error, BUSY):
        log.info("somebody else is at it", error=repr(error))
        sentence = "Something else is being done to the same just now. Nothing was saved: try again in a few seconds."
        return Fault(503, "busy", sentence, {"Retry-After": "5"})
    if isinstance(error, OUTAGES):
        log.warning("the store is away", error=repr(error))
        sentence = "The store does not answer just now. Nothing was lost: try again in a minute."
        return Fault(503, "try-again", sentence, {"Retry-After": "60"})
    log.error("fault", exc_info=error)
    return Fault(500, "fault", "Something went wrong on our side, and nothing was saved. Please try again.")


_UNREADABLE = Invalid(*field_errors([{"loc": ("body",), "type": "json_invalid"}]))
"""Neither FastAPI nor anybody else can read it: too deep, too many digits, not UTF-8."""


def _from_http(error: HTTPException) -> Refusal:
    if error.status_code == 404:
        return NotFound("page")
    code = {405: "method-not-allowed", 400: "bad-request"}.get(error.status_code, "refused")
    return Fault(error.status_code, code, str(error.detail), error.headers)


def _is_for_programs(request: Request) -> bool:
    return "/api/" in request.url.path


def _answers(pages: Pages) -> Callable[[Request, Refusal], Awaitable[Response]]:
    """A problem document for programs, a page for people, the way to the sign-in for those signed out."""

    async def answer(request: Request, refusal: Refusal) -> Response:
        if _is_for_programs(request):
            return JSONResponse(
                refusal.problem(), refusal.status, refusal.headers, media_type="application/problem+json"
            )
        if isinstance(refusal, SignedOut) and request.method == "GET":
            here = URL(path=request.url.path, query=request.url.query)
            sign_in = URL("/sign-in").include_query_params(next=str(here))
            if "hx-request" in request.headers:  # a part of a page must not be replaced by the sign-in page
                return Response(status_code=204, headers={"HX-Redirect": "/sign-in"})
            return RedirectResponse(sign_in, 303)
        beside = await pages.beside_errors(request) if pages.beside_errors else {}
        page = pages.error(request, refusal.status, refusal.code, refusal.message, refusal.errors, **beside)
        page.headers.update(refusal.headers)
        return page

    return answer


def _origin(public_url: str) -> str:
    """As browsers say it: in small letters of ASCII, without the port that goes without saying."""
    url = urlsplit(public_url)
    host = (url.hostname or "").encode("idna").decode()
    port = f":{url.port}" if url.port and url.port != {"http": 80, "https": 443}[url.scheme] else ""
    return f"{url.scheme}://{f'[{host}]' if ':' in host else host}{port}"
