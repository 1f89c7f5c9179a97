"""One call after another: killed at each step, at the same time, without a reason, and with a run that fails."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
from conf_options import composed

from pipeline.choices.retraining_options import Options
from pipeline.commands import retrain as command
from pipeline.core import artifacts, config
from pipeline.core.errors import UserError
from pipeline.retraining import branch_commit, data_changes, history, lock, notification, pipeline_run, steps
from pipeline.retraining.journal import JOURNAL, RetrainJournal
from pipeline.tracking import connection, retrainings

NOW = datetime(2026, 3, 1, 3, tzinfo=UTC)
SENT = Path("sent.jsonl")
STEPS = ["fetch", "look", "decide", "run", "outcome", "write", "track", "commit", "push", "notify"]


class Killed(BaseException):
    """As kill -9 at this place: nothing after it runs, not even what catches errors."""


class World:
    """A project whose pipeline takes no time: each run registers one version per manifest."""

    def __init__(self) -> None:
        self.manifest = pd.DataFrame({"sample_id": ["a"], "labels": [["x"]], "content_hash": ["1"]})
        self.reference: pd.DataFrame | None = None
        self.versions: list[str] = []
        self.promotes, self.failure = True, ""
        self.runs = 0

    def add(self, *names: str) -> None:
        rows = pd.DataFrame({"sample_id": names, "labels": [["x"]] * len(names), "content_hash": names})
        self.manifest = pd.concat([self.manifest, rows], ignore_index=True)

    def run(self) -> dict[str, Any]:
        self.runs += 1
        if self.failure:
            raise pipeline_run.DataRefused(self.failure)
        content = self.manifest.to_json()
        if content not in self.versions:  # as register, which finds the version of the same results
            self.versions.append(content)
        self.reference = self.manifest.copy()
        number = str(self.versions.index(content) + 1)
        aliases = ["challenger", "champion"] if self.promotes else ["challenger"]
        artifacts.write_json(
            artifacts.REGISTRATION,
            {"model": "m", "version": number, "aliases": aliases, "reasons": ["because"], "champion_before": None},
        )
        Path("dvc.lock").write_text(content)
        return {"log": ".cache/logs/run-1.log"}


def git(*words: str) -> str:
    return branch_commit.call_git(*words)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Path:
    """A folder with one MLflow store for all tests, each of which has a data set of its own."""
    folder = tmp_path_factory.mktemp("store")
    shutil.copy(empty_store, folder / "mlflow.db")
    return folder


@pytest.fixture
def world(tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DVC_ROOT", str(store))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{store / 'mlflow.db'}")
    for key, value in connection.QUIET.items():
        monkeypatch.setenv(key, value)
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "a")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "a@example.org")
    git("init", "-q", "-b", "main")
    Path("start").touch()
    Path(".gitignore").write_text(".cache\n*.db\n*.lock\n!dvc.lock\nsent.jsonl\nmlruns\n")
    git("add", "-A")
    git("commit", "-qm", "start")
    made = World()
    catch = f"import sys; open({str(tmp_path / SENT)!r}, 'a').write(sys.stdin.read())"
    params = {
        "source": {"name": tmp_path.name},
        "register": {"model_name": "m"},
        **{name: composed()[name] for name in ("retrain", "monitor", "monitoring")},
        "retraining": composed()["retraining"]
        | {"commit": "retrained", "notify_command": [sys.executable, "-c", catch], "notify_seconds": 20},
    }
    monkeypatch.setattr(config, "compose", lambda: json.dumps(params))
    monkeypatch.setattr("pipeline.choices.params_check.refuse_misfits", lambda params: None)
    monkeypatch.setattr(data_changes, "read_reference", lambda: made.reference)
    monkeypatch.setattr(data_changes, "ingest_now", lambda params: made.manifest)
    monkeypatch.setattr(pipeline_run, "run_pipeline", made.run)
    monkeypatch.setattr(retrainings, "champion_time", lambda name: NOW - timedelta(days=5) if made.versions else None)
    return made


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


def test_a_first_call_trains_and_the_next_one_has_nothing_to_do(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call() == 0
    assert story(world) == UNDISTURBED
    assert [one["outcome"] for one in lines(SENT)] == ["promoted"]
    assert "retrain: promoted (m version 1): because" in capsys.readouterr().out
    assert call(1) == 0
    assert world.runs == 1
    (_, idle) = lines(history.ALL)
    assert idle["outcome"] == "nothing_to_do"
    assert idle["decision"]["rules"]["age"]["sentence"] == "The champion is 6.0 days old; 90 are a reason."
    assert idle["data"]["changes"]["new"] == 0
    assert len(recorded_runs()) == 2
    assert len(lines(SENT)) == 1  # nobody wants to hear that nothing happened


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_kill_at_a_step_and_another_call_give_what_one_call_gives(
    world: World, step: str, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before: the step's work is done, and its record is not written. After: it is, and nothing else."""
    save = RetrainJournal.save

    def die(journal: RetrainJournal) -> None:
        if step in journal.results:
            if after:
                save(journal)
            raise Killed
        save(journal)

    with monkeypatch.context() as patch:
        patch.setattr(RetrainJournal, "save", die)
        with pytest.raises(Killed):
            call()
    assert call(1) == 0
    assert story(world) == UNDISTURBED
    keys = {one["key"] for one in lines(SENT)}
    assert keys == {one["key"] for one in lines(history.ALL)}
    assert len(lines(SENT)) == (2 if (step, after) == ("notify", False) else 1)


def test_the_gate_refuses_and_a_check_refuses_with_codes_of_their_own(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call() == 0
    world.add(*"bcdefghijklm")
    world.promotes = False
    assert call(1) == 3
    assert "retrain: refused (m version 2): because" in capsys.readouterr().err
    world.add(*"opqrstuvwxyz")
    world.failure = "check: stopped by label_suspects"
    assert call(2) == 4
    assert call(3) == 4  # as long as the data are wrong: the last finished run does not know them
    assert [one["outcome"] for one in lines(history.ALL)] == [
        *("promoted", "refused", "data_check_failed", "data_check_failed"),
    ]
    assert sorted(one.info.status for one in recorded_runs()) == ["FAILED", "FAILED", "FINISHED", "FINISHED"]
    assert len(git("log", "--format=%h", "retrained").splitlines()) == 3  # a run that failed commits nothing
    world.failure = ""
    world.promotes = True
    assert call(4) == 0
    assert lines(SENT)[-1]["version"] == "3"


def test_what_fails_after_the_model_is_tried_again_and_somebody_hears_of_both(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*words: Any) -> str:
        raise UserError("git commit: no space")

    with monkeypatch.context() as patch:
        patch.setattr(branch_commit, "commit_files", refuse)
        assert call() == 1
    assert "retrain: commit: git commit: no space" in capsys.readouterr().err
    assert lines(SENT)[0]["problems"] == ["commit: git commit: no space"]
    assert JOURNAL.exists()
    assert call(1) == 0
    assert world.runs == 1
    assert [one["problems"] for one in lines(SENT)] == [["commit: git commit: no space"], []]
    assert [one.data.tags["outcome"] for one in recorded_runs()] == ["promoted"]
    assert len(git("log", "--format=%h", "retrained").splitlines()) == 2


def test_a_dry_run_says_what_would_happen_and_changes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("pipeline.experiments.stale_stages.find_stale", lambda params: ["ingest", "train"])

    def content() -> dict[str, bytes]:
        return {
            str(path): path.read_bytes() for path in Path().rglob("*") if path.is_file() and ".git/" not in str(path)
        }

    before = content()
    command.main(dry_run=True, now=NOW)
    assert content() == before
    said = capsys.readouterr().out
    assert "would run ingest, train: No finished run is known here." in said
    assert "would commit dvc.lock and reports on retrained" in said
    assert call() == 0
    command.main(dry_run=True, now=NOW)
    assert "would do nothing: No labelled sample has changed" in capsys.readouterr().out


def test_a_second_call_names_the_holder_and_does_nothing(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    code = (
        "import sys; from datetime import datetime, UTC\n"
        "from pipeline.retraining.lock import lock_retraining\n"
        "with lock_retraining(datetime(2026, 2, 1, tzinfo=UTC)):\n"
        "    print('locked', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"locked\n"
        assert call() == command.LOCKED == 5
        said = capsys.readouterr().err
        assert f"process {other.pid} of {os.uname().nodename}, since 2026-02-01T00:00:00+00:00, retrains" in said
        assert world.runs == 0
        other.kill()
    assert lock.HOLDER.exists()  # of the dead process
    assert call() == 0
    assert not lock.HOLDER.exists()


def test_a_damaged_journal_is_named(world: World) -> None:
    JOURNAL.parent.mkdir(parents=True)
    JOURNAL.write_text("{}")
    with pytest.raises(UserError, match=r"journal\.json is no journal of a retraining; remove it"):
        steps.retrain(NOW)


def test_the_branch_that_is_checked_out_gets_these_files_alone(world: World) -> None:
    Path("own").write_text("staged by a person")
    git("add", "own")
    Path("dvc.lock").write_text("1")
    first = branch_commit.commit_files("main", [Path("dvc.lock"), Path("absent")], "Retrained", "k1")
    assert git("show", "--name-only", "--format=%s", first).split() == ["Retrained", "dvc.lock"]
    assert git("status", "--porcelain") == "A  own"
    assert branch_commit.commit_files("main", [Path("dvc.lock")], "Retrained", "k1") == first
    with pytest.raises(UserError, match=r"git check-ref-format: .*'a b' is not a valid branch name"):
        branch_commit.commit_files("a b", [], "Retrained", "k2")


def options(**changes: Any) -> Options:
    return Options(**(composed()["retraining"] | changes))


def test_a_notification_that_fails_is_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    wait = [sys.executable, "-c", "import time; time.sleep(60)"]
    notification.notify(options(notify_command=wait, notify_seconds=0.2), {})
    notification.notify(options(notify_command=["/nowhere/notify"]), {})
    notification.notify(options(notify_command=[sys.executable, "-c", "raise SystemExit('no mail')"]), {})
    notification.notify(options(notify_webhook="http://127.0.0.1:9/secret", notify_seconds=2), {})
    said = " ".join(capsys.readouterr().err.split())
    assert "took longer than 0.2 s and was ended" in said
    assert "/nowhere/notify cannot be started (No such file or directory)" in said
    assert "ended with 1 (no mail)" in said
    assert "the webhook of 127.0.0.1 fails (ConnectionError)" in said
    assert "secret" not in said


def test_a_webhook_gets_the_result() -> None:
    from http.server import BaseHTTPRequestHandler, HTTPServer
    from threading import Thread

    received = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            self.send_response(500 if "bad" in self.path else 204)
            self.end_headers()

        def log_message(self, *words: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Hook) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{server.server_port}"
        said = [
            notification.notify(options(notify_webhook=f"{base}/{name}"), {"outcome": name}) for name in ("good", "bad")
        ]
        server.shutdown()
    assert said == [
        ["the webhook of 127.0.0.1 answers 204"],
        ["the webhook of 127.0.0.1 answers 500 Internal Server Error"],
    ]
    assert received == [("/good", {"outcome": "good"}), ("/bad", {"outcome": "bad"})]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"notify_webhook": "ftp://x"}, "notify_webhook must be a URL"),
        ({"notify_command": []}, "notify_command is an empty list"),
        ({"commit": "-f"}, "commit must be the name of a branch or null, got '-f'"),
    ],
)
def test_wrong_options_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        config.instantiate(Options, composed()["retraining"] | change, "retraining")


def test_the_stage_that_stopped_a_run_is_found() -> None:
    stages = ["ingest", "check", "train"]
    printed = ["ingest: 5 pictures without a label", "check: stopped by shortcut", "page: reports/checks.html"]
    assert pipeline_run.find_failure(printed, stages) == ("check", "check: stopped by shortcut")
    assert pipeline_run.find_failure(["nothing"], stages) == ("", "")


def test_a_run_that_an_earlier_call_left_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pipeline_run.RUNNING.parent.mkdir(parents=True)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        held = {
            "/a": {"write": {"pid": other.pid, "cmd": "dvc repro"}},
            "/b": {"read": [{"pid": 2**22 + 1, "cmd": ""}]},
        }
        pipeline_run.RUNNING.write_text(json.dumps(held))
        assert pipeline_run.running_processes() == [other.pid]
        other.kill()
    assert pipeline_run.running_processes() == []
