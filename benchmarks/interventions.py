"""How often a model is said to follow a property that it does not use, and how often one that it uses is found.

    python -m benchmarks.interventions [--runs 40] [--pictures 100] [--groups 100 12]

Simulated pictures of 16 x 16 pixels: the class is a bright bar, upright or lying, with noise, and brightness goes with
it in 85 % of the pictures. The model is a linear rule of the bar and of brightness, so how much it follows brightness
is known: with a weight of 1 brightness counts as much as the bar, each in units in which the two classes are 2 apart.
A brittle model also adds a number that any change of the picture changes at random, so that both the change and the
control lose decisions. The test is that of `intervene`, with exposure; a false alarm is a verdict at a weight of 0.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import natural, run_main
from pipeline.datasets.packed import PackedDataset
from pipeline.evaluation.counterfactuals import CounterfactualTest, Options
from pipeline.evaluation.interventions.exposure import Exposure
from pipeline.evaluation.interventions.matching import measure_property
from pipeline.evaluation.suspicions import Suspicion
from pipeline.training.tasks.single_label import SingleLabel

SIDE, FITS = 16, 0.85
LIGHT = (90.0, 140.0)  # mean level of the pictures of the two kinds of light
OPTIONS = {"max_predictions": 2000, "max_renders": 200, "max_properties": 5, "num_examples": 0, "num_resamples": 200}


@dataclass(frozen=True)
class LinearModel:
    """Decides by the bar plus `weight` times brightness, both in units in which the classes are 2 apart.

    Attributes:
        weight: Of brightness.
        brittleness: Largest size of the number that any change of the picture changes.
    """

    weight: float
    brittleness: float = 0.0

    @property
    def task(self) -> SingleLabel:
        return SingleLabel(label_smoothing=0.0)

    def predict(self, images: np.ndarray) -> np.ndarray:
        pixels = images[..., 0].astype(np.float64)
        upright, lying = pixels[:, :, 6:10].mean(axis=(1, 2)), pixels[:, 6:10].mean(axis=(1, 2))
        bar = (upright - lying) / pixels.mean(axis=(1, 2)) / 0.09
        light = (pixels.mean(axis=(1, 2)) - sum(LIGHT) / 2) / ((LIGHT[1] - LIGHT[0]) / 2)
        arbitrary = np.sin(pixels.reshape(len(pixels), -1) @ np.random.default_rng(0).normal(size=SIDE * SIDE))
        right = 1 / (1 + np.exp(-(bar + self.weight * light + self.brittleness * arbitrary)))
        return np.stack([1 - right, right], axis=1)


def simulate(num_pictures: int, num_groups: int, seed: int) -> PackedDataset:
    """Train and test of one run; half of the spread of bar and light is common to a group."""
    generator = np.random.default_rng(seed)
    number = 2 * num_pictures
    groups = np.arange(number) % num_groups + num_groups * (np.arange(number) >= num_pictures)
    common = generator.normal(0, 1, (2 * num_groups, 2))[groups]
    spread = np.sqrt(0.5) * (common + generator.normal(0, 1, (number, 2)))
    has = generator.random(number) < 0.5
    bright = has == (generator.random(number) < FITS)
    level = np.array(LIGHT)[bright.astype(int)] + 12 * spread[:, 0]
    strength = np.where(has, 1.0, -1.0) * 0.06 + 0.04 * spread[:, 1]
    pixels = np.repeat(level[:, None, None], SIDE, 1).repeat(SIDE, 2)
    pixels[:, :, 6:10] *= 1 + strength[:, None, None]
    pixels[:, 6:10] *= 1 - strength[:, None, None]
    images = np.clip(pixels + generator.normal(0, 8, pixels.shape), 0, 255).astype(np.uint8)[..., None]
    names = [f"s{row:05d}" for row in range(number)]
    index = pd.DataFrame(
        {
            "sample_id": names,
            "origin": names,
            "split": np.repeat(["train", "test"], num_pictures),
            "labels": [["b"] if one else ["a"] for one in has],
            "group": [f"g{one}" for one in groups],
            "prop_brightness": measure_property(images, "brightness"),
        }
    )
    return PackedDataset(images, index, {"classes": ["a", "b"]})


def find_result(model: LinearModel, num_pictures: int, num_groups: int, seed: int) -> Any:
    """The result of `intervene` for one simulated data set."""
    test = CounterfactualTest(
        packed=simulate(num_pictures, num_groups, seed),
        predictor=model,  # type: ignore[arg-type]
        interventions={"exposure": Exposure(properties=["brightness"], max_strength=3.0)},
        options=Options(seed=seed, min_difference=0.1, **OPTIONS),
    )
    return next(iter(test(Suspicion(name="brightness", label="b", accuracy=FITS))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=natural, default=40, help="data sets a line")
    parser.add_argument("--pictures", type=natural, default=100, help="of test, and as many of train")
    parser.add_argument("--groups", type=natural, nargs="+", default=[100, 12], help="of test")
    options = parser.parse_args()
    print(
        "| groups of test | brittleness | weight of brightness | flip rate | of the control "
        "| interval above 0 | follows |"
    )
    print("|---|---|---|---|---|---|---|", flush=True)
    for groups in options.groups:
        for brittleness, weight in product((0.0, 2.0), (0.0, 0.5, 1.0)):
            model = LinearModel(weight, brittleness)
            found = [find_result(model, options.pictures, groups, seed) for seed in range(options.runs)]
            rates = [np.mean([one.figures[name].value for one in found]) for name in ("flip_rate", "control_flip_rate")]
            above, follows = (
                np.mean([one.state in states for one in found]) for states in (("follows", "slight"), ("follows",))
            )
            print(
                f"| {groups} | {brittleness:g} | {weight:g} | {100 * rates[0]:.1f} % | {100 * rates[1]:.1f} % "
                f"| {100 * above:.0f} % | {100 * follows:.0f} % |",
                flush=True,
            )


if __name__ == "__main__":
    run_main(main)
