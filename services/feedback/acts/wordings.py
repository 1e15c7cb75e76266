"""Loading the words of an instrument, by file and by page."""

from services.feedback import store
from services.feedback.acts.watching import uncovered
from services.feedback.domain.battery import unwatched
from services.feedback.domain.questionnaire import read_questionnaire
from services.feedback.domain.wording import Wording, loadable, worded
from shared.clock import now
from shared.database import Tx
from shared.errors import Refusal
from shared.security import Who


async def load_wording(tx: Tx, who: Who, code: str, data: bytes) -> tuple[Wording, int, int, bool]:
    """Keep the words of an instrument; gives them, the version they are of, their number, and whether they are new.

    With its words an instrument may ask what a bad answer to must find somebody: where it is asked already the rota is
    looked at as if its battery were set now.
    """
    moment = now()
    await store.lock_batteries(tx, who.organisation_id)
    instrument = loadable(store.library(), code, await store.licence_numbers(tx))
    wording = read_questionnaire(data, instrument)
    if worded(instrument, [wording]).has_risk:
        bare = uncovered(await store.rotas_where_asked(tx, [code]), moment)
        if bare:
            raise Refusal("rota-gap", unwatched([code], bare))
    number, is_new = await store.add_wording(
        tx, who.organisation_id, code, instrument.version, wording, moment, who.subject
    )
    return wording, instrument.version, number, is_new
