"""What the stop at `check` spares, and what each remedy gives back: accuracy on tanks whose weather was swapped.

    python -m benchmarks.tanks [--seeds 3] [--only name ...] [override ...]

Trains the recipe of `experiment=tanks` without the stop, with each remedy alone, as `experiment=tanks_remedied`, and
on clean data (weather drawn without regard to the label), and judges all of them on the same scenes: as planted, and
with every weather swapped.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from pipeline.core import config
from pipeline.core.judging import judge
from pipeline.core.measuring import measure
from pipeline.core.samples import Packed
from pipeline.metrics.accuracy import Accuracy
from pipeline.stages.train import SECTIONS, Recipe

CONF = Path(__file__).parents[1] / "conf"
VARIANTS = {  # overrides of each row of the table
    "without the stop": ["experiment=tanks"],
    "exposure and colour varied": ["experiment=tanks", "augmentation=[mirror,shift,strong_exposure,colour]"],
    "balanced by brightness": ["experiment=tanks", "sampling=balanced"],
    "group DRO by brightness": ["experiment=tanks", "risk=group_dro"],
    "tanks_remedied": ["experiment=tanks_remedied"],
    "clean data": ["experiment=tanks", "source.association=0.5"],
}


def packed(params: dict[str, Any]) -> Packed:
    """The pictures of the source, measured and stored as the stages would."""
    source = config.build(params["source"], "source")
    rows = source.read()
    images = np.stack([source.open(path) for path in rows["path"]])
    measured = pd.DataFrame([measure(image, image.nbytes).properties for image in images]).add_prefix("prop_")
    index = pd.concat([rows, measured], axis=1).rename(columns={"given_split": "split"})
    return Packed(images, index, {"classes": sorted(set(rows["labels"].explode()))})


def accuracy(predictor: Any, data: Packed, seed: int) -> dict[str, Any]:
    """On the test pictures, with an interval over scenes."""
    test = data.part("test", predictor.task, predictor.transform)
    scores = predictor.predict(test.images[test.rows])
    decided = predictor.task.decide(scores)
    scenes = np.arange(len(test))
    return judge({"it": Accuracy()}, test.targets, decided, scores, scenes, data.classes, 2000, seed)["it"]


def judged(overrides: list[str], seed: int) -> tuple[dict[str, Any], dict[str, Any], float]:
    """Accuracy as planted and swapped, and the seconds of the training between them."""
    overrides = [*overrides, f"source.seed={seed}", f"train.seed={seed}"]
    params = yaml.safe_load(config.compose(CONF, overrides))
    planted, swapped = (
        packed(
            yaml.safe_load(config.compose(CONF, ["experiment=tanks", f"source.seed={seed}", f"source.swapped={swap}"]))
        )
        for swap in ("false", "true")
    )
    started = time.perf_counter()
    predictor, _ = Recipe({name: params[name] for name in SECTIONS}).fit(packed(params), lambda epoch, figures: None)
    seconds = time.perf_counter() - started
    return accuracy(predictor, planted, seed), accuracy(predictor, swapped, seed), seconds


def shown(one: dict[str, Any]) -> str:
    return f"{one['value']:.3f} [{one['low']:.3f}, {one['high']:.3f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="of scenes and training")
    parser.add_argument("--only", nargs="*", choices=list(VARIANTS), default=list(VARIANTS), help="rows of the table")
    parser.add_argument("overrides", nargs="*", help="as for dvc exp run -S")
    options = parser.parse_args()
    print("| trained | seed | weather as planted, 95 % | weather swapped, 95 % | s |\n|---|---|---|---|---|")
    for name in options.only:
        for seed in range(options.seeds):
            planted, swapped, seconds = judged([*VARIANTS[name], *options.overrides], seed)
            print(f"| {name} | {seed} | {shown(planted)} | {shown(swapped)} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
