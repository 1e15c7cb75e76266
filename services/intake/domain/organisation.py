"""An organisation, and what it asks of people besides their name."""

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar
from uuid import UUID

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from services.intake.domain.consent import STANDARD, STANDARD_TEXTS, ConsentText, publish
from shared.errors import FieldError, Invalid, Refusal
from shared.events.base import Code
from shared.events.intake import OrganisationRegistered
from shared.fields import Command, Line, invalid
from shared.identity import organisation_id

PREFER_NOT_TO_SAY = "prefer-not-to-say"
TAKEN = ("site", "program", "cohort", "group", "facilitator", "all")
"""What figures tell people apart by already: an attribute of such a code would be taken for it."""
_WITH_CODE = re.compile(r"([a-z0-9]+(?:-[a-z0-9]+)*)\s*=\s*(\S.*)")


class Option(Command):
    """One possible answer."""

    code: Code
    label: Line


O = TypeVar("O", bound="Option")  # noqa: E741


def _distinct(values: list[O]) -> list[O]:
    if len({one.code for one in values}) < len(values):
        raise PydanticCustomError("repeated", "Give each code only once.")
    return values


class Attribute(Option):
    """What an organisation asks when somebody is enrolled, such as an age band."""

    options: Annotated[list[Option], Field(max_length=50), AfterValidator(_distinct)]


class RegisterOrganisation(Command):
    """Register an organisation, or say what it asks and publish consent texts. Published texts stay."""

    name: Line
    attributes: Annotated[list[Attribute], AfterValidator(_distinct)] = Field(default_factory=list, max_length=20)
    consent_texts: list[ConsentText] = Field(default_factory=list, max_length=50)


@dataclass(frozen=True, slots=True)
class Organisation:
    """An organisation as intake keeps it."""

    organisation_id: UUID
    code: str
    name: str
    attributes: tuple[Attribute, ...]


@dataclass(frozen=True, slots=True)
class Registered:
    """An organisation with what is new about it."""

    organisation: Organisation
    new_texts: list[ConsentText]
    events: tuple[OrganisationRegistered, ...]


def register(
    known: Organisation | None,
    published: Sequence[ConsentText],
    code: str,
    command: RegisterOrganisation,
    given: Collection[tuple[str, str]] = (),
) -> Registered:
    """The organisation as it is from now on. A first registration brings the standard consent text along.

    `given` are the answers that somebody has given, as codes: they stay.
    """
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", code) or len(code) > 64:
        raise Refusal("organisation-code-not-usable", "The sign-in names an organisation whose code cannot be used.")
    _refuse_taken(known.attributes if known else (), command.attributes)
    attributes = tuple(_with_the_way_out(one) for one in command.attributes)
    _refuse_dropped(known.attributes if known else (), attributes, given)
    organisation = Organisation(organisation_id(code), code, command.name, attributes)
    new = publish(published, command.consent_texts)
    if not any((one.code, one.version) == (STANDARD, 1) for one in (*published, *new)):
        new += STANDARD_TEXTS
    if known:
        return Registered(organisation, new, ())
    event = OrganisationRegistered(organisation_id=organisation.organisation_id, code=code)
    return Registered(organisation, new, (event,))


def _refuse_taken(known: Sequence[Attribute], wanted: Sequence[Attribute]) -> None:
    """Who has such a code from before keeps it, and can still be changed otherwise."""
    free = {one.code for one in known}
    sentence = (
        "By site, program, cohort, group and facilitator, and of all together, there are figures already: give the "
        "attribute {!r} another name."
    )
    errors = [
        FieldError(f"attributes.{place}.code", "attribute-code-taken", sentence.format(one.code))
        for place, one in enumerate(wanted)
        if one.code in TAKEN and one.code not in free
    ]
    if errors:
        raise Invalid(*errors)


def _refuse_dropped(
    known: Sequence[Attribute], wanted: Sequence[Attribute], given: Collection[tuple[str, str]]
) -> None:
    """What somebody has answered stays: under another code it would be another answer, and figures fall in two."""
    stay = {one.code: {option.code for option in one.options} for one in wanted}
    errors = []
    for one in known:
        answered = {answer for code, answer in given if code == one.code}
        if one.code not in stay and answered:
            message = f"People have answered {one.label!r}, so it stays. To write it otherwise, keep its code in front"
            errors.append(FieldError("attributes", "attribute-in-use", f"{message}: {one.code} = {one.label}."))
        errors += [
            FieldError(
                "attributes",
                "option-in-use",
                f"People have answered {option.label!r} to {one.label!r}, so it stays. To write it otherwise, keep its "
                f"code in front: {option.code} = {option.label}.",
            )
            for option in one.options
            if option.code in answered and option.code not in stay.get(one.code, {option.code})
        ]
    if errors:
        raise Invalid(*errors)


def _with_the_way_out(attribute: Attribute) -> Attribute:
    """Nobody has to answer."""
    if any(option.code == PREFER_NOT_TO_SAY for option in attribute.options):
        return attribute
    way_out = Option(code=PREFER_NOT_TO_SAY, label="Prefer not to say")
    return attribute.model_copy(update={"options": [*attribute.options, way_out]})


def registered(organisation: Organisation | None) -> Organisation:
    """The organisation, or the refusal of everything that needs one."""
    if organisation is None:
        raise Refusal("organisation-not-registered", "Register the organisation first: give it a name in the set-up.")
    return organisation


def check_attributes(organisation: Organisation, given: Mapping[str, str]) -> None:
    """Refuse what the organisation does not ask, and answers that it does not offer."""
    offered = {one.code: [option.code for option in one.options] for one in organisation.attributes}
    errors = []
    for code, answer in given.items():
        if code not in offered:
            message = f"This organisation does not ask {code!r}. It asks: {', '.join(offered) or 'nothing'}."
            errors.append(FieldError(f"attributes.{code}", "unknown-attribute", message))
        elif answer not in offered[code]:
            message = f"{answer!r} is no answer here. Choose one of {', '.join(offered[code])}."
            errors.append(FieldError(f"attributes.{code}", "unknown-option", message))
    if errors:
        raise Invalid(*errors)


def attributes_from_lines(text: str, known: Sequence[Attribute]) -> list[dict[str, Any]]:
    """What people write as `Age band: 18 to 25, 26 to 40`, a line each; a line that stays keeps all it stands for.

    A code may stand before a label (`age = Age band`): the label may change then, and what was answered stays.
    """
    shown = {_as_line(one): one for one in known}
    found = [
        shown[line].model_dump() if line in shown else _from_line(line, known)
        for line in filter(None, map(str.strip, text.splitlines()))
    ]
    _check_codes(found)
    return found


def attributes_as_lines(attributes: Sequence[Attribute]) -> str:
    """The same, for the form."""
    return "\n".join(map(_as_line, attributes))


def _as_line(attribute: Attribute) -> str:
    """An attribute in words. They need not name the way out, which is always there."""
    options = ", ".join(_as_words(option) for option in attribute.options if option.code != PREFER_NOT_TO_SAY)
    return f"{_as_words(attribute)}: {options}".strip()


def _as_words(option: Option) -> str:
    """A label, after its code if that does not follow from it."""
    follows = option.code == code_of(option.label) and "=" not in option.label
    return option.label if follows else f"{option.code} = {option.label}"


def _from_line(line: str, known: Sequence[Attribute]) -> dict[str, Any]:
    """The attribute of a line that somebody wrote: labels that stay keep their codes, the way out its words."""
    words, _, answers = (part.strip() for part in line.partition(":"))
    one = _from_words(words, known)
    was = next((other for other in known if other.code == one["code"]), None)
    before = was.options if was else []
    options = [_from_words(answer, before) for answer in filter(None, map(str.strip, answers.split(",")))]
    if not any(option["code"] == PREFER_NOT_TO_SAY for option in options):
        options += [option.model_dump() for option in before if option.code == PREFER_NOT_TO_SAY]
    return one | {"options": options}


def _from_words(words: str, known: Sequence[Option]) -> dict[str, Any]:
    """A code and a label: the code that was given, or that of the same label before, or one made of the label."""
    if given := _WITH_CODE.fullmatch(words):
        return {"code": given[1], "label": given[2]}
    was = next((one.code for one in known if one.label == words), None)
    return {"code": was or code_of(words), "label": words}


def _check_codes(attributes: Sequence[Mapping[str, Any]]) -> None:
    """Codes are made of labels, and nobody has typed them: say what to do about two alike, and about none."""
    for among in (attributes, *(one["options"] for one in attributes)):
        labels: dict[str, str] = {}
        for one in among:
            code, label = one["code"], one["label"]
            if not code and label:
                message = f"Give {label!r} a code in small letters and digits: some-code = {label}."
                raise invalid("attributes", "code-needed", message)
            if code in labels:
                message = f"{labels[code]!r} and {label!r} would both have the code {code}: give one of them another"
                raise invalid("attributes", "repeated", f"{message}, such as {code}-2 = {label}.")
            labels[code] = label


def code_of(words: str) -> str:
    """`Año 2: Mañana` as `ano-2-manana`."""
    plain = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:64].strip("-")
