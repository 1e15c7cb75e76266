"""Where everything of one installation is, and what each process is told of it."""

from collections.abc import Sequence
from urllib.parse import quote, urlsplit

from deploy.local.ports import free_port
from deploy.local.secrets import secret
from deploy.local.settings import Settings
from deploy.postgres.provision import login_roles

_MAILS_FROM = ("intake", "feedback")  # feedback alerts staff by itself: a concern never waits for Kafka


class Addresses:
    """The ports are chosen once, so that a part that starts again is where it was."""

    def __init__(self, settings: Settings, services: Sequence[str]) -> None:
        self._settings, self._services = settings, services
        twins = [one for name in services for one in self.twins(name)]
        self._ports = {name: free_port() for name in twins}
        self._ops_ports = {name: free_port() for name in twins}
        self.devtools_port = free_port()
        self._smtp_port = free_port()

    def twins(self, service: str) -> list[str]:
        """The names of a service's processes. The first one has the name of the service."""
        return [service, *(f"{service}-{number}" for number in range(1, self._settings.processes))]

    def ports(self, service: str) -> list[int]:
        """Where the processes of a service listen."""
        return [self._ports[name] for name in self.twins(service)]

    @property
    def urls(self) -> dict[str, str]:
        """All addresses by name; those of a process are `<name>` and `<name>-ops`."""
        public = self._settings.public_url
        return {
            "public": public,
            "issuer": f"{public}/issuer",
            "mail": f"{public}/mail",
            "smtp": f"smtp://127.0.0.1:{self._smtp_port}",
            "kafka": self._settings.kafka or f"127.0.0.1:{self._settings.kafka_port}",
            "postgres": self._admin_dsn,
            **{name: f"http://127.0.0.1:{port}" for name, port in self._ports.items()},
            **{f"{name}-ops": f"http://127.0.0.1:{port}" for name, port in self._ops_ports.items()},
        }

    @property
    def postgres_address(self) -> str:
        """Host and port of the database server."""
        return urlsplit(self._admin_dsn).netloc.rpartition("@")[2]

    @property
    def devtools_url(self) -> str:
        """Issuer and mail sink, without the gateway."""
        return f"http://127.0.0.1:{self.devtools_port}"

    @property
    def _admin_dsn(self) -> str:
        if self._settings.postgres:
            return self._settings.postgres
        password = secret(self._settings.data, "postgres")
        return f"postgresql://postgres:{password}@127.0.0.1:{self._settings.postgres_port}/postgres"

    def passwords(self) -> dict[str, str]:
        """The password of each role that logs in."""
        roles = [role for service in self._services for role in login_roles(service)]
        return {role: secret(self._settings.data, role) for role in roles}

    def dsn(self, service: str, role: str) -> str:
        """The database of a service, for one of its roles."""
        password = quote(secret(self._settings.data, role), safe="")
        return f"postgresql://{role}:{password}@{self.postgres_address}/{service}"

    def environment(self, service: str, twin: str) -> dict[str, str]:
        """What this one of the service's processes is told."""
        doors, machinery = login_roles(service)
        told = self._shared_environment() | {
            "KITH_DATABASE": self.dsn(service, doors),
            "KITH_DATABASE_MACHINERY": self.dsn(service, machinery),
            "KITH_KAFKA": self.urls["kafka"],
            "KITH_ISSUER": self.urls["issuer"],
            "KITH_LISTEN": f"127.0.0.1:{self._ports[twin]}",
            "KITH_OPS_LISTEN": f"127.0.0.1:{self._ops_ports[twin]}",
            "KITH_SLOT": f"{service}-0" if twin == service else twin,
        }
        if service in _MAILS_FROM:
            told |= {"KITH_SMTP": self.urls["smtp"], "KITH_MAIL_FROM": "kith@localhost"}
        return told

    def devtools_environment(self) -> dict[str, str]:
        """What the issuer and the mail sink are told."""
        return self._shared_environment() | {
            "KITH_DATA": str(self._settings.data),
            "KITH_LISTEN": f"127.0.0.1:{self.devtools_port}",
            "KITH_SMTP_LISTEN": f"127.0.0.1:{self._smtp_port}",
        }

    def _shared_environment(self) -> dict[str, str]:
        told = {
            "KITH_ENVIRONMENT": self._settings.environment,
            "KITH_PUBLIC_URL": self._settings.public_url,
        }
        if self._settings.clock_file:
            told["KITH_CLOCK_FILE"] = self._settings.clock_file
        return told
