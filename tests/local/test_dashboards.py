"""The dashboard shows numbers that exist: a real Prometheus finds the processes as in a cluster, and answers it all."""

import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from deploy.dashboard import FILE, as_text
from deploy.local.child import Child, Launch
from deploy.local.ports import free_port
from tests.conftest import eventually
from tests.local.cluster import ROOT, pods, ports, rendered

PANELS = [one for one in json.loads(FILE.read_text())["panels"] if one["type"] != "row"]
ASKED = {f"{one['title']} {line['refId']}": line for one in PANELS for line in one["targets"]}
OF_PROMETHEUS = {"up": {"job", "instance"}}


def test_the_dashboard_is_current() -> None:
    assert FILE.read_text() == as_text(), "run `make events`"


def test_each_panel_says_what_it_shows_in_which_unit() -> None:
    titles = [one["title"] for one in PANELS]
    assert len(titles) == len(set(titles)) > 15
    for one in PANELS:
        assert re.fullmatch(r"[A-Z0-9].{20,}\.", one["description"]), one["title"]
        assert one["fieldConfig"]["defaults"]["unit"], one["title"]
        assert one["targets"], one["title"]


def test_no_two_panels_lie_on_each_other() -> None:
    taken = [
        (x, y)
        for one in json.loads(FILE.read_text())["panels"]
        for x in range(one["gridPos"]["x"], one["gridPos"]["x"] + one["gridPos"]["w"])
        for y in range(one["gridPos"]["y"], one["gridPos"]["y"] + one["gridPos"]["h"])
    ]
    assert len(taken) == len(set(taken))
    assert {x for x, _ in taken} == set(range(24))


def told() -> dict[str, set[str]]:
    """The numbers of the page, by the names under which Prometheus keeps them, with their labels."""
    found = dict(OF_PROMETHEUS)
    page = (ROOT / "docs" / "metrics.md").read_text()
    for name, kind, labels in re.findall(r"^\| `(kith_\w+)` \| (\w+) \| (.*?) \|", page, re.M):
        own = {"job", "instance", *re.findall(r"`(\w+)`", labels)}
        is_counted = {f"{name}_bucket": own | {"le"}, f"{name}_count": own, f"{name}_sum": own}
        found |= is_counted if kind == "histogram" else {name: own}
    return found


@pytest.mark.parametrize("line", ASKED.values(), ids=ASKED)
def test_every_number_and_label_exists(line: dict[str, str]) -> None:
    known, expression = told(), line["expr"]
    numbers = set(re.findall(r"\b(?:kith_\w+|up)\b", expression))
    assert numbers
    assert numbers <= known.keys()
    labels = {label for group in re.findall(r"by \(([^)]*)\)", expression) for label in group.split(", ")}
    labels |= set(re.findall(r"[{,]\s*(\w+)=", expression)) | set(re.findall(r"{{(\w+)}}", line["legendFormat"]))
    assert all(labels <= known[number] for number in numbers)


def test_every_expression_can_be_read(tmp_path: Path) -> None:
    rules = [{"record": f"kith:panel{n}", "expr": line["expr"]} for n, line in enumerate(ASKED.values())]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "kith", "rules": rules}]}))
    done = subprocess.run(["promtool", "check", "rules", file], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def as_in_a_cluster(port: int) -> Iterator[dict[str, object]]:
    """What Prometheus is told of each port of a pod, without the cluster that tells it."""
    pod = pods(rendered())["intake"]
    meta = "__meta_kubernetes_pod"
    labels = {re.sub(r"\W", "_", f"{meta}_label_{name}"): value for name, value in pod["metadata"]["labels"].items()}
    for name in ports(pod):
        own = {f"{meta}_name": "intake-0", f"{meta}_container_port_name": name}
        # Only at the operators' port are there numbers: a target that is wrong would be there and be down.
        yield {"targets": [f"127.0.0.1:{port if name == 'ops' else free_port()}"], "labels": labels | own}


@pytest.fixture(scope="module")
async def prometheus(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """Its address, once it has asked a process twice."""
    folder, told_at, port = tmp_path_factory.mktemp("prometheus"), free_port(), free_port()
    configured = yaml.safe_load((ROOT / "deploy" / "prometheus" / "kubernetes.yml").read_text())
    [job] = configured["scrape_configs"]
    assert job.pop("kubernetes_sd_configs") == [{"role": "pod"}]
    job["static_configs"] = list(as_in_a_cluster(told_at))
    file = folder / "prometheus.yml"
    file.write_text(yaml.safe_dump(configured | {"global": {"scrape_interval": "1s"}}))
    listens = f"--web.listen-address=127.0.0.1:{port}"
    command = ["prometheus", f"--config.file={file}", f"--storage.tsdb.path={folder / 'data'}", listens]
    telling = Launch([sys.executable, "-m", "tests.local.told", str(told_at)], dict(os.environ), ROOT)
    children = [
        Child("told", telling, folder / "told.log"),
        Child("prometheus", Launch(command, dict(os.environ)), folder / "log"),
    ]
    address = f"http://127.0.0.1:{port}"

    async def has_asked_twice() -> bool:
        try:
            return bool(await answer(address, 'count_over_time(up{job="kith"}[1m]) >= 3 and up == 1'))
        except httpx.HTTPError:
            return False

    try:
        await eventually(has_asked_twice)
        yield address
    finally:
        for child in children:
            await child.stop()


async def answer(prometheus: str, expression: str) -> list[dict[str, dict[str, str]]]:
    """What Prometheus has for an expression."""
    async with httpx.AsyncClient(base_url=prometheus, trust_env=False) as client:
        answered = await client.get("/api/v1/query", params={"query": expression})
    answered.raise_for_status()  # while it starts it answers that it is not ready
    found: list[dict[str, dict[str, str]]] = answered.json()["data"]["result"]
    return found


@pytest.mark.parametrize("line", ASKED.values(), ids=ASKED)
async def test_a_prometheus_that_asks_a_process_has_something_to_show(prometheus: str, line: dict[str, str]) -> None:
    found = await answer(prometheus, line["expr"])
    assert found
    for label in re.findall(r"{{(\w+)}}", line["legendFormat"]):
        assert all(one["metric"][label] for one in found), "a line would have no name"


async def test_each_process_is_asked_once_under_the_name_of_its_pod(prometheus: str) -> None:
    [only] = await answer(prometheus, "up")
    assert only["metric"] == {"__name__": "up", "job": "kith", "instance": "intake-0"}
