"""Samples of many labelled pictures: val keeps its mix of classes, and what is short is said of all of train."""

import numpy as np
import pytest
from label_efficiency_examples import PARAMS, SPLITS, make_project

from pipeline.core import artifacts
from pipeline.datasets.packed import PackedDataset
from pipeline.experiments import label_efficiency, label_pictures
from pipeline.experiments.label_efficiency import Request, examine_views, make_subsets
from pipeline.experiments.label_pictures import read_pictures
from pipeline.statistics.bootstrap import Bootstrap


def change_index(**columns):
    index = PackedDataset.load().index
    artifacts.write_table(artifacts.PACKED / "index.parquet", index.assign(**columns))


def test_val_keeps_its_mix_and_shortage_is_of_all_of_train(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_project(tmp_path, num_groups=None)
    labels = [[] if split == "pool" else ["b" if one % 6 == 0 else "a"] for one, split in enumerate(SPLITS)]
    change_index(labels=labels)  # 40 of 240 in train and 20 of 120 in val are b
    monkeypatch.setattr(label_pictures, "MAX_TRAIN", 60)
    monkeypatch.setattr(label_pictures, "MAX_VAL", 60)
    pictures = read_pictures(PARAMS, 0)
    val = pictures.codes[pictures.num_train :]
    assert len(val) == 60
    assert 0.08 < val.mean() < 0.25  # about one in six, and not one in two or three
    assert {split: len(codes) for split, codes in pictures.labelled.items()} == {"train": 240, "val": 120}
    _, obstacles = make_subsets(pictures, Request(sizes=(20, 35, 50), num_draws=2, num_fine_tuned=0, seed=0))
    assert obstacles["50"] == "class b has 40 labels in train, fewer than 50"
    assert "labels in the 60 pictures of train that are used, fewer than 35" in obstacles["35"]
    assert "20" not in obstacles


def test_a_property_that_varies_only_in_rows_that_are_not_probed_is_left_out(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_project(tmp_path)
    change_index(prop_rare=np.arange(len(SPLITS)) == 1)
    monkeypatch.setattr(label_efficiency, "MAX_PROBED", 60)
    pictures = read_pictures(PARAMS, 0)
    features = np.random.default_rng(0).normal(size=(len(pictures.index), 2))
    kinds = {label_efficiency.INITIAL: features, label_efficiency.PRETRAINED: features}
    claims = examine_views(PARAMS, pictures, kinds, Bootstrap(num_resamples=100, seed=0))
    assert [one.name for one in claims.readings] == ["brightness"]


@pytest.mark.parametrize("most", [7, 400])
def test_spread_rows_are_ascending_and_different(most):
    rows = label_efficiency._spread(np.arange(200), most)
    assert len(rows) == min(most, 200)
    assert (np.diff(rows) > 0).all()
