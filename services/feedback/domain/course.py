"""How the scores of one person have gone: theirs to see, in the order of time, without a verdict."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.feedback.domain.instruments import Instrument, Library, Measure

SHOWN_MAX = 24


@dataclass(frozen=True, slots=True)
class OwnScore:
    """A score of theirs: `count` of 1/`unit` points."""

    instrument: str
    version: int
    scale: str
    count: int
    unit: int
    answered_at: datetime


@dataclass(frozen=True, slots=True)
class Course:
    """The newest scores of one scale. Some may be left out: what was asked then cannot be compared."""

    instrument: Instrument
    measure: Measure
    scores: Sequence[OwnScore]
    has_others: bool


def courses(scores: Sequence[OwnScore], library: Library) -> Iterator[Course]:
    """Of each scale that they have a score of, in the order in which they first answered it."""
    for code, scale in dict.fromkeys((one.instrument, one.scale) for one in scores):
        instrument = library.get(code)
        measure = instrument.measure_of(scale) if instrument else None
        if instrument and measure:
            own = [one for one in scores if (one.instrument, one.scale) == (code, scale)]
            kept = [one for one in own if _is_comparable(one, instrument, measure)]
            if kept:
                yield Course(instrument, measure, kept[-SHOWN_MAX:], has_others=len(kept) < len(own))


def _is_comparable(one: OwnScore, instrument: Instrument, measure: Measure) -> bool:
    return one.version in (instrument.version, *instrument.comparable_with) and one.unit == measure.unit
