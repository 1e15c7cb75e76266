"""What a service reads from its environment; docs/settings.md lists it."""

from socket import gethostname
from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

DOORS_CONNECTIONS, MACHINERY_CONNECTIONS = 10, 6  # of a process, at most


class Settings(BaseSettings):
    """Settings of one service process; every name has the prefix KITH_."""

    model_config = SettingsConfigDict(env_prefix="KITH_", frozen=True)

    environment: Literal["development", "production"] = Field(
        "production", description="`development` allows the issuer, the mail sink and the moved clock"
    )
    database: str = Field(
        description="PostgreSQL URL of the role that serves people (the doors); "
        f"at most {DOORS_CONNECTIONS} connections"
    )
    database_machinery: str = Field(
        description="PostgreSQL URL of the role of relay, consumer and timers; "
        f"at most {MACHINERY_CONNECTIONS} connections"
    )
    kafka: str = Field(description="Kafka brokers, host:port, separated by commas")
    issuer: str = Field(description="URL of the OpenID Connect issuer")
    client_id: str = Field("kith", description="client id at the issuer, and the audience of its tokens")
    client_secret: str | None = Field(None, description="client secret, if the issuer wants one")
    public_url: str = Field(description="the address people type, without a slash at the end")
    listen: str = Field("127.0.0.1:8000", description="host:port for people and programs")
    ops_listen: str = Field("127.0.0.1:9000", description="host:port for /livez, /readyz and /metrics")
    slot: str = Field(
        default_factory=gethostname,
        description="name of this process among its twins, the same after a restart; default the name of the host. "
        "Of two with one name the later one goes on, and the earlier one stops with status 3",
    )
    flood_run: int = Field(200, ge=1, description="so many bad events in a row stop the consumer")
    flood_share: float = Field(0.5, gt=0, le=1, description="a larger share of bad events stops the consumer")
    clock_file: str | None = Field(None, description="a file with seconds by which tests move the clock")
    smtp: str | None = Field(None, description="smtp://[user:password@]host:port for messages (intake, feedback)")
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


def host_and_port(address: str) -> tuple[str, int]:
    """`127.0.0.1:8000` as a pair."""
    host, _, port = address.rpartition(":")
    return host, int(port)
