"""How it has gone, for the person whom it is about: their scores over time, and what they have reached.

Like the score itself it is there for half an hour after they have answered: later somebody else may hold the phone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from services.feedback import store
from services.feedback.domain.check_in import shows_score
from services.feedback.domain.course import Course, OwnScore, courses
from services.feedback.domain.instruments import Measure
from services.feedback.pages.visit import Visit, own_page, visiting
from shared.clock import now
from shared.doors import Db

router = APIRouter(include_in_schema=False)
LEFT, RIGHT, TOP, BOTTOM = 30, 310, 12, 112
"""Where the line is drawn, in a box of 320 by 122."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A course as it is shown: its words, its points, and where each of them stands in the picture."""

    title: str
    measure: Measure
    is_validated: bool
    has_others: bool
    digits: int
    points: list[tuple[Any, Decimal]]
    dots: list[tuple[float, float]]

    @property
    def line(self) -> str:
        """The corners of the line, as SVG has them."""
        return " ".join(f"{x},{y}" for x, y in self.dots)


@router.get("/c/{token}/course")
async def course_page(request: Request, db: Db, token: str) -> Response:
    """Their scores over time, each as a picture and as a table, and their milestones."""
    async with visiting(request, db, token) as (tx, visit):
        check_in, person = visit.occasion.check_in, visit.occasion.participant_id
        is_shown = visit.takes_part and check_in is not None and shows_score(check_in, now())
        scores = await store.own_scores(tx, person) if is_shown else []
        reached = await store.milestones.own(tx, person) if is_shown else []
        kinds = await store.milestones.kinds(tx, visit.occasion.organisation_id)
    return own_page(
        request,
        visit,
        "your-course.html",
        is_shown=is_shown,
        takes_part=visit.takes_part,
        courses=[_drawn(one, visit) for one in courses(scores, visit.library)],
        milestones=reached,
        kinds=kinds,
    )


def _drawn(one: Course, visit: Visit) -> Drawn:
    title, scale = one.instrument.title.in_(visit.language), one.measure.scale
    return Drawn(
        title=f"{title}: {scale.title.in_(visit.language)}" if scale.title else title,
        measure=one.measure,
        is_validated=one.instrument.is_validated,
        has_others=one.has_others,
        digits=0 if one.measure.unit == 1 else 1,
        points=[(each.answered_at, Decimal(each.count) / each.unit) for each in one.scores],
        dots=_dots(one.scores, one.measure),
    )


def _dots(scores: Sequence[OwnScore], measure: Measure) -> list[tuple[float, float]]:
    """By the day they were given, and by their height in the whole range of the scale."""
    begin, end = scores[0].answered_at, scores[-1].answered_at
    span, height = (end - begin).total_seconds(), measure.maximum - measure.minimum
    return [
        (
            round(LEFT + (RIGHT - LEFT) * ((one.answered_at - begin).total_seconds() / span if span else 0.5), 1),
            round(BOTTOM - (BOTTOM - TOP) * (one.count - measure.minimum) / height, 1),
        )
        for one in scores
    ]
