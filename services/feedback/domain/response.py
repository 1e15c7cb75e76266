"""What was answered of an instrument, as a FHIR R4 QuestionnaireResponse. Ids of ours alone: no name, no code."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from services.feedback.domain.check_in import Occasion
from services.feedback.domain.instruments import Instrument, Item, Library
from shared.errors import NotFound
from shared.fields import invalid
from shared.identity import derived_id

_ORDINAL = "http://hl7.org/fhir/StructureDefinition/ordinalValue"


@dataclass(frozen=True, slots=True)
class Answered:
    """The answers to one instrument by item: the value that was chosen, or what was written."""

    instrument: str
    version: int
    answers: dict[str, int | str]


def chosen(answered: Mapping[str, Answered], instrument: str | None) -> Answered:
    """The instrument that is asked for; it need not be named where there is one."""
    if instrument is None and len(answered) > 1:
        raise invalid("instrument", "instrument-needed", f"Say which one: {', '.join(answered)}.")
    code = instrument or next(iter(answered), "")
    if code not in answered:
        raise NotFound("instrument")
    return answered[code]


def questionnaire_response(occasion: Occasion, one: Answered, library: Library, base: str) -> dict[str, Any]:
    """The resource. `base` is where this Kith is: our systems of ids and codes begin with it."""
    assert occasion.check_in
    whose = {
        "type": "Patient",
        "identifier": {"system": f"{base}/participants", "value": str(occasion.participant_id)},
    }
    defined = library.get(one.instrument)
    known = defined if defined and defined.version == one.version else None
    response = {
        "resourceType": "QuestionnaireResponse",
        "id": str(derived_id(occasion.occasion_id, "questionnaire-response", one.instrument)),
        "identifier": {"system": f"{base}/check-ins", "value": str(occasion.occasion_id)},
        "questionnaire": f"{base}/instruments/{one.instrument}|{one.version}",
        "status": "completed",
        "subject": whose,
        "authored": occasion.check_in.answered_at.isoformat(),
        "item": list(_items(one, known, f"{base}/instruments/{one.instrument}/answers")),
    }
    if occasion.check_in.entered_by == "participant":
        response["source"] = whose
    if not response["item"]:  # its total was entered
        del response["item"]
    return response


def _items(one: Answered, known: Instrument | None, system: str) -> Iterator[dict[str, Any]]:
    """In the order of the definition. Of an earlier version the words are not known, and the order is of the codes."""
    items = {item.code: item for item in known.items} if known else {}
    for code in items or sorted(one.answers):
        if code in one.answers:
            item, value = items.get(code), one.answers[code]
            text = {"text": item.text.in_("en")} if item and item.text else {}
            given = {"valueString": value} if isinstance(value, str) else _coded(one, value, known, item, system)
            yield {"linkId": code} | text | {"answer": [given]}


def _coded(one: Answered, value: int, known: Instrument | None, item: Item | None, system: str) -> dict[str, Any]:
    options = known.options_of(item) if known and item else ()
    label = next((option.label for option in options if option.value == value), None)
    coding = {
        "extension": [{"url": _ORDINAL, "valueDecimal": value}],
        "system": system,
        "version": str(one.version),
        "code": str(value),
    }
    return {"valueCoding": coding | ({"display": label.in_("en")} if label else {})}
