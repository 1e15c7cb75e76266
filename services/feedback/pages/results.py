"""A score as the person who gave it reads it: what it says, what it does not say, or why there is none."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from services.feedback.domain.check_in import Occasion
from services.feedback.domain.instruments import TOTAL, Instrument, Library, Measure
from services.feedback.domain.scoring import cut_off, meaning
from shared.events.feedback import Score


@dataclass(frozen=True, slots=True)
class Result:
    """One scale. Without points, too many of its questions have no answer that counts."""

    title: str
    points: Decimal | None
    points_max: Decimal
    digits: int
    means: str | None
    label: str | None
    source: str | None
    limits: str | None
    note: str | None
    is_validated: bool
    has_uncounted: bool


def results_of(occasion: Occasion, library: Library, language: str) -> list[Result]:
    """The results of an answered occasion, for what the participant was asked."""
    scores = occasion.check_in.scores if occasion.check_in else ()
    results = []
    for code in occasion.instruments:
        one = library[code]
        own = {score.scale: score for score in scores if score.instrument == code}
        if any(score.version != one.version for score in own.values()):
            continue  # the words of another version would explain another score
        results += [_result(one, measure, own.get(measure.scale.code), language) for measure in _shown(one, own)]
    return results


def _shown(one: Instrument, own: dict[str, Score]) -> Iterator[Measure]:
    """What has a score; and the whole, or each part of what has no whole, also without one."""
    for measure in one.measures:
        if measure.scale.code in own or measure.scale.code == TOTAL or one.total is None:
            yield measure


def _result(one: Instrument, measure: Measure, score: Score | None, language: str) -> Result:
    scale, count = measure.scale, score.count if score else None
    limit = None if count is None else cut_off(measure, count)
    title = one.title.in_(language)
    return Result(
        title=f"{title}: {scale.title.in_(language)}" if scale.title else title,
        points=None if count is None else Decimal(count) / measure.unit,
        points_max=Decimal(measure.maximum) / measure.unit,
        digits=0 if measure.unit == 1 else 1,
        means=None if count is None else meaning(measure, count, language),
        label=limit.label.in_(language) if limit else None,
        source=limit.source if limit else None,
        limits=scale.limits.in_(language) if scale.limits else None,
        note=one.note.in_(language) if one.note else None,
        is_validated=one.is_validated,
        has_uncounted=any(not option.is_scored for option in one.options),
    )
