"""Ordinary mistakes at the command: each is one sentence with what to do, and nothing has happened."""

import asyncio
import json
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import asyncpg
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from typer.testing import CliRunner

from deploy.cli.app import app
from deploy.cli.events.reading import moment
from deploy.cli.stores import machinery_dsn
from deploy.local.ports import free_port
from deploy.postgres import provision
from tests.doors import served, token

HERE, ELSEWHERE = "harbour-trust", "other-house"
PASSWORDS = {role: f"it's {role}" for service in provision.SERVICES for role in provision.login_roles(service)}


def typed(*words: str, **environment: str) -> tuple[int, str]:
    """Its exit status, and what it says; a traceback fails the test."""
    answer = CliRunner().invoke(app, list(words), env=environment)
    assert answer.exception is None or isinstance(answer.exception, SystemExit), answer.exception
    return answer.exit_code, answer.output


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "organisation.toml").write_text(f'code = "{HERE}"\nname = "Harbour Trust"\n')
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        ["import", "FOLDER"],
        ["release", "--organisation", HERE],
        ["export", "program", "evening-circle", "--organisation", HERE],
        ["instruments", "load", "gad-7.json", "--organisation", HERE],
    ],
)
@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (token(organisation=ELSEWHERE), f"is of the organisation {ELSEWHERE}, and you named {HERE}: nothing was sent."),
        (token(organisation=""), f"is of no organisation, and you named {HERE}: nothing was sent."),
        ("no-token-at-all", "The token cannot be read"),
        ("a.bm90IGpzb24.b", "The token cannot be read"),
    ],
)
def test_a_token_of_another_organisation_does_nothing(
    folder: Path, words: list[str], given: str, sentence: str
) -> None:
    where = f"http://127.0.0.1:{free_port()}"  # whoever sends something is told that nobody answers
    named = [str(folder) if word == "FOLDER" else word for word in words]
    status, said = typed(*named, "--url", where, KITH_TOKEN=given)
    assert status == 1
    assert sentence in said


def test_an_address_that_is_none(folder: Path) -> None:
    for words in (["import", str(folder)], ["release", "--organisation", HERE]):
        status, said = typed(*words, "--url", "http://localhost:808O", KITH_TOKEN=token(organisation=HERE))
        assert (status, "http://localhost:808O is no address" in said) == (1, True)


@pytest.mark.parametrize(
    "where",
    [
        *("localhost:5432", "postgresql://admin:se/cret@localhost/x", "postgresql://[::1/x"),
        *("postgresql://localhost:5432/se@localhost/x", "postgresql://admin:1@5@localhost/x"),
    ],
)
def test_a_server_that_has_no_address(passwords: Path, where: str) -> None:
    status, said = typed("migrate", "--passwords", str(passwords), KITH_POSTGRES=where)
    assert (status, "has to be like postgresql://user:password@host:port/database." in said) == (1, True)
    status, more = typed("parked", "list", "--service", "feedback", KITH_DATABASE_MACHINERY=where)
    assert (status, "has to be like postgresql://" in more) == (1, True)
    assert "se" not in (said + more).split()


def test_the_store_of_one_service_is_not_taken_for_that_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    named = "postgresql://feedback_machinery:secret@postgres:5432/feedback?application_name=x"
    monkeypatch.setenv("KITH_DATABASE_MACHINERY", named)
    assert machinery_dsn("feedback") == named
    for words in (
        ["parked", "drop", "intake", "kith.groups", "key", "--reason", "r"],
        ["rebuild", "analytics", "facts"],
        ["adopt", "intake"],
    ):
        status, said = typed(*words)
        assert status == 1
        assert "KITH_DATABASE_MACHINERY is the store of feedback, not of" in said
        assert "secret" not in said


@pytest.mark.parametrize("text", [None, "not json", "[]", '{"intake": 7}', "\udcff"])
def test_passwords_that_cannot_be_read(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "roles.json"
    if text is not None:
        file.write_text(text, errors="surrogateescape")
    status, said = typed("migrate", "--passwords", str(file))
    assert status == 1
    assert ("cannot be read" if text is None else "has to be JSON such as") in said


def test_templates_are_written_into_a_folder(tmp_path: Path) -> None:
    file = tmp_path / "a-file"
    file.write_text("")
    for where in (file, file / "below"):
        status, said = typed("import", "--templates", str(where))
        assert status == 1
        assert "cannot be written" in said


def test_a_folder_without_a_file_that_can_be_read(tmp_path: Path) -> None:
    status, said = typed("import", str(tmp_path))
    assert (status, "`kith import --templates FOLDER` writes one" in said) == (1, True)
    (tmp_path / "organisation.toml").mkdir()
    status, said = typed("import", str(tmp_path))
    assert (status, "cannot be read" in said) == (1, True)


def test_what_organisation_toml_says_wrongly_is_told_before_anything_is_sent(folder: Path) -> None:
    with (folder / "organisation.toml").open("a") as file:
        file.write(
            '[[crisis_contacts]]\nsite = "old-town"\ncontacts = [{ label = { en = "Line" } }]\nnote = { en = "x" }\n'
        )
    status, said = typed("import", str(folder))
    assert status == 1
    assert "crisis_contacts.0.contacts.0: Give a phone number" in said


def test_a_file_with_a_slip_in_its_name_is_told_before_anything_is_sent(folder: Path) -> None:
    for name in ("check-ins.csv", "checkins.csv", "Sites.CSV", "._sites.csv", "notes.txt"):
        (folder / name).write_text("code\n")
    where = f"http://127.0.0.1:{free_port()}"  # whoever sends something is told that nobody answers
    status, said = typed("import", str(folder), "--url", where, KITH_TOKEN=token(organisation=HERE))
    assert status == 1
    assert "has files that nobody would read: Sites.CSV, checkins.csv. Nothing was sent." in said
    assert "attendance.csv, check-ins.csv" in said.replace("the names are ", "")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (RedirectResponse("https://kith.example.org/", 308), "(status 308). It points to https://kith.example.org/."),
        (HTMLResponse("<h1>Welcome</h1>"), "is not Kith (status 200). Give the address that people type"),
        (Response(status_code=204), "is not Kith (status 204)."),
        (JSONResponse({"errors": ["Not Found"]}, 404), "status 404 from"),
        (JSONResponse({"code": "E404", "errors": {"path": ["unknown"]}}, 404), "status 404 from"),
    ],
)
async def test_an_address_at_which_something_else_answers(folder: Path, answer: Response, says: str) -> None:
    wording = folder / "gad-7.json"
    wording.write_text("{}")
    every = ["GET", "PUT", "POST"]

    async def answers(_: Request) -> Response:
        return answer

    async with served(Starlette(routes=[Route("/{path:path}", answers, methods=every)])) as where:
        for words in (
            ("instruments", "load", str(wording), "--organisation", HERE),
            ("import", str(folder)),
            ("release", "--organisation", HERE),
        ):
            given = token(organisation=HERE)
            status, said = await asyncio.to_thread(typed, *words, "--url", where, KITH_TOKEN=given)
            assert (status, says in said) == (1, True), said


def test_a_folder_of_another_account(tmp_path: Path) -> None:
    for name in ("run.json", "secrets.json"):
        (tmp_path / name).mkdir()  # as unreadable as one of another account, for root too
    for words, file in ((["doctor"], "run.json cannot be read"), (["migrate"], "secrets.json cannot be used")):
        status, said = typed(*words, KITH_DATA=str(tmp_path))
        assert status == 1
        assert file in said
        assert "with the account that started Kith" in said


@pytest.mark.parametrize("since", ["999999d", "2025-13-01T00:00:00Z", "yesterday"])
def test_a_time_that_there_is_not(since: str) -> None:
    status, said = typed("events", "tail", "--since", since, KITH_KAFKA="127.0.0.1:1")
    assert (status, f"--since {since}: give 30s" in said) == (1, True)


def test_a_port_that_there_is_not() -> None:
    status, said = typed("events", "tail", KITH_KAFKA="127.0.0.1:99999")
    assert (status, "KITH_KAFKA cannot be used. It is: Kafka brokers, host:port" in said) == (1, True)


def test_a_time_before_the_first_event_is_the_beginning() -> None:
    assert moment("30000d") is moment("1900-01-01T00:00:00Z") is moment("all") is None


@pytest.fixture
def passwords(tmp_path: Path) -> Path:
    file = tmp_path / "roles.json"
    file.write_text(json.dumps(PASSWORDS))
    return file


async def test_a_store_that_lets_nobody_in_or_is_not_migrated(admin_dsn: str) -> None:
    await provision.provision(admin_dsn, PASSWORDS)
    server = admin_dsn.rpartition("@")[2].partition("/")[0]

    async def told(service: str, password: str, *words: str) -> str:
        where = f"postgresql://{service}_machinery:{password}@{server}/{service}"
        status, said = await asyncio.to_thread(typed, *words, KITH_DATABASE_MACHINERY=where)
        assert status == 1
        return said

    for service, *words in (
        ("feedback", "parked", "list", "--service", "feedback"),
        ("feedback", "parked", "replay", "feedback", "--all"),
        ("analytics", "rebuild", "analytics", "facts"),
        ("analytics", "export", "figure", "a/b/c/d", "--organisation", HERE),
    ):
        assert f"The store of {service} does not let us in" in await told(service, "wrong", *words)
        own = PASSWORDS[f"{service}_machinery"].replace(" ", "%20")
        said = await told(service, own, *words)
        assert f"The store of {service} is not that of this version of Kith" in said
        assert "Type `kith migrate`." in said


async def test_an_administrator_who_may_not_do_it_is_told_what_is_needed(admin_dsn: str, passwords: Path) -> None:
    admin = await asyncpg.connect(admin_dsn)
    server = admin_dsn.rpartition("@")[2]
    await admin.execute("create role nobody_much login password 'p'")
    await admin.execute("create role creates_roles login createrole password 'p'")
    await admin.close()
    words = ("migrate", "--passwords", str(passwords))
    for who in ("nobody_much", "creates_roles"):
        status, said = await asyncio.to_thread(typed, *words, KITH_POSTGRES=f"postgresql://{who}:p@{server}")
        assert (status, "PostgreSQL's administrator may not do what Kith needs: permission denied" in said) == (1, True)
        assert "CREATEROLE and CREATEDB" in said


async def test_passwords_may_come_by_the_environment_but_not_some_of_them(admin_dsn: str) -> None:
    names = {f"{role.upper()}_PASSWORD": f"of {role}" for role in PASSWORDS}
    missing = dict(names)
    del missing["ANALYTICS_PASSWORD"]
    status, said = await asyncio.to_thread(typed, "migrate", KITH_POSTGRES=admin_dsn, **missing)
    assert (status, "passwords, but not ANALYTICS_PASSWORD: set all or none." in said) == (1, True)
    status, said = await asyncio.to_thread(typed, "migrate", KITH_POSTGRES=admin_dsn, **names)
    assert status == 0, said
    for role in PASSWORDS:
        dsn = provision.dsn_of(admin_dsn, role.removesuffix("_machinery"))
        await (await asyncpg.connect(dsn, user=role, password=f"of {role}")).close()
    await provision.provision(admin_dsn, PASSWORDS)


async def test_a_migration_that_has_changed_since_is_told(admin_dsn: str, passwords: Path) -> None:
    await provision.migrate(admin_dsn, PASSWORDS)
    store = await asyncpg.connect(provision.dsn_of(admin_dsn, "feedback"))
    name, sha256 = await store.fetchrow("select * from schema_migrations order by version limit 1")
    change = "update schema_migrations set sha256 = $2 where version = $1"
    await store.execute(change, name, "of other words")
    try:
        words = ("migrate", "--passwords", str(passwords))
        status, said = await asyncio.to_thread(typed, *words, KITH_POSTGRES=admin_dsn)
    finally:
        await store.execute(change, name, sha256)
        await store.close()
    assert status == 1
    assert "The store of feedback stays as it is:" in said
    assert f"{name} was applied before and has changed since: add a new file instead." in said


async def test_a_view_that_differs_is_told_in_full_and_stays(admin_dsn: str) -> None:
    await provision.migrate(admin_dsn, PASSWORDS)
    server = admin_dsn.rpartition("@")[2].partition("/")[0]
    dsn = f"postgresql://analytics_machinery:{quote(PASSWORDS['analytics_machinery'])}@{server}/analytics"
    connection = await asyncpg.connect(provision.dsn_of(admin_dsn, "analytics"))
    house = uuid4()
    known = "insert into machinery.heard values ('kith.organisations', 0, 0, $1, '', '{}', '', now())"
    await connection.execute(known, house)  # only of a house that it has heard of
    await connection.execute("insert into sites values ($1, $1, 'never-heard', 'UTC')", house)
    await connection.close()

    async def told(*words: str) -> tuple[int, str]:
        return await asyncio.to_thread(typed, "rebuild", "analytics", "facts", *words, KITH_DATABASE_MACHINERY=dsn)

    for words in ((), ("--switch",)):
        status, said = await told(*words)
        assert (status, "sites: 1 keys differ (1 rows live, 0 made again)" in said) == (1, True)
        assert "The two differ, so the live view stays." in said
        status, said = await told("--json", *words)
        facts = json.loads(said.splitlines()[0])
        assert (status, facts["switched"], [one["table"] for one in facts["differences"]]) == (1, False, ["sites"])
    status, said = await told("--json", "--switch-anyway")
    facts = json.loads(said)
    assert (status, facts["switched"], [one["table"] for one in facts["differences"]]) == (0, True, ["sites"])
