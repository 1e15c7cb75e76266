"""How long `kith demo` takes to be ready, first and second, and what everything weighs (PSS).

Run: uv run python -m benchmarks.start   (Kafka's jars are fetched before the clock starts)
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from deploy.local.jars import class_path
from deploy.local.ports import free_port

READY = "(Ctrl-C stops it)"


def main() -> None:
    """Measure and print."""
    class_path()
    with tempfile.TemporaryDirectory(prefix="kith-bench-") as name:
        data = Path(name)
        data.chmod(0o711)
        environment = os.environ | {
            "KITH_DATA": str(data),
            **{setting: str(free_port()) for setting in ("KITH_PORT", "KITH_KAFKA_PORT", "KITH_POSTGRES_PORT")},
        }
        for which, goal in (("first", 60), ("second", 20)):
            print(f"{which} start: {once(data, environment, weigh=which == 'second'):.1f} s, goal at most {goal}")


def once(data: Path, environment: dict[str, str], *, weigh: bool) -> float:
    """Start, wait until it says that it is ready, stop."""
    began = time.monotonic()
    command = [sys.executable, "-m", "deploy.cli", "demo"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout
        for line in demo.stdout:
            if READY in line:
                break
        taken = time.monotonic() - began
        if weigh:
            report_weight(data, demo.pid)
        demo.send_signal(signal.SIGINT)
        demo.stdout.read()
    return taken


def report_weight(data: Path, supervisor: int) -> None:
    """Proportional memory of each part with its children."""
    pids = json.loads((data / "run.json").read_text())["pids"] | {"supervisor": supervisor}
    weights = {
        name: sum(map(pss_mb, family(pid))) if name != "supervisor" else pss_mb(pid) for name, pid in pids.items()
    }
    for name, weight in weights.items():
        print(f"  {name:<12}{weight:7.0f} MB")
    print(f"  {'together':<12}{sum(weights.values()):7.0f} MB, goal at most 1800, each service at most 160")


def family(pid: int) -> list[int]:
    """A process and all that it started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in family(int(child)))]


def pss_mb(pid: int) -> float:
    """Megabytes, shared pages counted in part."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1000


if __name__ == "__main__":
    main()
