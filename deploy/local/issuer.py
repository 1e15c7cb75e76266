"""The development OpenID Connect issuer: choose who you are, no password. Never for production."""

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, FastAPI, Header, HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from jinja2 import Environment, PackageLoader
from pydantic import BaseModel

from deploy.local.people import DEFAULT, Person, by_organisation, read_people
from deploy.local.secrets import secret
from deploy.local.tokens import VALID_FOR, Signer
from shared import clock

CLIENT = "kith"
_CODE_SECONDS = 60
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_PAGES = Environment(loader=PackageLoader("deploy.local"), autoescape=True)


class Mint(BaseModel):
    """What `kith token` asks for."""

    organisation: str
    name: str
    roles: tuple[str, ...]
    sites: tuple[str, ...]
    facilitator: str | None = None


@dataclass(frozen=True)
class Ask:
    """A sign-in request that may be answered."""

    challenge: str
    state: str
    nonce: str


@dataclass(frozen=True)
class Grant:
    """What a code stands for, until it is used or too old."""

    person: Person
    ask: Ask
    expires_at: datetime


class Issuer:
    """The state of the issuer: its people, its key, and the codes that are out."""

    def __init__(self, data: Path, public_url: str, people: Path = DEFAULT) -> None:
        """`public_url` is the address of the gateway, under which the issuer is `/issuer`."""
        self.url = f"{public_url}/issuer"
        self.redirect_uri = f"{public_url}/signed-in"
        self.people = {person.subject: person for person in read_people(people)}
        self.signer = Signer(data, self.url, CLIENT)
        self.mint_secret = secret(data, "mint")
        self._grants: dict[str, Grant] = {}

    def grant(self, person: Person, ask: Ask) -> str:
        """A code that can be used once, soon."""
        now = clock.now()
        self._grants = {c: g for c, g in self._grants.items() if g.expires_at > now}
        code = secrets.token_urlsafe(32)
        self._grants[code] = Grant(person, ask, now + timedelta(seconds=_CODE_SECONDS))
        return code

    def redeem(self, code: str, verifier: str) -> Grant | None:
        """What the code stands for. A wrong try uses it up too."""
        grant = self._grants.pop(code, None)
        if grant is None or grant.expires_at <= clock.now():
            return None
        digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
        challenge = digest.rstrip(b"=").decode()
        return grant if hmac.compare_digest(challenge, grant.ask.challenge) else None

    def back(self, ask_state: str, **answer: str) -> Response:
        """Send the browser back to Kith with an answer."""
        query = urlencode(answer | {"state": ask_state, "iss": self.url})
        return RedirectResponse(f"{self.redirect_uri}?{query}", status_code=303)

    def described(self) -> dict[str, Any]:
        """The discovery document."""
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["none"],
            "code_challenge_methods_supported": ["S256"],
            "scopes_supported": ["openid"],
            "authorization_response_iss_parameter_supported": True,
        }


def create_app(issuer: Issuer) -> FastAPI:
    """The application, to be served under /issuer."""
    app = FastAPI(title="Development issuer", docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(_for_people(issuer))
    app.include_router(_for_programs(issuer))
    return app


def _for_people(issuer: Issuer) -> APIRouter:
    router = APIRouter(prefix="/issuer")

    @router.get("/authorize")
    async def sign_in(request: Request) -> Response:
        asked = dict(request.query_params)
        ask = _understood(issuer, asked)
        return ask if isinstance(ask, Response) else _sign_in_page(issuer, asked)

    @router.post("/authorize")
    async def chosen(request: Request) -> Response:
        _refuse_other_origins(request, issuer)
        asked = await _fields(request)
        ask = _understood(issuer, asked)
        if isinstance(ask, Response):
            return ask
        person = issuer.people.get(asked.get("person", ""))
        if person is None:
            return _sign_in_page(issuer, asked, "Choose who you are.", 422)
        return issuer.back(ask.state, code=issuer.grant(person, ask))

    return router


def _for_programs(issuer: Issuer) -> APIRouter:
    router = APIRouter(prefix="/issuer")

    @router.get("/.well-known/openid-configuration")
    async def discovery() -> dict[str, Any]:
        return issuer.described()

    @router.get("/jwks")
    async def jwks() -> dict[str, Any]:
        return issuer.signer.public_keys()

    @router.post("/token")
    async def token(request: Request) -> JSONResponse:
        return _tokens(issuer, await _fields(request))

    @router.post("/mint")
    async def mint(wanted: Mint, authorization: Annotated[str, Header()] = "") -> dict[str, str]:
        if not hmac.compare_digest(authorization.encode(), f"Bearer {issuer.mint_secret}".encode()):
            raise HTTPException(401, "Minting needs this installation's secret.")
        person = Person(wanted.organisation, wanted.name, wanted.roles, wanted.sites, wanted.facilitator)
        return {"access_token": issuer.signer.token(person)}

    return router


async def _fields(request: Request) -> dict[str, str]:
    """A form as plain text values."""
    return {name: str(value) for name, value in (await request.form()).items()}


def _understood(issuer: Issuer, asked: dict[str, str]) -> Ask | Response:
    """The request, or the answer that refuses it. Never redirect to an address that is not ours."""
    if asked.get("client_id") != CLIENT or asked.get("redirect_uri") != issuer.redirect_uri:
        return _page("refused.html", 400, {}, issuer)
    state = asked.get("state", "")
    if asked.get("response_type") != "code":
        return issuer.back(state, error="unsupported_response_type")
    challenge = asked.get("code_challenge", "")
    if asked.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(challenge):
        return issuer.back(state, error="invalid_request", error_description="PKCE with S256 is required")
    if "openid" not in asked.get("scope", "").split():
        return issuer.back(state, error="invalid_scope")
    return Ask(challenge, state, asked.get("nonce", ""))


def _tokens(issuer: Issuer, form: dict[str, str]) -> JSONResponse:
    if form.get("grant_type") != "authorization_code":
        return _token_answer({"error": "unsupported_grant_type"}, 400)
    if form.get("client_id") != CLIENT:
        return _token_answer({"error": "invalid_client"}, 400)
    grant = issuer.redeem(form.get("code", ""), form.get("code_verifier", ""))
    if grant is None or form.get("redirect_uri") != issuer.redirect_uri:
        return _token_answer({"error": "invalid_grant"}, 400)
    more = {"nonce": grant.ask.nonce} if grant.ask.nonce else {}
    return _token_answer(
        {
            "access_token": issuer.signer.token(grant.person),
            "id_token": issuer.signer.token(grant.person, **more),
            "token_type": "Bearer",
            "expires_in": int(VALID_FOR.total_seconds()),
        }
    )


def _token_answer(content: dict[str, Any], status: int = 200) -> JSONResponse:
    return JSONResponse(content, status, headers={"Cache-Control": "no-store"})


def _sign_in_page(issuer: Issuer, asked: dict[str, str], error: str = "", status: int = 200) -> Response:
    values = {
        "groups": by_organisation(list(issuer.people.values())),
        "asked": {name: value for name, value in asked.items() if name != "person"},
        "error": error,
    }
    return _page("sign-in.html", status, values, issuer)


def _page(template: str, status: int, values: dict[str, Any], issuer: Issuer) -> Response:
    origin = _origin(issuer.redirect_uri)  # browsers hold the redirect after a form to this too
    policy = f"default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self' {origin}"
    headers = {
        "Content-Security-Policy": f"{policy}; base-uri 'none'; frame-ancestors 'none'",
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return HTMLResponse(_PAGES.get_template(template).render(values), status, headers)


def _refuse_other_origins(request: Request, issuer: Issuer) -> None:
    origin = request.headers.get("origin")
    if origin is not None and origin != _origin(issuer.url):
        raise HTTPException(403, "This form was sent from another site.")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
