"""What an instrument is: its wording if it has one, how it is scored, and what a score means in plain words."""

from services.feedback.domain.instruments.exact import Exact
from services.feedback.domain.instruments.instrument import TOTAL, Instrument, listed
from services.feedback.domain.instruments.library import Library, published, schema
from services.feedback.domain.instruments.measure import Measure, measure, points
from services.feedback.domain.instruments.shapes import (
    Band,
    CutOff,
    Item,
    Licence,
    Missing,
    Option,
    Risk,
    Scale,
)
from services.feedback.domain.instruments.words import LANGUAGES, SHIPPED, Phrase, Words

__all__ = [
    "LANGUAGES",
    "SHIPPED",
    "TOTAL",
    "Band",
    "CutOff",
    "Exact",
    "Instrument",
    "Item",
    "Library",
    "Licence",
    "Measure",
    "Missing",
    "Option",
    "Phrase",
    "Risk",
    "Scale",
    "Words",
    "listed",
    "measure",
    "points",
    "published",
    "schema",
]
