"""What is configured is known: the page of settings, the composition, the image."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

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


@pytest.fixture(scope="module")
def composition(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """What the real Compose makes of our file."""
    values = tmp_path_factory.mktemp("compose") / "env"
    values.write_text(re.sub(r"=$", "=given", (ROOT / ".env.example").read_text(), flags=re.M))
    command = [BIN / "docker-compose", "--env-file", values, "-f", ROOT / "docker-compose.yml", "config"]
    done = subprocess.run(command, capture_output=True, text=True)
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
        assert services[name]["command"] == [f"services.{name}.app"]
    assert services["kafka"]["image"].startswith("apache/kafka:")
    assert services["postgres"]["image"].startswith("postgres:18")


def test_a_composition_without_passwords_is_refused() -> None:
    command = [BIN / "docker-compose", "--env-file", "/dev/null", "-f", ROOT / "docker-compose.yml", "config", "-q"]
    assert subprocess.run(command, capture_output=True).returncode != 0


def test_the_services_run_as_nobody_in_particular() -> None:
    last = (ROOT / "deploy" / "Dockerfile").read_text().rpartition("\nFROM ")[2]
    assert re.search(r"^USER [1-9][0-9]{3,}:", last, re.M), "the image of the services would run as root"


def test_the_image_has_nothing_to_complain_about() -> None:
    done = subprocess.run([BIN / "hadolint", ROOT / "deploy" / "Dockerfile"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
