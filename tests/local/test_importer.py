"""The importer beside doors of which we say what they answer."""

import asyncio
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from deploy import Trouble
from deploy.importer import organisation
from deploy.importer.doors import Refused
from deploy.importer.rows import CHUNK_ROWS, NOT_HEARD_YET, FileReport, Row, upload
from deploy.importer.run import ASK_AT_ONCE, _Import
from deploy.importer.set_up import ORGANISATION, SetUp
from shared.doors.guard import BODY_BYTES_MAX
from shared.tables import read_cells
from tests.conftest import eventually

SITE = '[[attributes]]\ncode = "site"\nlabel = "Site"\noptions = [{ code = "a", label = "A" }]\n'
TEXT = '[[consent_texts]]\ncode = "own"\nversion = 1\nlanguage = "en"\ntext = "{}"\n'


class StandIn:
    """Answers as it is told, and keeps what it was asked."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.asked = list(answers), list[tuple[str, str, Any]]()

    async def ask(self, method: str, path: str, **what: Any) -> Any:
        self.asked.append((method, path, what.get("json")))
        self.sent = what.get("content", b"")
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def refused(code: str) -> Refused:
    return Refused({"title": "No", "code": code, "status": 422})


def set_up(folder: Path, doors: Any, *more: str) -> SetUp:
    (folder / organisation.FILE).write_text("\n".join(('code = "a-house"\nname = "A house"', *more)))
    return SetUp(doors, organisation.read(folder), False, 0)


@pytest.mark.parametrize("said", [[SITE], [TEXT.format("These words."), TEXT.format("Other words.")]])
async def test_what_organisation_toml_says_wrongly_is_refused_by_the_door(tmp_path: Path, said: list[str]) -> None:
    doors = StandIn(refused("organisation-not-found"), refused("attribute-code-taken"))
    with pytest.raises(Trouble, match=r"organisation.toml: No \(attribute-code-taken\)"):
        await set_up(tmp_path, doors, *said).register()
    assert [(method, path) for method, path, _ in doors.asked] == [("GET", ORGANISATION), ("PUT", ORGANISATION)]


async def test_a_house_keeps_an_attribute_that_nobody_could_choose_today(tmp_path: Path) -> None:
    doors = StandIn(refused("organisation-not-found"), {})
    await set_up(tmp_path, doors, SITE).register()
    stands = doors.asked[1][2] | {"consent_texts": []}
    assert [option["code"] for option in stands["attributes"][0]["options"]] == ["a", "prefer-not-to-say"]
    own = set_up(tmp_path, StandIn(stands), SITE)
    await own.register()
    assert (own.report.unchanged, own.report.left) == (1, [])


async def test_as_many_are_asked_for_at_once_as_fit_into_a_body() -> None:
    doors: Any = StandIn({"occasions": []})
    longest = [(str(uuid4()), "p" * 64, "o" * 64)] * ASK_AT_ONCE
    await _Import(Path(), doors, None, None, 0)._ask_occasions(longest)  # type: ignore[arg-type]
    assert len(json.dumps(doors.asked[0][2])) < BODY_BYTES_MAX


@pytest.mark.parametrize("what", ["facilitator", "participant", "group", "program", "site"])
def test_whoever_may_only_not_have_been_heard_of_yet_is_asked_for_again(what: str) -> None:
    assert f"unknown-{what}".endswith(NOT_HEARD_YET)


async def test_a_cell_keeps_its_lines_whatever_ends_them(tmp_path: Path) -> None:
    text = 'reference,name\n"F-1","Ines\rof the pier"\n"F-2","Two\nlines, ""and"" more"\n'
    rows = [Row(line, cells) for line, cells in read_cells(text.encode(), ["reference", "name"])]
    doors: Any = StandIn({"created": 2, "changed": 0, "unchanged": 0, "refused": []})
    await upload(doors, "/", rows, FileReport("facilitators.csv"), lambda _: None, 0)
    sent = read_cells(doors.sent, ["reference", "name"])
    assert [cells["name"] for _, cells in sent] == ["Ines\rof the pier", 'Two\nlines, "and" more']


async def test_the_bar_moves_as_each_request_is_answered() -> None:
    some, told, may_answer = {"created": CHUNK_ROWS, "changed": 0, "unchanged": 0, "refused": []}, [], asyncio.Event()

    class Slow(StandIn):
        async def ask(self, method: str, path: str, **what: Any) -> Any:
            if len(self.answers) == 1:
                await may_answer.wait()
            return await super().ask(method, path, **what)

    late = {"line": 2, "column": "group", "code": "unknown-group", "message": "Not heard of."}
    doors: Any = Slow(some, some | {"created": CHUNK_ROWS - 1, "refused": [late]})
    rows = [Row(line, {"code": str(line)}) for line in range(2, 2 + 2 * CHUNK_ROWS)]
    report = FileReport("groups.csv")
    sending = asyncio.create_task(upload(doors, "/", rows, report, told.append, 0))
    await eventually(lambda: asyncio.sleep(0, bool(told)))
    assert told == [CHUNK_ROWS]
    may_answer.set()
    await sending
    assert sum(told) == len(rows) == report.created + len(report.refused)
