"""One run per execution: opened by train, completed by register, found again by its key."""

import hashlib
import json
import subprocess
from pathlib import Path

import mlflow
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.estimate import Estimate
from pipeline.tracking import owners, runs
from pipeline.tracking.connection import connect, find
from pipeline.tracking.runs import KEY, RESULTS, commit, completed_run, flatten, log_results, metric_name
from pipeline.training.recipe import SECTIONS

pytestmark = pytest.mark.xdist_group("tracking")

PARAMS = {"train": {"epochs": 2, "views": ["identity"]}, "beside": None, "augmentation": {}}
CURVES = pd.DataFrame(
    {"epoch": [1, 2], "train_loss": [0.7, 0.5], "val_f1_macro": [0.4, 0.6], "learning_rate": [0.1, 0.0]}
)
FEW, LONE = "it rests on 7 independent groups only", "no interval: it rests on 1 independent group, fewer than 5"
METRICS = {
    "test": {
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
    assert run.data.params == {
        "train.epochs": "2",
        "train.views": "['identity']",
        "beside": "None",
        "augmentation": "{}",
    }
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
    left = client.create_run(connect()[1], tags=tags).info.run_id
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


def test_the_name_of_an_experiment_becomes_the_runs(store, monkeypatch):
    monkeypatch.setenv("DVC_EXP_NAME", "spiky-owl")
    train("named")
    (run,) = with_key("named")
    assert run.info.run_name == run.data.tags["dvc.experiment"] == "spiky-owl"


def test_many_and_long_parameters(store):
    train("long", {"many": {f"p{number}": number for number in range(205)}, "text": "x" * 9_000, "odd(key)": 1})
    (run,) = with_key("long")
    assert len(run.data.params) == 207
    assert run.data.params["many.p204"] == "204"
    assert run.data.params["text"] == "x" * runs.MAX_PARAM_LENGTH
    assert run.data.params["odd_key_"] == "1"


def test_results_go_into_the_run_that_training_opened(store, client):
    train("one run")
    run_id, complete = completed_run("one run", "its results", PARAMS, CURVES, METRICS)
    (run,) = with_key("one run")
    assert (run.info.run_id, complete) == (run_id, False)
    assert {name: value for name, value in run.data.metrics.items() if name.startswith(("test/", "final_val/"))} == {
        "test/accuracy": 0.9,
        f"test/{metric_name('f1/<cat>')}": 0.5,
        "final_val/accuracy": 0.95,
    }
    # what a reader must know of the figures of all classes; those of single classes stand in the metrics file
    caveats = {name: text for name, text in run.data.tags.items() if name.startswith("caveat.")}
    assert caveats == {"caveat.test.accuracy": FEW}
    assert curve(client, run, "train/loss") == [(1, 0.7), (2, 0.5)]  # not logged a second time


def test_results_without_training_get_a_run_with_the_curves(store, client):
    run_id, complete = completed_run("from the cache", "cached results", PARAMS, CURVES, METRICS)
    (run,) = with_key("from the cache")
    assert (run.info.run_id, run.info.status, complete) == (run_id, "FINISHED", False)
    assert curve(client, run, "train/loss") == [(1, 0.7), (2, 0.5)]
    assert curve(client, run, "val/f1_macro") == [(1, 0.4), (2, 0.6)]
    assert run.data.params["train.epochs"] == "2"
    assert run.data.metrics["test/accuracy"] == 0.9


def test_intervals_are_a_table_of_the_run(store, client, project):
    run_id, _ = completed_run("intervals", "interval results", PARAMS, CURVES, METRICS)
    completed_run("intervals", "interval results", PARAMS, CURVES, METRICS)  # an interrupted attempt, made again
    table = json.loads(Path(client.download_artifacts(run_id, runs.INTERVALS, str(project))).read_text())
    assert table == {
        "columns": ["metric", "value", "low", "high", "n", "groups", "caveat"],
        "data": [
            ["test/accuracy", 0.9, 0.8, 0.95, 20, 7, FEW],
            ["test/f1/<cat>", 0.5, None, None, 2, 1, LONE],
            ["test/f1/dog", None, None, None, 0, 0, ""],
            ["final_val/accuracy", 0.95, 0.9, 0.99, 30, 30, ""],
        ],
    }
    assert runs.INTERVALS in client.get_run(run_id).data.tags["mlflow.loggedArtifacts"]


def test_parameters_of_what_only_measures_and_judges_are_not_logged(store):
    train("made", {"train": {"epochs": 2}, "check": {"shortcut": {"limit": 1}}, "gate": {"min_gain": 0}})
    train("made otherwise", {"train": {"epochs": 2}, "check": {"shortcut": {"limit": 2}}, "curated": 1})
    (one,), (other,) = with_key("made"), with_key("made otherwise")
    assert one.data.params == {"train.epochs": "2"}
    assert runs.differing_params(one.info.run_id, other.info.run_id) == ["curated"]
    sections = yaml.safe_load((Path(__file__).parents[2] / "params.yaml").read_text())
    assert set(runs.UNLOGGED) <= set(sections)  # no name of what is gone
    assert set(sections) - set(runs.UNLOGGED) >= {*SECTIONS, "source", "ingest", "split", "augment"}


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
        runs.INTERVALS,
        "evaluation/metrics.json",
    ]
    (used,) = run.inputs.dataset_inputs
    assert (used.dataset.name, used.dataset.digest) == ("pictures", "0123456789abcdef")
    assert {tag.key: tag.value for tag in used.tags} == {"mlflow.data.context": "training"}
    assert completed_run("attached", "results 4", PARAMS, CURVES, METRICS) == (run_id, True)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("f1/cat", "f1/cat"),
        ("f1/a b-c.d_e:f", "f1/a b-c.d_e:f"),
        ("f1/50% (grün)", "f1/50_ _grün_ 1"),
        ("f1/" + "x" * 400, "f1/" + "x" * 197 + " 2"),
        ("f1/..", "f1/_ 3"),
        ("f1/cat_low", "f1/cat_low"),
        ("f1/./b//", "f1/_/b/_/_ 4"),
        ("f1/" + "x" * 196 + "/y", "f1/" + "x" * 196 + "/_ 5"),
    ],
)
def test_metric_name(name, expected):
    stem, _, digest = expected.rpartition(" ")
    if digest.isdigit():  # what was changed carries a digest
        expected = f"{stem} {hashlib.sha256(len(name.encode()).to_bytes(8, 'little') + name.encode()).hexdigest()[:8]}"
    assert metric_name(name) == expected


@given(st.lists(st.text(alphabet="ab%_/. <", max_size=6), unique=True, max_size=20))
def test_no_two_classes_share_a_metric(names):
    assert len({metric_name(f"f1/{name}") for name in names}) == len(names)


def test_every_class_name_is_accepted_by_mlflow(store):
    names = [f"f1/{one}" for one in ("a%b", "ä ö", "猫", "<&>\"'", "a\nb", ".", "..", "/", " ", "", "x" * 300)]
    metrics = {name: Estimate(value=1.0, low=0.5, high=1.0, n=1, groups=1) for name in names}
    run_id, _ = completed_run("odd names", "odd results", PARAMS, CURVES, {"test": metrics})
    logged = connect()[0].get_run(run_id).data.metrics
    assert {name for name in logged if name.startswith("test/")} == {f"test/{metric_name(name)}" for name in names}


def test_flatten():
    nested = {"a": {"b": 1, "c": {"d": [1, 2]}}, "e": None, "f": {}, 3: True}
    assert dict(flatten(nested)) == {"a.b": "1", "a.c.d": "[1, 2]", "e": "None", "f": "{}", "3": "True"}


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


def test_choices_that_differ(store):
    train("one way", {"train": {"epochs": 2, "seed": 0}, "beside": None})
    train("another way", {"train": {"epochs": 3, "seed": 0, "ema": 0.9}, "beside": None})
    (one,), (other,) = with_key("one way"), with_key("another way")
    assert runs.differing_params(one.info.run_id, other.info.run_id) == ["train.ema", "train.epochs"]
    assert runs.differing_params(one.info.run_id, one.info.run_id) == []
