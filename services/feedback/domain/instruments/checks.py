"""What a definition may not say: each finding names its place in the file and what is wrong there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor
from typing import TYPE_CHECKING

from services.feedback.domain.instruments.measure import Measure, is_mirror
from services.feedback.domain.instruments.shapes import ReliableChange, TScore

if TYPE_CHECKING:  # the instrument checks itself by these
    from services.feedback.domain.instruments.instrument import Instrument

NORMAL = Fraction(196, 100)


def wrong(one: Instrument) -> Iterator[str]:
    """Everything that does not fit together. What follows from broken parts is not looked at."""
    parts = [*_items(one), *_options(one), *_names(one)]
    yield from parts or _scored(one)
    if not one.is_validated:
        yield from _not_validated(one)
    if any(version >= one.version for version in one.comparable_with):
        yield "comparable_with: name earlier versions only"


def wrong_shipped(one: Instrument) -> Iterator[str]:
    """What is missing besides in an instrument that ships: whoever answers it sees their own score."""
    for at, scale in enumerate(one.scales):
        if one.has_wording and not (scale.bands and scale.limits):
            yield f"scales.{at}: bands and limits must say what a score means and what it does not"


def _items(one: Instrument) -> Iterator[str]:
    for code in _repeated(name for item in one.items for name in {item.code, *item.aliases}):
        yield f"items: {code} is there twice"
    texts = [item.text is not None for item in one.items]
    if any(texts) and not all(texts):
        yield "items: give every item its text, or none"
    for at, item in enumerate(one.items):
        if item.kind == "text" and item.length_max is None:
            yield f"items.{at}.length_max: a text needs the most characters that it may have"
        if item.kind == "choice" and item.length_max is not None:
            yield f"items.{at}.length_max: only a text has a length"
        own = {option.value for option in item.options}
        if own and own != {option.value for option in one.options}:
            yield f"items.{at}.options: the values must be those of the instrument's options"
        labels = [option.label for option in one.options_of(item)]
        if item.text and item.kind == "choice" and not all(labels):
            yield f"items.{at}: every answer to a question needs its label"


def _options(one: Instrument) -> Iterator[str]:
    scored = [option.value for option in one.options if option.is_scored]
    if not one.questions:
        if one.options or one.scales:
            yield "options: without a question to choose from there are no options and no scales"
    elif len(scored) < 2 or any(later <= earlier for earlier, later in pairwise(scored)):
        yield "options: give at least two that are scored, with rising values"
    for value in _repeated(option.value for option in one.options):
        yield f"options: the value {value} is there twice"


def _names(one: Instrument) -> Iterator[str]:
    known = {item.code for item in one.questions}
    for code in _repeated(scale.code for scale in one.scales):
        yield f"scales: {code} is there twice"
    for at, scale in enumerate(one.scales):
        asked = set(scale.items) or known
        yield from (f"scales.{at}.items: there is no question {code}" for code in scale.items if code not in known)
        yield from (f"scales.{at}.items: {code} is there twice" for code in _repeated(scale.items))
        yield from (
            f"scales.{at}.reversed: {code} is none of its items" for code in scale.reversed if code not in asked
        )
        if (scale.scoring == "sum*k") != (scale.factor is not None):
            yield f"scales.{at}.factor: it belongs to sum*k, and only to that"
        if (scale.missing.rule == "prorate") != (scale.missing.max > 0):
            yield f"scales.{at}.missing: where items may be left out the rule is prorate, else none"
        if scale.missing.max >= max(len(asked), 1):
            yield f"scales.{at}.missing.max: at least one item must be answered"
    for at, rule in enumerate(one.risk):
        if rule.item not in known:
            yield f"risk.{at}.item: there is no question {rule.item}"


def _scored(one: Instrument) -> Iterator[str]:
    for at, measure in enumerate(one.measures):
        place = f"scales.{at}"
        if measure.scale.reversed and not is_mirror(measure.values):
            yield f"{place}.reversed: the values do not look the same from the other end"
        if measure.scale.code != "total" and measure.scale.title is None:
            yield f"{place}.title: only the total goes by the instrument's own title"
        yield from (f"{place}.{wrong}" for wrong in (*_limits(measure), *_bands(measure), *_change(measure)))


def _limits(measure: Measure) -> Iterator[str]:
    lowest, highest = Fraction(measure.minimum, measure.unit), Fraction(measure.maximum, measure.unit)
    for at, one in enumerate(measure.scale.cut_offs):
        if one.of == "score" and not lowest <= Fraction(one.value) <= highest:
            yield f"cut_offs.{at}.value: it is outside {lowest} to {highest}"
    for at, found in enumerate(measure.scale.reliability):
        if not 0 < found.value <= 1:
            yield f"reliability.{at}.value: it lies between 0 and 1"
    for at, others in enumerate(measure.scale.reference):
        if others.sd is not None and others.sd <= 0:
            yield f"reference.{at}.sd: it is more than 0"
    if measure.scale.t_score:
        yield from _t_score(measure.scale.t_score, lowest, highest)


def _t_score(known: TScore, lowest: Fraction, highest: Fraction) -> Iterator[str]:
    if known.sd is not None and known.sd <= 0:
        yield "t_score.sd: it is more than 0"
    if bool(known.table) == (known.mean is not None) or (known.mean is None) != (known.sd is None):
        yield "t_score: give mean and sd, or a table"
    rows = [Fraction(row.points) for row in known.table]
    for at, row in enumerate(rows):
        if not lowest <= row <= highest:
            yield f"t_score.table.{at}.points: it is outside {lowest} to {highest}"
    yield from (f"t_score.table: {points} is there twice" for points in _repeated(rows))
    missing = [whole for whole in range(ceil(lowest), floor(highest) + 1) if rows and whole not in rows]
    if missing:
        yield f"t_score.table: {missing[0]} is missing: every whole score has a line"


def _bands(measure: Measure) -> Iterator[str]:
    edges = [Fraction(one.at_least) * measure.unit for one in measure.scale.bands]
    if not edges:
        return
    if edges[0] != measure.minimum:
        yield f"bands.0.at_least: the first begins at {Fraction(measure.minimum, measure.unit)}"
    for at, (earlier, later) in enumerate(pairwise(edges), start=1):
        if later <= earlier or later > measure.maximum:
            yield f"bands.{at}.at_least: each begins above the one before, within the range"
    if measure.scale.limits is None:
        yield "limits: a score that is explained is explained on both sides: say what it does not mean"


def _change(measure: Measure) -> Iterator[str]:
    change = measure.scale.reliable_change
    if change is None:
        return
    if change.method == "published":
        if change.sd is not None or change.reliability is not None:
            yield "reliable_change: a published threshold stands for itself, without sd and reliability"
        return
    if change.sd not in {one.sd for one in measure.scale.reference} or change.sd is None:
        yield "reliable_change.sd: without a sourced SD there is no reliable change"
    elif change.reliability not in {one.value for one in measure.scale.reliability}:
        yield "reliable_change.reliability: without a sourced reliability there is no reliable change"
    elif not _is_smallest(change, Fraction(change.sd)):
        yield "reliable_change.threshold: it is not the smallest whole change above the noise"


def _is_smallest(change: ReliableChange, sd: Fraction) -> bool:
    """Jacobson and Truax 1991, squared, so that no root is taken.

    The change is more than 1.96 * sd times the root of 2 * (1 - reliability).
    """
    noise = NORMAL**2 * 2 * sd**2 * (1 - Fraction(change.reliability or 0))
    threshold = Fraction(change.threshold)
    return change.operator == ">=" and threshold.denominator == 1 and (threshold - 1) ** 2 <= noise < threshold**2


def _not_validated(one: Instrument) -> Iterator[str]:
    if one.note is None:
        yield "note: an instrument that is not validated needs a note that says so"
    for at, scale in enumerate(one.scales):
        if scale.cut_offs or scale.reliable_change or scale.mcid or scale.t_score:
            yield f"scales.{at}: an instrument that is not validated has no limits and no reliable change: trends only"


def _repeated(names: Iterable[object]) -> list[object]:
    return [name for name, times in Counter(names).items() if times > 1]
