"""The instruments that can be asked."""

from fastapi import APIRouter

from services.feedback import store
from services.feedback.domain.instruments import Instrument
from shared.doors import Reader

router = APIRouter(prefix="/feedback/api/v1", tags=["instruments"])


@router.get("/instruments")
async def get_instruments(who: Reader) -> list[Instrument]:
    """Every instrument in its newest version; those without items are entered as totals."""
    return list(store.library().values())
