"""Features are found by the name of their sample."""

import numpy as np
import pandas as pd
import pytest

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.features.store import Embeddings


@pytest.fixture
def embeddings(tmp_path):
    np.save(tmp_path / "features.npy", np.arange(6, dtype=np.float16).reshape(3, 2))
    artifacts.write_table(tmp_path / "index.parquet", pd.DataFrame({"sample_id": ["b", "a", "c"]}))
    artifacts.write_json(tmp_path / "card.json", {"feature_dim": 2})
    return Embeddings.load(tmp_path)


def test_in_the_order_asked_for(embeddings):
    assert embeddings.of(pd.Series(["c", "b"])).tolist() == [[4, 5], [0, 1]]
    assert embeddings.card == {"feature_dim": 2}


def test_all_in_order_are_not_copied(embeddings):
    assert embeddings.of(pd.Series(["b", "a", "c"])) is embeddings.features
    assert isinstance(embeddings.features, np.memmap)


def test_a_name_that_is_not_there(embeddings):
    with pytest.raises(KeyError, match="d"):
        embeddings.of(pd.Series(["a", "d"]))


def test_before_the_first_run(tmp_path):
    with pytest.raises(UserError, match=r"card\.json does not exist; run dvc repro, which makes it$"):
        Embeddings.load(tmp_path / "nowhere")
