"""The signing key of the development issuer, and the tokens that it gives."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey

from deploy.local.people import Person
from deploy.local.secrets import write_private
from shared import clock

VALID_FOR = timedelta(hours=8)


class Signer:
    """Signs tokens with a key that survives a restart, so that nobody is signed out by one."""

    def __init__(self, data: Path, issuer: str, audience: str) -> None:
        """The key is made at the first start."""
        self._issuer, self._audience = issuer, audience
        path = data / "issuer-key.json"
        if not path.exists():
            fresh = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)
            write_private(path, json.dumps(fresh.as_dict(private=True)))
        self._key = RSAKey.import_key(json.loads(path.read_text()))

    def public_keys(self) -> dict[str, Any]:
        """The key set that verifiers fetch."""
        return {"keys": [self._key.as_dict(private=False)]}

    def token(self, person: Person, **more: str) -> str:
        """A token that says who this is and what they may see."""
        now = clock.now()
        claims: dict[str, Any] = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": person.subject,
            "name": person.name,
            "iat": int(now.timestamp()),
            "exp": int((now + VALID_FOR).timestamp()),
            "organisation": person.organisation,
            "roles": list(person.roles),
            "sites": list(person.sites),
        }
        if person.facilitator:
            claims["facilitator"] = person.facilitator
        header = {"alg": "RS256", "kid": self._key.kid}
        return jwt.encode(header, claims | more, self._key)
