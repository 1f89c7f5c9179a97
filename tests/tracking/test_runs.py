"""One run per execution: opened by train, completed by register, found again by its key."""

import json
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import mlflow
import pandas as pd
import pytest

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.estimate import Estimate
from pipeline.tracking import owners, runs
from pipeline.tracking.connection import connect, find
from pipeline.tracking.experiments import dataset_of, open_experiment
from pipeline.tracking.figures import CROSS, INTERVALS, MAX_CLASSES, metric_name
from pipeline.tracking.parameters import MAX_PARAM_LENGTH
from pipeline.tracking.runs import KEY, RESULTS, commit, completed_run, log_results

pytestmark = pytest.mark.xdist_group("tracking")

PARAMS = {"train": {"epochs": 2, "views": ["identity"]}, "image_size": 16, "augmentation": {}}
CURVES = pd.DataFrame(
    {"epoch": [1, 2], "train_loss": [0.7, 0.5], "val_f1_macro": [0.4, 0.6], "learning_rate": [0.1, 0.0]}
)
FEW, LONE = "it rests on 7 independent groups only", "no interval: it rests on 1 independent group, fewer than 5"
METRICS = {
    "final_test": {
        "accuracy": Estimate(value=0.9, low=0.8, high=0.95, n=20, groups=7, caveat=FEW),
        "f1/<cat>": Estimate(value=0.5, low=None, high=None, n=2, groups=1, caveat=LONE),
        "f1/dog": Estimate(value=None, low=None, high=None, n=0, groups=0),
    },
    "final_val": {"accuracy": Estimate(value=0.95, low=0.9, high=0.99, n=30, groups=30)},
}


def with_key(key, tag=KEY):
    return find(*connect(), tag, key)


def curve(client, run, name):
    return [(point.step, point.value) for point in client.get_metric_history(run.info.run_id, name)]


def train(key, params=PARAMS, curves=CURVES):
    with runs.training_run(key, params) as log:
        for row in curves.to_dict("records"):
            log(int(row["epoch"]), {**row, "images_per_second": 100.0 / min(1, row["epoch"])})


def test_training_is_logged_and_found_again(store, client):
    train("logged")
    (run,) = with_key("logged")
    assert run.info.status == "FINISHED"
    assert curve(client, run, "train/loss") == [(1, 0.7), (2, 0.5)]
    assert curve(client, run, "val/f1_macro") == [(1, 0.4), (2, 0.6)]
    assert curve(client, run, "train/learning_rate") == [(1, 0.1), (2, 0.0)]
    assert curve(client, run, "train/images_per_second") == [(1, 100.0), (2, 100.0)]
    assert "train/epoch" not in run.data.metrics
    assert run.data.params == {"epochs": "2", "image_size": "16", "augmentation": "none"}
    assert run.data.tags["mlflow.source.name"] == "dvc repro"
    assert mlflow.active_run() is None


def test_a_second_training_of_the_same_key_logs_nothing_twice(store, client):
    train("twice")
    train("twice")
    (run,) = with_key("twice")
    assert curve(client, run, "train/loss") == [(1, 0.7), (2, 0.5)]


@pytest.mark.parametrize(("second", "num_runs"), [("same bytes", 1), ("other bytes", 2)])
def test_other_code_that_makes_the_same_predictor_is_the_same_run(store, client, second, num_runs):
    """A comment or a renamed variable retrains, and ends as the run and the version that were there."""
    key = f"other code, {second}"
    for code, made in (("code 1", "same bytes"), ("code 2", second)):
        with runs.training_run(key, PARAMS, f"{key} {code}") as log:
            log(1, {"epoch": 1, "train_loss": 0.7})
            log.record_output(f"{key} {made}")
    found = with_key(key)
    assert [run.info.status for run in found] == ["FINISHED"] * num_runs
    assert f"{key} same bytes" in {run.data.tags[runs.MADE] for run in found}


def test_results_go_to_the_run_that_made_them(store, client):
    """Of one data set and one choice, by two versions of the code, of which the first was never evaluated."""
    for code in ("first", "second"):
        with runs.training_run("two codes", PARAMS, f"two codes {code}") as log:
            log(1, {"epoch": 1, "train_loss": 0.7})
            log.record_output(f"two codes, made by {code}")
    ids = {run.data.tags[runs.MADE]: run.info.run_id for run in with_key("two codes")}
    for made in ("two codes, made by first", "two codes, made by second"):
        run_id, _ = completed_run("two codes", f"results of {made}", PARAMS, CURVES, METRICS, made)
        assert run_id == ids[made]
    run_id, _ = completed_run("two codes", "results from elsewhere", PARAMS, CURVES, METRICS, "made elsewhere")
    assert run_id not in ids.values()
    assert client.get_run(run_id).data.tags[runs.MADE] == "made elsewhere"


def test_a_failed_run_that_made_the_same_is_not_taken_for_the_later_one(store, client):
    def fail():
        with runs.training_run("fails late", PARAMS, "code 1") as log:
            log.record_output("fails late, made")
            raise RuntimeError("late")

    with pytest.raises(RuntimeError, match=r"^late$"):
        fail()
    with runs.training_run("fails late", PARAMS, "code 2") as log:
        log.record_output("fails late, made")
    assert sorted(run.info.status for run in with_key("fails late")) == ["FAILED", "FINISHED"]


def test_a_failure_is_marked_and_the_next_attempt_opens_another_run(store, client):
    with pytest.raises(ZeroDivisionError):
        train("failing", curves=pd.DataFrame({"epoch": [0]}))
    assert [run.info.status for run in with_key("failing")] == ["FAILED"]
    assert mlflow.active_run() is None
    train("failing")
    assert sorted(run.info.status for run in with_key("failing")) == ["FAILED", "FINISHED"]


def test_a_run_that_was_left_behind_is_closed(store, client):
    tags = {KEY: "killed", **owners.owner(), owners.PROCESS: "gone"}
    left = client.create_run(open_experiment(client, None), tags=tags).info.run_id
    train("killed")
    assert client.get_run(left).info.status == "KILLED"
    assert sorted(run.info.status for run in with_key("killed")) == ["FINISHED", "KILLED"]


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (UserError("lower train.learning_rate\nat once"), "FAILED", "UserError: lower train.learning_rate at once"),
        (RuntimeError("http://u:hunter2@h " + "x" * 9000), "FAILED", f"RuntimeError: http://***@h {'x' * 9000}"[:1000]),
        (KeyboardInterrupt(), "KILLED", "interrupted (KeyboardInterrupt)"),
        (SystemExit(1), "KILLED", "interrupted (SystemExit)"),
    ],
)
def test_a_failed_try_says_why(store, error, status, reason):
    key = f"fails with {type(error).__name__}"
    with pytest.raises(type(error)), runs.training_run(key, PARAMS):
        raise error
    (run,) = with_key(key)
    assert (run.info.status, run.data.tags["error"]) == (status, reason)


def test_a_users_error_keeps_its_text(store):
    with pytest.raises(UserError, match=r"^lower train\.learning_rate$"), runs.training_run("mistake", PARAMS):
        raise UserError("lower train.learning_rate")


def test_the_name_of_a_dvc_experiment_is_a_tag(store, monkeypatch):
    monkeypatch.setenv("DVC_EXP_NAME", "spiky-owl")
    train("named")
    (run,) = with_key("named")
    assert run.data.tags["dvc.experiment"] == "spiky-owl"
    assert run.info.run_name != "spiky-owl"


def test_runs_are_in_the_experiment_of_their_data_set_under_a_name_that_tells_them_apart(store, client):
    params = {"source": {"name": "beetles"}, "encoder": {"architecture": "resnet18"}, "train": {"epochs": 2}}
    params["train"]["_target_"] = "pipeline.training.trainers.finetune.FineTune"
    train("own experiment", params)
    run_id, _ = completed_run(
        "own experiment, again", "results of beetles", params, CURVES, METRICS, facts={"samples": 7}
    )
    trained, again = with_key("own experiment")[0], client.get_run(run_id)
    experiment = client.get_experiment_by_name("colibri-beetles")
    assert dataset_of(params) == experiment.tags["colibri.dataset"] == "beetles"
    assert trained.info.experiment_id == again.info.experiment_id == experiment.experiment_id
    assert trained.info.run_name == again.info.run_name
    assert trained.info.run_name.startswith("beetles · resnet18 fine-tuned · 2 epochs · ")
    assert again.data.params == trained.data.params | {"samples": "7"}
    assert completed_run("own experiment", "its results", params, CURVES, METRICS)[0] == trained.info.run_id


def test_a_run_of_before_in_the_common_experiment_is_found(store, client):
    old = client.create_run(open_experiment(client, None), tags={KEY: "of before", RESULTS: "results of before"})
    client.set_terminated(old.info.run_id)
    params = {"source": {"name": "beetles"}, "train": {"epochs": 2}}
    assert completed_run("of before", "results of before", params, CURVES, METRICS) == (old.info.run_id, True)


def test_many_and_long_parameters(store):
    long = {
        "source": {"name": "x" * 9_000},
        "train": {"odd(key)": 1, **{f"p{number}": number for number in range(205)}},
    }
    run_id, _ = completed_run(
        "long", "long results", {**long, "source": {}}, CURVES, METRICS, facts={"text": "x" * 9_000}
    )
    params = connect()[0].get_run(run_id).data.params
    assert params["p204"] == "204"
    assert params["text"] == "x" * MAX_PARAM_LENGTH
    assert params["odd_key_"] == "1"


def test_results_go_into_the_run_that_training_opened(store, client):
    train("one run")
    run_id, complete = completed_run("one run", "its results", PARAMS, CURVES, METRICS)
    (run,) = with_key("one run")
    assert (run.info.run_id, complete) == (run_id, False)
    assert {name: value for name, value in run.data.metrics.items() if name.startswith(("final_", "per_class/"))} == {
        "final_test/accuracy": 0.9,
        f"per_class/{metric_name('f1/<cat>')}": 0.5,
        "final_val/accuracy": 0.95,
    }
    assert curve(client, run, "train/loss") == [(1, 0.7), (2, 0.5)]  # not logged a second time


def test_results_without_training_get_a_run_with_the_curves(store, client):
    run_id, complete = completed_run("from the cache", "cached results", PARAMS, CURVES, METRICS)
    (run,) = with_key("from the cache")
    assert (run.info.run_id, run.info.status, complete) == (run_id, "FINISHED", False)
    assert curve(client, run, "train/loss") == [(1, 0.7), (2, 0.5)]
    assert curve(client, run, "val/f1_macro") == [(1, 0.4), (2, 0.6)]
    assert run.data.params["epochs"] == "2"
    assert run.data.metrics["final_test/accuracy"] == 0.9


def test_a_pretraining_is_part_of_the_run_and_nothing_is_said_of_none(store, client):
    rows = pd.DataFrame({"epoch": [1, 2], "loss": [4.0, 3.0], "effective_rank": [2.0, 8.0]})
    train("pretrained")  # which has no figures of the stage before it
    run_id, _ = completed_run("pretrained", "pretrained results", PARAMS, CURVES, METRICS, pretraining=rows)
    run = client.get_run(run_id)
    assert curve(client, run, "pretrain/loss") == [(1, 4.0), (2, 3.0)]
    assert curve(client, run, "pretrain/effective_rank") == [(1, 2.0), (2, 8.0)]
    assert curve(client, run, "train/loss") == [(1, 0.7), (2, 0.5)]
    run_id, _ = completed_run("unchanged", "other results", PARAMS, CURVES, METRICS, pretraining=rows.head(0))
    assert not [name for name in client.get_run(run_id).data.metrics if name.startswith("pretrain")]


def test_intervals_are_a_table_of_the_run(store, client, project):
    run_id, _ = completed_run("intervals", "interval results", PARAMS, CURVES, METRICS)
    completed_run("intervals", "interval results", PARAMS, CURVES, METRICS)  # an interrupted attempt, made again
    table = json.loads(Path(client.download_artifacts(run_id, INTERVALS, str(project))).read_text())
    assert table == {
        "columns": ["metric", "value", "low", "high", "n", "groups", "caveat"],
        "data": [
            ["final_test/accuracy", 0.9, 0.8, 0.95, 20, 7, FEW],
            ["final_test/f1/<cat>", 0.5, None, None, 2, 1, LONE],
            ["final_test/f1/dog", None, None, None, 0, 0, ""],
            ["final_val/accuracy", 0.95, 0.9, 0.99, 30, 30, ""],
        ],
    }
    assert INTERVALS in client.get_run(run_id).data.tags["mlflow.loggedArtifacts"]


def test_the_same_results_are_one_run_and_others_another(store, client):
    first, _ = completed_run("reused", "results 1", PARAMS, CURVES, METRICS)
    client.set_tag(first, RESULTS, "results 1")  # as attach() does at its end
    assert completed_run("reused", "results 1", PARAMS, CURVES, METRICS) == (first, True)
    second, complete = completed_run("reused", "results 2", PARAMS, CURVES, METRICS)
    assert second != first
    assert not complete
    assert len(with_key("reused")) == 2


def test_an_attempt_that_was_interrupted_is_taken_up_again(store):
    first, _ = completed_run("interrupted", "results 3", PARAMS, CURVES, METRICS)
    assert completed_run("interrupted", "results 3", PARAMS, CURVES, METRICS) == (first, False)


def test_attach_logs_files_and_the_data_set_then_marks_the_run(store, client, project):
    artifacts.write_text(artifacts.METRICS, "{}")
    (project / "params.yaml").write_text("a: 1\n")
    run_id, _ = completed_run("attached", "results 4", PARAMS, CURVES, METRICS)
    logged = {"": [project / "params.yaml"], "evaluation": [artifacts.METRICS, artifacts.REPORT]}
    table = pd.DataFrame({"sample_id": ["s0", "s1"], "split": ["train", "test"], "labels": ["a", "b"]})
    log_results(run_id, "results 4", logged, table, "pictures", "0123456789abcdef")
    (run,) = with_key("results 4", RESULTS)
    assert run.info.run_id == run_id
    assert run.info.status == "FINISHED"
    assert sorted(one.path for one in client.list_artifacts(run_id)) == ["evaluation", "params.yaml"]
    assert [one.path for one in client.list_artifacts(run_id, "evaluation")] == [
        INTERVALS,
        "evaluation/metrics.json",
    ]
    (used,) = run.inputs.dataset_inputs
    assert (used.dataset.name, used.dataset.digest) == ("pictures", "01234567")
    profile = json.loads(used.dataset.profile)
    assert (profile["num_rows"], profile["split"], profile["labels"]) == (2, {"train": 1, "test": 1}, {"a": 1, "b": 1})
    assert [column["name"] for column in json.loads(used.dataset.schema)["mlflow_colspec"]] == list(table)
    assert {tag.key: tag.value for tag in used.tags} == {"mlflow.data.context": "training"}
    assert completed_run("attached", "results 4", PARAMS, CURVES, METRICS) == (run_id, True)


def test_every_class_name_is_accepted_by_mlflow(store):
    names = [f"f1/{one}" for one in ("a%b", "ä ö", "猫", "<&>\"'", "a\nb", ".", "..", "/", " ", "", "x" * 300)]
    metrics = {name: Estimate(value=1.0, low=0.5, high=1.0, n=1, groups=1) for name in names}
    run_id, _ = completed_run("odd names", "odd results", PARAMS, CURVES, {"final_test": metrics})
    logged = connect()[0].get_run(run_id).data.metrics
    assert {name for name in logged if "class/" in name} == {f"per_class/{metric_name(name)}" for name in names}


def test_commit(project, monkeypatch):
    assert commit() == ""
    quiet = {"check": True, "capture_output": True}
    subprocess.run(["git", "init"], **quiet)
    assert commit() == ""  # nothing was committed yet
    author = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *author, "commit", "--allow-empty", "-m", "first"], **quiet)
    assert len(commit()) == 40
    monkeypatch.setenv("PATH", "")
    assert commit() == ""


def test_choices_that_differ(store, client, project):
    """By params.yaml of each run; by the parameters where that is gone."""
    ids = []
    for number, text in enumerate(
        (
            "train: {epochs: 2, seed: 0}\nx: null\ngate: {min_gain: 0}\n",
            "train: {epochs: 3, seed: 0, ema: 0.9}\nx: null\ngate: {min_gain: 1}\n",
        )
    ):
        (project / "params.yaml").write_text(text)
        ids += [completed_run(f"way {number}", f"way {number}", PARAMS, CURVES, METRICS)[0]]
        client.log_artifact(ids[-1], str(project / "params.yaml"))
    assert runs.differing_params(*ids) == ["train.ema", "train.epochs"]
    assert runs.differing_params(ids[0], ids[0]) == []
    of_before = client.create_run(open_experiment(client, None)).info.run_id
    for name, text in (("train.epochs", "2"), ("train.seed", "1"), ("x", "None")):
        client.log_param(of_before, name, text)
    assert runs.differing_params(of_before, ids[0]) == ["train.seed"]


def test_figures_of_many_classes_are_in_the_table_alone(store, client, project):
    one = METRICS["final_test"]["accuracy"]
    figures = {"accuracy": one, f"{CROSS}accuracy": one}
    figures |= {f"recall/class {number}": one for number in range(MAX_CLASSES + 1)}
    run_id, _ = completed_run("many classes", "many classes", PARAMS, pd.DataFrame(), {"final_test": figures})
    assert client.get_run(run_id).data.metrics == {"final_test/accuracy": 0.9, "frozen_features/accuracy": 0.9}
    table = json.loads(Path(client.download_artifacts(run_id, INTERVALS, str(project))).read_text())
    assert len(table["data"]) == MAX_CLASSES + 3


def test_the_first_metric_of_a_run_is_one_on_val_and_the_machines_use_comes_later(store, client):
    """MLflow's page that compares runs opens with the metric that was logged first."""
    train("order")
    (run,) = with_key("order")
    with closing(sqlite3.connect(store / "mlflow.db")) as database:
        query = "SELECT key FROM latest_metrics WHERE run_uuid = ? ORDER BY rowid"
        names = [row[0] for row in database.execute(query, (run.info.run_id,))]
    assert names[:2] == ["val/f1_macro", "train/loss"]
    assert min(names.index(name) for name in names if name.startswith("usage/")) > 4
