"""What is configured is known: the page of settings, the composition, the image."""

import json
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from deploy.postgres import provision
from deploy.settings_page import NAMES, PAGE, page

ROOT = Path(__file__).parent.parent.parent
BIN = Path(sys.executable).parent


def test_the_page_of_settings_is_current() -> None:
    assert PAGE.read_text() == page(), "run `make events`"


def test_every_setting_that_the_code_reads_is_on_the_page() -> None:
    named = {
        name
        for folder in ("shared", "services", "deploy")
        for path in (ROOT / folder).rglob("*.py")
        for name in re.findall(r"\"(KITH_[A-Z0-9_]+)\"", path.read_text())
    }
    assert named <= NAMES


def composed(folder: Path, *files: str, **more: str) -> subprocess.CompletedProcess[str]:
    """What the real Compose makes of our files, with the example's settings filled in."""
    values = folder / "env"
    given = re.sub(r"^(.*)=$", r"\1=\1-given", (ROOT / ".env.example").read_text(), flags=re.M)
    values.write_text(given + "".join(f"{name}={value}\n" for name, value in more.items()))
    named = [word for file in ("docker-compose.yml", *files) for word in ("-f", ROOT / file)]
    command = [BIN / "docker-compose", "--env-file", values, *named, "config"]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture(scope="module")
def composition(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """The composition as it is by itself."""
    done = composed(tmp_path_factory.mktemp("compose"))
    assert done.returncode == 0, done.stderr
    return yaml.safe_load(done.stdout)


def test_every_variable_of_the_composition_is_a_setting(composition: dict) -> None:
    used = {name for one in composition["services"].values() for name in one.get("environment", {})}
    ours = {name for name in used if name.startswith("KITH_")}
    assert ours
    assert ours <= NAMES
    assert {"KITH_DATABASE", "KITH_KAFKA", "KITH_ISSUER"} <= ours


def test_the_composition_runs_the_four_services_on_the_real_servers(composition: dict) -> None:
    services = composition["services"]
    for name in ("intake", "scheduling", "feedback", "analytics"):
        assert services[name]["command"] == [f"services.{name}"]
    assert services["kafka"]["image"].startswith("apache/kafka:")
    assert services["postgres"]["image"].startswith("postgres:18")


def published(gateway: dict) -> list[tuple[str, str, int]]:
    return [(one.get("host_ip", ""), one["published"], one["target"]) for one in gateway["ports"]]


def test_the_gateway_of_a_composition_serves_the_address_that_it_is_given(composition: dict, tmp_path: Path) -> None:
    gateway = composition["services"]["gateway"]
    assert gateway["environment"] == {"KITH_SITE_ADDRESS": ":8080"}
    assert published(gateway) == [("127.0.0.1", "8080", 8080)]
    public, name = "deploy/gateway/public.yml", {"KITH_SITE_ADDRESS": "kith.example.org"}
    gateway = yaml.safe_load(composed(tmp_path, public, **name).stdout)["services"]["gateway"]
    assert gateway["environment"] == name
    assert {("", "80", 80), ("", "443", 443)} <= set(published(gateway))
    assert [(one["type"], one["target"]) for one in gateway["volumes"]] == [("volume", "/data")]  # of certificates
    assert "KITH_SITE_ADDRESS" in composed(tmp_path, public).stderr, "without a name there is no certificate"


@pytest.mark.parametrize(("address", "listens"), [(":8080", ":8080"), ("kith.example.org", ":443")])
def test_the_gateway_listens_where_its_address_says(address: str, listens: str) -> None:
    command = [BIN / "caddy", "adapt", "--config", ROOT / "deploy" / "gateway" / "Caddyfile"]
    done = subprocess.run(command, capture_output=True, text=True, env={"KITH_SITE_ADDRESS": address})
    servers = json.loads(done.stdout)["apps"]["http"]["servers"].values()
    assert {one for server in servers for one in server["listen"]} == {listens, "127.0.0.1:8081"}


def test_a_composition_puts_no_text_into_a_container_that_cannot_be_written(tmp_path: Path) -> None:
    """Compose copies what stands in a variable or in the file itself, and refuses that for a read-only service."""
    for files in ((), ("deploy/gateway/public.yml",)):
        composition = yaml.safe_load(composed(tmp_path, *files, KITH_SITE_ADDRESS="kith.example.org").stdout)
        for name, one in composition["services"].items():
            for kind in ("configs", "secrets"):
                sources = [each["source"] for each in one.get(kind, [])]
                copied = [source for source in sources if "file" not in composition[kind][source]]
                assert not (one.get("read_only") and copied), f"{name} would not be made, because of {copied}"


def test_migrate_has_every_password_that_a_service_uses(composition: dict) -> None:
    given = composition["services"]["migrate"]["environment"]
    for service in provision.SERVICES:
        used = composition["services"][service]["environment"]
        for role, name in zip(provision.login_roles(service), ("DATABASE", "DATABASE_MACHINERY"), strict=True):
            assert urlsplit(used[f"KITH_{name}"]).username == role
            assert urlsplit(used[f"KITH_{name}"]).password == given[f"{role.upper()}_PASSWORD"]


def test_postgresql_is_ready_when_others_can_reach_it(composition: dict) -> None:
    """While its image initialises itself it answers at the socket alone."""
    check = composition["services"]["postgres"]["healthcheck"]["test"]
    assert check[check.index("-h") + 1] == "127.0.0.1"


def test_no_container_can_take_the_machine_with_it(composition: dict) -> None:
    for name, one in composition["services"].items():
        assert int(one["mem_limit"]) <= 2**31, name
        assert one["logging"]["options"]["max-size"] == "20m", name


def test_whoever_faces_the_world_may_do_little(composition: dict) -> None:
    for name, one in composition["services"].items():
        if name not in ("postgres", "kafka"):  # whose images change their account at the start
            assert (one["read_only"], one["cap_drop"]) == (True, ["ALL"]), name
            assert one["security_opt"] == ["no-new-privileges:true"], name
            assert one.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "gateway" else []), name
    assert composition["services"]["gateway"]["healthcheck"]["test"][-1] == "http://127.0.0.1:8081/"


def test_a_composition_without_passwords_is_refused() -> None:
    command = [BIN / "docker-compose", "--env-file", "/dev/null", "-f", ROOT / "docker-compose.yml", "config", "-q"]
    assert subprocess.run(command, capture_output=True).returncode != 0


def test_the_services_run_as_nobody_in_particular() -> None:
    last = (ROOT / "deploy" / "Dockerfile").read_text().rpartition("\nFROM ")[2]
    assert re.search(r"^USER [1-9][0-9]{3,}:", last, re.M), "the image of the services would run as root"


def test_the_image_has_nothing_to_complain_about() -> None:
    done = subprocess.run([BIN / "hadolint", ROOT / "deploy" / "Dockerfile"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
