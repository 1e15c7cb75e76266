"""What the functions of `api` and `pages` take as arguments."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Header, Request
from pydantic import BaseModel, ValidationError

from shared.database import Database
from shared.doors.guard import bearer_of
from shared.errors import Invalid, SignedOut
from shared.fields import field_errors, invalid
from shared.idempotency import KEPT_DAYS, Key, fingerprint
from shared.security import Who

SESSION_COOKIE = "kith_session"
M = TypeVar("M", bound=BaseModel)
_ABOUT_KEYS = f"a name for this request: sent again within {KEPT_DAYS} days, it gives the first answer and acts once"


async def _db(request: Request) -> Database:
    database: Database = request.app.state.running.doors
    return database


async def who_is(request: Request) -> Who:
    """Whoever the bearer token, or the session cookie, speaks of."""
    bearer = bearer_of(request.headers)
    token = request.cookies.get(SESSION_COOKIE) if bearer is None else bearer
    if not token:
        raise SignedOut("signed-out", "Sign in, or send a bearer token.")
    who: Who = await request.app.state.running.verifier.who(token)
    request.state.who = who
    return who


def allow(*roles: str) -> Callable[[Who], Awaitable[Who]]:
    """Only people with one of these roles pass."""

    async def passes(who: Annotated[Who, Depends(who_is)]) -> Who:
        who.must_be(*roles)
        return who

    return passes


async def _key(
    request: Request,
    who: Annotated[Who, Depends(who_is)],
    idempotency_key: Annotated[str | None, Header(max_length=200, description=_ABOUT_KEYS)] = None,
) -> Key:
    if idempotency_key is not None and not idempotency_key.isprintable():
        raise invalid("Idempotency-Key", "control-character", "Use printable characters.")
    mark = fingerprint(request.method, request.url.path, await request.body())
    return Key(who.organisation_id, idempotency_key, mark)


Db = Annotated[Database, Depends(_db)]
Reader = Annotated[Who, Depends(who_is)]
"""Anybody who is signed in."""
Doer = Annotated[Who, Depends(allow("coordinator", "facilitator", "administrator"))]
"""Anybody who works with groups and participants."""
IdempotencyKey = Annotated[Key, Depends(_key)]


async def submitted(request: Request) -> dict[str, Any]:
    """The fields of a form as they were sent: a list where a name came more than once, nothing for empty ones."""
    sent = await request.form(max_fields=1000)
    fields: dict[str, Any] = {}
    for name in sent:
        values = [value for value in sent.getlist(name) if isinstance(value, str) and value.strip()]
        if values:
            fields[name] = values if len(values) > 1 else values[0]
    return fields


def form(command: type[M], fields: dict[str, Any]) -> M:
    """A form's fields as a command, by the same rules as the JSON body; raises Invalid."""
    try:
        return command.model_validate(fields)
    except ValidationError as error:
        raise Invalid(*field_errors(error.errors())) from None
