"""CSV files as people have them."""

import pytest

from shared.errors import FieldError, Invalid, Refusal
from shared.fields import Command, Line, invalid
from shared.tables import Table, apply_rows, naming, read


class Parcel(Command):
    """A row."""

    code: Line
    weight: int


class Labelled(Command):
    """A row with a cell that may be empty."""

    code: Line
    label: Line | None = None


PARCELS = Table("parcels", Parcel, {"code": "a-1", "weight": "3"})


@pytest.mark.parametrize(
    "data",
    [
        b"code,weight\na-1,3\n",
        b"\xef\xbb\xbfcode,weight\r\na-1,3\r\n",
        b"code;weight\r\na-1;3",
        b"weight,code\n\n3,a-1\n\n",
        b' code , weight\n"a-1", 3 \n',
        b"code,weight,,\r\na-1,3,,\r\n,,,\r\n",
    ],
)
def test_the_same_row_in_every_shape(data: bytes) -> None:
    assert read(data, ["code", "weight"])[0][1] == {"code": "a-1", "weight": "3"}


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"code,weight\n\xff\xfe,3\n", "not-utf-8"),
        (b"code,weight\na\x00,3\n", "control-character"),
        (b"code,colour\na,red\n", "unknown-column"),
        (b"", "unknown-column"),
        (b"code,weight,code\na,3,b\n", "column-repeated"),
        (b"code,weight\na,3,b\n", "too-many-cells"),
        (b'code,weight\n"a,3\n', "not-csv"),
        (b'"code,weight\na,3\n', "not-csv"),
        (b'"code"x,weight\na,3\n', "not-csv"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(data: bytes, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        read(data, ["code", "weight"])
    assert refused.value.errors[0].code == code


async def test_a_bad_row_is_named_and_leaves_nothing_behind() -> None:
    taken = []

    async def take(parcel: Parcel) -> str:
        if parcel.weight > 100:
            raise invalid("weight", "too-heavy", "Give 100 or less.")
        taken.append(parcel)
        return "created"

    data = b"code,weight\na,1\nb,many\n=1+1,2\nd,200\n,5\n"
    report = await apply_rows(PARCELS, data, take, first_line=10)
    assert [parcel.code for parcel in taken] == ["a", "=1+1"]
    assert [(one.line, one.column, one.code) for one in report.refused] == [
        (12, "weight", "int-parsing"),
        (14, "weight", "too-heavy"),
        (15, "code", "missing"),
    ]
    assert (report.rows, report.created) == (5, 2)


def test_a_row_is_named_by_the_line_at_which_it_begins() -> None:
    data = b'code,weight\r\n"a\r\nb",1\r\n\r\nc,2\r\n'
    assert [line for line, _ in read(data, ["code", "weight"], first_line=10)] == [11, 14]


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b'code,weight\n1,2\n3,"x"y\n', "Line 3:"),
        (b'code,weight\n"a\nb",2\n"c\nd"e,4\n', "Line 4:"),
        (b'code,weight\n1,2\n"c,4\nd,5\n', "Line 3:"),
        (b'"code"x,weight\n1,2\n', "Line 1:"),
        (b'code,weight\n1,2\n"c\nd",4,5\n', "Line 3 has"),
    ],
)
def test_a_file_that_is_broken_in_a_row_says_at_which_line_that_begins(data: bytes, found: str) -> None:
    with pytest.raises(Refusal) as refused:
        read(data, ["code", "weight"])
    assert refused.value.errors[0].message.startswith(found)


async def test_a_row_knows_which_columns_its_file_has() -> None:
    taken = []

    async def take(item: Labelled) -> str:
        taken.append((item.label, item.model_fields_set))
        return "created"

    for data in (b"code\na\n", b"code,label\na,\n", b"code,label\na,x\n", b"code,label\na\n"):
        await apply_rows(Table("labelled", Labelled, {}), data, take)
    assert taken == [(None, {"code"}), *((label, {"code", "label"}) for label in (None, "x", None))]


async def test_of_a_file_that_is_broken_further_down_nothing_goes_in() -> None:
    taken = []

    async def take(parcel: Parcel) -> str:
        taken.append(parcel)
        return "created"

    with pytest.raises(Refusal):
        await apply_rows(PARCELS, b'code,weight\na,1\n"b" x,2\n', take)
    assert taken == []


def test_a_template_can_be_read_back() -> None:
    assert [cells for _, cells in read(PARCELS.template().encode(), ["code", "weight"])] == [PARCELS.example]


def test_what_is_refused_is_said_of_the_column_that_it_is_about() -> None:
    about = {"too-late": "day"}
    with pytest.raises(Invalid) as named, naming(about):
        raise Refusal("too-late", "That day is over.")
    assert named.value.errors == (FieldError("day", "too-late", "That day is over."),)
    for other in (
        Refusal("too-early", "Wait."),
        Refusal("too-late", "Over.", [FieldError("hour", "too-late", "Over.")]),
    ):
        with pytest.raises(Refusal) as passed, naming(about):
            raise other
        assert passed.value is other
