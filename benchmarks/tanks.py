"""What the stop at `check` spares, and what each remedy gives back: accuracy on tanks whose weather was swapped.

    python -m benchmarks.tanks [--seeds 0 1 2] [--only name ...] [override ...]

Trains the recipe of `experiment=tanks` without the stop, with each remedy alone, as `experiment=tanks_remedied`, and
on clean data (weather drawn without regard to the label), and judges all of them on the same 200 scenes: as planted,
and with every weather swapped. A seed draws scenes and training anew; its intervals are over scenes. Last come the
mean over seeds, the lowest and the highest. Only train and val are seen in training, and nothing of them is swapped.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from benchmarks import natural, run_main
from pipeline.core import config
from pipeline.core.estimate import Estimate
from pipeline.core.predictions import Predictions
from pipeline.datasets.packed import PackedDataset
from pipeline.evaluation.estimates import estimate_metrics
from pipeline.evaluation.metrics.accuracy import Accuracy
from pipeline.images.properties import measure
from pipeline.statistics.bootstrap import Bootstrap
from pipeline.training.recipe import SECTIONS, select_recipe

CONF = Path(__file__).parents[1] / "conf"
VARIANTS = {  # overrides of each row of the table
    "without the stop": ["experiment=tanks"],
    "exposure and colour varied": ["experiment=tanks", "augmentation=[mirror,shift,strong_exposure,colour]"],
    "balanced by brightness": ["experiment=tanks", "sampling=balanced"],
    "group DRO by brightness": ["experiment=tanks", "risk=group_dro"],
    "tanks_remedied": ["experiment=tanks_remedied"],
    "clean data": ["experiment=tanks", "source.association=0.5"],
}


def packed(params: dict[str, Any]) -> PackedDataset:
    """The pictures of the source, measured and stored as the stages would."""
    source = config.build(params["source"], "source")
    rows = source.read()
    images = np.stack([source.open(path) for path in rows["path"]])
    measured = pd.DataFrame([measure(image, image.nbytes).properties for image in images]).add_prefix("prop_")
    index = pd.concat([rows, measured], axis=1).rename(columns={"given_split": "split"})
    return PackedDataset(images, index, {"classes": sorted(set(rows["labels"].explode()))})


def accuracy(predictor: Any, data: PackedDataset, seed: int) -> Estimate:
    """On the test pictures, with an interval over scenes."""
    test = data.split("test", predictor.task, predictor.transform)
    scores = predictor.predict(test.images[test.rows])
    scenes = np.arange(len(test)).astype(str)
    predictions = Predictions(
        sample_ids=scenes,
        groups=scenes,
        targets=test.targets,
        decided=predictor.task.decide(scores),
        scores=scores,
        classes=data.classes,
    )
    return estimate_metrics({"it": Accuracy()}, predictions, Bootstrap(num_resamples=2000, seed=seed))["it"]


def test_scenes(seed: int) -> list[PackedDataset]:
    """The scenes of one seed as planted, and with every weather swapped."""
    overrides = ["experiment=tanks", f"source.seed={seed}"]
    return [
        packed(yaml.safe_load(config.compose(CONF, [*overrides, f"source.swapped={swapped}"])))
        for swapped in ("false", "true")
    ]


def trained(overrides: list[str], seed: int) -> tuple[Any, float]:
    """The predictor, and the seconds of its training."""
    params = yaml.safe_load(config.compose(CONF, [*overrides, f"source.seed={seed}", f"train.seed={seed}"]))
    data = packed(params)
    started = time.perf_counter()
    recipe, _ = select_recipe({name: params[name] for name in SECTIONS}, data)
    predictor, _ = recipe.fit(data, lambda epoch, figures: None)
    return predictor, time.perf_counter() - started


def shown(one: Estimate) -> str:
    return f"{one.value:.3f} [{one.low:.3f}, {one.high:.3f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=natural, nargs="+", default=[0, 1, 2], help="of scenes and training")
    parser.add_argument("--only", nargs="+", choices=list(VARIANTS), default=list(VARIANTS), help="rows of the table")
    parser.add_argument("overrides", nargs="*", help="as for dvc exp run -S")
    options = parser.parse_args()
    found: dict[str, list[list[float]]] = {name: [] for name in options.only}
    print("| trained | seed | weather as planted, 95 % | weather swapped, 95 % | s |\n|---|---|---|---|---|")
    for seed in options.seeds:
        scenes = test_scenes(seed)
        for name in options.only:
            predictor, seconds = trained([*VARIANTS[name], *options.overrides], seed)
            planted, swapped = (accuracy(predictor, one, seed) for one in scenes)
            found[name].append([planted.value, swapped.value])
            print(f"| {name} | {seed} | {shown(planted)} | {shown(swapped)} | {seconds:.0f} |", flush=True)
    print("\n| trained | seeds | weather as planted | weather swapped |\n|---|---|---|---|")
    for name, values in found.items():
        planted, swapped = (
            f"{np.mean(one):.3f} ({min(one):.3f} to {max(one):.3f})" for one in zip(*values, strict=True)
        )
        print(f"| {name} | {len(values)} | {planted} | {swapped} |")


if __name__ == "__main__":
    run_main(main)
