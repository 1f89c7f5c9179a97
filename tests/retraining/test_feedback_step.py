"""Feedback is a step of a retraining: counted, committed, repeated after a kill, and announced by a dry run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from feedback_examples import digest_of, store_pictures, store_rows
from retraining_world import NOW, Killed, World, call, git, recorded_runs

from pipeline.choices.retraining_options import Options
from pipeline.commands import retrain as command
from pipeline.core import artifacts, config
from pipeline.core.errors import UserError
from pipeline.experiments.dvc_queue import Refusal
from pipeline.retraining import feedback_step, history, pipeline_run

PICTURES = [b"\x89PNG 0", b"\x89PNG 1", b"\x89PNG 2"]
SAID = [(0, "correct", ["dog"], "Ada"), (1, "confirm", ["cat"], "Ada"), (2, "discard", None, "Ada")]
SENTENCE = (
    "Feedback: 2 pictures with a label (2 new); left out: 1 discarded. Of 2 answers that people looked at 1 were right "
    "(50 %, 95 % interval 9 to 91 %); these are no random sample of all answers."
)  # the interval of 1 of 2 by Wilson's formula


@pytest.fixture
def folder(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """That of the feedback of a project with three corrected answers in a database, and a DVC that takes no time."""
    address = store_pictures(f"sqlite:///{tmp_path / '.cache/answers.db'}", PICTURES, SAID)
    params = json.loads(config.compose())
    params["retraining"]["feedback"] = address
    monkeypatch.setattr(config, "compose", lambda: json.dumps(params))

    def add(word: str, path: str) -> None:
        assert word == "add"
        Path(f"{path}.dvc").write_text(" ".join(sorted(one.name for one in Path(path).rglob("*"))))

    monkeypatch.setattr(feedback_step, "call_dvc", add)
    return artifacts.feedback_folder(tmp_path.name)


def test_what_people_said_is_a_result_a_figure_and_a_commit(
    world: World, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call() == 0
    assert SENTENCE in capsys.readouterr().out
    result = json.loads(history.LAST.read_text())
    assert result["feedback"] == {
        "pictures": 2, "new": 2, "discarded": 1, "contradicted": 0, "not_stored": 0, "no_longer_stored": 0,
        "other_models": 0, "answers": 2, "right": 1, "sentence": SENTENCE,
    }  # fmt: skip
    (run,) = recorded_runs()
    assert {name: value for name, value in run.data.metrics.items() if name.startswith("feedback/")} == {
        **{f"feedback/{name}": 2.0 for name in ("pictures", "new", "answers")},
        **{f"feedback/{name}": 1.0 for name in ("discarded", "right")},
        **{f"feedback/{name}": 0.0 for name in ("contradicted", "not_stored", "no_longer_stored", "other_models")},
    }
    assert f"{folder.as_posix()}.dvc" in git("ls-tree", "-r", "--name-only", "retrained").splitlines()
    assert call(1) == 0
    assert json.loads(history.LAST.read_text())["feedback"]["new"] == 0


@pytest.mark.parametrize("place", ["export_feedback", "call_dvc"])
def test_a_kill_within_the_step_costs_nothing(
    world: World, folder: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    def die(*words: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(feedback_step, place, die)
        with pytest.raises(Killed):
            call()
    assert call(1) == 0
    files = [f"{digest_of(one)}.png" for one in PICTURES[:2]]
    assert sorted(one.name for one in (folder / "pictures").iterdir()) == sorted(files)
    assert folder.with_name(f"{folder.name}.dvc").read_text().split() == sorted(
        [*files, "labels.csv", "left_out.csv", "pictures"]
    )
    assert world.runs == 1


def test_nothing_is_written_while_another_run_works_here(
    world: World, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its ingest may read the folder."""
    seen: list[bool] = []
    monkeypatch.setattr(pipeline_run, "wait_for_other_run", lambda: seen.append(folder.exists()))
    params = json.loads(config.compose())
    assert feedback_step.take_feedback(params, params["retraining"]["feedback"])["pictures"] == 2
    assert seen == [False]
    assert folder.exists()


@pytest.mark.parametrize("database", ["as it was", "empty", "of the project, missing"])
def test_feedback_that_a_fresh_clone_lacks_is_not_written_over(
    world: World, folder: Path, tmp_path: Path, database: str
) -> None:
    params = json.loads(config.compose())
    params["retraining"]["feedback"] = {
        "as it was": params["retraining"]["feedback"],
        "empty": store_rows(f"sqlite:///{tmp_path / '.cache/empty.db'}", []),
        "of the project, missing": "project",
    }[database]
    store = params["retraining"]["feedback"]
    record = folder.with_name(f"{folder.name}.dvc")
    record.parent.mkdir(parents=True)
    record.write_text("outs: []")
    message = rf"^{folder} is not here, but {record} records it; run dvc pull {record}, or set retraining\.pull=true"
    with pytest.raises(UserError, match=message):
        feedback_step.take_feedback(params, store)
    with pytest.raises(UserError, match=message), feedback_step.feedback_in_advance(params, store):
        pass
    assert not folder.exists()
    assert record.read_text() == "outs: []"
    assert feedback_step.take_feedback(params, None) == {}


def test_a_dry_run_says_what_would_be_taken_and_takes_nothing(
    world: World, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    roots: list[Path] = []
    monkeypatch.setattr("pipeline.experiments.stale_stages.find_stale", lambda params: [])
    monkeypatch.setattr(
        "pipeline.retraining.data_changes.ingest_now", lambda params, *root: roots.extend(root) or world.manifest
    )
    command.main(dry_run=True, now=NOW)
    said = capsys.readouterr().out
    assert SENTENCE in said
    assert "would run ingest and what follows" in said
    assert not artifacts.FEEDBACK.exists()
    assert [root.exists() for root in roots] == [False]


def test_a_database_or_dvc_that_refuses_is_an_error_of_the_call(
    world: World, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*words: str) -> None:
        raise Refusal("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(feedback_step, "call_dvc", refuse)
        assert call() == 1
    assert f"dvc add {folder}: no space left" in capsys.readouterr().err
    Path(".cache/answers.db").unlink()
    assert call(1) == 1
    assert "answers.db does not exist: no server has stored an answer there" in capsys.readouterr().err
    assert world.runs == 0


@pytest.mark.parametrize(
    ("store", "message"),
    [
        (
            "answers.db",
            "^feedback must be project, null, or the URL of a database such as sqlite:///answers.db, got 'an",
        ),
        ("postgresql://me:secret@host/db", "^feedback holds a password, and git keeps this file; leave it out of the"),
        ("postgresql://host/db?password=x", "^feedback holds a password, and git keeps this file"),
        ("postgresql://[host/db", "^feedback is no URL; write it as postgresql"),
    ],
)
def test_an_address_with_a_password_or_without_a_scheme_is_refused(store: str, message: str) -> None:
    others = {"update": [], "pull": False, "commit": None, "push": False, "notify_command": None}
    notify = {"notify_webhook": None, "notify_seconds": 1.0, "notify_always": False}
    with pytest.raises(ValueError, match=message):
        Options(**{**others, **notify}, feedback=store)  # type: ignore[arg-type]
    assert Options(**{**others, **notify}, feedback="postgresql+psycopg://me@host/db")  # type: ignore[arg-type]
