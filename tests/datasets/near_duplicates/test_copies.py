"""The benchmark of near-duplicates plants what it says and counts as a person would."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.copies import KINDS, LIMITS, plant
from benchmarks.near_duplicates import Score, Trial, score, upper
from pipeline.datasets.sources.folder import Folder
from pipeline.images.decoding import decode
from tests.photographs import SIDE, photograph


@pytest.fixture
def made(tmp_path):
    for seed in range(12):
        (tmp_path / "ab"[seed % 2]).mkdir(exist_ok=True)
        photograph(seed).save(tmp_path / "ab"[seed % 2] / f"{seed:02d}.png")
    source = Folder(name="pictures", path=str(tmp_path), watch="")
    return plant(source, source.read(), 10, seed=0)


def test_copies_of_each_kind_and_of_different_pictures(made):
    assert len(set(made.origin.values())) == len(made.files) == 10
    names = [name.removeprefix("planted/").partition("_")[0] for name in made.read()["path"]]
    assert names == [*KINDS, *KINDS]
    pixels = {kind: decode(made.open(f"planted/{kind}_{place:04d}.jpg"), LIMITS) for place, kind in enumerate(KINDS)}
    before = {
        kind: decode(made.open(made.origin[f"planted/{kind}_{place:04d}.jpg"]), LIMITS).astype(float)
        for place, kind in enumerate(KINDS)
    }
    assert pixels["halved"].shape == (SIDE // 2, SIDE // 2)
    assert pixels["cropped"].shape == (SIDE - 16, SIDE - 16)
    assert np.abs(pixels["mirrored"] - before["mirrored"][:, ::-1]).mean() < 3
    assert np.abs(pixels["brightened"] - np.minimum(255, 1.3 * before["brightened"])).mean() < 3
    assert made.read()["labels"].map(len).tolist() == [1] * 10


def test_counting_by_hand():
    """Photographs 0 to 3, of which 0 and 1 are alike by nature; 4 is a copy of 0, 5 of 2."""
    names = pd.DataFrame({"path": ["a", "b", "c", "d", "planted/halved_0.jpg", "planted/cropped_1.jpg"]})
    trial = Trial(None, names, np.array([[0, 4], [2, 5]]), {(0, 1)})
    found = np.array([[0, 4], [0, 1], [1, 4], [2, 3], [3, 5], [4, 5]])
    counted = score(trial, found)
    by_kind = dict.fromkeys(KINDS, (0, 0)) | {"halved": (1, 1), "cropped": (0, 1)}
    assert counted == Score(right=1, wrong=2, planted=2, natural=3, by_kind=by_kind)
    assert counted.f1 == pytest.approx(2 * 1 / (1 + 2 + 2))
    assert (counted + counted).by_kind["halved"] == (2, 2)


def test_pairs_within_a_limit():
    distance = np.array([[0, 3, 9], [3, 0, 2], [9, 2, 0]])
    assert upper(distance, 3).tolist() == [[0, 1], [1, 2]]
