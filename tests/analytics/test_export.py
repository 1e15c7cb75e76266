"""A program taken away: page, CSV, workbook and paper say the same, number by number."""

import asyncio
import csv
import io
import json
import re
from html.parser import HTMLParser
from itertools import groupby, islice
from pathlib import Path
from typing import Any
from uuid import uuid4

import openpyxl
import pypdfium2
import pytest
from pypdf import PdfReader
from typer.testing import CliRunner

from deploy.cli.app import app
from services.analytics.app import create
from services.analytics.domain.definitions import BY_FIGURE, DEFINITIONS
from services.analytics.pages.export.paper import LATEST, ROWS_MAX, print_report
from services.analytics.pages.export.report import Report
from services.analytics.pages.sheets import BY_NAME, DEFINED, NAMED, SHEETS, Row, Sheet
from services.analytics.store import Program
from tests.analytics.conftest import AT, NORTH_QUAY, Told, a_battery, a_program, an_instrument
from tests.analytics.test_pages import CLAIMS
from tests.analytics.world import Person, play, somebody
from tests.doors import bearer, listening, token
from tests.web.looking import SCREENSHOTS

COORDINATOR = bearer("coordinator")
ADDRESS = "/analytics/programs/evening-circle"
ASKED = "from=baseline&to=end&attribute=age"
HIDDEN = "hidden: too few people to show safely"
Lines = list[list[str]]


class Tables(HTMLParser):
    """The tables of a page by the card that they stand on: lines of cells as people read them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: dict[str, Lines] = {}
        self.card, self.cell = "", False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        given = dict(attrs)
        if tag == "section":
            self.card = given.get("id") or ""
        if self.card and tag == "tr":
            self.found.setdefault(self.card, []).append([])
        if self.card and tag in ("td", "th"):
            self.found[self.card][-1].append("")
            self.cell = True

    def handle_endtag(self, tag: str) -> None:
        self.cell = self.cell and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self.cell:
            line = self.found[self.card][-1]
            line[-1] = " ".join(f"{line[-1]} {data}".split())


async def taken(client: Any, asked: str = ASKED) -> tuple[dict[str, Lines], dict[str, Lines], Any, PdfReader]:
    """The page's tables, the CSVs, the workbook and the paper."""
    page = Tables((await client.get(f"{ADDRESS}?{asked}", headers=COORDINATOR)).text).found
    files = {}
    for name in page:
        answer = await client.get(f"{ADDRESS}/tables/{name}.csv?{asked}", headers=COORDINATOR)
        files[name] = list(csv.reader(io.StringIO(answer.text)))
    book = await client.get(f"{ADDRESS}/export.xlsx?{asked}", headers=COORDINATOR)
    paper = await client.get(f"{ADDRESS}/export.pdf?{asked}", headers=COORDINATOR)
    assert (book.status_code, paper.status_code) == (200, 200)
    return page, files, openpyxl.load_workbook(io.BytesIO(book.content)), PdfReader(io.BytesIO(paper.content))


def words_of(paper: PdfReader) -> str:
    """What is printed, without the places at which lines were broken."""
    return "".join("".join(page.extract_text().split()) for page in paper.pages)


def numbers_of(text: str) -> list[float]:
    """As people read them; a share as the share that it is."""
    found = re.findall(r"([+−]?[\d,]*\.?\d+)(%?)", text)
    return [float(one.replace(",", "").replace("−", "-")) / (100 if share else 1) for one, share in found]


def unfolded(shown: Lines, lines: Lines) -> Lines:
    """The row of a page for each line of a file: lines without numbers that follow each other are one row."""
    rows = iter(shown)
    found: Lines = []
    for is_hidden, own in groupby(lines, lambda line: "hidden" in line):
        many = len(list(own))
        found += [next(rows)] * many if is_hidden else islice(rows, many)
    assert not list(rows)
    return found


async def test_weeks_without_numbers_are_one_row_of_the_page(client: Any, told: Told) -> None:
    await play(told, [Person(age="under-30", pulse=[8, 9, 10]) for _ in range(4)])
    page, files, _, _ = await taken(client)
    assert page["weeks"][1:] == [["2025-W10 to 2025-W12", HIDDEN]]
    assert [line[0] for line in files["weeks"][1:]] == ["2025-W10", "2025-W11", "2025-W12"]


async def test_page_file_workbook_and_paper_say_the_same(client: Any, told: Told) -> None:
    few = [Person(site=NORTH_QUAY, age="over-90", scores={"baseline": (12, 9), "end": (9, 9)}) for _ in range(3)]
    await play(told, [somebody(number) for number in range(40)] + few)
    page, files, book, paper = await taken(client)
    with_rows = [one.title.lower() for one in book.worksheets[2:] if one.max_row > 1]
    assert book.sheetnames[:2] == ["Program", "Definitions"]
    assert with_rows == list(page)
    printed, seen_hidden = words_of(paper), 0
    for name, shown in page.items():
        head, *lines = files[name]
        rows = [list(one) for one in book[name.capitalize()].iter_rows(values_only=True)]
        assert rows[0] == head, name
        assert len(rows) == len(lines) + 1
        for row, line, cells in zip(rows[1:], lines, unfolded(shown[1:], lines), strict=True):
            assert len(row) == len(line)
            for value, text in zip(row, line, strict=False):
                same = (value is None and not text) or value == text
                assert same or value == pytest.approx(float(text), rel=1e-15), (name, value, text)
            if "hidden" in line:
                seen_hidden += 1
                assert line[0] in cells[0]
                assert cells[1:] == [HIDDEN]
                continue
            exact = [(at, float(text)) for at, text in list(zip(head, line, strict=True))[1:-3] if text]
            for (at, value), seen in zip(exact, numbers_of(" ".join(cells[1:])), strict=True):
                assert seen == pytest.approx(value, abs=0.51 if "percentage points" in at else 0.0051), (name, at)
        kept = shown[-ROWS_MAX:] if name in LATEST else shown[1 : ROWS_MAX + 1]
        for cells in [shown[0], *kept]:
            assert "".join("".join(cells).split()) in printed, (name, cells)
    assert seen_hidden


async def test_the_workbook_says_how_it_was_made(client: Any, told: Told) -> None:
    await play(told, [somebody(number) for number in range(40)])
    _, _, book, _ = await taken(client)
    first = {str(row[0]): str(row[1]) for row in book["Program"].iter_rows(min_row=3, values_only=True)}
    assert first["Instrument"] == "PHQ-9, version 1"
    assert first["Data up to"] == "04 March 2025, 18:00 UTC"
    assert first["Changed"].startswith("Since baseline, people score")
    defined = list(book["Definitions"].iter_rows(min_row=2, values_only=True))
    assert defined == [(one.section, one.figure, one.formula, one.source, ", ".join(one.names)) for one in DEFINITIONS]
    numbers = [cell for row in book["Changed"].iter_rows(min_row=2, min_col=2, max_col=8) for cell in row if cell.value]
    assert numbers
    assert {cell.data_type for cell in numbers} == {"n"}


async def test_no_file_claims_more_than_change_without_a_comparison(client: Any, told: Told) -> None:
    await play(told, [somebody(number) for number in range(40)])
    _, _, book, paper = await taken(client)
    cells = [str(one) for sheet in book.worksheets for row in sheet.iter_rows(values_only=True) for one in row]
    for text in (*cells, *(page.extract_text() for page in paper.pages)):
        assert CLAIMS.findall(text) == []


def test_every_sheet_names_its_definitions() -> None:
    assert DEFINED.keys() == NAMED.keys() == BY_NAME.keys()
    assert {figure for figures in DEFINED.values() for figure in figures} <= BY_FIGURE.keys()


@pytest.mark.parametrize(("paper", "points"), [("a4", (595, 842)), ("letter", (612, 792))])
async def test_the_paper_is_one_page_that_anybody_can_read(
    client: Any, told: Told, paper: str, points: tuple[int, int]
) -> None:
    await play(told, [somebody(number) for number in range(40)])
    answer = await client.get(f"{ADDRESS}/export.pdf?{ASKED}&paper={paper}", headers=COORDINATOR)
    assert answer.headers["content-type"] == "application/pdf"
    pdf = PdfReader(io.BytesIO(answer.content))
    assert len(pdf.pages) == 1
    assert tuple(round(float(one)) for one in pdf.pages[0].mediabox[2:]) == points
    root: Any = pdf.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert "/StructTreeRoot" in root
    assert root["/Lang"] == "en"
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert pdf.metadata
    assert pdf.metadata.title == "Evening Circle"
    assert "<pdfuaid:part>1</pdfuaid:part>" in root["/Metadata"].get_data().decode()
    assert "Dataupto:04March2025,18:00UTC" in words_of(pdf)
    assert "Onawaitinglistalone" in words_of(pdf), "a change is read beside what trials have found"
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    pypdfium2.PdfDocument(answer.content)[0].render(scale=2).to_pil().save(SCREENSHOTS / f"program-{paper}.png")


@pytest.mark.parametrize("paper", ["a4", "letter"])
def test_however_much_there_is_it_is_one_page(paper: Any) -> None:
    columns: Any = [("People", "count"), *[("Gap", "change"), ("from", "low"), ("to", "high")] * 3]
    rows = [Row(f"A site with a long name, number {number}", (12345, *(-1.23,) * 9)) for number in range(40)]
    title = "A sentence that says something of a good many people, and of one site that has a long name"
    either = BY_NAME.keys() - {"gained", "gained-at-sites"}  # in place of who is reliably better, in four others
    sheets = [
        Sheet(name, title, "Site", columns[:1] if name == "held" else columns, rows, None, (title,) * 3)
        for name in BY_NAME
        if name in either
    ]
    program = Program(uuid4(), "evening-circle", None, ())
    pdf = print_report(
        Report(program, None, [(heading, sheets[place::5]) for place, heading in enumerate(SHEETS)], AT), paper
    )
    [page] = PdfReader(io.BytesIO(pdf)).pages
    text = page.extract_text()
    assert text.count("34 more in the workbook") == len(sheets)
    assert text.count("number 0") == len(sheets) - len(LATEST)
    assert text.count("number 39") == len(LATEST)


@pytest.mark.parametrize("paper", ["a3", "A4", "", "a4%00"])
async def test_other_paper_is_refused(client: Any, told: Told, paper: str) -> None:
    await told.tell(a_program(), an_instrument(), a_battery("baseline", "end"))
    answer = await client.get(f"{ADDRESS}/export.pdf?paper={paper}", headers=COORDINATOR)
    assert answer.status_code == 422
    assert "<code>invalid-fields</code>" in answer.text


@pytest.mark.parametrize("file", ["export.xlsx", "export.pdf"])
async def test_only_those_who_see_the_page_may_take_it_away(client: Any, told: Told, file: str) -> None:
    await told.tell(a_program(), an_instrument(), a_battery("baseline", "end"))
    for who, status in (("facilitator", 403), ("coordinator", 200)):
        answer = await client.get(f"{ADDRESS}/{file}", headers=bearer(who, "old-town"))
        assert answer.status_code == status
    assert (await client.get(f"{ADDRESS}/{file}", headers=bearer("coordinator", "elsewhere"))).status_code == 404
    assert (await client.get(f"{ADDRESS}/{file}")).headers["location"].startswith("/sign-in")


async def test_the_command_writes_the_same_files(client: Any, store: Any, told: Told, tmp_path: Path) -> None:
    await play(told, [somebody(number) for number in range(40)])
    async with listening(create(), store) as address:

        async def export(code: str, *words: str) -> Any:
            given = [*["export", "program", "--organisation", "harbour-trust", "--url"], address, code, *words]
            return await asyncio.to_thread(CliRunner().invoke, app, given, env={"KITH_TOKEN": token("coordinator")})

        for kind, begin in (("xlsx", b"PK"), ("pdf", b"%PDF-"), ("csv", b"Check-in,Answered both,")):
            out = tmp_path / f"found.{kind}"
            done = await export("evening-circle", "--format", kind, "--out", str(out), "--json")
            assert done.exit_code == 0, done.output
            assert out.read_bytes().startswith(begin)
            assert json.loads(done.stdout) == {"file": str(out), "format": kind, "bytes": out.stat().st_size}
        for code, *words in (("no-program",), ("evening-circle", "--format", "csv", "--card", "none")):
            done = await export(code, *words)
            assert done.exit_code == 1
            assert "There is no such program, instrument or card here." in done.output
