"""colibri compare: two runs of one repository, read from DVC's cache, and what it says of them."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.commands import compare
from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.estimate import Change, Estimate
from pipeline.core.test_ledger import read_readings
from pipeline.core.uris import file_path
from pipeline.experiments import comparison
from pipeline.experiments.comparison import ComparedRun, list_differences, read_run

DVC_YAML = """stages:
  evaluate:
    cmd: echo
    outs: [data/predictions.parquet, data/predictor]
"""
PARAMS = """task: {_target_: pipeline.training.tasks.single_label.SingleLabel, label_smoothing: 0}
evaluate:
  {num_resamples: 100, seed: 0, half_width: 0.2, min_slice: 20, max_slices: 500, num_mistakes: 0,
   cross_validation: never}
metric:
  accuracy: {_target_: pipeline.evaluation.metrics.accuracy.Accuracy}
  f1: {_target_: pipeline.evaluation.metrics.rate.Rate, number: f1, averaging: none}
train: {epochs: EPOCHS, views: [identity]}
"""
NUM = 60  # of each split, each sample a group of its own


def git(*words):
    author = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    subprocess.run(["git", *author, *words], check=True, capture_output=True)


def write_run(project, num_right, epochs, classes=("a", "b")):
    """Outputs of a run that is right for the first pictures of val and test."""
    (project / "params.yaml").write_text(PARAMS.replace("EPOCHS", str(epochs)))
    truth = [classes[row % 2] for row in range(NUM)]
    decided = [one if row < num_right else classes[1 - row % 2] for row, one in enumerate(truth)]
    parts = [
        pd.DataFrame(
            {
                "sample_id": [f"{split}/{row}" for row in range(NUM)],
                "split": split,
                "group": [f"{split}/{row}" for row in range(NUM)],
                "labels": [[one] for one in truth],
                "decided": [[one] for one in decided],
                "attr_site": ["north"] * (NUM // 2) + ["south"] * (NUM // 2),
                "scores": [np.array([float(one == name) for name in classes]) for one in decided],
            }
        )
        for split in ("val", "test")
    ]
    artifacts.write_table(artifacts.PREDICTIONS, pd.concat(parts), metadata={"classes": list(classes)})
    artifacts.write_json(artifacts.PREDICTOR / "card.json", {"num_samples": {"train": 100 + epochs}})


@pytest.fixture
def repository(project):
    """A commit, tagged `first`, whose run is right for 40 of 60, and a workspace that is right for 58."""
    from dvc.repo import Repo

    (project / "dvc.yaml").write_text(DVC_YAML)
    (project / ".gitignore").write_text("/data\n/params.yaml.lock\n")
    git("init", "-q")
    with Repo.init(str(project)) as repo:
        write_run(project, 40, 5)
        repo.commit(force=True)
    git("add", "-A")
    git("commit", "-qm", "start")
    git("tag", "first")
    write_run(project, 58, 10)
    return project


def test_a_tag_and_the_workspace(repository, capsys):
    compare.main("first", "workspace")
    shown = capsys.readouterr().out
    assert "A = first, B = workspace; 1 parameter differs\n  train.epochs: 5 -> 10\n" in shown
    assert "pictures to train on: 105 -> 110" in shown
    assert "On the 60 val pictures of both (choose by these):" in shown
    assert "On the 60 test pictures of both (to report, not to choose by):" in shown
    line = next(line for line in shown.splitlines() if line.strip().startswith("accuracy"))
    assert line.split()[:4] == ["accuracy", "0.667", "0.967", "+0.300"]
    assert line.endswith("B is better")


@pytest.fixture
def registered(repository, empty_store, monkeypatch):
    """Version 1 (champion) is right for 40 of 60; the run of version 2 has lost its predictions; gives the client."""
    from pipeline.tracking import registry
    from pipeline.tracking.connection import QUIET, connect
    from pipeline.tracking.experiments import open_experiment

    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    for key, value in QUIET.items():
        monkeypatch.setenv(key, value)
    shutil.copy(empty_store, "mlflow.db")
    client = connect()[0]
    client.create_registered_model("model")
    for number in ("1", "2"):
        write_run(repository, 40, 5)
        run_id = client.create_run(open_experiment(client, "pets")).info.run_id
        client.log_text(run_id, PARAMS.replace("EPOCHS", "5") + "register: {model_name: model}\n", "params.yaml")
        if number == "1":
            client.log_artifact(run_id, str(artifacts.PREDICTIONS), "evaluation")
        model = client.create_logged_model(client.get_run(run_id).info.experiment_id, "model", run_id)
        files = file_path(model.artifact_location) / "artifacts/predictor"
        shutil.copytree(artifacts.PREDICTOR, files)
        (files / artifacts.REFERENCE.name).write_bytes(bytes(1000))  # of its policy
        client.create_model_version("model", model.model_uri, run_id, model_id=model.model_id)
    registry.set_alias("model", "champion", "1")
    write_run(repository, 58, 10)
    with Path("params.yaml").open("a") as file:
        file.write("register: {model_name: model}\n")
    return client


@pytest.mark.parametrize("name", ["1", "@champion", "model@champion", "model/1", "models:/model/1"])
def test_a_registered_version_and_the_workspace(registered, capsys, name):
    compare.main(name, "workspace")
    shown = capsys.readouterr().out
    assert "A = model version 1 (champion), B = workspace; 1 parameter differs\n  train.epochs: 5 -> 10\n" in shown
    line = next(line for line in shown.splitlines() if line.strip().startswith("accuracy"))
    assert line.split()[:4] == ["accuracy", "0.667", "0.967", "+0.300"]
    assert "right: A and B 40, only A 0, only B 18, neither 2\n" in shown
    assert next(line for line in shown.splitlines() if "site = south" in line).endswith("better")
    assert [one.run for one in read_readings()] == [f"{name} and workspace"]


def test_the_size_of_a_version_is_that_of_its_predictor(registered):
    assert read_run("@champion").num_bytes == read_run("first").num_bytes


def test_a_tag_of_git_comes_before_a_version_of_that_name(registered):
    assert read_run("1").name == "model version 1 (champion)"
    git("tag", "1")
    assert read_run("1").name == "1"
    assert read_run("models:/model/1").name == "model version 1 (champion)"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("7", r"^model has no version 7; its versions are 1, 2$"),
        ("@best", r"^model has no version with the alias 'best'; its versions are 1, 2$"),
        ("other/1", r"^MLflow's store sqlite:.*mlflow\.db has no model 'other'; it has model$"),
        (
            "models:/model",
            r"^there is no run 'models:/model'; expected an experiment .* such as 3, @champion or models:/",
        ),
        (
            "2",
            r"^model version 2 cannot be compared: its run \w+ has no evaluation/predictions\.parquet in MLflow \(it w",
        ),
    ],
)
def test_versions_that_cannot_be_compared(registered, name, message):
    before = sorted(path for path in Path().rglob("*") if ".git" not in path.parts and "mlflow" not in path.name)
    with pytest.raises(UserError, match=message):
        compare.main(name, "workspace")
    after = sorted(path for path in Path().rglob("*") if ".git" not in path.parts and "mlflow" not in path.name)
    assert after == before


def test_a_part_that_has_no_picture_in_common_is_named(repository, capsys):
    table = artifacts.read_table(artifacts.PREDICTIONS)
    is_test = table["split"] == "test"
    other = table.assign(sample_id=table["sample_id"].where(~is_test, "new " + table["sample_id"]))
    artifacts.write_table(artifacts.PREDICTIONS, other, metadata={"classes": ["a", "b"]})
    compare.main("first", "workspace")
    shown = capsys.readouterr().out
    assert "On the 60 val pictures of both" in shown
    assert "No test picture is in both, so nothing is compared on test.\n" in shown
    assert read_readings() == []


def test_classes_and_slices(repository, capsys):
    compare.main("first", "workspace")
    shown = capsys.readouterr().out
    # right for 40 and for 58 of 60, the first ones: 18 more, all in the south
    assert "right: A and B 40, only A 0, only B 18, neither 2\n" in shown
    rows = {
        line.split("  ")[1].strip(): line.split() for line in shown.splitlines() if "class " in line or "site" in line
    }
    assert rows["class a"][2:6] == ["30", "0", "9", "+0.300"]
    south = next(line for line in shown.splitlines() if "site = south" in line)
    assert south.split()[3:7] == ["30", "0", "18", "+0.600"]
    assert south.endswith("better")
    assert "of 4 classes and slices, 3 better and 0 worse with B; all intervals hold at once (95 %)" in shown


def test_nothing_found_says_what_could_have_been_found(repository, capsys):
    compare.main("workspace", "workspace")
    shown = capsys.readouterr().out
    size = 100 * (1 - 0.025 ** (1 / 60))
    assert f"no difference shown: one of {size:.1f} points would have been found in 4 of 5 such comparisons" in shown
    of_part = 100 * (1 - (0.025 / 4) ** (1 / 30))
    assert f"no difference shown in 4 classes and slices; one of {of_part:.0f} points would have been found" in shown


def test_each_look_at_test_is_counted_and_val_alone_is_none(repository, capsys):
    compare.main("first", "workspace", by_val=True)
    assert "test" not in capsys.readouterr().out
    assert read_readings() == []
    compare.main("first", "workspace")
    compare.main("first", "workspace")
    assert [(one.what, one.run) for one in read_readings()] == [("compare", "first and workspace")]


def test_the_order_decides_the_sign(repository, capsys):
    compare.main("workspace", "HEAD", every=True)
    shown = capsys.readouterr().out
    assert "-0.300" in shown
    assert "A is better" in shown


def test_a_run_that_is_not_there(repository):
    with pytest.raises(
        UserError, match=r"^there is no run 'nosuch'; expected an experiment \(dvc exp list -A\), a com"
    ):
        read_run("nosuch")


@pytest.mark.parametrize("name", ["", "  ", "HEAD:dvc.yaml", "HEAD^{tree}"])
def test_what_names_no_run(repository, name):
    with pytest.raises(
        UserError, match=r"^'.*' names no run; expected a commit, a tag or an experiment \(dvc exp list"
    ):
        compare.main("first", name, by_val=True)
    assert read_readings() == []


def test_a_run_whose_outputs_are_gone(repository):
    for path in (repository / ".dvc/cache").rglob("*"):
        path.chmod(0o700)
        if path.is_file():
            path.unlink()
    with pytest.raises(UserError, match=r"^first: its outputs are not in DVC's cache .*; dvc pull may have them$"):
        read_run("first")


def test_runs_that_have_nothing_in_common(repository):
    write_run(repository, 58, 10, classes=("a", "c"))
    with pytest.raises(UserError, match=r"^first and workspace have other classes \(a, b; a, c\); only runs"):
        compare.main("first", "workspace")
    empty = ComparedRun(name="empty", params={}, card={}, parts={}, rows={}, num_bytes=0)
    with pytest.raises(UserError, match=r"^empty and empty have no picture of val or test in common"):
        comparison.compare_runs(empty, empty, {}, None)


def test_differences_are_dotted_keys():
    before = {"a": {"_target_": "x.y.Old", "b": None}, "c": [1], "only": True}
    after = {"a": {"_target_": "x.y.New", "b": None}, "c": [2], "added": {}}
    assert list_differences(before, after) == {
        "a._target_": ("Old", "New"),
        "c": ("[1]", "[2]"),
        "only": ("true", "(none)"),
        "added": ("(none)", "{}"),
    }


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.01, 0.2, "B is better"),
        (-0.2, -0.01, "A is better"),
        (-0.1, 0.1, "no difference shown"),
        (None, None, "too few pictures to say"),
    ],
)
def test_what_an_interval_shows(low, high, expected):
    gain = Estimate(value=0.0, low=low, high=high, n=10, groups=10)
    assert compare.describe_evidence(Change(by_earlier_labels=0.5, before=0.5, after=0.5, gain=gain)) == expected


def test_outside_of_a_project(project):
    with pytest.raises(UserError, match=r"^dvc\.yaml does not exist here; run this in the project's folder"):
        read_run("HEAD")
