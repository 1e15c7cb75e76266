"""`python -m tests.faults.planted`: apply each bug to a copy, run its cell, and see that its invariant finds it."""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[2]
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".*_cache", "__pycache__", ".tools", "node_modules", ".hypothesis")
PLANS = 3  # what goes wrong in one batch of many may not happen in each run
console = Console(soft_wrap=True, highlight=False)


@dataclass(frozen=True)
class Planted:
    """A bug: what it is, and which invariant must find it in which cell."""

    path: Path
    sentence: str
    invariant: str
    cell: str
    injections: str

    @classmethod
    def read(cls, path: Path) -> "Planted":
        """From the lines at the head of its file."""
        head = [line[2:] for line in path.read_text().splitlines() if line.startswith("# ")]
        told = dict(line.split(": ", 1) for line in head if re.match(r"(invariant|cell|injections): ", line))
        sentence = " ".join(line for line in head if not re.match(r"(invariant|cell|injections): ", line))
        return cls(path, sentence, told["invariant"], told["cell"], told["injections"])


def found(planted: Planted, seed: str) -> tuple[bool, str]:
    """Whether the invariant that the file names speaks, and what it says."""
    with tempfile.TemporaryDirectory(prefix="kith-planted-") as name:
        copy = Path(name) / "kith"
        shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
        if misfit := apply(planted.path, copy):
            return False, f"it does not apply: {misfit}"
        cell = ["-m", "tests.faults", "--cells", planted.cell, "--injections", planted.injections]
        size = ["--events", "700", "--seconds", "100", "--seed", seed]
        ran = subprocess.run([sys.executable, *cell, *size], cwd=copy, capture_output=True, text=True)
    said = re.findall(r"^ {4}(I\d|doors|harness|loud): (.*)$", ran.stdout, re.M)
    for invariant, sentence in said:
        if invariant == planted.invariant:
            return True, sentence
    others = ", ".join(sorted({invariant for invariant, _ in said}))
    return False, f"only {others}" if others else f"nothing was found: {(ran.stdout + ran.stderr)[-200:]}"


def apply(path: Path, folder: Path, *options: str) -> str:
    """Apply a bug to the source in this folder; gives what stood in the way, if anything did."""
    applied = subprocess.run(["git", "apply", *options, str(path)], cwd=folder, capture_output=True, text=True)
    return applied.stderr.strip()


def main() -> None:
    """All of them, or those that are named; leave with 1 unless each is found."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.planted", description=__doc__)
    parser.add_argument("--only", default="", help="numbers, such as 01,07")
    parser.add_argument("--seed", default="1")
    asked = parser.parse_args()
    wanted = set(filter(None, asked.only.split(",")))
    bugs = [Planted.read(path) for path in sorted(FOLDER.glob("*.diff"))]
    bugs = [one for one in bugs if not wanted or one.path.name[:2] in wanted]
    console.print("| planted bug | invariant | cell | |\n| --- | --- | --- | --- |")
    good = 0
    for one in bugs:
        for plan in range(PLANS):
            is_found, what = found(one, str(int(asked.seed) + plan))
            if is_found:
                break
        good += is_found
        verdict = f"found with plan {plan + 1}" if is_found else "**NOT FOUND**"
        console.print(f"| {one.path.stem} | {one.invariant} | {one.cell} | {verdict}: {what[:160]} |", markup=False)
    console.print(f"{good} of {len(bugs)} found")
    sys.exit(0 if good == len(bugs) else 1)


if __name__ == "__main__":
    main()
