"""What `kith up` reads from its environment, and where its folder of everything local is."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from platformdirs import user_data_path
from pydantic import TypeAdapter, ValidationError

from deploy import Trouble
from shared.settings import KAFKA_IS, Brokers

_PROCESSES_MAX = 12  # as many as a topic has partitions: one more would have nothing to hear


@dataclass(frozen=True)
class Settings:
    """One installation on this machine: its data folder, its fixed ports, and what replaces a part."""

    data: Path
    port: int = 8080
    kafka_port: int = 9092
    postgres_port: int = 5433
    environment: str = "development"
    postgres: str | None = field(default=None, repr=False)  # holds a password
    kafka: str | None = field(default=None, repr=False)  # likewise
    clock_file: str | None = None
    processes: int = 1

    @classmethod
    def from_environment(cls) -> Self:
        """The settings that the environment gives, and the defaults for the rest."""
        read = os.environ.get
        return cls(
            data=data_folder(),
            port=_port("KITH_PORT", 8080),
            kafka_port=_port("KITH_KAFKA_PORT", 9092),
            postgres_port=_port("KITH_POSTGRES_PORT", 5433),
            environment=read("KITH_ENVIRONMENT") or "development",
            postgres=read("KITH_POSTGRES") or None,
            kafka=named_kafka(),
            clock_file=read("KITH_CLOCK_FILE") or None,
            processes=_processes(),
        )

    @property
    def public_url(self) -> str:
        """The address that people type."""
        return f"http://127.0.0.1:{self.port}"


def named_kafka() -> str | None:
    """KITH_KAFKA, if it is set. It may hold a password, and is not repeated."""
    named = os.environ.get("KITH_KAFKA") or None
    if named is None:
        return None
    try:
        return TypeAdapter(Brokers).validate_python(named)
    except ValidationError:
        raise Trouble(f"KITH_KAFKA cannot be used. It is: {KAFKA_IS}.") from None


def data_folder() -> Path:
    """KITH_DATA, else the machine's folder when we are root, else the user's own."""
    named = os.environ.get("KITH_DATA")
    if named:
        return Path(named).expanduser().absolute()
    return Path("/var/lib/kith") if is_root() else user_data_path("kith")


def is_root() -> bool:
    """Whether we may do anything on this machine, and PostgreSQL would therefore refuse to start."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _processes() -> int:
    value = os.environ.get("KITH_PROCESSES") or "1"
    if not (value.isascii() and value.isdigit() and 0 < int(value) <= _PROCESSES_MAX):
        raise Trouble(f"KITH_PROCESSES is {value!r}, but of each service 1 to {_PROCESSES_MAX} processes can run here.")
    return int(value)


def _port(name: str, default: int) -> int:
    value = os.environ.get(name) or str(default)
    if not value.isdigit() or not 0 < int(value) < 65536:
        raise Trouble(f"{name} is {value!r}, but a port is a number from 1 to 65535.")
    return int(value)
