"""What happens in each month of benchmarks/year.py, and what must come of it; and the story that all records tell."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import astuple, dataclass, replace
from typing import Any

import pandas as pd
import yaml

from benchmarks.killed_retrain import STEPS
from benchmarks.retrained_project import DIGITS, MODEL, RetrainedProject, brighten, kill, other_camera, outcomes


@dataclass(frozen=True)
class Month:
    """A month.

    Attributes:
        name: Its name.
        happen: Arranges the data, calls the command and asserts; returns what came of it.
    """

    name: str
    happen: Callable[[RetrainedProject], str]


def begin(project: RetrainedProject) -> str:
    code, said = project.call()
    assert code == 0, said
    assert project.champion() == "1"
    return "first model, promoted"


def nothing(project: RetrainedProject) -> str:
    before = project.outputs(), project.git("status", "--porcelain"), project.history()
    code, said = project.call("--dry-run")
    assert code == 0, said
    assert "would do nothing" in said, said
    assert (project.outputs(), project.git("status", "--porcelain"), project.history()) == before
    expect_nothing(project, "No labelled sample has changed")
    return "no action, recorded"


def new_data(project: RetrainedProject) -> str:
    """Many new pictures, and two calls at once: one works, the other names it and ends."""
    project.add(50)
    before = count_all(project)
    first = project.start()
    project.wait_for(lambda: project.writer("retrain") is not None, first)
    worker = project.writer("retrain")
    code, said = project.call()
    assert code == 5, said
    assert f"process {worker} of" in said, said
    last = expect_one_more(project, before, first.wait())
    assert last["outcome"] == "promoted", last["reasons"]
    assert last["data"]["changes"]["new"] == 50 * len(DIGITS)
    assert project.champion() == "2"
    return f"new data and two calls at once: one promotes ({last['reasons'][0]}), one ends with 5"


def idle(project: RetrainedProject) -> str:
    expect_nothing(project, "")
    return "no action"


def too_few(project: RetrainedProject) -> str:
    project.add(1)
    expect_nothing(project, "No rule gives a reason to retrain.")
    return "too few new pictures, no action"


def brighter(project: RetrainedProject) -> str:
    """Brighter pictures, and a kill in each step: as many calls as steps, and another for the rest."""
    project.add(12, look=brighten, prefix="bright_")
    before = count_all(project)
    for step in STEPS:
        project.call_killed(step)
    code, said = project.call()
    assert "going on with the call of" in said, said
    last = expect_one_more(project, before, code)
    assert last["data"]["drift"]["state"] == "drifted", last["data"]["drift"]
    assert last["decision"]["rules"]["drift"]["says"] == "retrain"
    return f"brighter pictures and a kill in each of {len(STEPS)} steps: drift, {last['outcome']}"


def mislabelled(project: RetrainedProject) -> str:
    """Pictures that the project has are delivered again, under wrong labels."""
    champion, versions = project.champion(), len(project.versions())
    commits = project.git("rev-parse", "retrained")
    added = project.deliver_again(8)
    code, said = project.call()
    last = project.history()[-1]
    assert (last["outcome"], code) == ("data_check_failed", 4), said
    assert "conflicting_labels" in last["reasons"][0], last
    assert (project.champion(), len(project.versions())) == (champion, versions)
    assert project.git("rev-parse", "retrained") == commits
    for path in added:
        path.unlink()
    return f"mislabelled data, {last['outcome']}: {last['reasons'][0]}; the champion stays"


def mended(project: RetrainedProject) -> str:
    """The mislabelled pictures are gone: the run that a check stopped is as if it had not been."""
    expect_nothing(project, "No rule gives a reason to retrain.")
    return "mislabelled pictures taken out, no action"


def other_machine(project: RetrainedProject) -> str:
    """A checkout of the last commit without data or DVC's cache, as in a new container: the remote has all."""
    project.git("checkout", "retrained", "--", "dvc.lock", "params.yaml")
    project.git("reset", "-q")
    for name in ("data/manifest.parquet", "data/predictor", "data/packed", "data/assignments", ".dvc/cache"):
        path = project.folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    project.set_option("push: true", "push: true\n  pull: true")
    expect_nothing(project, "")
    assert project.history()[-1]["data"]["changes"]["num_before"] is not None
    card = json.loads((project.folder / "data/predictor/card.json").read_text())
    assert len(card["classes"]) == len(DIGITS)
    found = json.loads(project.dvc("data", "status", "--json"))
    assert "uncommitted" not in found, found  # the folder has what dvc.lock says
    project.set_option("\n  pull: true", "")
    return "a machine without data pulls them, no action"


def new_camera(project: RetrainedProject) -> str:
    """Pictures of another camera; the caller is killed while DVC works, then all processes in train, and in register.

    After the first kill DVC goes on alone, and the next call waits for its end.
    """
    project.add(12, look=other_camera, prefix="camera_")
    before = count_all(project)
    train, ingest = project.writer("train"), project.writer("ingest")
    first = project.start()
    project.wait_for(lambda: project.writer("ingest") != ingest, first)
    caller = project.writer("retrain")
    assert caller is not None
    kill(caller)
    first.wait()
    second = project.start()
    project.wait_for(lambda: project.writer("train") != train, second)
    kill(second.pid, group=True)
    kill(first.pid, group=True)  # DVC, which still works
    second.wait()
    assert "still runs stages here, waiting for its end" in project.printed()
    decided = len(project.read_lines("reports/promotions.jsonl"))
    third = project.start()
    project.wait_for(lambda: len(project.read_lines("reports/promotions.jsonl")) > decided, third)
    kill(third.pid, group=True)  # the line is written, and the alias may not have moved
    third.wait()
    code, said = project.call()
    assert "going on with the call of" in said, said
    last = expect_one_more(project, before, code)
    assert last["data"]["drift"]["state"] == "drifted", last["data"]["drift"]
    return f"another camera, and kills in ingest, train and register: drift, {last['outcome']}"


def corrected(project: RetrainedProject) -> str:
    """People correct answers of the server, one of them twice; a call is killed after it has fetched what they said."""
    digits = project.correct(6)
    before = count_all(project)
    project.call_killed("feedback")
    code, said = project.call()
    assert "going on with the call of" in said, said
    last = expect_one_more(project, before, code)
    feedback = last["feedback"]
    assert (feedback["pictures"], feedback["answers"], feedback["right"]) == (len(digits), len(digits), 0), feedback
    assert last["data"]["changes"]["from_feedback"] == len(digits)
    manifest = pd.read_parquet(project.folder / "data/manifest.parquet").set_index("sample_id")
    taken = manifest[manifest["attr_origin"] == "feedback"]
    assert {name: labels.tolist() for name, labels in taken["labels"].items()} == {
        f"feedback:{digest}.png": [label] for digest, label in digits.items()
    }
    splits = pd.read_parquet(project.folder / "data/splits.parquet").set_index("sample_id")
    assert set(splits.loc[splits.index.isin(taken.index), "split"]) == {"train"}
    assert "data/feedback/pictures.dvc" in project.git("show", "--format=", "--name-only", "retrained")
    return f"{len(digits)} corrected answers and a kill after they were fetched: {last['outcome']}"


MONTHS = [
    Month("January", begin),
    Month("February", nothing),
    Month("March", new_data),
    Month("April", brighter),
    Month("May", idle),
    Month("June", new_camera),
    Month("July", too_few),
    Month("August", mislabelled),
    Month("September", mended),
    Month("October", other_machine),
    Month("November", corrected),
    Month("December", idle),
]


@dataclass(frozen=True)
class Counts:
    """What is recorded by now: lines, versions, runs, commits, notified retrainings."""

    history: int
    versions: int
    runs: int
    commits: int
    notified: int


def count_all(project: RetrainedProject) -> Counts:
    return Counts(
        history=len(project.history()),
        versions=len(project.versions()),
        runs=len(retrain_runs(project)),
        commits=len(project.git("log", "--format=%h", "main..retrained")),
        notified=len({one["key"] for one in project.read_lines("sent.jsonl")}),
    )


def expect_one_more(project: RetrainedProject, before: Counts, code: int) -> dict[str, Any]:
    """The last retraining, after one more of everything, and not two; no picture is lost."""
    last = project.history()[-1]
    assert (last["outcome"], code) in (("promoted", 0), ("refused", 3)), (last["outcome"], code, last["reasons"])
    found, expected = count_all(project), Counts(*(number + 1 for number in astuple(before)))
    assert found == expected, f"{found}, expected {expected}"
    assert not (project.folder / ".cache/retrain/journal.json").exists()
    pictures = {str(path.relative_to(project.folder / "pictures")) for path in project.pictures()}
    manifest = pd.read_parquet(project.folder / "data/manifest.parquet")
    assert {name for name in manifest["sample_id"] if not name.startswith("feedback:")} == pictures
    weights = [one.tags["weights"] for one in project.versions() if "weights" in one.tags]
    assert len(set(weights)) == len(weights)
    return last


def expect_nothing(project: RetrainedProject, reason: str) -> None:
    before = count_all(project)
    code, said = project.call()
    assert code == 0, said
    last = project.history()[-1]
    assert last["outcome"] == "nothing_to_do", last
    assert reason in last["reasons"][0], last
    expected = replace(before, history=before.history + 1, runs=before.runs + 1)
    assert count_all(project) == expected


def retrain_runs(project: RetrainedProject) -> list[Any]:
    client = project.client()
    experiment = client.get_experiment_by_name("retrain-colibri-pictures")
    if experiment is None:
        return []
    return list(client.search_runs([experiment.experiment_id], order_by=["attributes.start_time ASC"]))


def check_story(project: RetrainedProject) -> None:
    """The history, MLflow's runs, versions and aliases, the record of promotions, git and the remote agree."""
    history, runs, versions = project.history(), retrain_runs(project), project.versions()
    assert [one.data.tags["outcome"] for one in runs] == outcomes(history)
    assert [one.data.tags["colibri.retraining"] for one in runs] == [one["key"] for one in history]
    assert [one.data.tags.get("version") for one in runs] == [one.get("version") for one in history]
    ran = [one for one in history if "version" in one]
    numbers = [one["version"] for one in ran]
    assert numbers == [str(one.version) for one in versions] == [str(1 + place) for place in range(len(ran))]
    decisions = project.read_lines("reports/promotions.jsonl")
    assert [(one["version"], one["promoted"]) for one in decisions] == [
        (one["version"], one["outcome"] == "promoted") for one in ran
    ]
    promoted, champion = [one["version"] for one in ran if one["outcome"] == "promoted"], None
    for decision in decisions:
        assert decision["champion_before"] == champion
        champion = decision["version"] if decision["promoted"] else champion
    model = project.client().get_registered_model(MODEL)
    assert {name: str(version) for name, version in model.aliases.items()} == {
        "champion": promoted[-1],
        "challenger": numbers[-1],
    }
    check_git(project, ran)
    assert {one["key"] for one in project.read_lines("sent.jsonl")} == {
        one["key"] for one in history if one["outcome"] != "nothing_to_do"
    }


def check_git(project: RetrainedProject, ran: list[dict[str, Any]]) -> None:
    """A commit for each run, with the decisions up to it, whose data the remote has."""
    commits = project.git("log", "--reverse", "--format=%H", "main..retrained")
    subjects = project.git("log", "--reverse", "--format=%s", "main..retrained")
    assert subjects == [f"Retrained: {MODEL} version {one['version']}, {one['outcome']}" for one in ran]
    for number, (commit, retraining) in enumerate(zip(commits, ran, strict=True), 1):
        assert f"Retraining: {retraining['key']}" in project.git("log", "-1", "--format=%b", commit)
        recorded = [json.loads(line) for line in project.git("show", f"{commit}:reports/promotions.jsonl")]
        assert [entry["version"] for entry in recorded] == [entry["version"] for entry in ran[:number]]
        last = json.loads("\n".join(project.git("show", f"{commit}:reports/retrain.json")))
        assert last["key"] == retraining["key"]
        lock = yaml.safe_load("\n".join(project.git("show", f"{commit}:dvc.lock")))
        for output in [output for stage in lock["stages"].values() for output in stage["outs"]]:
            if output["path"] != "params.yaml":  # git has it
                stored = project.remote / "files/md5" / output["md5"][:2] / output["md5"][2:]
                assert stored.exists(), (retraining["version"], output["path"])
