"""The gallery: a tiny application with every shape, under the real headers."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

from jgo.maven import MavenContext
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from shared.web import STATIC, Pages, asked

NOW = datetime(2025, 3, 4, 13, 20, tzinfo=UTC)
MARISOL = "01957e2a-0000-7000-8000-000000000001"
DEV = "01957e2a-0000-7000-8000-000000000002"
NAMES = {MARISOL: "Marisol T."}
ERRORS = [
    {"field": "name", "code": "missing", "message": "Enter the name they would like to be called."},
    {"field": "consent", "code": "missing", "message": "Ask for consent, and tick the box."},
]
UNANSWERED = [{"field": "q", "code": "missing", "message": "Choose one, or say that you would rather not."}]
PHONE = {
    "en": {
        "question": "In tonight's group, I could say what mattered to me.",
        "options": ["Not at all", "A little", "Mostly", "Fully", "I would rather not say"],
        "go_on": "Next",
        "back": "Back",
        "contacts": [
            {"words": "Day and night:", "href": "tel:5550100", "shown": "555 0100"},
            {"words": "By text:", "href": "sms:5550101?body=HELLO", "shown": "HELLO to 555 0101"},
        ],
        "read_by": "A person reads answers on weekdays. This page is not watched at night.",
    },
    "es": {
        "question": "En el grupo de hoy pude decir lo que era importante para mí.",
        "options": ["Nada", "Un poco", "Bastante", "Del todo", "Prefiero no decirlo"],
        "go_on": "Siguiente",
        "back": "Atrás",
        "contacts": [{"words": "Día y noche:", "href": "tel:5550100", "shown": "555 0100"}],
        "read_by": "Una persona lee las respuestas entre semana. De noche no las lee nadie.",
    },
}

pages = Pages("gallery", Path(__file__).parent)


@dataclass(frozen=True)
class Ana:
    """A coordinator of one site."""

    name: str = "Ana Ruiz"
    organisation: str = "harbour-peers"
    roles: frozenset[str] = field(default_factory=lambda: frozenset({"administrator"}))
    sites: frozenset[str] = field(default_factory=lambda: frozenset({"old-town"}))


async def gallery(request: Request) -> Response:
    """The staff shapes; a form that was sent comes back with what is wrong."""
    request.state.who = Ana()
    sent = request.method == "POST"
    return pages.render(
        request,
        "gallery.html",
        422 if sent else 200,
        errors=ERRORS if sent or "errors" in request.query_params else [],
        flash="Dev is placed in Evening Circle.",
        now=NOW,
        marisol=MARISOL,
        dev=DEV,
    )


async def phone(request: Request) -> Response:
    """The participants' shapes."""
    said = dict(PHONE[request.query_params.get("lang", "en")])
    said["options"] = list(enumerate(said["options"]))  # type: ignore[arg-type]
    sent = request.method == "POST"
    errors = UNANSWERED if sent else []
    confirmed = date(2025, 2, 3)
    status = 422 if sent else 200
    return pages.render(request, "gallery_phone.html", status, errors=errors, confirmed=confirmed, **said)


async def part(request: Request) -> Response:
    """What another service gives into a page."""
    return PlainTextResponse("3 wait for a place.")


async def error(request: Request) -> Response:
    """The page of a refusal, for staff or for a participant."""
    if "staff" in request.query_params:
        request.state.who = Ana()
    return pages.error(request, request.path_params["status"], "group-full")


async def names(request: Request) -> Response:
    """What intake will answer: the names that the reader may see."""
    places = asked(request.query_params["ids"])
    found = [(place, NAMES[str(place.person)]) for place in places if str(place.person) in NAMES]
    return pages.render(request, "names.html", found=found)


def htmx() -> bytes:
    """The one script we did not write, out of the same WebJar as everywhere."""
    jar = MavenContext().project("org.webjars.npm", "htmx.org").at_version("2.0.8").artifact()
    with ZipFile(BytesIO(jar.resolve().read_bytes())) as files:
        return files.read("META-INF/resources/webjars/htmx.org/2.0.8/dist/htmx.min.js")


def application() -> Starlette:
    """The gallery's application."""
    script = htmx()

    async def serve_htmx(_: Request) -> Response:
        return PlainTextResponse(script, media_type="text/javascript")

    return Starlette(
        routes=[
            Route("/scheduling/gallery", gallery, methods=["GET", "POST"]),
            Route("/scheduling/gallery/part", part),
            Route("/phone", phone, methods=["GET", "POST"]),
            Route("/error/{status:int}", error),
            Route("/c/error/{status:int}", error),
            Route("/intake/names", names),
            Route("/static/htmx.min.js", serve_htmx),
            Mount("/static", StaticFiles(directory=STATIC)),
        ]
    )
