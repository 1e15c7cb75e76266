"""Parts of the system that are our own Python: the four services and the development tools."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import httpx

from deploy.local.child import Launch

START_SECONDS_MAX = 180  # many start at once, on a slow machine too; one that has died is noticed at once
_ROOT = Path(__file__).parents[2]
_NOT_FOR_CHILDREN = ("KITH_POSTGRES",)  # the administrator's password is nothing a service may know


class Part(Protocol):
    """One process of the system: how it is prepared and how it is known to be ready."""

    name: str
    version: str

    def prepare(self) -> Launch:
        """Do what must be done before, and say what to run. May take its time."""

    async def ready(self) -> bool:
        """Whether it can be used now."""


@dataclass(frozen=True)
class Service:
    """One of the services, and the command that runs it."""

    name: str
    command: tuple[str, ...]

    @classmethod
    def named(cls, name: str) -> "Service":
        """The service of this repository with this name."""
        return cls(name, (sys.executable, "-m", f"services.{name}"))


SERVICES = tuple(map(Service.named, ("intake", "scheduling", "feedback", "analytics")))


class Process:
    """A Python process with an HTTP address that tells whether it is ready."""

    version = ""

    def __init__(self, name: str, command: tuple[str, ...], environment: dict[str, str], ready_url: str) -> None:
        self.name, self.command, self.ready_url = name, command, ready_url
        self.environment = environment

    def prepare(self) -> Launch:
        """Nothing is needed before."""
        inherited = {k: v for k, v in os.environ.items() if k not in _NOT_FOR_CHILDREN}
        return Launch(self.command, inherited | self.environment, folder=_ROOT)

    async def ready(self) -> bool:
        """Whether it says so itself."""
        try:
            async with httpx.AsyncClient(timeout=5, trust_env=False, verify=False) as client:
                return (await client.get(self.ready_url)).status_code == 200
        except httpx.HTTPError:
            return False


def devtools(environment: dict[str, str], url: str) -> Process:
    """The issuer and the mail sink."""
    command = (sys.executable, "-m", "deploy.local.devtools")
    return Process("devtools", command, environment, f"{url}/issuer/jwks")
