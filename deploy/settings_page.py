"""Writes docs/settings.md: every setting there is, on one page. `make events` runs it."""

from collections.abc import Iterator
from pathlib import Path

from deploy.local.postgres import CONNECTIONS_OF_EACH
from shared.settings import Settings

PAGE = Path(__file__).parent.parent / "docs" / "settings.md"
MACHINE = {
    "KITH_DATA": "folder of everything local; default the user's data directory, as root /var/lib/kith",
    "KITH_PORT": "port of the gateway, default 8080",
    "KITH_PROCESSES": "how many processes of each service run, default 1; each has a `KITH_SLOT` of its own",
    "KITH_POSTGRES_PORT": "port of the embedded PostgreSQL, default 5433",
    "KITH_KAFKA_PORT": "port of the embedded Kafka, default 9092",
    "KITH_POSTGRES": "URL of an administrator of an existing PostgreSQL 18, which replaces the embedded one; "
    f"it needs room for {CONNECTIONS_OF_EACH} connections for each of `KITH_PROCESSES`, and some for commands",
    "KITH_KAFKA": "an existing Kafka, which replaces the embedded one",
    "KITH_ENVIRONMENT": "`development` (default here); the issuer and the mail sink refuse `production`",
    "KITH_CLOCK_FILE": "a file with seconds by which tests move the clock of all processes",
    "KITH_MAVEN": "a mirror of the repository that Kafka's jars come from",
    "KITH_PEOPLE": "JSON file of the people whom the development issuer offers",
    "KITH_SMTP_LISTEN": "host:port of the mail sink (set by `kith up`)",
    "KITH_TOKEN": "a bearer token for `kith import`, `kith release`, `kith export` and `kith instruments`, "
    "of the organisation that is named there",
    "INTAKE_PASSWORD": "what `kith migrate` gives the login role `intake`; likewise `INTAKE_MACHINERY_PASSWORD`, and "
    "of the other services: all eight, or none, and then it takes those in `KITH_DATA`",
    "KITH_SITE_ADDRESS": "address that the gateway of a composition serves, default :8080; a name such as "
    "kith.example.org, with `deploy/gateway/public.yml`, makes it get a certificate and serve ports 80 and 443",
    "KITH_VERSION": "tag of the image in a composition, default latest",
}
SERVICE = {f"KITH_{name.upper()}": field for name, field in Settings.model_fields.items()}
NAMES = frozenset(SERVICE) | frozenset(MACHINE)


def page() -> str:
    """The page."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Settings"
    yield ""
    yield "Written by `make events`. All of them are environment variables."
    yield ""
    yield "## A service process"
    yield ""
    yield "| name | default | meaning |"
    yield "| --- | --- | --- |"
    for name, field in SERVICE.items():
        told = None if field.default_factory else field.default  # what is found out at the start is no text
        default = "must be set" if field.is_required() else f"`{told}`" if told else ""
        yield f"| `{name}` | {default} | {field.description} |"
    yield ""
    yield "## One machine (`kith up`, `kith demo`) and the command"
    yield ""
    yield "| name | meaning |"
    yield "| --- | --- |"
    for name, words in MACHINE.items():
        yield f"| `{name}` | {words} |"


def write() -> None:
    """Write the page."""
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page())


if __name__ == "__main__":
    write()
