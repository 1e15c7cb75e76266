"""The codebook is written, and texts are coded."""

from services.feedback import store
from services.feedback.domain.changes import Scope
from services.feedback.domain.themes import CodeText, Coding, Theme, WriteTheme, bucket_of, found, place_of, written
from shared.clock import now
from shared.database import Tx
from shared.security import Who


async def write_theme(tx: Tx, who: Who, command: WriteTheme) -> Theme:
    """A theme that is looked for from now on, with a title that is read in every language of the sites."""
    moment = now()
    await store.themes.lock(tx, who.organisation_id)
    known = [one.code for one in await store.themes.codebook(tx)]
    languages = await store.changes.languages(tx, Scope())
    await store.themes.add(tx, who.organisation_id, written(command, known, languages), moment, who.name)
    return await store.themes.get_theme(tx, command.code)


async def code_text(tx: Tx, who: Who, command: CodeText) -> Coding:
    """What somebody found in a text: as the first, or without knowing what the first one found."""
    text = await store.themes.get_written(tx, command.occasion_id, command.item, who.site_ids)
    codings = await store.themes.codings(tx, text)
    place = place_of(codings, who.subject, await store.themes.share(tx))
    coding = Coding(place, bucket_of(text.occasion_id, text.item), who.subject)
    themes = found(command, await store.themes.codebook(tx))
    await store.themes.add_coding(tx, who.organisation_id, text, coding, themes, now())
    return coding
