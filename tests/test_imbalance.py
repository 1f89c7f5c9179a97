"""On nine samples of one class to one of the other, every option finds more of the rare one than doing nothing."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from pipeline.core import config
from pipeline.datasets.packed import PackedDataset
from pipeline.training.recipe import CHOSEN, SECTIONS, select_recipe

pytestmark = pytest.mark.xdist_group("imbalance")

CONF = Path(__file__).parents[1] / "conf"
OPTIONS = ("weighted", "class_balanced", "focal", "logit_adjusted", "balanced_sampling")
SIDE = 4


@pytest.fixture(scope="module")
def packed():
    """Dark and less dark pictures under so much noise that only some can be told apart: 360 : 40 in train and val."""
    truth = np.tile(np.repeat([0, 1], [360, 40]), 2)
    generator = np.random.default_rng(0)
    bright = 100 + 28 * truth + generator.normal(0, 20, 800)
    pixels = bright[:, None, None, None] + generator.normal(0, 10, (800, SIDE, SIDE, 1))
    names = [f"s{number:03d}" for number in range(800)]
    index = pd.DataFrame(
        {
            "sample_id": names,
            "origin": names,
            "split": np.repeat(["train", "val"], 400),
            "labels": [["common"] if one == 0 else ["rare"] for one in truth],
            "group": names,
        }
    )
    return PackedDataset(np.clip(pixels, 0, 255).astype(np.uint8), index, {"classes": ["common", "rare"]})


def nodes_of(option, task="single_label"):
    chosen = [f"imbalance={option}", f"task={task}", "encoder=small", "encoder.width=2"]
    params = yaml.safe_load(config.compose(CONF, [*chosen, f"image_size={SIDE}"]))
    nodes = {name: params[name] for name in SECTIONS}
    quick = {
        "epochs": 4,
        "batch_size": 20,
        "learning_rate": 0.03,
        "ema_decay": None,
        "dropout": 0.0,
        "precision": "fp32",
    }
    return {**nodes, "train": {**nodes["train"], **quick}}


def recalls(packed, recipe):
    predictor, _ = recipe.fit(packed, lambda epoch, figures: None)
    val = packed.index["split"].to_numpy() == "val"
    decided = predictor.task.decide(predictor.predict(packed.images[val]))
    truth = np.array([names == ["rare"] for names in packed.index["labels"][val]])
    return decided[truth, 1].mean(), decided[~truth, 0].mean()


@pytest.fixture(scope="module")
def without(packed):
    return recalls(packed, select_recipe(nodes_of("none"), packed)[0])


@pytest.mark.parametrize("option", OPTIONS)
def test_the_rare_class_is_found_more_often(packed, without, option):
    rare, common = recalls(packed, select_recipe(nodes_of(option), packed)[0])
    assert rare > without[0] + 0.2
    assert rare + common > without[0] + without[1] + 0.1


@pytest.mark.slow
def test_auto_measures_and_takes_one_of_them(packed):
    recipe, tried = select_recipe(nodes_of("auto"), packed)
    assert tried["option"].tolist() == ["none", *OPTIONS]
    chosen = recipe.nodes["imbalance"]
    assert chosen in OPTIONS
    assert tried["option"][tried["chosen"]].tolist() == [chosen]
    values = tried.set_index("option")["value"]
    assert values[chosen] > values["none"] + 0.05
    assert {name: recipe.nodes[name] for name in CHOSEN if name != "sampling"} == {
        name: nodes_of("auto")[name] for name in CHOSEN if name != "sampling"
    }
