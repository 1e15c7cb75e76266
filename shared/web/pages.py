"""A service's pages: its own templates first, then the shared ones, and the headers of every page."""

from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.meta import find_referenced_templates
from starlette.requests import Request
from starlette.responses import HTMLResponse

from shared.web import nav
from shared.web.filters import FILTERS
from shared.web.languages import LANGUAGES, counter, direction_of, language_of, speaker
from shared.web.names import Names

_SHARED = Path(__file__).parent / "templates"
_STAFF, _PARTICIPANT, _SHAPES = "layout.html", "phone.html", "macros.html"

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class Frame:
    """What the layout around a page needs to know; one name, so that pages may use all others."""

    def __init__(self, request: Request, service: str, lang: str) -> None:
        who = _who(request)
        self.service = service
        self.direction = direction_of(lang)
        self.entries = nav.entries_for(who.roles) if who else []
        self.here = nav.current(request.url.path, self.entries)
        self.names = Names(part=_is_part(request))
        self.languages = [
            (code, name, "?" + request.url.include_query_params(lang=code).query) for code, name in LANGUAGES.items()
        ]


class Pages:
    """Renders the templates of one service. `beside_errors` finds what its error pages show besides, if anything."""

    def __init__(
        self, service: str, folder: Path, beside_errors: Callable[[Request], Awaitable[dict[str, Any]]] | None = None
    ) -> None:
        self.service, self.beside_errors = service, beside_errors
        self._loader = FileSystemLoader([folder, _SHARED])
        self.environment = Environment(
            loader=self._loader,
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.environment.filters.update(FILTERS)
        self._layout_of = cache(self._find_layout)

    def render(self, request: Request, template: str, status: int = 200, **context: Any) -> HTMLResponse:
        """The page. Staff pages are English; participants' pages speak the language of the link."""
        layout = context.get("layout") or self._layout_of(template)
        for_participants = layout == _PARTICIPANT
        lang = context.pop("lang", None) or (language_of(request) if for_participants else "en")
        given = {**self._given(request, lang), **context}
        shapes = self.environment.get_template(_SHAPES).make_module(given)
        body = self.environment.get_template(template).render(given, ui=shapes)
        referrer = "no-referrer" if for_participants else "same-origin"
        headers = {**HEADERS, "Referrer-Policy": referrer, "Content-Language": lang}
        return HTMLResponse(body, status, headers)

    def error(
        self,
        request: Request,
        status: int,
        code: str,
        message: str = "",
        errors: Sequence[object] = (),
        **context: Any,
    ) -> HTMLResponse:
        """The page of a refusal or a fault; inside a page that htmx keeps, a note at its top."""
        said = {"code": code, "message": message, "errors": errors, "said_status": status}
        if _is_part(request):
            answer = self.render(request, "refused.html", status, **said)
            answer.headers.update({"HX-Retarget": "#refused", "HX-Reswap": "innerHTML show:top"})
            return answer
        at_a_link = request.url.path.startswith("/c/")
        said["layout"] = _PARTICIPANT if at_a_link else _STAFF
        return self.render(request, "error.html", status, **{**said, **context})

    def _given(self, request: Request, lang: str) -> dict[str, Any]:
        """What every template may use besides what its page gives it."""
        return {
            "request": request,
            "who": _who(request),
            "lang": lang,
            "_": speaker(lang),
            "ngettext": counter(lang),
            "frame": Frame(request, self.service, lang),
        }

    def _find_layout(self, template: str) -> str | None:
        """Which of the two layouts a template stands in, directly or through another template."""
        source = self._loader.get_source(self.environment, template)[0]
        for parent in find_referenced_templates(self.environment.parse(source)):
            if parent in (_STAFF, _PARTICIPANT):
                return parent
            if parent and (found := self._layout_of(parent)):
                return found
        return None


def _who(request: Request) -> nav.Who | None:
    return getattr(request.state, "who", None)


def _is_part(request: Request) -> bool:
    """Whether htmx will put the answer into a page that stays."""
    return "hx-request" in request.headers and "hx-boosted" not in request.headers
