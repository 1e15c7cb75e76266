"""A short instrument that an organisation writes itself: trends only, and a version never changes."""

from collections.abc import Collection, Iterator, Sequence
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from services.feedback.domain.instruments import (
    LANGUAGES,
    Instrument,
    Item,
    Library,
    Licence,
    Option,
    Scale,
    Words,
    published,
)
from services.feedback.domain.kinds import SomeWords
from shared.errors import FieldError, Invalid
from shared.events.base import Code
from shared.events.feedback import InstrumentPublished
from shared.fields import Command, invalid

TRENDS = Words(en="Not validated: trends only.", es="No validado: solo para ver tendencias.")


class OwnItem(Command):
    """One question."""

    text: SomeWords


class OwnOption(Command):
    """One answer, the same for all questions."""

    value: Annotated[int, Field(ge=0, le=100)]
    label: SomeWords


class WriteInstrument(Command):
    """Publish this as the next version of an instrument of the organisation's own."""

    code: Code
    title: SomeWords
    about: SomeWords
    items: Annotated[list[OwnItem], Field(min_length=1, max_length=20)]
    options: Annotated[list[OwnOption], Field(min_length=2, max_length=11)]
    scoring: Literal["sum", "mean"]
    higher_is_better: bool = True
    is_comparable: bool = Field(False, description="scores may be paired with those of the version before")


def write(command: WriteInstrument, earlier: Instrument | None, shipped: Library) -> Instrument | None:
    """The next version; None if it says the same as the one before."""
    if errors := [*_wrong(command, shipped)]:
        raise Invalid(*errors)
    following = _composed(command, earlier)
    if earlier is None:
        return following
    if command.is_comparable and following.ranges != earlier.ranges:
        raise invalid(
            "is_comparable",
            "not-comparable",
            "The scores have another range now: they cannot be compared with earlier.",
        )
    is_same = {**following.model_dump(), "version": 0, "comparable_with": ()} == {
        **earlier.model_dump(),
        "version": 0,
        "comparable_with": (),
    }
    return None if is_same else following


def _composed(command: WriteInstrument, earlier: Instrument | None) -> Instrument:
    version = earlier.version + 1 if earlier else 1
    comparable = (earlier.version, *earlier.comparable_with) if earlier and command.is_comparable else ()
    return Instrument(
        code=command.code,
        version=version,
        comparable_with=comparable,
        title=_words(command.title),
        about=_words(command.about),
        licence=Licence(
            name="Of the organisation that wrote it",
            attribution="Written by the organisation",
            may_show=True,
            may_change=True,
            may_sell=False,
        ),
        items=tuple(Item(code=f"item-{n}", text=_words(one.text)) for n, one in enumerate(command.items, start=1)),
        options=tuple(Option(value=one.value, label=_words(one.label)) for one in command.options),
        scales=(Scale(code="total", scoring=command.scoring, higher_is_better=command.higher_is_better),),
        is_validated=False,
        note=TRENDS,
    )


def _words(said: SomeWords) -> Words:
    return Words(en=said.en, es=said.es)


def _wrong(command: WriteInstrument, shipped: Library) -> Iterator[FieldError]:
    if command.code in shipped:
        title = shipped[command.code].title.in_("en")
        yield FieldError("code", "code-taken", f"{title} has this code: choose another.")
    for place, (one, before) in enumerate(zip(command.options[1:], command.options, strict=False), start=1):
        if one.value <= before.value:
            yield FieldError(
                f"options.{place}.value", "not-rising", "Give each answer a higher value than the one before."
            )
    yield from _untranslated(command)


def _untranslated(command: WriteInstrument) -> Iterator[FieldError]:
    """Whoever chooses a language reads all of it in that language."""
    spoken = [language for language in LANGUAGES if getattr(command.title, language)]
    texts: Sequence[tuple[str, SomeWords]] = [
        ("about", command.about),
        *((f"items.{n}.text", one.text) for n, one in enumerate(command.items)),
        *((f"options.{n}.label", one.label) for n, one in enumerate(command.options)),
    ]
    for name, said in texts:
        for language in LANGUAGES:
            is_said = bool(getattr(said, language))
            if language in spoken and not is_said:
                message = "The title is in this language: say this in it, too."
                yield FieldError(f"{name}.{language}", "translation-missing", message)
            if language not in spoken and is_said:
                message = "Other words are in this language: give the title in it, too."
                yield FieldError(f"title.{language}", "translation-missing", message)


def told_of(
    organisation_id: UUID, instrument: Instrument, told: Collection[tuple[str, int]]
) -> list[InstrumentPublished]:
    """A version of what is asked already can be asked at once; else others are told when a battery asks it."""
    return [published(organisation_id, instrument)] if instrument.code in {code for code, _ in told} else []
