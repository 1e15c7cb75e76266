"""Between a battery as people fill it in and as the command has it: rhythm in words, scores in points."""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from math import ceil, floor
from typing import Any

from services.feedback.domain.instruments import TOTAL, Library
from shared.errors import FieldError
from shared.events.feedback import BatteryEntry, ScoreWas
from shared.fields import invalid
from shared.web.filters import words

KINDS = [
    ("baseline", "at the start"),
    ("session", "after sessions"),
    ("half-way", "half-way: after so many sessions"),
    ("monthly", "once, some time after the start"),
    ("repeating", "again and again, from the start to the end"),
    ("end", "at the end"),
    ("follow-up", "some time after the end"),
]
ONCE = {"repeats_months": "0", "times": "0", "after_sessions": "0"}
SHOWN = 10_000  # four decimals
EMPTY = {
    "occasion": "",
    "kind": "",
    "ordinal": "0",
    "instruments": [],
    "months_after": "0",
    "window_days": "14",
    "days_after": "0",
    "every": "1",
    "after_sessions": "0",
    "repeats_months": "0",
    "times": "0",
    "reminders": "",
    "attribute": "",
    "equals": "",
    "score_occasion": "",
    "score_instrument": "",
    "score_scale": TOTAL,
    "at_least": "",
    "at_most": "",
}
_SAME = (
    "occasion",
    "ordinal",
    "instruments",
    "months_after",
    "window_days",
    "days_after",
    "every",
    "after_sessions",
    "repeats_months",
    "times",
)
_FIELDS = {
    "only_attribute": "attribute",
    "only_attribute.equals": "equals",
    "only_score": "score_occasion",
    "only_score.instrument": "score_instrument",
    "only_score.scale": "score_scale",
    "only_score.at_least": "at_least",
    "only_score.at_most": "at_most",
}


def asked(rows: Sequence[dict[str, Any]], library: Library) -> list[dict[str, Any]]:
    """The rows of the form as the command has them."""
    for place, row in enumerate(rows):
        if row.get("kind") == "half-way" and row.get("after_sessions", "0") == "0":
            message = "Say after how many sessions half of the way is gone, such as 6."
            raise invalid(f"entries.{place}.after_sessions", "half-way-needs-sessions", message)
    return [_asked(row, library) for row in rows]


def _asked(row: dict[str, Any], library: Library) -> dict[str, Any]:
    """A row of the form as the command has it; what was not filled in is left out."""
    entry = {name: row[name] for name in _SAME if name in row}
    kind = row.get("kind")
    if kind is not None:
        entry["kind"] = "monthly" if kind in ("half-way", "repeating") else kind
    if kind == "repeating" and entry.get("repeats_months", "0") == "0":
        entry["repeats_months"] = "1"
    if kind == "monthly":  # once: whatever rhythm it had before
        entry |= ONCE
    if "reminders" in row:
        entry["reminders"] = re.split(r"[\s,;]+", str(row["reminders"]).strip(" ,;"))
    if "attribute" in row or "equals" in row:
        entry["only_attribute"] = {name: row[name] for name in ("attribute", "equals") if name in row}
    if any(name in row for name in ("score_occasion", "score_instrument", "at_least", "at_most")):
        entry["only_score"] = _score(row, library)
    return entry


def _score(row: dict[str, Any], library: Library) -> dict[str, Any]:
    named = {"occasion": "score_occasion", "instrument": "score_instrument", "scale": "score_scale"}
    found = {name: row[field] for name, field in named.items() if field in row}
    instrument, scale = library.get(str(found.get("instrument"))), str(found.get("scale", TOTAL))
    unit = instrument.ranges[scale].unit if instrument and scale in instrument.ranges else 1
    for name, whole in (("at_least", ceil), ("at_most", floor)):
        if name in row:
            found[name] = _counts(row[name], unit, whole)
    return found


def _counts(points: Any, unit: int, whole: Any) -> Any:
    """Points as counts; a bound between two possible scores means the one inside. What is no number stays."""
    try:
        number = Decimal(str(points).strip().replace(",", "."))
    except InvalidOperation:
        return points
    return whole(Fraction(number) * unit) if number.is_finite() and abs(number) < 10**6 else points


def shown(entry: BatteryEntry, library: Library) -> dict[str, Any]:
    """An entry as the form shows it."""
    row: dict[str, Any] = {name: getattr(entry, name) for name in _SAME}
    row["kind"] = "half-way" if entry.after_sessions else "repeating" if entry.repeats_months else entry.kind
    row["reminders"] = ", ".join(map(str, entry.reminders))
    if entry.only_attribute:
        row |= {"attribute": entry.only_attribute.attribute, "equals": entry.only_attribute.equals}
    if score := entry.only_score:
        row |= {"score_occasion": score.occasion, "score_instrument": score.instrument, "score_scale": score.scale}
        row |= {"at_least": _points(score, "at_least", library), "at_most": _points(score, "at_most", library)}
    return row


def _points(score: ScoreWas, name: str, library: Library) -> str:
    count = getattr(score, name)
    if count is None:
        return ""
    instrument = library.get(score.instrument)
    unit = instrument.ranges[score.scale].unit if instrument and score.scale in instrument.ranges else 1
    points = Fraction(count, unit)
    if points.denominator == 1:
        return str(points)
    # Cut so that it means the same count when the form comes back.
    whole = floor(points * SHOWN) if name == "at_least" else ceil(points * SHOWN)
    return f"{Decimal(whole) / SHOWN:f}"


def scales(library: Library) -> list[tuple[str, str]]:
    """Of which scale a condition may speak: of the whole, or of a part that some instruments have."""
    found: dict[str, list[str]] = {}
    for one in library.values():
        for measure in one.measures:
            found.setdefault(measure.scale.code, []).append(one.title.in_("en"))
    parts = [(code, f"{words(code)} of {', '.join(of)}") for code, of in found.items() if code != TOTAL]
    return [(TOTAL, "the total"), *sorted(parts)]


def filled(row: dict[str, Any], titles: Mapping[str, str]) -> dict[str, Any]:
    """A row with something in each of its fields, and what it asks in short."""
    whole = {name: row.get(name, value) for name, value in EMPTY.items()}
    asked = ", ".join(titles.get(str(code), str(code)) for code in whole["instruments"])
    short = ": ".join(filter(None, (dict(KINDS).get(whole["kind"], ""), asked)))
    return whole | {"in_short": short[:1].upper() + short[1:]}


def said(error: FieldError) -> FieldError:
    """An error as the form says it: of which occasion, at a field that the form has, and without a pattern."""
    sentence = error.message
    if error.code == "string-pattern-mismatch":
        sentence = "Use small letters, digits and hyphens, such as month-2."
    parts = error.field.split(".")
    place = int(parts[1]) + 1 if len(parts) > 2 and parts[1].isdigit() else 0
    inner = ".".join(parts[2:])
    own = _FIELDS.get(inner) or _FIELDS.get(".".join(parts[2:3])) or "".join(parts[2:3])
    field = ".".join([*parts[:2], own]) if place else error.field
    return FieldError(
        field, error.code, f"Occasion {place}: {sentence[:1].lower()}{sentence[1:]}" if place else sentence
    )


def when(entry: BatteryEntry) -> str:
    """When an entry asks, as people say it."""
    if entry.kind == "session":
        return "after every session" if entry.every == 1 else f"after every {_nth(entry.every)} session they came to"
    if entry.after_sessions:
        return f"half-way, after {entry.after_sessions} sessions they came to"
    if entry.repeats_months:
        often = "every month" if entry.repeats_months == 1 else f"every {entry.repeats_months} months"
        begins = f", first after {_span(entry)}" if entry.months_after or entry.days_after else ""
        return f"{often} from the start{begins}" + (f", {entry.times} times at most" if entry.times else " to the end")
    at_end = entry.kind in ("end", "follow-up")
    anchor = "the end" if at_end else "the start"
    span = _span(entry)
    return f"{span} after {anchor}" if span else f"at {anchor}"


def _span(entry: BatteryEntry) -> str:
    parts = ((entry.months_after, "month"), (entry.days_after, "day"))
    return " and ".join(f"{n} {word}{'' if n == 1 else 's'}" for n, word in parts if n)


def _nth(number: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th") if number % 100 not in (11, 12, 13) else "th"
    return f"{number}{ending}"


def more(entry: BatteryEntry, library: Library) -> Sequence[str]:
    """Of whom only, and how often they are reminded."""
    found = []
    if one := entry.only_attribute:
        found.append(f"only if {one.attribute} is {one.equals}")
    if score := entry.only_score:
        title = library[score.instrument].title.in_("en") if score.instrument in library else score.instrument
        title += "" if score.scale == TOTAL else f" ({words(score.scale)})"
        bounds = [(edge, _points(score, name, library)) for edge, name in (("from", "at_least"), ("to", "at_most"))]
        span = " ".join(f"{edge} {points}" for edge, points in bounds if points)
        found.append(f"only if {title} at {score.occasion} was {span}")
    if entry.reminders:
        days = " and ".join(map(str, entry.reminders))
        found.append(f"reminded after {days} days")
    return found
