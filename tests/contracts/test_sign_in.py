"""What a token has to say is written down where whoever sets up an issuer looks."""

import inspect
import re

from shared.security import ROLES, Who
from tests.contracts.test_house import ROOT

PAGE = (ROOT / "docs" / "sign-in.md").read_text()


def test_every_claim_that_is_read_is_in_the_table_and_no_other() -> None:
    read = set(re.findall(r"""claims(?:\.get\(|\[)"([a-z]+)\"""", inspect.getsource(Who.of)))
    assert read == set(re.findall(r"^\| `([a-z]+)` \|", PAGE, re.M))


def test_every_role_is_named() -> None:
    assert all(f"`{role}`" in PAGE for role in ROLES)
