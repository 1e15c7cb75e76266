"""The questions of instruments as participants see them: at a link, and in a preview."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from services.feedback.domain.check_in import AnswerCheckIn
from services.feedback.domain.instruments import Instrument, Item
from services.feedback.pages.forms import nested
from services.feedback.pages.templates import PAGES
from shared.doors import form
from shared.errors import FieldError
from shared.fields import invalid
from shared.web.languages import speaker

OUTDATED = "questions-changed"


def questions(
    request: Request,
    instruments: Sequence[Instrument],
    language: str,
    given: dict[str, Any],
    errors: Sequence[FieldError],
    *,
    link: str = "",
    stop: str = "",
    is_preview: bool = False,
    **help_: Any,
) -> HTMLResponse:
    """All questions, with what has been answered so far. `stop` is where somebody who shares a tablet goes away.

    What was chosen while they were others is not shown as an answer to these.
    """
    if is_outdated(instruments, given):
        given = {name: value for name, value in given.items() if not name.startswith("answers.")}
    names = [field_of(one, item) for one in instruments for item in one.items]
    numbers = {name: number for number, name in enumerate(names, start=1)}
    wrong = {error.field: error.code for error in errors}
    found = [name for name in names if name in wrong]
    said = [FieldError(name, wrong[name], _said(language, wrong[name], numbers[name])) for name in found]
    return PAGES.render(
        request,
        "check-in.html",
        422 if errors else 200,
        lang=language,
        instruments=instruments,
        numbers=numbers,
        field_of=field_of,
        versions=versions_of(instruments),
        given=given,
        large="large" in given,
        errors=said or _something_else(errors, language, names),
        link=link,
        stop=stop,
        is_preview=is_preview,
        **help_,
    )


def versions_of(instruments: Sequence[Instrument]) -> str:
    """Which versions are asked; a form carries this along, as it may be sent when there are newer ones."""
    return " ".join(f"{one.code}:{one.version}" for one in instruments)


def is_outdated(instruments: Sequence[Instrument], fields: Mapping[str, Any]) -> bool:
    """Whether a form asked other versions of the instruments."""
    now = versions_of(instruments)
    return bool(fields.get("versions", now) != now)


def answers_in(instruments: Sequence[Instrument], fields: dict[str, Any]) -> AnswerCheckIn:
    """What a form says; raises Invalid, also for answers to questions that are others by now."""
    if is_outdated(instruments, fields):
        raise invalid("versions", OUTDATED, "The questions have changed since this page was opened: answer them anew.")
    return form(AnswerCheckIn, {name: part for name, part in nested(fields).items() if name in ("answers", "texts")})


@dataclass(frozen=True, slots=True)
class Unsent:
    """An answer that was not taken: the field, and what was chosen or written. Only what was written has words."""

    field: str
    value: str
    item: Item

    @property
    def is_text(self) -> bool:
        """Whether somebody has written it."""
        return self.item.kind == "text"


def unsent(instruments: Sequence[Instrument], given: Mapping[str, Any]) -> list[Unsent]:
    """What somebody has answered to questions that are closed by now."""
    found = [(field_of(one, item), item) for one in instruments for item in one.items]
    return [Unsent(name, given[name], item) for name, item in found if isinstance(given.get(name), str)]


def field_of(instrument: Instrument, item: Item) -> str:
    """The name of the field in which an item is answered."""
    return f"{'texts' if item.kind == 'text' else 'answers'}.{instrument.code}.{item.code}"


def _said(language: str, code: str, number: int) -> str:
    say = speaker(language)
    if code in ("too-long", "string-too-long"):
        return say("Question %(n)s: that is too long, please shorten it.", n=number)
    return say("Question %(n)s: choose an answer.", n=number)


def _something_else(errors: Sequence[FieldError], language: str, names: Sequence[str]) -> list[FieldError]:
    """A form that is not ours, or not of today: one sentence, at the first question."""
    say = speaker(language)
    if any(error.code == OUTDATED for error in errors):
        sentence = say("The questions have changed meanwhile. Please answer once more.")
    else:
        sentence = say("Something that was sent does not belong here. Please answer once more.")
    return [FieldError(names[0], "unacceptable", sentence)] if errors else []
