"""Who is asking: a token of the OpenID Connect issuer, verified here, by every service for itself."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from shared import clock
from shared.errors import Forbidden, NotFound, SignedOut
from shared.identity import derived_id, organisation_id

ALGORITHMS = ["RS256", "ES256"]
ROLES = frozenset({"administrator", "coordinator", "facilitator", "program-manager", "operator"})
LEEWAY_SECONDS = 30
KEYS_SECONDS_MIN = 10  # an unknown key id makes us ask the issuer again, but not more often than this


@dataclass(frozen=True, slots=True)
class Who:
    """A person of one organisation, with roles, at named sites (`*` is all of them).

    `facilitator_id` is who leads groups with this account, in the role of one: whose reference the token names.
    """

    subject: str
    name: str
    organisation: str
    organisation_id: UUID
    roles: frozenset[str]
    sites: frozenset[str]
    facilitator_id: UUID | None = None

    @classmethod
    def of(cls, claims: dict[str, Any]) -> Self:
        """From the claims of a verified token."""
        organisation = str(claims.get("organisation") or "")
        roles = frozenset(map(str, claims.get("roles") or ())) & ROLES
        if not organisation or not roles:
            raise Forbidden("no-role-here", "This account has no organisation or no role in Kith. Ask who runs it.")
        of, reference = organisation_id(organisation), str(claims.get("facilitator") or "")
        return cls(
            subject=str(claims["sub"]),
            name=str(claims.get("name") or claims["sub"]),
            organisation=organisation,
            organisation_id=of,
            roles=roles,
            sites=frozenset(map(str, claims.get("sites") or ())),
            facilitator_id=derived_id(of, "facilitator", reference) if reference and "facilitator" in roles else None,
        )

    @property
    def site_ids(self) -> list[UUID] | None:
        """The sites this person sees; None is all of them."""
        if "*" in self.sites:
            return None
        return [derived_id(self.organisation_id, "site", code) for code in sorted(self.sites)]

    def sees(self, site_id: UUID) -> bool:
        """Whether this person sees a site."""
        return self.site_ids is None or site_id in self.site_ids

    def must_see(self, site_id: UUID, what: str) -> None:
        """A thing of a site that this person does not see is unknown to them."""
        if not self.sees(site_id):
            raise NotFound(what)

    def must_be(self, *roles: str) -> None:
        """Refuse unless the person has one of the roles."""
        if not self.roles & set(roles):
            raise Forbidden("role-needed", f"This needs the role {' or '.join(roles)}.", needed=list(roles))


def configuration_url(issuer: str) -> str:
    """Where an issuer tells of itself; some end with a slash (OpenID Connect Discovery 1.0, section 4)."""
    return f"{issuer.removesuffix('/')}/.well-known/openid-configuration"


class Verifier:
    """Verifies tokens against the issuer's published keys."""

    def __init__(self, issuer: str, audience: str) -> None:
        self.issuer, self.audience = issuer, audience
        self.keys: KeySet | None = None
        self.asked_at, self.is_away = -KEYS_SECONDS_MIN * 1.0, False
        self.lock = asyncio.Lock()
        self.known: dict[str, tuple[Who, float]] = {}  # verified tokens and when they expire

    async def who(self, token: str) -> Who:
        """The person a token speaks of; raises SignedOut if it is not valid."""
        found = self.known.get(token)
        if found and found[1] > clock.now().timestamp():
            return found[0]
        claims = await self._claims(token)
        who = Who.of(claims)
        if len(self.known) > 1000:
            self.known.clear()
        self.known[token] = (who, float(claims["exp"]))
        return who

    async def _claims(self, token: str) -> dict[str, Any]:
        claims = self._decoded(token) if self.keys else None
        if claims is None:
            await self._fetch_keys()
            claims = self._decoded(token)
        if claims is None:
            raise SignedOut("token-not-valid", "The token is not valid: sign in again.")
        registry = jwt.JWTClaimsRegistry(
            now=lambda: int(clock.now().timestamp()),
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": self.issuer},
            aud={"essential": True, "value": self.audience},
            exp={"essential": True},
            sub={"essential": True},
        )
        try:
            registry.validate(claims)
        except JoseError:
            raise SignedOut("token-not-valid", "The token has expired or is not for Kith: sign in again.") from None
        return claims

    def _decoded(self, token: str) -> dict[str, Any] | None:
        assert self.keys
        try:
            return dict(jwt.decode(token, self.keys, algorithms=ALGORITHMS).claims)
        except (JoseError, ValueError, TypeError, AttributeError, LookupError, RecursionError):
            return None  # the library trips over a header that is no object, or whose parts are of another kind

    async def _fetch_keys(self) -> None:
        """Ask the issuer for its keys, rarely: at the start, and when a key is not known.

        Whoever comes soon after a try that failed does not wait for another one: SignedOut at once.
        """
        async with self.lock:
            if time.monotonic() - self.asked_at < KEYS_SECONDS_MIN:
                if self.is_away:
                    raise _away()
                return
            try:
                self.keys = await self._asked_keys()
            except (httpx.HTTPError, JoseError, ValueError, LookupError, TypeError) as error:
                self.asked_at, self.is_away = time.monotonic(), True  # of its end: who waited for it asks no more
                raise _away() from error
            self.asked_at, self.is_away = time.monotonic(), False

    async def _asked_keys(self) -> KeySet:
        async with httpx.AsyncClient(timeout=5) as http:
            about = (await http.get(configuration_url(self.issuer))).raise_for_status()
            keys = (await http.get(about.json()["jwks_uri"])).raise_for_status()
            return KeySet.import_key_set(keys.json())


def _away() -> SignedOut:
    return SignedOut("issuer-away", "Sign-in is not available just now: try again soon.")
