"""What a service reads from its environment; docs/settings.md lists it."""

import re
from collections.abc import Iterator
from socket import gethostname
from typing import Annotated, Literal, Self, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

DOORS_CONNECTIONS, MACHINERY_CONNECTIONS = 10, 6  # of a process, at most
PREFIX = "KITH_"
_HOSTS = r"[^\s,/@]+:\d{1,5}(,[^\s,/@]+:\d{1,5})*"
KAFKA = rf"^(ssl://|(plain|scram-sha-256|scram-sha-512)\+ssl://[^\s:/@]+:[^\s/@]+@)?{_HOSTS}$"
KAFKA_IS = (
    "Kafka brokers, host:port, separated by commas; encrypted as ssl://host:port, and with an account as "
    "scram-sha-512+ssl://user:password@host:port (or scram-sha-256, plain; special characters as %40); "
    "certificates are trusted as the system or SSL_CERT_FILE says"
)
PORT_MAX = 65535


def with_ports(address: str) -> str:
    """One or more of host:port, as they are. Raises ValueError, which does not repeat them."""
    for host in address.rpartition("//")[2].rpartition("@")[2].split(","):
        if int(host.rpartition(":")[2]) > PORT_MAX:
            raise ValueError(f"a port is a number up to {PORT_MAX}")
    return address


def readable(url: str) -> str:
    """A URL of one host or more, as it is. Raises ValueError, which does not repeat it."""
    try:
        for host in urlsplit(url).netloc.rpartition("@")[2].split(","):
            _ = urlsplit(f"//{host}").port
    except ValueError:  # it may repeat a part of a password
        raise ValueError(f"its host or its port cannot be read, and a port is a number up to {PORT_MAX}") from None
    return url


def with_account(url: str) -> str:
    """A URL whose password hides none of its parts, as it is. Raises ValueError, which does not repeat it."""
    after = url.partition("://")[2]
    if "@" in after[len(re.split("[/?#]", after, maxsplit=1)[0]) :]:
        raise ValueError("the special characters of its password have to be escaped (/ is %2F, # is %23, ? is %3F)")
    return readable(url)


def store_url(url: str) -> str:
    """The URL of a store, as it is. Raises ValueError, which does not repeat it."""
    if url.count("@") > 1:  # the driver takes the first one for the end of the password
        raise ValueError("the special characters of its password have to be escaped (@ is %40)")
    return with_account(url)


Store: TypeAlias = Annotated[str, StringConstraints(pattern=r"^postgres(ql)?://\S+$"), AfterValidator(store_url)]
Brokers: TypeAlias = Annotated[str, StringConstraints(pattern=KAFKA), AfterValidator(with_ports)]
Address: TypeAlias = Annotated[str, StringConstraints(pattern=r"^\S+:\d{1,5}$"), AfterValidator(with_ports)]
Url: TypeAlias = Annotated[str, StringConstraints(pattern=r"^https?://\S+$"), AfterValidator(readable)]
PublicUrl: TypeAlias = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/?#@]+$"), AfterValidator(readable)]
MailServer: TypeAlias = Annotated[str, StringConstraints(pattern=r"^smtps?://[^\s/]+$"), AfterValidator(with_account)]


class Settings(BaseSettings):
    """Settings of one service process; every name has the prefix KITH_."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True)

    environment: Literal["development", "production"] = Field(
        "production", description="`development` allows the issuer, the mail sink and the moved clock"
    )
    database: Store = Field(
        description="PostgreSQL URL of the role that serves people (the doors); "
        f"at most {DOORS_CONNECTIONS} connections"
    )
    database_machinery: Store = Field(
        description="PostgreSQL URL of the role of relay, consumer and timers; "
        f"at most {MACHINERY_CONNECTIONS} connections"
    )
    kafka: Brokers = Field(description=KAFKA_IS)
    issuer: Url = Field(description="URL of the OpenID Connect issuer, exactly as its tokens have it")
    client_id: str = Field("kith", description="client id at the issuer, and the audience of its tokens")
    client_secret: str | None = Field(None, description="client secret, if the issuer wants one")
    public_url: PublicUrl = Field(
        description="the address people type, http(s)://host[:port] and no path, without a slash at the end"
    )
    listen: Address = Field("127.0.0.1:8000", description="host:port for people and programs")
    ops_listen: Address = Field("127.0.0.1:9000", description="host:port for /livez, /readyz and /metrics")
    slot: str = Field(
        default_factory=gethostname,
        description="name of this process among its twins, the same after a restart; default the name of the host. "
        "Of two with one name the later one goes on, and the earlier one stops with status 3",
    )
    flood_run: int = Field(200, ge=1, description="so many bad events in a row stop the consumer")
    flood_share: float = Field(0.5, gt=0, le=1, description="a larger share of bad events stops the consumer")
    clock_file: str | None = Field(None, description="a file with seconds by which tests move the clock")
    smtp: MailServer | None = Field(
        None,
        description="smtp://[user:password@]host:port for messages (intake, feedback), encrypted if the server can, "
        "and always where there is a password; smtps://... is encrypted from the first byte",
    )
    mail_from: str = Field("kith@localhost", description="sender of messages (intake, feedback)")

    @model_validator(mode="after")
    def _no_moved_clock_in_production(self) -> Self:
        if self.environment == "production" and self.clock_file:
            raise ValueError("KITH_CLOCK_FILE moves the clock and is refused in production: unset it")
        return self

    @property
    def is_production(self) -> bool:
        """Whether real people are served here."""
        return self.environment == "production"


_OURS = "Value error, "  # what pydantic puts before a sentence of ours


def troubles(error: ValidationError) -> Iterator[str]:
    """What is wrong with each setting and what it has to be, but never what it is: some are secrets."""
    for one in error.errors(include_input=False, include_url=False, include_context=False):
        if not one["loc"]:
            yield one["msg"].removeprefix(_OURS)
            continue
        name = str(one["loc"][0])
        what = "is missing" if one["type"] == "missing" else f"cannot be used: {one['msg'].removeprefix(_OURS)}"
        yield f"{PREFIX}{name.upper()} {what}. It is: {Settings.model_fields[name].description}."


def host_and_port(address: str) -> tuple[str, int]:
    """`127.0.0.1:8000` as a pair."""
    host, _, port = address.rpartition(":")
    return host, int(port)
