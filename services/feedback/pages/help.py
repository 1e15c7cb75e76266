"""Whom somebody in need can reach: on every page of a link, also on one that says what went wrong."""

import hashlib
import re
from typing import Any

from fastapi import Request

from services.feedback import store
from services.feedback.domain.contacts import ways
from services.feedback.store import Contacts, Link
from shared.database import OUTAGES, Database
from shared.web.languages import language_of

_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,128}")


async def find_link(db: Database, token: str) -> Link | None:
    """The link of a token, if there is one."""
    if not _TOKEN.fullmatch(token):
        return None
    async with db.transaction() as tx:
        return await store.find_link(tx, hashlib.sha256(token.encode()).hexdigest())


def help_of(contacts: Contacts | None, language: str) -> dict[str, Any]:
    """The crisis contacts of a site, for the page; without them it says what holds everywhere."""
    if contacts is None:
        return {"contacts": [], "note": "", "confirmed_on": None}
    return {
        "contacts": ways(contacts.contacts, language),
        "note": contacts.note.in_(language),
        "confirmed_on": contacts.confirmed_on,
    }


async def help_at_errors(request: Request) -> dict[str, Any]:
    """The language and the contacts of the link that a refused request came to, as far as it tells them."""
    before, _, rest = request.url.path.partition("/c/")
    token = rest.removeprefix("kiosk/").partition("/")[0]
    if before:
        return {}
    db: Database = request.app.state.running.doors
    try:
        link = await find_link(db, token)
        if link is None:
            return {}
        async with db.transaction(link.organisation_id) as tx:
            contacts = await store.find_contacts_of(tx, link.occasion_id)
    except OUTAGES:  # perhaps the very reason for the page
        return {}
    language = language_of(request, link.language)
    return {"lang": language, **help_of(contacts, language)}
