"""One call after another: killed at each step, without a reason, and with a run that fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from retraining_world import NOW, SENT, STEPS, UNDISTURBED, Killed, World, call, git, lines, recorded_runs, story

from pipeline.commands import retrain as command
from pipeline.core import config
from pipeline.core.errors import UserError
from pipeline.core.open_types import Params
from pipeline.retraining import branch_commit, data_changes, history, pipeline_run, steps
from pipeline.retraining.journal import JOURNAL, RetrainJournal


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


def test_the_data_of_before_promote_nothing_again(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """A, B, A, B: DVC restores the registrations of then, and the champion stays that of B."""
    before = world.manifest
    assert call() == 0
    world.add(*"bcdefghijklm")
    after = world.manifest
    assert (call(1), world.champion) == (0, "2")
    world.manifest = before
    assert call(2) == 0
    line = "No version is new: data/ holds version 1 of m, an earlier model; the champion is version 2."
    assert f"retrain: unchanged (m version 1): {line}" in capsys.readouterr().out
    world.manifest = after
    assert call(3) == 0
    assert "No version is new: data/ holds version 2 of m, the champion." in capsys.readouterr().out
    assert [one["outcome"] for one in lines(history.ALL)] == ["promoted", "promoted", "unchanged", "unchanged"]


def test_a_version_that_another_has_replaced_is_not_called_promoted(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call() == 0
    world.add(*"bcdefghijklm")
    run = world.run

    def run_and_roll_back() -> dict[str, Any]:
        found, world.champion = run(), "1"
        return found

    monkeypatch.setattr(pipeline_run, "run_pipeline", run_and_roll_back)
    assert call(1) == 3
    assert "The gate promoted version 2, but the champion is version 1 now." in capsys.readouterr().err


def test_a_store_that_does_not_answer_after_the_run_costs_no_second_run(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(version: str | None) -> dict[str, Any]:
        raise UserError("MLflow does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(pipeline_run, "read_outcome", refuse)
        with pytest.raises(UserError, match="MLflow does not answer"):
            call()
    assert call(1) == 0
    assert story(world) == UNDISTURBED
    assert world.runs == 1


def test_a_commit_waits_for_the_push_of_its_data(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who has the commit must be able to pull what it names."""
    pushes: list[tuple[str, ...]] = []

    def refuse(*words: str) -> None:
        pushes.append(words)
        raise UserError("dvc push: no connection")

    params = json.loads(config.compose())
    params["retraining"]["push"] = True
    monkeypatch.setattr(config, "compose", lambda: json.dumps(params))
    with monkeypatch.context() as patch:
        patch.setattr(steps, "call", refuse)
        assert call() == 1
    assert lines(SENT)[0]["problems"] == ["push: dvc push: no connection"]
    assert git("branch", "--format=%(refname:short)") == "main"
    monkeypatch.setattr(steps, "call", lambda *words: pushes.append(words))
    assert call(1) == 0
    assert pushes == [("push",), ("push",)]
    assert git("log", "--format=%s", "retrained").splitlines()[0] == "Retrained: m version 1, promoted"
    assert world.runs == 1


def test_data_that_ingest_would_refuse_end_with_the_code_of_data(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a dry run, too."""

    def refuse(params: Params) -> pd.DataFrame:
        raise data_changes.DataRefused("ingest: 3 of 8 items were refused")

    monkeypatch.setattr(data_changes, "ingest_now", refuse)
    with pytest.raises(SystemExit) as end:
        command.main(dry_run=True, now=NOW)
    assert end.value.code == 4
    assert "retrain: would end with data check failed: ingest: 3 of 8 items" in capsys.readouterr().err
    assert not history.ALL.exists()
    assert call() == 4
    assert lines(history.ALL)[0]["reasons"] == ["ingest: 3 of 8 items were refused"]
    assert world.runs == 0


def test_a_merge_conflict_in_the_history_is_named_and_its_end_lets_the_next_call_finish(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    history.ALL.parent.mkdir()
    history.ALL.write_text('{"key": "a"}\n<<<<<<< HEAD\n{"key": "b"}\n')
    for _ in range(2):
        assert call() == 1
        assert (
            "retrain: write: reports/retrains.jsonl, line 2: found '<<<<<<< HEAD', expected the JSON of a retraining; "
            "resolve the merge conflict or remove the line"
        ) in " ".join(capsys.readouterr().err.split())
    history.ALL.write_text('{"key": "a"}\n{"key": "b"}\n')
    assert call(1) == 0
    assert world.runs == 1
    assert [one["key"] for one in lines(history.ALL)][:2] == ["a", "b"]
    assert len(lines(history.ALL)) == 3
