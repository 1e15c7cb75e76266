"""What `kubectl apply -k deploy/kubernetes` would send, and how to find one's way in it."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
HERE = ROOT / "deploy" / "kubernetes"
KUBECTL = Path(sys.executable).with_name("kubectl")
Object = dict[str, Any]


def rendered(folder: Path = HERE) -> list[Object]:
    """All objects of a folder."""
    done = subprocess.run([KUBECTL, "kustomize", folder], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def examples(name: str) -> list[Object]:
    """The objects of a file that is to be copied and filled in."""
    return list(yaml.safe_load_all((HERE / f"{name}.example.yaml").read_text()))


def named(objects: list[Object], *kinds: str) -> dict[str, Object]:
    """Those of these kinds."""
    return {one["metadata"]["name"]: one for one in objects if one["kind"] in kinds}


def pods(objects: list[Object]) -> dict[str, Object]:
    """What each workload makes its pods from."""
    workloads = named(objects, "StatefulSet", "Deployment", "Job")
    return {name: one["spec"]["template"] for name, one in workloads.items()}


def container(pod: Object) -> Object:
    """The only one."""
    [one] = pod["spec"]["containers"]
    return dict(one)


def ports(pod: Object) -> dict[str, int]:
    """The ports of a pod by their names."""
    return {one["name"]: one["containerPort"] for one in container(pod).get("ports", [])}


def environment(objects: list[Object], pod: Object) -> dict[str, str]:
    """What a process finds in its environment, with the secrets of the example."""
    given = named([*objects, *examples("secrets")], "ConfigMap", "Secret")
    found: dict[str, str] = {}
    for source in container(pod).get("envFrom", []):
        [reference] = source.values()
        held = given[reference["name"]]
        found |= held["data"] if held["kind"] == "ConfigMap" else held["stringData"]
    for each in container(pod).get("env", []):
        [(kind, reference)] = each["valueFrom"].items()
        is_secret = kind == "secretKeyRef"
        found[each["name"]] = given[reference["name"]]["stringData"][reference["key"]] if is_secret else "its-pod-0"
    return found
