"""Putting a tablet at the door of a session."""

import hashlib
import secrets

from services.feedback import store
from services.feedback.domain.kiosk import Kiosk, OpenKiosk, closing_time
from shared.clock import now
from shared.database import Tx
from shared.events.ids import program_id_of, site_id_of
from shared.identity import new_id
from shared.security import Who
from shared.web.languages import LANGUAGES


async def open_kiosk(tx: Tx, who: Who, command: OpenKiosk) -> tuple[Kiosk, store.Site, str]:
    """The tablet, its site, and the path of its page: that is told once, nothing but its SHA-256 is kept."""
    moment, token = now(), secrets.token_urlsafe(16)
    site = await store.get_site(tx, site_id_of(who.organisation_id, command.site), who.site_ids)
    program_id = program_id_of(who.organisation_id, command.program) if command.program else None
    if program_id:
        await store.get_program(tx, program_id, [site.site_id])
    kiosk = Kiosk(
        kiosk_id=new_id(),
        organisation_id=who.organisation_id,
        site_id=site.site_id,
        program_id=program_id,
        shows_codes=command.shows_codes,
        opened_at=moment,
        opened_by=who.subject,
        closes_at=closing_time(command, site.time_zone, moment),
        wrong_codes=0,
        wrong_since=None,
    )
    language = next((one for one in site.languages if one in LANGUAGES), "en")
    await store.add_kiosk(tx, kiosk, hashlib.sha256(token.encode()).hexdigest(), language)
    return kiosk, site, f"/c/kiosk/{token}"
