"""A fold is an experiment of DVC: what it is set to, and what is read of it."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from pipeline.core import artifacts, config
from pipeline.core.errors import UserError
from pipeline.evaluation import baseline_margin
from pipeline.experiments import folds
from pipeline.experiments.folds import fold_names, fold_overrides, is_exclusive, pool, read_fold
from pipeline.experiments.results import INDEX

ROOT = Path(__file__).parents[2]
PARAMS = {
    "task": {"_target_": "pipeline.training.tasks.single_label.SingleLabel", "label_smoothing": 0.0},
    "evaluate": {"seed": 0},
}


@pytest.fixture
def composable(project):
    shutil.copytree(ROOT / "conf", project / "conf")
    return project


def test_each_fold_has_a_name_and_a_place():
    assert fold_names(2, 1) == {"cv-fold1": (0, 0), "cv-fold2": (0, 1)}
    assert fold_names(2, 2) == {
        "cv1-fold1": (0, 0),
        "cv1-fold2": (0, 1),
        "cv2-fold1": (1, 0),
        "cv2-fold2": (1, 1),
    }


def test_a_fold_is_the_recipe_with_another_split_and_no_check_but_that_of_leakage(composable):
    config_file = composable / "conf/split/grouped.yaml"
    config_file.write_text(config_file.read_text().replace("near_duplicate_bits: 2", "near_duplicate_bits: 4"))
    rows = fold_overrides(3, 1, ["source=digits", "train=svm", "encoder=hog"])
    assert list(rows) == ["cv-fold1", "cv-fold2", "cv-fold3"]
    params = [yaml.safe_load(config.compose(overrides=row)) for row in rows.values()]
    recipe = yaml.safe_load(config.compose(overrides=["source=digits", "train=svm", "encoder=hog"]))
    assert [one["split"]["fold"] for one in params] == [0, 1, 2]
    split = params[1]["split"]
    assert split["_target_"].endswith(".Fold")
    assert (split["num_folds"], split["repeat"], split["near_duplicate_bits"]) == (3, 0, 4)
    assert [name for name, node in params[0]["check"].items() if node is not None] == ["split_leakage"]
    assert not any(params[0]["curate"].values())
    assert not params[0]["corruption"]
    assert not params[0]["intervention"]
    assert params[0]["attribution"]["_target_"].startswith("pipeline.evaluation.attributions.none.")
    for section in ("source", "train", "encoder", "augmentation", "metric", "task", "embed"):
        assert params[0][section] == recipe[section], section


def test_a_recipe_that_lists_corruptions_has_them_in_each_fold(composable):
    row = fold_overrides(2, 1, ["source=digits", "corruption=[noise]"])["cv-fold1"]
    assert list(yaml.safe_load(config.compose(overrides=row))["corruption"]) == ["noise"]


def test_what_a_data_set_sets_for_its_own_split_is_taken_out(composable):
    row = fold_overrides(2, 1, ["experiment=elpv_paper_grouped"])["cv-fold2"]
    split = yaml.safe_load(config.compose(overrides=row))["split"]
    assert "fractions" not in split
    assert split["fold"] == 1


@pytest.mark.parametrize("override", ["split=random", "split.seed=3", "~split.fractions", "+split.fold=1"])
def test_a_split_of_ones_own_is_refused(override):
    with pytest.raises(UserError, match=r"^cross-validate makes the split of each fold itself; leave out [~+]?split"):
        fold_overrides(2, 1, [override])


def write_outputs(folder, first):
    """Eight samples, of which four from `first` on are test; brightness tells the class but for one of test."""
    names = [f"s{row}" for row in range(8)]
    labels = [["a"], ["b"]] * 4
    split = ["test" if first <= row < first + 4 else "train" for row in range(8)]
    split[(first + 4) % 8] = "val"
    bright = np.array([0.1, 0.9] * 4)
    table = pd.DataFrame(
        {
            "sample_id": names,
            "origin": names,
            "group": names,
            "labels": labels,
            "split": split,
            "prop_brightness": bright,
        }
    )
    artifacts.write_table(folder / INDEX, table)
    decided = [["a"]] * 8
    scores = [np.array([0.9, 0.1], dtype=np.float32)] * 8
    artifacts.write_table(
        folder / artifacts.PREDICTIONS, table.drop(columns="origin").assign(decided=decided, scores=scores)
    )
    artifacts.write_json(folder / folds.CARD_FILE, {"classes": ["a", "b"], "training_key": f"key {first}"})
    entry = {"value": 0.5, "low": None, "high": None, "n": 4, "groups": 4}
    artifacts.write_json(folder / artifacts.TEST_METRICS, {"accuracy": entry})
    artifacts.write_text(folder / config.PARAMS, yaml.safe_dump(PARAMS))


def test_folds_are_read_and_pooled(tmp_path, monkeypatch):
    monkeypatch.setattr(baseline_margin, "NUM_TREES", 5)
    monkeypatch.setattr(baseline_margin, "num_workers", lambda: 1)
    results = []
    for fold in (0, 1):
        write_outputs(tmp_path / str(fold), 4 * fold)
        results.append(folds._read(tmp_path / str(fold), (0, fold), num_repeats=1))
    assert [one.name for one in results] == ["fold 1", "fold 2"]
    assert [(one.num_train, one.num_val, len(one.predictions)) for one in results] == [(3, 1, 4), (3, 1, 4)]
    assert results[1].training_key == "key 4"
    assert set(results[0].rows["split"]) == {"test"}
    assert set(results[1].rows["fold"]) == {2}
    (pooled,) = pool(results)
    assert sorted(pooled.predictions.sample_ids) == [f"s{row}" for row in range(8)]
    assert pooled.predictions.is_right.mean() == 0.5  # all are called a
    assert pooled.folds.tolist() == [0] * 4 + [1] * 4
    assert pooled.by_properties.shape == (8, 2)
    assert is_exclusive(PARAMS)


def test_folds_with_other_classes_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(baseline_margin, "NUM_TREES", 5)
    monkeypatch.setattr(baseline_margin, "num_workers", lambda: 1)
    results = []
    for fold in (0, 1):
        write_outputs(tmp_path / str(fold), 4 * fold)
        card = {"classes": ["a", "b", *"c" * fold], "training_key": "k"}
        artifacts.write_json(tmp_path / str(fold) / folds.CARD_FILE, card)
        results.append(folds._read(tmp_path / str(fold), (0, fold), num_repeats=2))
    assert results[0].name == "repeat 1 fold 1"
    with pytest.raises(UserError, match=r"^the folds have other classes; the data changed in between, run this again$"):
        pool(results)


@pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning")
def test_outputs_that_are_gone_are_one_line(project):
    import subprocess

    from dvc.repo import Repo

    subprocess.run(["git", "init", "-q"], check=True)
    Repo.init(str(project)).close()
    subprocess.run(["git", "add", "-A"], check=True)
    author = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    subprocess.run(["git", *author, "commit", "-qm", "start"], check=True)
    with pytest.raises(
        UserError, match=r"^cv-fold1: its outputs are not in DVC's cache \(.*\); dvc exp remove HEAD and"
    ):
        read_fold("cv-fold1", (0, 0), 1, "HEAD")
