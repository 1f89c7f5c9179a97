"""Which pictures of train resemble a picture most."""

import numpy as np
import pandas as pd
import pytest

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.features.training_neighbours import Neighbour, training_neighbours

MANIFEST = pd.DataFrame(
    {"sample_id": ["a", "b", "c", "d"], "labels": [["cat"], ["dog"], ["cat", "dog"], ["dog"]]},
)
SPLITS = pd.DataFrame({"sample_id": ["a", "b", "c", "d"], "split": ["test", "train", "train", "val"]})


@pytest.fixture
def folder(tmp_path):
    features = np.array([[1, 0], [0, 2], [3, 3], [1, 0]], dtype=np.float16)
    artifacts.write_json(tmp_path / "card.json", {})
    artifacts.write_table(tmp_path / "index.parquet", MANIFEST[["sample_id"]])
    np.save(tmp_path / "features.npy", features)
    return tmp_path


def test_only_train_is_searched_and_the_nearest_comes_first(folder):
    found = training_neighbours(["a"], MANIFEST, SPLITS, 5, folder)
    assert found == {
        "a": [
            Neighbour(sample_id="c", labels=["cat", "dog"], similarity=pytest.approx(0.5**0.5, abs=1e-3)),
            Neighbour(sample_id="b", labels=["dog"], similarity=pytest.approx(0.0)),
        ]
    }
    assert len(training_neighbours(["a", "d", "a"], MANIFEST, SPLITS, 1, folder)["d"]) == 1


def test_without_features_there_are_no_neighbours(folder, tmp_path):
    assert training_neighbours(["a"], MANIFEST, SPLITS, 3, tmp_path / "nothing") == {}
    assert training_neighbours([], MANIFEST, SPLITS, 3, folder) == {}
    assert training_neighbours(["unknown"], MANIFEST, SPLITS, 3, folder) == {}
    assert training_neighbours(["a"], MANIFEST, SPLITS.assign(split="test"), 3, folder) == {}


def test_a_folder_without_its_index_is_named(folder):
    (folder / "index.parquet").unlink()
    with pytest.raises(UserError, match=r"index.parquet does not exist; run dvc repro, which makes it$"):
        training_neighbours(["a"], MANIFEST, SPLITS, 3, folder)
