"""The files for a cluster: what Kubernetes takes, and what agrees with the image, the composition and the settings."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from pydantic import ValidationError

from deploy.local.gateway import _caddy
from deploy.postgres.provision import SERVICES
from deploy.settings_page import SERVICE
from shared.service import CANCEL_SECONDS, DRAIN_SECONDS
from shared.settings import Settings, host_and_port, troubles
from tests.contracts.test_settings import composed
from tests.local.cluster import HERE, ROOT, Object, container, environment, examples, named, pods, ports, rendered

VERSIONS = ("1.29", "1.37")  # the oldest that the page names, and the newest that is known
PART_OF, NAME = "app.kubernetes.io/part-of", "app.kubernetes.io/name"


@pytest.fixture(scope="module")
def objects() -> list[Object]:
    return rendered()


@pytest.fixture(scope="module")
def composition(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Object]:
    """The services of the composition that are ours."""
    services = yaml.safe_load(composed(tmp_path_factory.mktemp("compose")).stdout)["services"]
    return {name: one for name, one in services.items() if name not in ("postgres", "kafka")}


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_would_take_each_object(objects: list[Object], version: str) -> None:
    assert len(named(objects, "StatefulSet")) == 4
    for one in [*objects, *examples("ingress"), *examples("secrets")]:
        kubernetes_validate.validate(one, version, strict=True)
        assert "namespace" not in one["metadata"], "the namespace is for whoever applies it to say"


def test_everything_of_the_composition_runs_here_with_the_same_command_and_bounds(
    objects: list[Object], composition: dict[str, Object]
) -> None:
    assert pods(objects).keys() == composition.keys()
    for name, pod in pods(objects).items():
        one, there = container(pod), composition[name]
        assert "command" not in one, "the image knows how to start"
        assert one.get("args") == there.get("command")
        assert one["image"] == ("kith-gateway" if there["build"]["target"] == "gateway" else "kith")
        assert one["resources"]["limits"] == {"memory": {2**30: "1Gi", 2**29: "512Mi"}[int(there["mem_limit"])]}
        added = one["securityContext"]["capabilities"].get("add", [])
        assert added == there.get("cap_add", [])


def test_each_process_keeps_its_name_and_has_a_twin(objects: list[Object]) -> None:
    sets = named(objects, "StatefulSet")
    assert sets.keys() == set(SERVICES)
    for one in sets.values():
        assert one["spec"]["replicas"] == 2
        slot = {"name": "KITH_SLOT", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
        assert slot in container(one["spec"]["template"])["env"]


def test_every_variable_is_a_setting_and_none_of_the_composition_is_missing(
    objects: list[Object], composition: dict[str, Object]
) -> None:
    for name, pod in pods(objects).items():
        given, there = environment(objects, pod).keys(), composition[name].get("environment", {}).keys()
        if name in SERVICES:
            assert given <= SERVICE.keys(), name
            assert given >= there | {"KITH_SLOT"}, name
        else:
            assert given == there - {"KITH_SITE_ADDRESS"}, name  # :8080 by itself, as TLS ends before it


def test_every_secret_is_in_the_example_and_goes_where_it_is_needed_alone(objects: list[Object]) -> None:
    used = {
        name: set(re.findall(r"secret(?:Key)?Ref': {[^}]*'name': '([\w-]+)'", str(pod)))
        for name, pod in pods(objects).items()
    }
    services = {name: {"kith", name} for name in SERVICES}
    assert used == services | {"migrate": {"migrate"}, "topics": {"kith"}, "gateway": set()}
    assert {one["metadata"]["name"] for one in examples("secrets")} == set.union(*used.values())
    assert not named(objects, "Secret"), "no secret stands in the repository"


@pytest.mark.parametrize("service", SERVICES)
def test_no_service_starts_with_the_example_and_each_value_is_named(
    objects: list[Object], service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = environment(objects, pods(objects)[service])
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError) as wrong:
        Settings()
    to_fill_in = {name for name, value in given.items() if "<" in value}
    assert {trouble.partition(" ")[0] for trouble in troubles(wrong.value)} == to_fill_in
    assert {"KITH_DATABASE", "KITH_DATABASE_MACHINERY", "KITH_KAFKA"} <= to_fill_in


@pytest.mark.parametrize("job", ["migrate", "topics"])
def test_no_job_does_anything_with_the_example(objects: list[Object], job: str, tmp_path: Path) -> None:
    pod = pods(objects)[job]
    own = {"PATH": os.environ["PATH"], "KITH_DATA": str(tmp_path)}
    command = [sys.executable, "-m", *container(pod)["args"]]
    done = subprocess.run(command, env=environment(objects, pod) | own, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr, done.stderr


def test_a_process_listens_where_its_pod_says(objects: list[Object]) -> None:
    for service in SERVICES:
        given = environment(objects, pods(objects)[service])
        listens = {"http": given["KITH_LISTEN"], "ops": given["KITH_OPS_LISTEN"]}
        assert {name: ("0.0.0.0", port) for name, port in ports(pods(objects)[service]).items()} == {
            name: host_and_port(address) for name, address in listens.items()
        }


def test_a_pod_is_given_the_time_that_a_clean_stop_takes(objects: list[Object], composition: dict[str, Object]) -> None:
    for service in SERVICES:
        pod = pods(objects)[service]
        [_, waits] = container(pod)["lifecycle"]["preStop"]["exec"]["command"]
        left = pod["spec"]["terminationGracePeriodSeconds"] - int(waits)
        assert composition[service]["stop_grace_period"] == f"{left}s"
        assert left > DRAIN_SECONDS + CANCEL_SECONDS


def test_the_gateway_has_the_one_file_and_passes_on_to_services_that_are_there(
    objects: list[Object], tmp_path: Path
) -> None:
    pod = pods(objects)["gateway"]
    [volume] = [one["configMap"]["name"] for one in pod["spec"]["volumes"] if "configMap" in one]
    file = tmp_path / "Caddyfile"
    file.write_text(named(objects, "ConfigMap")[volume]["data"]["Caddyfile"])
    assert file.read_text() == (ROOT / "deploy" / "gateway" / "Caddyfile").read_text()
    adapted = subprocess.run([_caddy(), "adapt", "--config", file], capture_output=True, text=True, env={}).stdout
    dials = set(re.findall(r'"dial":\s*"([^"]+)"', adapted))
    services = named(objects, "Service")
    assert dials == {f"{name}:{services[name]['spec']['ports'][0]['port']}" for name in SERVICES}
    listens = {one for server in json.loads(adapted)["apps"]["http"]["servers"].values() for one in server["listen"]}
    asked = re.findall(r"http://([\d.:]+)/", str(container(pod)["readinessProbe"]))
    assert listens == {f":{ports(pod)['http']}", *asked}
    [dockerfile] = re.findall(
        r"COPY deploy/gateway/Caddyfile (\S+)/Caddyfile", (ROOT / "deploy/Dockerfile").read_text()
    )
    assert dockerfile in {one["mountPath"] for one in container(pod)["volumeMounts"]}


def test_what_selects_pods_finds_them(objects: list[Object]) -> None:
    selecting = named(objects, "Service"), named(objects, "PodDisruptionBudget")
    for found in selecting:
        assert found.keys() == {*SERVICES, "gateway"}
    for name in selecting[0]:
        workload = named(objects, "StatefulSet", "Deployment")[name]
        labels = workload["spec"]["template"]["metadata"]["labels"]
        assert labels[PART_OF] == "kith"
        service, budget = (found[name]["spec"]["selector"] for found in selecting)
        for selector in (service, budget["matchLabels"], workload["spec"]["selector"]["matchLabels"]):
            assert selector == {NAME: name} == {NAME: labels[NAME]}
        assert selecting[0][name]["spec"]["ports"][0]["targetPort"] in ports(workload["spec"]["template"])


def test_every_pod_may_do_little(objects: list[Object]) -> None:
    [user] = re.findall(r"^USER (\d+):\d+$", (ROOT / "deploy" / "Dockerfile").read_text(), re.M)
    for name, pod in pods(objects).items():
        held, one = pod["spec"]["securityContext"], container(pod)["securityContext"]
        assert (held["runAsNonRoot"], held["runAsUser"], held["runAsGroup"]) == (True, int(user), int(user)), name
        assert held["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert (one["allowPrivilegeEscalation"], one["readOnlyRootFilesystem"]) == (False, True), name
        assert one["capabilities"]["drop"] == ["ALL"], name
        assert pod["spec"]["automountServiceAccountToken"] is False, name


def admits(objects: list[Object], pod: dict[str, str], port: str, labels: dict[str, str], space: str = "kith") -> bool:
    """Whether a pod lets in another one, of these labels in that namespace."""
    policies = [
        one["spec"]
        for one in named(objects, "NetworkPolicy").values()
        if one["spec"]["podSelector"]["matchLabels"].items() <= pod.items()
    ]
    rules = [rule for one in policies for rule in one.get("ingress", []) if {"port": port} in rule["ports"]]
    return not policies or any(_is_meant(rule, labels, space) for rule in rules)


def _is_meant(rule: Object, labels: dict[str, str], space: str) -> bool:
    for source in rule.get("from", [{}]):
        spaces = source.get("namespaceSelector", {}).get("matchLabels", {}).get("kubernetes.io/metadata.name")
        is_there = space == (spaces or "kith") or not source
        if is_there and source.get("podSelector", {}).get("matchLabels", {}).items() <= labels.items():
            return True
    return False


def test_services_do_not_reach_each_other_and_their_numbers_are_for_prometheus(objects: list[Object]) -> None:
    labels = {name: pod["metadata"]["labels"] for name, pod in pods(objects).items()}
    for service in SERVICES:
        for port in ports(pods(objects)[service]):
            inside = {name for name in labels if admits(objects, labels[service], port, labels[name])}
            assert inside == ({"gateway"} if port == "http" else set()), (service, port)
            assert admits(objects, labels[service], port, {}, "monitoring") == (port == "ops")
            assert not admits(objects, labels[service], port, labels["gateway"], "elsewhere")
    assert admits(objects, labels["gateway"], "http", {}, "elsewhere")
    assert not admits(objects, labels["migrate"], "http", labels["gateway"])


def test_a_process_is_promised_the_memory_that_it_was_measured_to_take(objects: list[Object]) -> None:
    page = (ROOT / "docs" / "performance.md").read_text()
    [line] = re.findall(r"^\| PSS of a service process \|.*$", page, re.M)
    measured = {name: int(count) for name, count in re.findall(r"(\w+) (\d+)(?=,| MB)", line)}
    assert measured.keys() == set(SERVICES)
    for name, megabytes in measured.items():
        [promised] = re.findall(r"^(\d+)Mi$", container(pods(objects)[name])["resources"]["requests"]["memory"])
        assert megabytes <= int(promised) * 2**20 / 10**6 <= 2 * megabytes, name


@pytest.fixture
def yours(tmp_path: Path) -> list[Object]:
    """What the folder makes that the page tells to make."""
    [written] = re.findall(r"```yaml\n(.*?)```", (HERE / "README.md").read_text(), re.S)
    folder = tmp_path / "yours"
    folder.mkdir()
    (tmp_path / "kith").symlink_to(ROOT)
    (folder / "kustomization.yaml").write_text(written)
    (folder / "ingress.yaml").write_text((HERE / "ingress.example.yaml").read_text())
    return rendered(folder)


def test_the_folder_that_the_page_tells_to_make_adds_what_is_yours(objects: list[Object], yours: list[Object]) -> None:
    [ingress] = named(yours, "Ingress").values()
    backend = ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
    assert backend["port"]["name"] in {one["name"] for one in named(yours, "Service")[backend["name"]]["spec"]["ports"]}
    for name, pod in pods(yours).items():
        assert container(pod)["image"] == f"images.example.org/{'kith-gateway' if name == 'gateway' else 'kith'}:1"
        assert environment(yours, pod).keys() == environment(objects, pods(objects)[name]).keys()
    prepared = [
        one for one in yours if one["metadata"].get("labels", {}).get("app.kubernetes.io/component") == "prepare"
    ]
    assert named(prepared, "Job").keys() == {"migrate", "topics"}
