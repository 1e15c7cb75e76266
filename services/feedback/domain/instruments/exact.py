"""Published figures as they were printed: exact decimals, never binary fractions."""

import re
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

PATTERN = r"^-?[0-9]{1,6}(\.[0-9]{1,6})?$"


def _as_printed(value: Any) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if isinstance(value, str) and re.fullmatch(PATTERN, value):
        return Decimal(value)
    raise PydanticCustomError("not_exact", 'Write the number as text, such as "0.89", so that it stays exact.')


Exact = Annotated[
    Decimal,
    BeforeValidator(_as_printed),
    PlainSerializer(lambda value: format(value, "f"), return_type=str),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": PATTERN}, {"type": "integer"}]}),
]
"""A number as it was printed: an integer, or text such as "0.89"."""
