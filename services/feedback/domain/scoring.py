"""From answers to exact scores: whole counts of a unit, integers and fractions all the way."""

from collections.abc import Mapping
from fractions import Fraction

from services.feedback.domain.instruments import CutOff, Instrument, Measure
from services.feedback.domain.instruments import points as points_of

HOLDS = {
    ">=": lambda left, right: left >= right,
    ">": lambda left, right: left > right,
    "<=": lambda left, right: left <= right,
    "<": lambda left, right: left < right,
}


def count_of(measure: Measure, answers: Mapping[str, int]) -> int | None:
    """The score of a scale as a count, or None: too many of its items have no answer that is scored.

    What was left out is never guessed and never counted as nothing: by the scale's rule the score is that of the
    answers there are, brought to the full number of items, or there is none.
    """
    given = {item: answers[item] for item in measure.items if answers.get(item) in measure.values}
    if not given or len(measure.items) - len(given) > measure.scale.missing.max:
        return None
    counted = (measure.mirrored(value) if item in measure.scale.reversed else value for item, value in given.items())
    exact = points_of(measure.scale, len(measure.items), len(given), sum(counted)) * measure.unit
    assert exact.denominator == 1  # the unit was chosen so
    return exact.numerator


def risks(instrument: Instrument, answers: Mapping[str, int]) -> tuple[str, ...]:
    """The items whose answers are on the side of a risk rule, whatever the score is: somebody must be told."""
    found = (
        rule.item
        for rule in instrument.risk
        if rule.item in answers and HOLDS[rule.operator](answers[rule.item], rule.value)
    )
    return tuple(dict.fromkeys(found))


def points(count: int, unit: int) -> Fraction:
    """A count in points."""
    return Fraction(count, unit)


def as_text(count: int, unit: int, digits: int = 4) -> str:
    """A count in points as people write it: `12`, or `2.3333`."""
    value = points(count, unit)
    if value.denominator == 1:
        return str(value.numerator)
    whole, part = divmod(round(abs(value) * 10**digits), 10**digits)
    return f"{'-' if value < 0 else ''}{whole}.{part:0{digits}}"


def t_score(measure: Measure, count: int) -> Fraction | None:
    """A score as a t-score, exactly, where the way to it is known; a table is not read between its lines."""
    known, score = measure.scale.t_score, points(count, measure.unit)
    if known is None:
        return None
    if known.mean is None or known.sd is None:
        return next((Fraction(row.t) for row in known.table if row.points == score), None)
    return 50 + 10 * (score - Fraction(known.mean)) / Fraction(known.sd)


def cut_off(measure: Measure, count: int) -> CutOff | None:
    """The published limit that a score is said to have reached: the last of the list that holds."""
    scored = {"score": points(count, measure.unit), "t-score": t_score(measure, count)}
    found = [
        one
        for one in measure.scale.cut_offs
        if scored[one.of] is not None and HOLDS[one.operator](scored[one.of], Fraction(one.value))
    ]
    return found[-1] if found else None


def meaning(measure: Measure, count: int, language: str) -> str | None:
    """What a score says in plain words, if the instrument explains itself."""
    reached = [one for one in measure.scale.bands if Fraction(one.at_least) <= points(count, measure.unit)]
    return reached[-1].means.in_(language) if reached else None
