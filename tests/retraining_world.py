"""A project that is retrained, whose pipeline takes no time."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd

from pipeline.commands import retrain as command
from pipeline.core import artifacts
from pipeline.retraining import branch_commit, data_changes, history
from pipeline.retraining.journal import JOURNAL

NOW = datetime(2026, 3, 1, 3, tzinfo=UTC)
SENT = Path("sent.jsonl")
STEPS = ["fetch", "feedback", "look", "decide", "run", "outcome", "write", "track", "push", "commit", "notify"]


class Killed(BaseException):
    """As kill -9 at this place: nothing after it runs, not even what catches errors."""


class World:
    """A project whose pipeline takes no time: each run registers one version per manifest."""

    def __init__(self) -> None:
        self.manifest = pd.DataFrame({"sample_id": ["a"], "labels": [["x"]], "content_hash": ["1"]})
        self.reference: pd.DataFrame | None = None
        self.versions: list[str] = []
        self.registrations: dict[str, dict[str, Any]] = {}
        self.champion: str | None = None
        self.promotes, self.failure = True, ""
        self.runs = 0

    def add(self, *names: str) -> None:
        rows = pd.DataFrame({"sample_id": names, "labels": [["x"]] * len(names), "content_hash": names})
        self.manifest = pd.concat([self.manifest, rows], ignore_index=True)

    def run(self) -> dict[str, Any]:
        self.runs += 1
        if self.failure:
            raise data_changes.DataRefused(self.failure)
        content = self.manifest.to_json()
        if content not in self.versions:  # as DVC, which restores the results of a run that it knows
            self.versions.append(content)
            number = str(len(self.versions))
            aliases = ["challenger", "champion"] if self.promotes else ["challenger"]
            self.registrations[content] = {
                "model": "m", "version": number, "aliases": aliases, "reasons": ["because"], "champion_before": None
            }  # fmt: skip
            self.champion = number if self.promotes else self.champion
        self.reference = self.manifest.copy()
        artifacts.write_json(artifacts.REGISTRATION, self.registrations[content])
        Path("dvc.lock").write_text(content)
        return {"log": ".cache/logs/run-1.log"}


def git(*words: str) -> str:
    return branch_commit.call_git(*words)


def call(day: int = 0) -> int:
    """The exit code of a call of the command."""
    try:
        command.main(dry_run=False, now=NOW + timedelta(days=day))
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def recorded_runs() -> list[mlflow.entities.Run]:
    client = mlflow.MlflowClient(os.environ["MLFLOW_TRACKING_URI"])
    found = client.get_experiment_by_name(f"retrain-colibri-{Path.cwd().name}")
    return list(client.search_runs([found.experiment_id])) if found else []


def story(world: World) -> dict[str, Any]:
    """What can be seen afterwards, without names and times that differ from call to call."""
    return {
        "versions": len(world.versions),
        "history": [(one["outcome"], one.get("version")) for one in lines(history.ALL)],
        "last": json.loads(history.LAST.read_text())["outcome"],
        "runs": [(one.data.tags["outcome"], one.info.status, one.info.run_name) for one in recorded_runs()],
        "commits": git("log", "--format=%s", "retrained").splitlines(),
        "files": git("ls-tree", "-r", "--name-only", "retrained").splitlines(),
        "journal": JOURNAL.exists(),
        "status": git("status", "--porcelain"),
    }


UNDISTURBED = {
    "versions": 1,
    "history": [("promoted", "1")],
    "last": "promoted",
    "runs": [("promoted", "FINISHED", "retrain")],
    "commits": ["Retrained: m version 1, promoted", "start"],
    "files": [".gitignore", "dvc.lock", "reports/retrain.json", "reports/retrains.jsonl", "start"],
    "journal": False,
    "status": "?? dvc.lock\n?? reports/",
}
