"""What an experiment left in its commit and in DVC's cache."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.experiments.results import IMAGES, INDEX, MAX_PICTURES, bring_outputs, find_test_rows, read_rows

pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning")  # of DVC, when it adds


def test_the_rows_to_time_by_are_the_first_of_test():
    index = pd.DataFrame({"split": ["train", "test", "val", "test"]})
    assert find_test_rows(index).tolist() == [1, 3]
    assert len(find_test_rows(pd.DataFrame({"split": ["test"] * 1000}))) == MAX_PICTURES


def test_rows_are_read_without_the_others(tmp_path):
    images = np.arange(5 * 2 * 3 * 1, dtype=np.uint8).reshape(5, 2, 3, 1)
    np.save(tmp_path / "images.npy", images)
    with (tmp_path / "images.npy").open("rb") as file:
        found = read_rows(file, np.array([4, 1]))
    assert np.array_equal(found, images[[4, 1]])


@pytest.fixture
def checkout(project):
    """A commit whose outputs are in DVC's cache and not in the folder."""
    from dvc.repo import Repo

    images = np.arange(4 * 2 * 2 * 1, dtype=np.uint8).reshape(4, 2, 2, 1)
    artifacts.PACKED.mkdir(parents=True)
    np.save(IMAGES, images)
    artifacts.write_table(INDEX, pd.DataFrame({"split": ["train", "test", "val", "test"]}))
    artifacts.write_json(artifacts.PREDICTOR / "card.json", {"training_key": "k"})
    artifacts.write_text(artifacts.PREDICTOR / "weights.safetensors", "w" * 10)
    artifacts.write_text(artifacts.PREDICTIONS, "p")
    artifacts.write_json(artifacts.REGISTRATION, {"results_key": "r"})
    artifacts.write_json(artifacts.TEST_METRICS, {})
    outputs = [artifacts.PACKED, artifacts.PREDICTOR, artifacts.PREDICTIONS, artifacts.REGISTRATION]
    subprocess.run(["git", "init", "-q"], check=True)
    with Repo.init(str(project)) as repo:
        repo.add([str(one) for one in outputs])
    subprocess.run(["git", "add", "-A"], check=True)
    author = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    subprocess.run(["git", *author, "commit", "-qm", "start"], check=True)
    for one in outputs:
        artifacts.remove(one)
    return images


def test_outputs_are_brought_from_the_commit_and_the_cache(checkout, tmp_path):
    brought = bring_outputs("one", "HEAD", tmp_path / "one")
    assert brought.results_key == "r"
    assert sorted(path.name for path in brought.predictor.iterdir()) == ["card.json", "weights.safetensors"]
    assert np.array_equal(np.load(brought.folder / IMAGES), checkout[[1, 3]])
    assert not Path("data/packed").exists()


def test_outputs_are_brought_by_the_name_of_an_experiment(checkout, tmp_path):
    commit = subprocess.run(["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    reference = f"refs/exps/{commit[:2]}/{commit[2:]}/one-1"  # where dvc exp run keeps it
    subprocess.run(["git", "update-ref", reference, commit], check=True)
    assert np.array_equal(np.load(bring_outputs("one", "one-1", tmp_path / "one").folder / IMAGES), checkout[[1, 3]])


@pytest.mark.parametrize("content", [b"", b"no array at all", b"\x93NUMPY\x01\x00\x10\x00{'descr': '|u1'   "])
def test_damaged_arrays_are_one_line(checkout, tmp_path, content):
    for one in Path(".dvc/cache").rglob("*"):
        if one.is_file() and one.read_bytes().startswith(b"\x93NUMPY"):
            one.chmod(0o644)
            one.write_bytes(content)
    with pytest.raises(UserError, match=r"^its data/packed/images\.npy is damaged \(.*\); dvc exp remove it and run"):
        bring_outputs("one", "HEAD", tmp_path / "one")


def test_outputs_that_are_gone_are_one_line(checkout, tmp_path):
    shutil.rmtree(".dvc/cache")
    with pytest.raises(UserError, match=r"^its outputs are not in DVC's cache \(.*\); see dvc exp list -A, dvc exp"):
        bring_outputs("one", "HEAD", tmp_path / "one")
