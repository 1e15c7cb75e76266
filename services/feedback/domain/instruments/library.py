"""The instruments that can be asked, and how others are told of one."""

from collections.abc import Mapping
from math import ceil, floor
from typing import Any
from uuid import UUID

from services.feedback.domain.instruments.instrument import Instrument
from services.feedback.domain.instruments.measure import Measure
from shared.events.feedback import InstrumentPublished, PublishedScale
from shared.identity import derived_id

Library = Mapping[str, Instrument]
"""The newest version of each instrument by its code."""


def published(organisation_id: UUID, instrument: Instrument) -> InstrumentPublished:
    """How others are told that an instrument can be asked here."""
    code, version, total = instrument.code, instrument.version, instrument.total
    return InstrumentPublished(
        instrument_id=derived_id(organisation_id, "instrument", f"{code}:{version}"),
        code=code,
        version=version,
        unit=total.unit if total else 1,
        minimum=total.minimum if total else 0,
        maximum=total.maximum if total else 0,
        higher_is_better=total.scale.higher_is_better if total else True,
        is_validated=instrument.is_validated,
        comparable_versions=list(instrument.comparable_with),
        has_total=total is not None,
        scales=[PublishedScale(code=name, **one.model_dump()) for name, one in instrument.ranges.items()],
        reliable_change=total and _reliable_change(total),
        caseness=total and _caseness(total),
    )


def _reliable_change(total: Measure) -> int | None:
    """The smallest change, in counts, that is reliable by the definition's source."""
    found = total.scale.reliable_change
    if found is None:
        return None
    counts = found.threshold * total.unit
    return ceil(counts) if found.operator == ">=" else floor(counts) + 1


def _caseness(total: Measure) -> int | None:
    """The best score, in counts, that is still clinical: the cut-off which the source of the reliable change names."""
    source = total.scale.reliable_change.source if total.scale.reliable_change else None
    for one in total.scale.cut_offs:
        if one.source == source and one.of == "score":
            counts = one.value * total.unit
            return {">=": ceil(counts), ">": floor(counts) + 1, "<=": floor(counts), "<": ceil(counts) - 1}[
                one.operator
            ]
    return None


def schema() -> dict[str, Any]:
    """The JSON Schema of a definition, for editors and other programs."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | Instrument.model_json_schema()
