"""What a definition says: one JSON file an instrument. `docs/instruments.md` is the format by example."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from services.feedback.domain.instruments.exact import Exact
from services.feedback.domain.instruments.words import Phrase, Words
from shared.events.base import Code


class Part(BaseModel):
    """A part of a definition."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_min_length=1)


def _a_page(address: str) -> str:
    if not address.startswith("https://") or any(char.isspace() for char in address):
        raise PydanticCustomError("not_an_address", "Give an address that begins with https://.")
    return address


Operator = Literal[">=", ">", "<=", "<"]
Url = Annotated[str, Field(max_length=500), AfterValidator(_a_page)]


class Licence(Part):
    """Whose the wording is, and what may be done with it."""

    name: Phrase
    url: Url | None = None
    attribution: Phrase = Field(description="stands under the questions, wherever they are shown")
    may_show: bool = Field(description="whether the wording may be shown without asking anybody")
    may_change: bool
    may_sell: bool
    needs_number: bool = Field(False, description="asked only by whoever has a licence and gives its number")


class Option(Part):
    """One answer that can be chosen. One that is not scored, such as "don't know", counts as left out."""

    value: int = Field(ge=0, le=100)
    label: Words | None = None
    is_scored: bool = True


class Item(Part):
    """One question; without its text where the wording is not ours."""

    code: Code
    text: Words | None = None
    kind: Literal["choice", "text"] = "choice"
    length_max: int | None = Field(None, ge=1, le=2000, description="of a text, in characters")
    options: tuple[Option, ...] = Field((), description="its own labels, where they differ; the values are the same")
    before: Words | None = Field(None, description="what is read before it")
    aliases: tuple[Phrase, ...] = Field((), description="other codes of the same question, such as that of LOINC")


class Missing(Part):
    """How many items may be left out, and what then becomes of the score."""

    max: int = Field(0, ge=0, le=50)
    rule: Literal["prorate", "none"] = "none"


class CutOff(Part):
    """A published limit. The last one of the list that holds is what is said of a score."""

    value: Exact
    operator: Operator
    label: Words
    source: Phrase
    of: Literal["score", "t-score"] = "score"


class Reliability(Part):
    """How reliable the scale was found to be."""

    kind: Literal["alpha", "omega", "test-retest", "icc"]
    value: Exact
    sample: Phrase
    source: Phrase


class Reference(Part):
    """What others scored."""

    mean: Exact
    sd: Exact | None = None
    sample: Phrase
    source: Phrase


class ReliableChange(Part):
    """The smallest change of one person that is more than noise: published, or computed from its parts."""

    threshold: Exact
    operator: Literal[">=", ">"]
    method: Literal["published", "jacobson-truax"]
    source: Phrase
    sd: Exact | None = Field(None, description="of jacobson-truax: one of the reference")
    reliability: Exact | None = Field(None, description="of jacobson-truax: one of the reliability")


class Mcid(Part):
    """The smallest change that people find important; never mixed with reliable change."""

    value: Exact
    source: Phrase


class TableRow(Part):
    """A line of a printed table."""

    points: Exact
    t: Exact


class TScore(Part):
    """From points to a t-score: 50 + 10 * (points - mean) / sd, or by a table that was printed."""

    mean: Exact | None = None
    sd: Exact | None = None
    table: tuple[TableRow, ...] = Field((), description="a line for each whole score; nothing is read between lines")
    source: Phrase


class Band(Part):
    """What scores from here to the next band say, in plain words."""

    at_least: Exact
    means: Words


class Scale(Part):
    """Something that is scored: the whole ("total"), or a part."""

    code: Code
    title: Words | None = None
    items: tuple[Code, ...] = Field((), description="empty: all items with options")
    reversed: tuple[Code, ...] = ()
    scoring: Literal["sum", "mean", "sum*k"]
    factor: int | None = Field(None, ge=2, le=100, description="the k of sum*k")
    missing: Missing = Missing()
    higher_is_better: bool
    cut_offs: tuple[CutOff, ...] = ()
    reliability: tuple[Reliability, ...] = ()
    reference: tuple[Reference, ...] = ()
    reliable_change: ReliableChange | None = None
    mcid: Mcid | None = None
    t_score: TScore | None = None
    bands: tuple[Band, ...] = ()
    limits: Words | None = Field(None, description="what a score does not mean")


class Risk(Part):
    """An answer after which somebody must be told, whatever the score."""

    item: Code
    operator: Operator
    value: int
