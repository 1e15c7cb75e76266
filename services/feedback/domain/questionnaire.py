"""The wording of an instrument out of a FHIR R4 Questionnaire, checked against what the instrument is.

Items, their order and codes, and the values of the answers must be those of the definition; each mismatch is named by
its path in the file. The words themselves are taken exactly as they stand there.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NoReturn

from services.feedback.domain.instruments import LANGUAGES, Instrument, Item, listed
from services.feedback.domain.options import read_options
from services.feedback.domain.wording import Label, Question, Wording
from shared.errors import FieldError, Invalid

DEPTH_MAX, TEXT_MAX, ERRORS_MAX = 8, 2000, 100


@dataclass(slots=True)
class Found:
    """A question of the file, with what is read before it."""

    path: str
    raw: Mapping[str, Any]
    before: list[str]


@dataclass(slots=True)
class Reading:
    """A file on its way in: what it says, and what is wrong with it so far."""

    instrument: Instrument
    contained: Sequence[Any]
    questions: list[Found] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    errors: list[FieldError] = field(default_factory=list)

    def wrong(self, path: str, code: str, message: str) -> None:
        """Something does not fit; the rest is looked at, too."""
        self.errors.append(FieldError(path, code, message))

    def text(self, path: str, value: Any) -> str:
        """Words exactly as they came."""
        if not isinstance(value, str) or not value.strip():
            self.wrong(path, "text-missing", "The words are missing.")
        elif len(value) > TEXT_MAX:
            self.wrong(path, "too-long", f"Use at most {TEXT_MAX} characters.")
        elif not _is_legible(value):
            self.wrong(path, "control-character", "Remove the characters that cannot be printed.")
        else:
            return value
        return ""


def read_questionnaire(data: bytes, instrument: Instrument) -> Wording:
    """The wording that a file holds; raises Invalid with each mismatch."""
    raw = _parsed(data)
    reading = Reading(instrument, raw["contained"] if isinstance(raw.get("contained"), list) else [])
    if raw.get("resourceType") != "Questionnaire":
        reading.wrong("resourceType", "not-a-questionnaire", "Give a FHIR R4 Questionnaire.")
    language = _language(reading, raw.get("language"))
    _walk(reading, "item", raw.get("item"), 0)
    questions = tuple(_questions(reading))
    rights = reading.text("copyright", raw["copyright"]) if "copyright" in raw else None
    if reading.errors:
        raise Invalid(*reading.errors[:ERRORS_MAX], message="The file does not fit the instrument.")
    return Wording(language=language, questions=questions, copyright=rights or None)


def _parsed(data: bytes) -> Mapping[str, Any]:
    try:
        raw = json.loads(data, parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raw = None
    if not isinstance(raw, dict):
        raise Invalid(FieldError("body", "json-invalid", "Give a FHIR R4 Questionnaire as JSON, in UTF-8."))
    return raw


def _no_number(text: str) -> NoReturn:
    raise ValueError(text)


def _language(reading: Reading, value: Any) -> str:
    language = value[:2].lower() if isinstance(value, str) else ""
    if language not in LANGUAGES or value[2:3] not in ("", "-"):
        reading.wrong("language", "language-unknown", f"Say the language of the words: one of {', '.join(LANGUAGES)}.")
    return language


def _walk(reading: Reading, at: str, items: Any, depth: int) -> None:
    """Every item in the order of the page; groups are opened, what is only displayed is read before the next."""
    if not isinstance(items, list) or not items or depth > DEPTH_MAX:
        reading.wrong(at, "items-missing", "Give the items as a list that is not empty.")
        return
    for number, one in enumerate(items):
        _step(reading, f"{at}[{number}]", one if isinstance(one, dict) else {}, depth)


def _step(reading: Reading, path: str, one: Mapping[str, Any], depth: int) -> None:
    kind = one.get("type")
    if kind in ("choice", "coding"):
        reading.questions.append(Found(path, one, reading.waiting))
        reading.waiting = []
        if "item" in one:
            reading.wrong(f"{path}.item", "item-unknown", "A question has no items of its own here.")
    elif kind in ("group", "display"):
        if kind == "display" or "text" in one:
            reading.waiting.append(reading.text(f"{path}.text", one.get("text")))
        if kind == "group":
            _walk(reading, f"{path}.item", one.get("item"), depth + 1)
    elif one.get("readOnly") is not True:  # such as a total that others compute
        reading.wrong(f"{path}.type", "type-unknown", "Only choice, group and display can be shown: remove it.")


def _questions(reading: Reading) -> Iterator[Question]:
    wanted, title = reading.instrument.questions, reading.instrument.title.in_("en")
    for place, found in enumerate(reading.questions):
        if place >= len(wanted):
            many = f"{title} has {len(wanted)} items: remove this one."
            reading.wrong(found.path, "item-unknown", many)
            continue
        item, before = wanted[place], "\n".join(found.before)
        _check_code(reading, found, item, place)
        if len(before) > TEXT_MAX:
            many = f"What is displayed before it is one text: use at most {TEXT_MAX} characters in all."
            reading.wrong(found.path, "too-long", many)
        yield Question(
            code=item.code,
            before=before or None,
            text=reading.text(f"{found.path}.text", found.raw.get("text")),
            labels=tuple(_labels(reading, found)),
        )
    for item in wanted[len(reading.questions) :]:
        reading.wrong("item", "item-missing", f"Item {item.code} is missing: {title} has {len(wanted)}.")
    if reading.waiting:
        reading.wrong("item", "display-unknown", "Something is displayed after the last question: remove it.")


def _check_code(reading: Reading, found: Found, item: Item, place: int) -> None:
    own = _codes(found.raw)
    if own & _names(item):
        return
    others = [one.code for one in reading.instrument.questions if own & _names(one)]
    said = f"this is item {others[0]}" if others else f"{_shown(found.raw.get('linkId'))} is none of its items"
    expected = " or ".join(sorted(_names(item)))
    message = f"Here stands item {place + 1} of {reading.instrument.title.in_('en')}, {expected}; {said}."
    reading.wrong(f"{found.path}.linkId", "item-out-of-order" if others else "item-unknown", message)


def _names(item: Item) -> set[str]:
    return {item.code, *item.aliases}


def _codes(raw: Mapping[str, Any]) -> set[str]:
    """What a question calls itself: its link id, and its codes."""
    coded = raw.get("code")
    codes = [one.get("code") for one in coded if isinstance(one, dict)] if isinstance(coded, list) else []
    names = [one for one in (raw.get("linkId"), *codes) if isinstance(one, str)]
    return {name.removeprefix("/") for name in names}


def _labels(reading: Reading, found: Found) -> Iterator[Label]:
    wanted = [option.value for option in reading.instrument.options]
    seen: set[int] = set()
    options, at = read_options(found.raw, found.path, reading.contained)
    for option in options:
        if option.value is None:
            message = "Say its value: valueInteger, a code that is a number, or an ordinalValue."
            reading.wrong(option.path, "value-missing", message)
        elif option.value not in wanted:
            reading.wrong(option.path, "value-unknown", f"The value {option.value} is none of {listed(wanted)}.")
        elif option.value in seen:
            reading.wrong(option.path, "value-twice", f"The value {option.value} is there twice.")
        else:
            seen.add(option.value)
            yield Label(value=option.value, text=reading.text(f"{option.path}{option.words_at}", option.words))
    for value in wanted:
        if value not in seen:
            reading.wrong(at, "value-missing", f"The answer with the value {value} is missing.")


def _is_legible(text: str) -> bool:
    return not any(ord(char) < 32 and char not in "\r\n\t" for char in text) and not any(
        char == "\x7f" or 0xD800 <= ord(char) <= 0xDFFF for char in text
    )


def _shown(value: Any) -> str:
    """A name of somebody else's, safe to be repeated."""
    text = str(value)[:40] if isinstance(value, str) else ""
    return f'"{text}"' if text and text.isprintable() else "this"
