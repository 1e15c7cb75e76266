"""The scores of one person as FHIR R4: a Bundle of Observations. Ids of ours alone: no name, no code of a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.identity import derived_id

_SURVEY = {"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "survey"}
_POINTS = {"unit": "points", "system": "http://unitsofmeasure.org", "code": "{score}"}


@dataclass(frozen=True, slots=True)
class Scored:
    """A score: `count` of 1/`unit` points."""

    occasion_id: UUID
    instrument: str
    version: int
    count: int
    unit: int
    answered_at: datetime
    occasion: str


def bundle(participant: UUID, scores: Sequence[Scored], base: str) -> dict[str, Any]:
    """All of them. `base` is where feedback is: it owns instruments and check-ins."""
    entries = []
    for one in scores:
        found = _observation(participant, one, base)
        entries.append({"fullUrl": f"urn:uuid:{found['id']}", "resource": found, "search": {"mode": "match"}})
    return {"resourceType": "Bundle", "type": "searchset", "total": len(entries)} | (
        {"entry": entries} if entries else {}
    )


def _observation(participant: UUID, one: Scored, base: str) -> dict[str, Any]:
    check_in = {"system": f"{base}/check-ins", "value": str(one.occasion_id)}
    return {
        "resourceType": "Observation",
        "id": str(derived_id(one.occasion_id, "observation", one.instrument)),
        "status": "final",
        "category": [{"coding": [_SURVEY]}],
        "code": {
            "coding": [{"system": f"{base}/instruments", "version": str(one.version), "code": one.instrument}],
            "text": f"{one.instrument}, total",
        },
        "subject": {
            "type": "Patient",
            "identifier": {"system": f"{base}/participants", "value": str(participant)},
        },
        "effectiveDateTime": one.answered_at.isoformat(),
        "valueQuantity": {"value": one.count / one.unit} | _POINTS,
        "derivedFrom": [{"type": "QuestionnaireResponse", "identifier": check_in}],
        "note": [{"text": f"Answered at {one.occasion}."}],
    }
