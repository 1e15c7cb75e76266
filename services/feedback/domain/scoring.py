"""From answers, or from a total, to a score: an exact count. And from a count back to points and plain words."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from services.feedback.domain.instruments import Instrument, Library
from shared.errors import FieldError, Invalid
from shared.events.feedback import Score

NEAR = Fraction(1, 1000)  # so near to a whole count lies a mean that was written with four decimals


@dataclass(frozen=True, slots=True)
class Given:
    """What was given for an occasion: totals in points, or answers to items, by instrument."""

    totals: Mapping[str, Decimal]
    answers: Mapping[str, Mapping[str, int]]


def scores_of(asked: Sequence[str], given: Given, library: Library) -> list[Score]:
    """The scores of a check-in, one for each instrument asked; raises Invalid with every field that is wrong."""
    errors = [*_not_asked(asked, given)]
    scores = []
    for code in asked:
        instrument = library[code]
        try:
            scores.append(_score(instrument, _count(instrument, given)))
        except Invalid as wrong:
            errors += wrong.errors
    if errors:
        raise Invalid(*errors)
    return scores


def points(count: int, unit: int) -> Fraction:
    """A count in points."""
    return Fraction(count, unit)


def as_text(count: int, unit: int) -> str:
    """A count in points as people write it: `12`, or `2.3333`."""
    value = points(count, unit)
    return str(value.numerator) if value.denominator == 1 else f"{float(value):.4f}"


def _score(instrument: Instrument, count: int) -> Score:
    return Score(instrument=instrument.code, version=instrument.version, count=count, unit=instrument.unit)


def _not_asked(asked: Sequence[str], given: Given) -> Iterator[FieldError]:
    message = f"This occasion asks {', '.join(asked)}: leave the others out."
    for kind, values in (("totals", given.totals), ("answers", given.answers)):
        for code in values:
            if code not in asked:
                yield FieldError(f"{kind}.{code}", "instrument-not-in-battery", message)


def _count(instrument: Instrument, given: Given) -> int:
    code = instrument.code
    if code in given.totals and code in given.answers:
        raise Invalid(FieldError(f"totals.{code}", "given-twice", "Give the total or the answers, not both."))
    if code in given.totals:
        return count_of_total(instrument, given.totals[code], f"totals.{code}")
    if code in given.answers:
        return count_of_answers(instrument, given.answers[code], f"answers.{code}")
    raise Invalid(
        FieldError(f"totals.{code}", "instrument-missing", f"{instrument.title.en} is asked here too: give it.")
    )


def count_of_total(instrument: Instrument, total: Decimal, field: str) -> int:
    """A total in points as a count of the instrument's unit."""
    exact = Fraction(total) * instrument.unit
    count = round(exact)
    if not instrument.minimum <= count <= instrument.maximum:
        low, high = (as_text(edge, instrument.unit) for edge in (instrument.minimum, instrument.maximum))
        raise Invalid(FieldError(field, "score-out-of-range", f"Give a number from {low} to {high}."))
    if abs(exact - count) > NEAR:
        raise Invalid(FieldError(field, "not-a-score", _what_would_be_one(instrument, count)))
    return count


def _what_would_be_one(instrument: Instrument, nearest: int) -> str:
    if instrument.unit == 1:
        return "Give a whole number."
    near = as_text(nearest, instrument.unit)
    return f"Give the mean of {instrument.unit} answers with four decimals, such as {near}."


def count_of_answers(instrument: Instrument, answers: Mapping[str, int], field: str) -> int:
    """Answers to the items as a count. Each item must be answered: nothing is guessed."""
    if not instrument.items:
        raise Invalid(FieldError(field, "no-wording", f"{instrument.title.en} has no questions here: give its total."))
    values = [option.value for option in instrument.options]
    errors, count = [], 0
    for item in instrument.items:
        value = answers.get(item.code)
        if value is None:
            errors.append(FieldError(f"{field}.{item.code}", "answer-missing", "Choose an answer."))
        elif value not in values:
            errors.append(FieldError(f"{field}.{item.code}", "answer-unknown", f"Give one of {_listed(values)}."))
        else:
            count += values[0] + values[-1] - value if item.reverse else value
    known = {item.code for item in instrument.items}
    errors += [
        FieldError(f"{field}.{code}", "item-unknown", f"{instrument.title.en} has no such question: leave it out.")
        for code in answers
        if code not in known
    ]
    if errors:
        raise Invalid(*errors)
    return count


def _listed(values: Sequence[int]) -> str:
    return ", ".join(map(str, values))


def meaning(instrument: Instrument, count: int, language: str) -> str | None:
    """What a score says in plain words, if the instrument explains itself."""
    for band in instrument.bands:
        if band.lowest <= count <= band.highest:
            return band.means.in_(language)
    return None
