"""The words of an instrument as somebody loaded them: kept and shown exactly so."""

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict

from services.feedback.domain.instruments import LANGUAGES, Instrument, Item, Library, Option, Words
from shared.errors import NotFound, Refusal
from shared.events.base import Code
from shared.fields import Command, Line


class Label(BaseModel):
    """The words of one answer."""

    model_config = ConfigDict(frozen=True)

    value: int
    text: str


class Question(BaseModel):
    """The words of one item, with its answers in the order in which they are shown."""

    model_config = ConfigDict(frozen=True)

    code: Code
    before: str | None
    text: str
    labels: tuple[Label, ...]


class Wording(BaseModel):
    """An instrument in one language."""

    model_config = ConfigDict(frozen=True)

    language: str
    questions: tuple[Question, ...]
    copyright: str | None = None


class NoteLicence(Command):
    """Note the number of a licence."""

    number: Line


def loadable(shipped: Library, code: str, numbers: Mapping[str, str]) -> Instrument:
    """The definition to which words may be loaded."""
    if code not in shipped:
        raise NotFound("instrument")
    found = shipped[code]
    if found.has_wording:
        raise Refusal("wording-is-there", f"{found.title.in_('en')} has its words: there is nothing to load.")
    if found.licence.needs_number and code not in numbers:
        title = found.title.in_("en")
        raise Refusal("licence-number-missing", f"{title} is asked by licence only: note the number of yours first.")
    return found


def worded(instrument: Instrument, wordings: Sequence[Wording]) -> Instrument:
    """The instrument with its words; what it measures stays as it was."""
    by_language = {one.language: {question.code: question for question in one.questions} for one in wordings}
    items = [
        _worded(instrument, item, {name: one[item.code] for name, one in by_language.items()})
        for item in instrument.items
    ]
    rights = {one.language: one.copyright for one in wordings if one.copyright}
    return instrument.model_copy(update={"items": tuple(items), "rights": Words(**rights) if rights else None})


def _worded(instrument: Instrument, item: Item, said: Mapping[str, Question]) -> Item:
    first = next(said[language] for language in LANGUAGES if language in said)
    labels = {name: {label.value: label.text for label in one.labels} for name, one in said.items()}
    options = tuple(
        Option(value=one.value, label=Words(**{name: texts[one.value] for name, texts in labels.items()}))
        for one in first.labels
    )
    before = {name: one.before for name, one in said.items() if one.before}
    return item.model_copy(
        update={
            "text": Words(**{name: one.text for name, one in said.items()}),
            "before": Words(**before) if before else None,
            "options": options,
        }
    )
