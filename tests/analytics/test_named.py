"""The name in `definition` leads somewhere, and whatever is taken away carries it with its data cut."""

import asyncio
import csv
import io
import json
from typing import Any

import openpyxl
from pypdf import PdfReader
from typer.testing import CliRunner

from deploy.cli.app import app
from services.analytics.domain import named
from services.analytics.domain.definitions import DEFINITIONS
from services.analytics.pages.sheets import BY_NAME, NAMED
from tests.analytics.conftest import ORGANISATION, Told
from tests.analytics.coverage import PAGE as STATISTICS
from tests.analytics.test_export import words_of
from tests.analytics.test_releases import COORDINATOR, MANAGER, release
from tests.analytics.test_sentences import API, PAGE, text_of
from tests.analytics.world import ASKED, play, somebody

NAMES = [one for name, one in vars(named).items() if name.isupper()]


async def test_every_name_stands_beside_its_formulas(client: Any, told: Told) -> None:
    written, shown = STATISTICS.read_text(), await text_of(client, "/analytics/definitions", MANAGER)
    for name in NAMES:
        assert f"`{name}`" in written
        assert name in shown
    assert {one for each in DEFINITIONS for one in each.names} == set(NAMES)
    await play(told, [somebody(number) for number in range(40)])
    for path, more in (("change", {}), ("rates", {}), ("sites", {}), ("equity", {"attribute": "age"})):
        answer = await client.get(f"{API}/{path}", params=ASKED | more, headers=COORDINATOR)
        assert answer.json()["rows"][0]["definition"] in NAMES


async def test_whatever_is_taken_away_says_its_definition_and_release(client: Any, told: Told) -> None:
    await play(told, [somebody(number) for number in range(40)])
    await release(client)
    asked = "from=baseline&to=end"
    file = await client.get(f"{PAGE}/export.xlsx?{asked}", headers=MANAGER)
    book = openpyxl.load_workbook(io.BytesIO(file.content))
    assert ("Release", "1") in list(book["Program"].iter_rows(values_only=True))
    paper = words_of(PdfReader(io.BytesIO((await client.get(f"{PAGE}/export.pdf?{asked}", headers=MANAGER)).content)))
    assert "Release:1" in paper
    for name in BY_NAME:
        answer = await client.get(f"{PAGE}/tables/{name}.csv?{asked}", headers=MANAGER)
        if answer.status_code == 404:
            continue
        head, *lines = csv.reader(io.StringIO(answer.text))
        assert (head[-1], {line[-1] for line in lines}) == ("Definition", {NAMED[name]} if lines else set()), name
        rows = book[name.capitalize()].iter_rows(min_row=2, values_only=True)
        assert {row[-1] for row in rows if row[0]} == {line[-1] for line in lines}, name
        assert f"Computedas{NAMED[name]}:" in paper, name


async def test_the_command_prints_the_definition_and_the_cut_of_a_figure(client: Any, store: Any, told: Told) -> None:
    await play(told, [somebody(number) for number in range(40)])
    await release(client)
    async with store.machinery.transaction(ORGANISATION) as tx:
        await tx.execute("""update releases set cut = cut || '{"offsets": {"feedback/0": 41, "intake/0": 7}}'""")

    async def export(name: str, *words: str) -> str:
        given = ["export", "figure", f"evening-circle/{name}", "--organisation", "harbour-trust", *words]
        here = {"KITH_DATABASE_MACHINERY": store.dsn_machinery}
        done = await asyncio.to_thread(CliRunner().invoke, app, given, env=here)
        assert done.exit_code == 0, done.output
        return done.stdout

    said = " ".join((await export("phq-9/baseline/end")).split())
    for one in ("definition change-1", "release 1", "data_through 2025-03-04T18:00:00+00:00", "n_paired 34"):
        assert one in said
    assert "heard feedback/0 up to 41 heard intake/0 up to 7" in said
    found = json.loads(await export("stay", "--json"))
    assert (found["definition"], found["offsets"]) == (named.RETENTION, {"feedback/0": 41, "intake/0": 7})
    assert json.loads(await export("phq-9+gad-7/baseline/end", "--json"))["definition"] == named.RATES
