"""The pipeline as people run it: dvc repro and dvc exp run in a project of its own, on tiny pictures."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import mlflow
import pandas as pd
import pytest
import yaml
from picture_folder import TINY, make_folder, picture

from benchmarks.checkout import STAGES, Checkout

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("dvc")]


class Project(Checkout):
    """A checkout of its own, whose conf/ is made small."""

    first: tuple[Path, ...] = ()  # folders at the front of PATH

    def __init__(self, folder: Path):
        super().__init__(folder)
        make_folder(folder / "pictures", num_per_class=30)  # of 64 on, each stage would start processes
        ignored = folder / ".gitignore"
        ignored.write_text(ignored.read_text() + "/pictures\n")
        # an absolute path, for dvc exp run --temp, which works in a copy
        off = (
            "evaluate.cross_validation=never",
            "corruption=[]",
            "intervention=[]",
            "attribution=none",
        )  # test_pipeline.py has them
        self.configure(*TINY, "train.epochs=6", *off, f"source.path={folder / 'pictures'}")
        self.run("git", "init", "-q", "-b", "main")
        self.commit("start")

    def environment(self) -> dict[str, str]:
        own = super().environment()
        return own | {"PATH": os.pathsep.join([*map(str, self.first), own["PATH"]])}

    def python(self, module: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """`python -m module`, of the PATH that DVC's stages have."""
        return self.run("env", "python", "-m", module, *arguments, check=check)

    def dvc(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.python("dvc", *arguments, check=check)

    def repro(self) -> list[str]:
        """The stages that ran."""
        done = self.dvc("repro")
        return [line.split("'")[1] for line in done.stdout.splitlines() if line.startswith("Running stage")]

    def refused(self, *arguments: str) -> str:
        """What a command that must fail says; it must leave every output as it was."""
        before = self.outputs()
        done = self.dvc(*(arguments or ("repro",)), check=False)
        assert done.returncode != 0, done.stdout
        assert "Traceback" not in done.stderr + done.stdout
        assert self.outputs() == before
        return done.stderr

    def changed(self) -> list[str]:
        """What git calls changed, apart from the record of decisions, to which every new version adds a line."""
        status = self.run("git", "status", "--porcelain").stdout
        return [line for line in status.splitlines() if not line.endswith("reports/promotions.jsonl")]

    def commit(self, message: str) -> None:
        self.run("git", "add", "-A")
        self.run("git", "commit", "-qm", message)

    def runs(self) -> list[mlflow.entities.Run]:
        client = mlflow.MlflowClient(f"sqlite:///{self.folder / 'mlflow.db'}")
        found = client.search_experiments(filter_string="name LIKE 'colibri-%'")
        return client.search_runs([one.experiment_id for one in found])


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, forked: tuple[Path, ...]) -> Project:
    """After one `dvc repro`, committed. Processes are forked, which is faster, but where a test sets `first` to ().

    The first stages run as people start them in test_faults.py.
    """
    made = Project(tmp_path_factory.mktemp("checkout"))
    made.first = forked
    assert made.repro() == STAGES
    made.commit("first run")
    return made


def test_everything_is_tracked_by_git_or_dvc_and_a_second_run_does_nothing(project: Project) -> None:
    assert project.run("git", "status", "--porcelain").stdout == ""
    assert project.repro() == []
    assert "up to date" in project.dvc("status").stdout


def test_an_option_of_train_reruns_train_and_what_follows(project: Project) -> None:
    conf = project.folder / "conf/experiment/tiny.yaml"
    before = conf.read_text()
    conf.write_text(before.replace("epochs: 6", "epochs: 2"))
    stages = ["compose", "train", "calibrate", "perturb", "intervene", "explain", "evaluate", "register"]
    assert project.repro() == stages
    assert yaml.safe_load((project.folder / "params.yaml").read_text())["train"]["epochs"] == 2
    conf.write_text(before)
    assert project.repro() == ["compose"]  # the run-cache brings the rest back


def test_a_picture_added_changed_or_removed_is_ingested_again(project: Project) -> None:
    import numpy as np

    extra = project.folder / "pictures/disc/new.png"
    picture("disc", np.random.default_rng(99)).save(extra)
    assert project.dvc("status", "ingest").stdout.count("modified") == 1
    done = project.dvc("repro", "ingest")
    assert "Running stage 'ingest'" in done.stdout
    extra.unlink()
    assert project.repro() == []  # as recorded for these pictures, from the run-cache


def test_a_hand_edit_of_params_is_never_overwritten_in_silence(project: Project) -> None:
    params = project.folder / "params.yaml"
    before = params.read_text()
    params.write_text(before.replace("epochs: 6", "epochs: 99"))
    message = project.refused()
    assert "train.epochs: 99 in params.yaml, 6 from conf/" in message
    assert "colibri run KEY=VALUE" in message
    assert "python -m pipeline.stages.compose --force" in message
    assert "epochs: 99" in params.read_text()
    params.write_text(before)


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (("/pictures\n", "/nowhere\n"), "nowhere' does not exist; set source.path"),
        (("epochs: 6", "epoch: 6"), "train has no parameter 'epoch'; did you mean 'epochs'"),
        (("encoder: small", "encoder: smal"), "conf/encoder/smal.yaml; did you mean 'small'"),
    ],
)
def test_a_wrong_choice_ends_with_one_line_and_loses_nothing(project: Project, edit, expected: str) -> None:
    conf = project.folder / "conf/experiment/tiny.yaml"
    before, params = conf.read_text(), (project.folder / "params.yaml").read_text()
    assert edit[0] in before
    conf.write_text(before.replace(*edit))
    try:
        assert expected in project.refused()
    finally:
        conf.write_text(before)
        (project.folder / "params.yaml").write_text(params)
    assert set(project.repro()) <= {"compose"}  # what follows is as it was


def test_an_empty_source_and_one_class_are_refused(project: Project) -> None:
    pictures = project.folder / "pictures"
    (pictures / "square").rename(project.folder / "square")
    try:
        assert "at least two sub-folders, one per class; found only 'disc'" in project.refused()
        (pictures / "disc").rename(project.folder / "disc")
        assert "found none" in project.refused()
    finally:
        for label in ("disc", "square"):
            if (project.folder / label).exists():
                (project.folder / label).rename(pictures / label)
    assert project.repro() == []


def test_a_fresh_clone_without_cache_fails_with_one_line_too(project: Project, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    project.run("git", "clone", "-q", str(project.folder), str(clone))
    other = object.__new__(Project)
    other.folder, other.first = clone, project.first
    command = ["exp", "run", "-S", "source.path=/nowhere"]
    assert "'/nowhere' does not exist; set source.path" in other.refused(*command)
    one_class = tmp_path / "one" / "only"
    one_class.mkdir(parents=True)
    (one_class / "1.png").write_bytes(b"x")
    said = other.refused("exp", "run", "-S", f"source.path={one_class.parent}")
    assert "found only 'only'" in said


def test_a_corrupt_params_file_is_named(project: Project) -> None:
    params = project.folder / "params.yaml"
    before = params.read_text()
    params.write_text("train: [unclosed\n")
    assert "params.yaml" in project.refused()
    params.write_text(before)


def test_a_locked_mlflow_store_costs_a_training_nothing(project: Project, monkeypatch) -> None:
    monkeypatch.setenv("COLIBRI_TRACKING_WAIT", "1")
    before, runs = project.outputs(), {run.info.run_id for run in project.runs()}
    holder = sqlite3.connect(project.folder / "mlflow.db")
    holder.execute("BEGIN EXCLUSIVE")
    try:
        done = project.dvc("repro", "-f", "-s", "train")
        refused = project.dvc("repro", "-f", "-s", "register", check=False)
    finally:
        holder.rollback()
        holder.close()
    assert "mlflow.db cannot be written (database is locked)" in done.stderr
    assert "reach MLflow with the next training or registration" in done.stderr
    assert refused.returncode != 0
    assert "register: MLflow's store" in refused.stderr
    assert "Traceback" not in done.stderr + refused.stderr
    assert project.outputs() == before
    project.dvc("repro", "-f", "-s", "register")  # the training had been logged before, so nothing is logged twice
    assert {run.info.run_id for run in project.runs()} == runs
    assert not list((project.folder / ".cache/tracking").glob("*"))
    assert project.changed() == []  # the same outputs, whatever was read from test since


def test_pages_that_count_the_readings_of_test_stay_the_same_when_their_stages_run_again(project: Project) -> None:
    history = project.folder / "reports/test_readings.json"
    ledger = project.folder / "test_readings.jsonl"
    before, readings = project.outputs(), json.loads(history.read_text())
    later = {**json.loads(ledger.read_text().splitlines()[-1]), "test_set": readings["test_set"], "result": "later"}
    with ledger.open("a") as file:
        file.write(json.dumps(later) + "\n")
    forked, project.first = project.first, ()  # these two as people start them
    for stage in ("evaluate", "register"):
        project.dvc("repro", "-f", "-s", stage)
    project.first = forked
    assert project.outputs() == before
    assert project.changed() == []
    assert f"{len(readings['readings'])} result" in (project.folder / "reports/report.html").read_text()
    entries = [json.loads(line) for line in ledger.read_text().splitlines()]
    now = {(one["what"], one["result"]) for one in entries if one["test_set"] == readings["test_set"]}
    assert len(now) > len(readings["readings"])
    assert f"{len(now)} results were read" in project.python("pipeline.commands.main", "summary").stdout


def test_a_project_that_was_moved_registers_and_serves_where_it_is(project: Project, tmp_path: Path) -> None:
    own = project.folder
    project.folder = shutil.copytree(own, tmp_path / "moved here", symlinks=True)
    listed = set((own / "mlruns").rglob("*"))
    try:
        params = project.folder / "params.yaml"
        params.write_text(params.read_text().replace("model_name: colibri-", "model_name: moved-"))
        project.python("pipeline.stages.register")
        store = f"sqlite:///{project.folder / 'mlflow.db'}"
        registered = json.loads((project.folder / "reports/registration.json").read_text())
        code = f"import mlflow; mlflow.pyfunc.load_model('models:/{registered['model']}/{registered['version']}')"
        load = f"import mlflow; mlflow.set_tracking_uri({store!r}); {code}"
        project.run(sys.executable, "-W", "ignore", "-c", load)
        assert registered["model"].startswith("moved-")
        assert all(run.info.artifact_uri.startswith(project.folder.as_uri()) for run in project.runs())
    finally:
        project.folder = own
    assert set((own / "mlruns").rglob("*")) == listed


def test_a_full_disk_while_packing_leaves_the_earlier_arrays(project: Project) -> None:
    before = project.outputs()
    # a process of its own, that may write files of at most 20 KiB
    command = f"ulimit -f 20; {sys.executable} -m pipeline.stages.augment"
    done = project.run("bash", "-c", command, check=False)
    assert done.returncode == 1
    assert "the disk is full" in done.stderr
    assert "Traceback" not in done.stderr
    assert project.outputs() == before


@pytest.mark.long
def test_experiments_land_in_the_store_of_the_main_checkout(project: Project) -> None:
    """One in a copy of the project. Those of the queue run in such copies too, as the leaderboard below shows."""
    num_runs = len(project.runs())
    project.dvc("exp", "run", "--temp", "-n", "temporary", "-S", "train.epochs=1", "-S", "train.seed=3")
    runs = project.runs()
    assert len(runs) == num_runs + 1
    (found,) = (run for run in runs if run.data.tags.get("dvc.experiment") == "temporary")
    assert (found.data.params["seed"], found.data.params["epochs"]) == ("3", "1")
    assert " · 1 epoch · " in found.info.run_name
    assert "final_test/accuracy" in found.data.metrics
    shown = project.dvc("exp", "show", "--csv", "--no-pager").stdout
    assert "temporary" in shown.replace("\n", ",").split(",")
    assert "accuracy.value" in project.dvc("metrics", "diff", "--all", "HEAD", "temporary").stdout
    plots = project.dvc("plots", "diff", "HEAD", "temporary").stdout.strip().removeprefix("file://")
    assert "Loss" in Path(plots).read_text()
    assert project.changed() == []


@pytest.mark.long
def test_a_leaderboard_runs_through_the_queue_and_a_failure_is_a_row(project: Project) -> None:
    for name, text in {
        "experiment/broken": "# @package _global_\ndefaults: [tiny]\ntrain: {batch_size: 1}\n",
        "leaderboard/mine": "experiment: tiny\nmetric: accuracy\nexperiments: [tiny, broken]\n",
    }.items():
        (project.folder / f"conf/{name}.yaml").write_text(text)
    command = ("pipeline.commands.main", "leaderboard", "mine")
    refused = project.python(*command, check=False)
    assert "git does not know conf/experiment/broken.yaml and 1 more" in refused.stderr
    project.commit("a leaderboard")
    done = project.python(*command, check=False)
    assert done.returncode == 1
    reason = "compose: params.yaml: train.batch_size must be at least 2, got 1"
    assert f"1 of 2 experiments failed, the first is broken: {reason}; dvc queue logs broken-" in done.stderr
    assert "Traceback" not in done.stderr
    table = pd.read_csv(project.folder / "reports/leaderboard.csv").set_index("name")
    assert table.loc["broken", ["kind", "note"]].tolist() == ["failed", reason]
    measured = table.loc["tiny"]
    assert measured[["kind", "best", "smallest"]].tolist() == ["run", True, True]
    assert (measured[["train_seconds", "images_per_second", "num_bytes"]].astype(float) > 0).all()
    own = json.loads((project.folder / "reports/test_metrics.json").read_text())["accuracy"]
    assert measured[["value", "low", "high"]].tolist() == pytest.approx([own["value"], own["low"], own["high"]])
    (parent,) = (run for run in project.runs() if run.data.tags.get("colibri.leaderboard") == "mine")
    children = [run for run in project.runs() if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
    assert sorted(run.data.tags["colibri.leaderboard.mine"] for run in children) == ["tiny"]
    listed = project.folder / "conf/leaderboard/mine.yaml"
    listed.write_text(listed.read_text().replace(", broken", ""))
    again = project.python(*command)
    assert "tiny: has run before" in again.stdout
    assert project.run("git", "status", "--porcelain").stdout.split() == ["M", "conf/leaderboard/mine.yaml"]
    project.run("git", "reset", "-q", "--hard", "HEAD~1")  # conf/ as the other tests know it


@pytest.mark.long
def test_a_corrected_label_is_a_new_version_that_is_compared_with_the_one_before(project: Project) -> None:
    decisions = project.folder / "data/label_decisions/pictures.csv"
    before = "sample_id,action,previous,labels,who,when,why\n"
    earlier = json.loads((project.folder / "reports/registration.json").read_text())
    tested = pd.read_parquet(project.folder / "data/predictions.parquet").query("split == 'test'")
    one, other = tested["sample_id"].tolist()[:2]
    label, wrong = one.split("/")[0], {"disc": "square", "square": "disc"}[one.split("/")[0]]
    decisions.write_text(f"{before}{one},relabel,{wrong},{label},Ann,2026-11-24,x\n")
    assert f"line 2: '{one}' is labelled '{label}' now, the decision was made on '{wrong}'" in project.refused()
    lines = [f"{one},relabel,{label},{wrong},Ann,2026-11-24,x", f"{other},drop,{other.split('/')[0]},,Ann,2026-11-24,x"]
    decisions.write_text("\n".join([before.strip(), *lines, ""]))
    assert project.repro()[0] == "ingest"
    manifest = pd.read_parquet(project.folder / "data/manifest.parquet").set_index("sample_id")
    assert list(manifest.loc[one, "labels"]) == [wrong]
    assert other not in manifest.index
    found = json.loads((project.folder / "reports/registration.json").read_text())["earlier_data"]
    assert found["data_hash"] != json.loads((project.folder / "data/predictor/card.json").read_text())["data_hash"]
    assert (found["n"], found["num_relabelled"], found["num_left"]) == (len(tested) - 1, 1, 1)
    assert found["other_choices"] == []
    accuracy = found["metrics"]["accuracy"]
    one_label = 1 / found["n"]  # right by one, wrong by the other
    assert abs(accuracy["by_earlier_labels"] - accuracy["before"]) == pytest.approx(one_label)
    assert accuracy["gain"]["low"] <= accuracy["gain"]["value"] <= accuracy["gain"]["high"]
    assert "by the current labels" in (project.folder / "reports/comparison.html").read_text()
    assert "data/label_decisions/" in project.run("git", "status", "--porcelain").stdout
    decisions.unlink()
    project.repro()
    assert json.loads((project.folder / "reports/registration.json").read_text()) == earlier
