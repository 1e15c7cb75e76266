"""What was given for an occasion, checked against what was asked: totals in points, answers to items, texts."""

from bisect import bisect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from services.feedback.domain.instruments import TOTAL, Instrument, Library, Measure, listed
from services.feedback.domain.scoring import as_text, count_of
from shared.errors import FieldError, Invalid
from shared.events.feedback import Score

NEAR, WRITTEN = Fraction(1, 1000), Fraction(1, 10_000)  # scores are written with four decimals


@dataclass(frozen=True, slots=True)
class Given:
    """What was given, by instrument: totals, totals of scales, answers to items, and texts to items."""

    totals: Mapping[str, Decimal] = field(default_factory=dict)
    answers: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    scales: Mapping[str, Mapping[str, Decimal]] = field(default_factory=dict)
    texts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def scores_of(asked: Sequence[str], given: Given, library: Library) -> list[Score]:
    """The scores of a check-in; raises Invalid with every field that is wrong.

    A scale of which too many items were left out has no score, and is not among them.
    """
    errors = [*_not_asked(asked, given)]
    scores: list[Score] = []
    for code in asked:
        try:
            scores += _scores(library[code], given)
        except Invalid as wrong:
            errors += wrong.errors
    if errors:
        raise Invalid(*errors)
    return scores


def _not_asked(asked: Sequence[str], given: Given) -> Iterator[FieldError]:
    message = f"This occasion asks {', '.join(asked)}: leave the others out."
    kinds = {"totals": given.totals, "scales": given.scales, "answers": given.answers, "texts": given.texts}
    for kind, values in kinds.items():
        for code in values:
            if code not in asked:
                yield FieldError(f"{kind}.{code}", "instrument-not-in-battery", message)


def _scores(instrument: Instrument, given: Given) -> list[Score]:
    code = instrument.code
    totals = {f"scales.{code}.{scale}": (scale, value) for scale, value in given.scales.get(code, {}).items()}
    if code in given.totals:
        totals[f"totals.{code}"] = (TOTAL, given.totals[code])
    answers, texts = given.answers.get(code), given.texts.get(code)
    if totals and not (answers is None and texts is None):
        raise Invalid(FieldError(f"totals.{code}", "given-twice", "Give the total or the answers, not both."))
    if code in given.totals and TOTAL in given.scales.get(code, {}):
        raise Invalid(FieldError(f"totals.{code}", "given-twice", "Give the total once."))
    if totals:
        return _of_totals(instrument, totals)
    if answers is None and texts is None and instrument.questions:
        message = f"{instrument.title.in_('en')} is asked here too: give it."
        raise Invalid(FieldError(_first_field(instrument), "instrument-missing", message))
    return _of_answers(instrument, answers or {}, texts or {})


def _first_field(instrument: Instrument) -> str:
    if instrument.total or not instrument.scales:
        return f"totals.{instrument.code}"
    return f"scales.{instrument.code}.{instrument.scales[0].code}"


def _of_totals(instrument: Instrument, totals: Mapping[str, tuple[str, Decimal]]) -> list[Score]:
    errors: list[FieldError] = []
    scores = []
    for name, (scale, value) in totals.items():
        measure = instrument.measure_of(scale)
        try:
            if measure is None:
                raise Invalid(FieldError(name, "scale-unknown", _no_such_scale(instrument)))
            scores.append(_score(instrument, measure, count_of_total(measure, value, name)))
        except Invalid as wrong:
            errors += wrong.errors
    if instrument.total and not errors and TOTAL not in {scale for scale, _ in totals.values()}:
        errors.append(FieldError(f"totals.{instrument.code}", "instrument-missing", "Give the total, too."))
    if errors:
        raise Invalid(*errors)
    return scores


def _no_such_scale(instrument: Instrument) -> str:
    title, scales = instrument.title.in_("en"), [one.code for one in instrument.scales]
    if not scales:
        return f"{title} is not scored: enter its answers."
    if instrument.total is None:
        return f"{title} is never added up. Give its scales: {', '.join(scales)}."
    return f"{title} has the scales {', '.join(scales)}: leave others out."


def count_of_total(measure: Measure, total: Decimal, name: str) -> int:
    """A total in points as a count of the scale's unit."""
    exact, unit = Fraction(total) * measure.unit, measure.unit
    at = bisect(measure.counts, exact)
    near = measure.counts[max(at - 1, 0) : at + 1]
    nearest = min(near, key=lambda one: abs(one - exact))
    if not measure.minimum <= round(exact) <= measure.maximum:
        low, high = (as_text(edge, unit) for edge in (measure.minimum, measure.maximum))
        raise Invalid(FieldError(name, "score-out-of-range", f"Give a number from {low} to {high}."))
    if abs(exact - nearest) > max(NEAR, WRITTEN * unit):
        raise Invalid(FieldError(name, "not-a-score", _what_would_be_one(measure, nearest)))
    return nearest


def _what_would_be_one(measure: Measure, nearest: int) -> str:
    near = as_text(nearest, measure.unit)
    if measure.unit == 1 and len(measure.counts) == measure.maximum - measure.minimum + 1:
        return "Give a whole number."
    if measure.scale.scoring == "mean":
        return f"Give the mean of {len(measure.items)} answers with four decimals, such as {near}."
    return f"Give a number that answers can add up to, such as {near}."


def _of_answers(instrument: Instrument, answers: Mapping[str, int], texts: Mapping[str, str]) -> list[Score]:
    code, title = instrument.code, instrument.title.in_("en")
    if not instrument.has_wording:
        raise Invalid(FieldError(f"answers.{code}", "no-wording", f"{title} has no questions here: give its total."))
    if errors := [*_wrong_answers(instrument, answers), *_wrong_texts(instrument, texts)]:
        raise Invalid(*errors)
    counts = [(measure, count_of(measure, answers)) for measure in instrument.measures]
    return [_score(instrument, measure, count) for measure, count in counts if count is not None]


def _wrong_answers(instrument: Instrument, answers: Mapping[str, int]) -> Iterator[FieldError]:
    at, known = f"answers.{instrument.code}", {item.code for item in instrument.questions}
    values = [option.value for option in instrument.options]
    for item in instrument.questions:
        value = answers.get(item.code)
        if value is None and not instrument.may_leave_out(item.code):
            yield FieldError(f"{at}.{item.code}", "answer-missing", "Choose an answer.")
        elif value is not None and value not in values:
            yield FieldError(f"{at}.{item.code}", "answer-unknown", f"Give one of {listed(values)}.")
    for code in answers:
        if code not in known:
            yield FieldError(f"{at}.{code}", "item-unknown", _no_such_question(instrument))


def _wrong_texts(instrument: Instrument, texts: Mapping[str, str]) -> Iterator[FieldError]:
    at = f"texts.{instrument.code}"
    known = {item.code: item.length_max or 0 for item in instrument.items if item.kind == "text"}
    for code, text in texts.items():
        if code not in known:
            yield FieldError(f"{at}.{code}", "item-unknown", _no_such_question(instrument))
        elif len(text) > known[code]:
            yield FieldError(f"{at}.{code}", "too-long", f"Use at most {known[code]} characters.")


def _no_such_question(instrument: Instrument) -> str:
    return f"{instrument.title.in_('en')} has no such question: leave it out."


def _score(instrument: Instrument, measure: Measure, count: int) -> Score:
    return Score(
        instrument=instrument.code,
        version=instrument.version,
        count=count,
        unit=measure.unit,
        scale=measure.scale.code,
    )
