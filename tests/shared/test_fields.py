"""What people type and paste, as a command has it."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from shared.fields import Email, Line, Text


@pytest.mark.parametrize(
    ("kind", "typed", "kept"),
    [
        (Text, " One.\r\n\r\nTwo.\r\n", "One.\n\nTwo."),  # as browsers send it
        (Text, "One.\rTwo.", "One.\nTwo."),
        (Line, " Ana\r\nRuiz ", "Ana Ruiz"),
        (Line, "Old\tTown", "Old Town"),
        (Email, " ana@people.example\r\n", "ana@people.example"),
    ],
)
def test_breaks_of_lines_are_kept_in_a_text_and_are_spaces_in_a_line(kind: Any, typed: str, kept: str) -> None:
    assert TypeAdapter(kind).validate_python(typed) == kept


@pytest.mark.parametrize("kind", [Text, Line])
@pytest.mark.parametrize("typed", ["a\x00b", "a\x1b[31mb", "a\x7fb"])
def test_what_cannot_be_printed_is_refused(kind: Any, typed: str) -> None:
    with pytest.raises(ValidationError, match="cannot be printed"):
        TypeAdapter(kind).validate_python(typed)
