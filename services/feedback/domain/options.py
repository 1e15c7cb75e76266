"""The answers to a question of a FHIR Questionnaire: beside the question, or in a value set that the file contains."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

WEIGHTS = re.compile(r"/(ordinalValue|itemWeight|questionnaire-ordinalValue|iso21090-CO-value)$")
OPTIONS_MAX = 100


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: where it stands, its value if it says one, and its words."""

    path: str
    value: int | None
    words: Any
    words_at: str


def read_options(question: Mapping[str, Any], path: str, contained: Sequence[Any]) -> tuple[list[Answer], str]:
    """The answers to a question, and where they stand."""
    if "answerOption" in question:
        at = f"{path}.answerOption"
        return [_beside(one, f"{at}[{n}]") for n, one in enumerate(_listed(question["answerOption"]))], at
    name = question.get("answerValueSet")
    if isinstance(name, str) and name.startswith("#"):
        for number, one in enumerate(contained):
            if isinstance(one, dict) and one.get("id") == name[1:]:
                return [*_of_set(one, f"contained[{number}]")], f"contained[{number}]"
    return [], f"{path}.answerOption"


def _beside(option: Any, path: str) -> Answer:
    if not isinstance(option, dict):
        return Answer(path, None, None, "")
    weight = _weight(option)
    if isinstance(coding := option.get("valueCoding"), dict):
        given = weight if weight is not None else _weight(coding)
        value = given if given is not None else _whole(coding.get("code"))
        return Answer(path, value, coding.get("display"), ".valueCoding.display")
    if "valueInteger" in option:
        value = _whole(option["valueInteger"])
        return Answer(path, weight if weight is not None else value, None if value is None else str(value), "")
    return Answer(path, weight, option.get("valueString"), ".valueString")


def _of_set(one: Mapping[str, Any], path: str) -> Iterator[Answer]:
    compose, expansion = one.get("compose"), one.get("expansion")
    places = [(f"{path}.expansion.contains", expansion.get("contains"))] if isinstance(expansion, dict) else []
    if isinstance(compose, dict):
        included = [part for part in _listed(compose.get("include")) if isinstance(part, dict)]
        places = [(f"{path}.compose.include[{n}].concept", part.get("concept")) for n, part in enumerate(included)]
    for at, concepts in places:
        for number, concept in enumerate(_listed(concepts)):
            if isinstance(concept, dict):
                weight = _weight(concept)
                value = weight if weight is not None else _whole(concept.get("code"))
                yield Answer(f"{at}[{number}]", value, concept.get("display"), ".display")


def _weight(holder: Mapping[str, Any]) -> int | None:
    for one in _listed(holder.get("extension")):
        url = one.get("url") if isinstance(one, dict) else None
        if isinstance(url, str) and WEIGHTS.search(url):
            found = [value for name, value in one.items() if name in ("valueDecimal", "valueInteger")]
            return _whole(found[0]) if found else None
    return None


def _whole(value: Any) -> int | None:
    """A whole number, however it is written; anything else is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,4}", value):
        return int(value)
    if isinstance(value, Decimal) and value.is_finite() and abs(value) < 10_000 and value == value.to_integral_value():
        return int(value)
    return value if isinstance(value, int) and abs(value) < 10_000 else None


def _listed(value: Any) -> list[Any]:
    return value[:OPTIONS_MAX] if isinstance(value, list) else []
