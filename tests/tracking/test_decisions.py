"""Decisions in a real store: two processes at once, and the champion scored again on a test part that grew."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.datasets.packed import PackedDataset
from pipeline.tracking import decisions, promotion_lock, registry, rescoring, runs
from pipeline.tracking.promotion_log import list_champions, read_decisions

pytestmark = [
    pytest.mark.xdist_group("tracking"),
    pytest.mark.filterwarnings("ignore:Operation with range is deprecated"),  # MLflow's own use of pandas
]
PROMOTE = "import sys; from pipeline.tracking.decisions import promote_by_hand as p; p(*sys.argv[1:])"


@pytest.fixture
def versions(client):
    """Two versions without files."""
    run_id = client.create_run("0").info.run_id
    if not client.search_registered_models("name = 'bees'"):
        client.create_registered_model("bees")
    return [str(client.create_model_version("bees", "file:///nowhere", run_id).version) for _ in range(2)]


def test_two_processes_at_once_end_in_one_consistent_state(client, versions, store):
    """Each waits for the other: every line names the champion that the line before it made."""
    calls = [
        subprocess.Popen(
            [sys.executable, "-c", PROMOTE, "bees", version, f"reason {version}"],
            cwd=store,
            env=None,
            stderr=subprocess.PIPE,
            text=True,
        )
        for version in versions
    ]
    assert [(one.communicate()[1], one.returncode) for one in calls] == [("", 0)] * 2
    first, second = read_decisions("bees")
    assert {first.version, second.version} == {*versions}
    assert (first.champion_before, second.champion_before) == (None, first.version)
    assert registry.champion("bees")[0] == second.version == list_champions([first, second])[-1]
    for one in (first, second):
        assert registry.version_tags("bees", one.version)["colibri.decisions"] == one.digest


def test_who_waits_too_long_says_so(store):
    with (
        promotion_lock.lock_promotions(),
        pytest.raises(UserError, match=r"^another process decides about a champion and .* in 0 s \(.*lock\)"),
        promotion_lock.lock_promotions(wait=0.1),
    ):
        pass
    assert promotion_lock.lock_file().parent == store


def test_a_lock_that_cannot_be_made_is_one_line(store, monkeypatch):
    (store / "file").touch()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{store / 'file/mlflow.db'}")
    with (
        pytest.raises(UserError, match=r"promotion\.lock cannot be made \(.*\); make its folder writable"),
        promotion_lock.lock_promotions(),
    ):
        pass


def test_an_error_within_the_lock_keeps_its_words(store):
    with pytest.raises(PermissionError, match="mine"), promotion_lock.lock_promotions():
        raise PermissionError("mine")


def test_the_train_part_of_a_run_is_known_where_it_was_recorded(client, store, tmp_path):
    run_id = client.create_run("0").info.run_id
    assert registry.train_samples_of(run_id, tmp_path) is None
    table = pd.DataFrame({"sample_id": ["a", "b", "c"], "split": ["train", "val", "test"]})
    artifacts.write_table(tmp_path / "splits.parquet", table)
    client.log_artifact(run_id, str(tmp_path / "splits.parquet"), "data")
    assert registry.train_samples_of(run_id, tmp_path / "again") == {"a"}


def test_what_a_pretraining_saw_counts_as_trained_on(client, store, tmp_path):
    """A picture of the pool may get a label later, and be in test; a model that never saw it is not held back."""
    table = pd.DataFrame({"sample_id": ["a", "b", "c", "d"], "split": ["train", "test", "pool", "none"]})
    artifacts.write_table(tmp_path / "splits.parquet", table)
    for pool, expected in ((None, {"a"}), (1, {"a", "c"})):
        run_id = client.create_run("0").info.run_id
        client.log_artifact(run_id, str(tmp_path / "splits.parquet"), "data")
        if pool:
            client.log_param(run_id, "pool", pool)
        assert registry.train_samples_of(run_id, tmp_path / f"of {pool}") == expected


def test_a_server_has_its_lock_in_the_checkout(store, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert promotion_lock.lock_file() == store / ".cache/locks/promotion.lock"


def packed_of(pictures, **card):
    names = [f"t{number}" for number in range(len(pictures))]
    index = pd.DataFrame(
        {
            "sample_id": names,
            "split": "test",
            "labels": [["ant"], ["bee"], ["a new class"]],
            "group": names,
            "content_hash": names,
        }
    )
    return PackedDataset(pictures[..., None], index, {"classes": ["ant", "bee", "fly"], **card})


@pytest.fixture
def registered(client, predictor_folder, pictures, encode):
    found = registry.find_version("flies", "flies")
    if found is None:
        run_id, _ = runs.completed_run("flies", "flies", {"a": 1}, pd.DataFrame(), {})
        found = registry.create_version("flies", run_id, "flies", predictor_folder, encode(pictures[0]), {})
    return found


def test_a_champion_is_scored_again_on_the_packed_pictures(registered, predictor, predictor_folder, pictures):
    packing = artifacts.read_json(predictor_folder / "card.json")["packing"]
    found = rescoring.score_version("flies", registered, packed_of(pictures, **packing), {})
    np.testing.assert_allclose(found.scores, predictor.predict(pictures[..., None]), rtol=1e-6)
    assert found.sample_ids.tolist() == ["t0", "t1", "t2"]
    np.testing.assert_array_equal(found.targets, [[1, 0, 0], [0, 1, 0], [0, 0, 0]])  # it does not know the new class


def test_a_champion_that_stores_pictures_otherwise_reads_them_itself(
    registered, predictor, predictor_folder, pictures, encode, project
):
    folder = Path("pictures")
    folder.mkdir()
    for number, picture in enumerate(pictures):
        (folder / f"{number}.png").write_bytes(encode(picture))
    manifest = pd.DataFrame({"sample_id": ["t0", "t1", "t2"], "path": ["0.png", "1.png", "2.png"]})
    artifacts.write_table(artifacts.MANIFEST, manifest)
    target = "pipeline.datasets.sources.folder.Folder"
    params = {"source": {"_target_": target, "name": "x", "path": str(folder), "watch": str(folder)}}
    packing = artifacts.read_json(predictor_folder / "card.json")["packing"]
    larger = np.zeros((3, 20, 20), dtype=np.uint8)
    packed = packed_of(larger, **{**packing, "size": 20})
    found = rescoring.score_version("flies", registered, packed, params)
    np.testing.assert_allclose(found.scores, predictor.predict(pictures[..., None]), rtol=1e-6)
    (folder / "1.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"^1\.png cannot be read as it stores pictures \("):
        rescoring.score_version("flies", registered, packed, params)


def test_decisions_of_a_model_that_is_not_there(store):
    decisions.complete("nothing")
    assert decisions.read_own_decisions("nothing") == []
