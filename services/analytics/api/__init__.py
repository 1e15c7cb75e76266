"""The JSON doors of analytics."""

from fastapi import APIRouter

from services.analytics.api import change

router = APIRouter(prefix="/analytics/api/v1", tags=["analytics"])
router.include_router(change.router)
