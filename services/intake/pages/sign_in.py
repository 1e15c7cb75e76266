"""The front door: where people begin, sign in and sign out."""

import re
from typing import Any

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from services.intake.pages.frame import PAGES
from services.intake.pages.oidc import Attempt, SignInFailed, authorization_url, redeem
from shared.doors import Running
from shared.doors.dependencies import SESSION_COOKIE, who_is
from shared.errors import Forbidden, SignedOut

log = structlog.get_logger()
router = APIRouter(include_in_schema=False)
ATTEMPT_COOKIE = "kith_sign_in"
ATTEMPT_SECONDS = 600
STARTS = (
    ("coordinator", "/scheduling/"),
    ("facilitator", "/scheduling/"),
    ("program-manager", "/analytics/"),
    ("administrator", "/intake/set-up"),
    ("operator", "/intake/operations"),
)
FAILURES = {
    "expired": "The sign-in took too long, or was begun in another window. Please try once more.",
    "refused": "The sign-in was stopped before its end. You can begin again.",
    "away": "The sign-in service does not answer just now. Nothing is lost: try again in a minute.",
    "no-role": "You are known, but your account has no role in Kith yet. Ask whoever runs Kith in your organisation.",
}


@router.get("/")
async def begin(request: Request) -> Response:
    """Everybody begins where their work is."""
    try:
        who = await who_is(request)
    except SignedOut:
        return RedirectResponse("/sign-in", 303)
    except Forbidden:
        return RedirectResponse("/sign-in?failed=no-role", 303)
    return RedirectResponse(next(start for role, start in STARTS if role in who.roles), 303)


@router.get("/sign-in")
async def sign_in(request: Request, next: str = "/", failed: str = "", out: str = "") -> HTMLResponse:
    """One button, and what went wrong if something did."""
    return PAGES.render(request, "sign-in.html", next=local_path(next), failed=FAILURES.get(failed), is_out=bool(out))


@router.get("/sign-in/start")
async def start(request: Request, next: str = "/") -> Response:
    """Off to the issuer. A link and not a form: the content policy holds a form's redirects to our own address."""
    running: Running = request.app.state.running
    attempt = Attempt.fresh(local_path(next))
    try:
        response = RedirectResponse(await authorization_url(running, attempt), 303)
    except SignInFailed as failed:
        return _failed(failed.code)
    _remember(running, response, ATTEMPT_COOKIE, attempt.as_cookie(), ATTEMPT_SECONDS)
    return response


@router.get("/signed-in")
async def signed_in(request: Request, state: str = "", code: str = "", error: str = "", iss: str = "") -> Response:
    """Back from the issuer: the code becomes a token, and the token a session."""
    running: Running = request.app.state.running
    attempt = Attempt.from_cookie(request.cookies.get(ATTEMPT_COOKIE, ""))
    if attempt is None or not state or attempt.state != state or (iss and iss != running.settings.issuer):
        return _failed("expired")
    if error or not code:
        return _failed("refused")
    try:
        token, seconds = await redeem(running, attempt, code)
    except SignInFailed as failed:
        return _failed(failed.code)
    except Forbidden:
        return _failed("no-role")
    except (SignedOut, KeyError, TypeError, ValueError) as problem:
        log.warning("the issuer's answer cannot be used", error=type(problem).__name__)
        return _failed("away")
    response = RedirectResponse(local_path(attempt.next), 303)
    response.delete_cookie(ATTEMPT_COOKIE)
    _remember(running, response, SESSION_COOKIE, token, seconds)
    return response


@router.post("/sign-out")
async def sign_out() -> Response:
    """Forget the session in this browser."""
    response = RedirectResponse("/sign-in?out=1", 303)
    response.delete_cookie(SESSION_COOKIE)
    return response


def local_path(wanted: str) -> str:
    """A page of ours, and nothing that a browser could read as another address."""
    return wanted if re.fullmatch(r"/(?![/\\])[!-\[\]-~]{0,1500}", wanted) else "/"


def _failed(code: str) -> Response:
    response = RedirectResponse(f"/sign-in?failed={code}", 303)
    response.delete_cookie(ATTEMPT_COOKIE)
    return response


def _remember(running: Running, response: Response, name: str, value: str, seconds: int) -> None:
    flags: dict[str, Any] = {"httponly": True, "samesite": "lax", "path": "/"}
    is_secure = running.settings.public_url.startswith("https:")
    response.set_cookie(name, value, max_age=seconds, secure=is_secure, **flags)
