"""The JSON doors of analytics."""

from fastapi import APIRouter

from services.analytics.api import change, course, equity, observations, rates, releases, sides

router = APIRouter(prefix="/analytics/api/v1", tags=["analytics"])
for each in (change, rates, course, sides, equity, observations, releases):
    router.include_router(each.router)

__all__ = ["router"]
