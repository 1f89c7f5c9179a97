"""The tanks are drawn from a seed, and their weather goes with the label as often as was asked."""

import numpy as np
import pandas as pd
import pytest
from file_options import from_file

from pipeline.checks.shortcut import Shortcut
from pipeline.core.errors import ItemRejected
from pipeline.datasets.sources.tanks import SIDE, Tanks
from pipeline.images.properties import measure

CHOICES = {
    "name": "tanks",
    "num_train": 20,
    "num_val": 5,
    "num_test": 10,
    "association": 0.9,
    "swapped": False,
    "seed": 0,
    "watch": "requirements.lock",
}


def tanks(**changes):
    return from_file(Tanks, **(CHOICES | changes))


def counts(table):
    """Pictures of each label, weather and split."""
    return table.groupby([table["labels"].str[0], "attr_weather", "given_split"]).size().to_dict()


def test_each_split_and_class_has_the_share_of_its_own_weather():
    table = tanks().read()
    assert len(table) == 2 * (20 + 5 + 10)
    assert table["path"].is_unique
    assert table["group"].isna().all()
    fits = {("tank", "cloudy"), ("woods", "sunny")}
    expected = {}
    for label in ("tank", "woods"):
        for weather in ("cloudy", "sunny"):
            own = (label, weather) in fits
            expected[label, weather, "train"] = 18 if own else 2
            expected[label, weather, "test"] = 9 if own else 1
    assert counts(table) == expected | {("tank", "cloudy", "val"): 4, ("tank", "sunny", "val"): 1,
                                        ("woods", "sunny", "val"): 4, ("woods", "cloudy", "val"): 1}  # fmt: skip


@pytest.mark.parametrize(("association", "own"), [(0.5, 10), (0.95, 19), (1.0, 20)])
def test_from_no_link_to_a_complete_one(association, own):
    table = tanks(association=association).read()
    train = table[table["given_split"] == "train"]
    clouded = train.loc[train["attr_weather"] == "cloudy", "labels"].str[0].value_counts()
    assert clouded.get("tank", 0) == own
    assert clouded.get("woods", 0) == 20 - own


def test_swapped_every_picture_has_the_other_weather_and_nothing_else_changes():
    one, other = tanks().read(), tanks(swapped=True).read()
    pd.testing.assert_frame_equal(one.drop(columns="attr_weather"), other.drop(columns="attr_weather"))
    assert (one["attr_weather"] != other["attr_weather"]).all()


def test_the_same_seed_draws_the_same_and_every_scene_is_its_own():
    paths = tanks().read()["path"]
    drawn = [tanks().open(path) for path in paths]
    assert all(one.shape == (SIDE, SIDE, 3) and one.dtype == np.uint8 for one in drawn)
    assert all(np.array_equal(one, tanks().open(path)) for one, path in zip(drawn, paths, strict=True))
    assert len({one.tobytes() for one in drawn}) == len(paths)
    assert not np.array_equal(drawn[0], tanks(seed=1).open(paths[0]))


def test_a_scene_does_not_depend_on_how_many_there_are():
    assert np.array_equal(tanks().open("train/tank/0003"), tanks(num_train=400).open("train/tank/0003"))


def test_the_weather_is_light_on_the_same_scene():
    for path in ("train/tank/0000", "train/woods/0000", "test/tank/0009"):
        pair = [tanks(swapped=swapped) for swapped in (False, True)]
        weathers = [one.read().set_index("path")["attr_weather"][path] for one in pair]
        cloudy, sunny = (pair[weathers.index(name)].open(path).astype(float) for name in ("cloudy", "sunny"))
        clear = (sunny < 255) & (cloudy > 20)  # neither clipped, nor so dark that rounding counts
        ratio = (sunny / cloudy.clip(1))[clear]
        assert clear.mean() > 0.8
        assert ratio.min() > 1.0
        assert ratio.max() < 2.2  # 1.22 / 0.62 in the open, less in a shadow
        assert (cloudy[clear] + 1 < sunny[clear]).mean() > 0.99


def test_brightness_tells_the_label_and_the_check_says_so_and_without_a_link_it_does_not():
    def finding(association):
        source = tanks(association=association)
        table = source.read()
        measured = pd.DataFrame([measure(source.open(path), 1).properties for path in table["path"]])
        samples = pd.DataFrame({"sample_id": table["path"], "labels": table["labels"], "group": table["path"],
                                "split": table["given_split"], "prop_brightness": measured["brightness"]})  # fmt: skip
        return Shortcut(max_balanced_accuracy=0.65, alpha=0.04, num_permutations=99, num_folds=5, max_samples=1000,
                        seed=0, on_fail="error")(samples)  # fmt: skip

    planted = finding(0.9)
    assert not planted.passed
    assert 0.8 < planted.value < 0.95  # the link is 0.9
    assert list(planted.worst) == ["brightness"]
    assert finding(0.5).passed


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("train/tank/0020", r"train has 20 scenes of each class"),
        ("val/woods/-1", r"val has 5 scenes of each class"),
        ("train/plane/0000", r"no such scene; a path is split/label/number"),
        ("train/tank", r"no such scene"),
        ("nowhere/tank/0000", r"no such scene"),
        ("train/tank/first", r"no such scene"),
    ],
)
def test_a_scene_that_is_not_there(path, message):
    with pytest.raises(ItemRejected, match=message):
        tanks().open(path)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"num_train": 0}, r"^num_train must be at least 1, got 0$"),
        ({"num_val": -1}, r"^num_val must be at least 1, got -1$"),
        ({"num_test": 0}, r"^num_test must be at least 1, got 0$"),
        ({"association": 0.4}, r"^association must be 0\.5 to 1, got 0\.4$"),
        ({"association": 1.1}, r"^association must be 0\.5 to 1, got 1\.1$"),
        ({"association": float("nan")}, r"^association must be a finite number, got nan$"),
    ],
)
def test_wrong_choices(choices, message):
    with pytest.raises(ValueError, match=message):
        tanks(**choices)
