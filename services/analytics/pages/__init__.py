"""The pages of analytics: is it working, for whom, how sure are we."""

from fastapi import APIRouter

from services.analytics.pages import chart, export, group, program, releases
from services.analytics.pages.frame import PAGES

router = APIRouter(prefix="/analytics", include_in_schema=False)
router.include_router(program.router)
router.include_router(chart.router)
router.include_router(releases.router)
router.include_router(export.router)
router.include_router(group.router)

__all__ = ["PAGES", "router"]
