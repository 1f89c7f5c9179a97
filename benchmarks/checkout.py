"""A copy of the project in a folder of its own and with few pictures, in which a test or a benchmark runs DVC."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
STAGES = list(yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"])
TINY = [  # overrides that make a run take seconds
    "source=folder",
    "encoder=small",
    "encoder.width=8",
    "embed=hog",
    "validate.min_samples=20",
    "split.near_duplicate_bits=0",
    "check.split_leakage.near_duplicate_bits=0",
    "image_size=24",
    "augment.margin=0.17",  # stored at 28
    "train.epochs=16",
    "train.batch_size=8",
    "train.learning_rate=0.005",
    "train.ema_decay=null",
    "train.min_steps=0",
    "evaluate.num_resamples=100",
    "evaluate.half_width=0.45",
    "gate.above_properties.below=warn",  # sharpness tells a disc from stripes, by nature
]
PROMOTIONS = "reports/promotions.jsonl"  # tracked by git, and written by every run
OWN = ("DVC_", "MLFLOW_", "PYTHONDONTWRITEBYTECODE")  # without bytecode every stage compiles pipeline/ again
AUTHOR = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "a"), ("EMAIL", "a@example.org"))
}


class Checkout:
    """What git tracks, copied, without the promotions that this project has recorded; `configure` makes it small.

    Args:
        folder: Where it is made.
        without: How the names of files begin that are left out.
    """

    def __init__(self, folder: Path, without: Iterable[str] = ("tests/", "docs/")):
        self.folder = folder
        listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for name in listed.splitlines():
            if (ROOT / name).is_file() and not name.startswith(tuple(without)):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, folder / name)
        if (folder / PROMOTIONS).exists():
            (folder / PROMOTIONS).write_text("")

    def configure(self, *overrides: str) -> None:
        """Writes overrides into conf/ as an experiment that config.yaml selects, and composes params.yaml."""
        write_experiment(self.folder / "conf", "tiny", overrides)
        config = self.folder / "conf/config.yaml"
        config.write_text(config.read_text().replace("experiment: null", "experiment: tiny"))
        (self.folder / "params.yaml").unlink(missing_ok=True)
        self.run("env", "python", "-m", "pipeline.stages.compose")

    def environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(OWN)}
        path = f"{Path(sys.executable).parent}{os.pathsep}{inherited['PATH']}"
        return inherited | {"PATH": path, "PYTHONPATH": str(self.folder), "OMP_NUM_THREADS": "1"} | AUTHOR

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """A command in the folder.

        Raises:
            AssertionError: It must end well, and did not.
        """
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=500,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"{command}\n{done.stdout}\n{done.stderr}")
        return done

    def outputs(self) -> dict[str, str]:
        """Digest of each file below data/ and reports/ that says something of the data.

        The pages of Great Expectations hold the time, and the lists of code are there before a stage looks at the data.
        """
        found = [path for name in ("data", "reports") for path in sorted((self.folder / name).rglob("*"))]
        return {
            str(path.relative_to(self.folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in found
            if path.is_file() and not {"data_docs", "code"} & set(path.parts)
        }


def write_experiment(conf: Path, name: str, overrides: Iterable[str]) -> None:
    """Overrides, `group=option` and `key.of.it=value`, as a file below conf/experiment."""
    groups, values = ["# @package _global_", "defaults:"], dict[str, Any]()
    for override in overrides:
        key, _, value = override.partition("=")
        if (conf / key).is_dir():
            groups.append(f"  - override /{key}: {value}")
            continue
        inner = values
        *parents, last = key.split(".")
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[last] = yaml.safe_load(value)
    (conf / f"experiment/{name}.yaml").write_text("\n".join([*groups, "", yaml.safe_dump(values)]))
