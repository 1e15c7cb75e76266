"""The instruments that can be asked, and how others are told of one."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from services.feedback.domain.instruments.instrument import Instrument
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
    )


def schema() -> dict[str, Any]:
    """The JSON Schema of a definition, for editors and other programs."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | Instrument.model_json_schema()
