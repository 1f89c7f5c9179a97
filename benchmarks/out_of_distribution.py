"""How well does the distance of features from train find pictures of something else, and how often is it wrong?

    python -m benchmarks.out_of_distribution NAME=PROJECT NAME=PROJECT ... [--most 500]

Each PROJECT is a folder with the `data/packed` and `data/predictor` of a finished run. For every model, and for every
distance: the AUROC with which it separates the model's own test pictures from those of each other project, from noise
and from blank pictures, and the share of each that is flagged with a limit for 1 % of val. A second table has the same
with 50, 100 and 300 pictures of train to which the distance is fitted. Distances are chosen by what they find in other
data sets, and the share of test that is flagged is a reading of test.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from sklearn.metrics import roc_auc_score

from benchmarks import positive, run_main
from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.evaluation_contracts import FeatureDistance, FeaturePredictor
from pipeline.core.feature_reference import FeatureReference
from pipeline.training.distances.mahalanobis import Mahalanobis
from pipeline.training.distances.nearest_neighbours import NearestNeighbours
from pipeline.training.model_card import load_predictor

DISTANCES: dict[str, FeatureDistance] = {
    "1st neighbour": NearestNeighbours(k=1),
    "10th neighbour": NearestNeighbours(k=10),
    "50th neighbour": NearestNeighbours(k=50),
    "Mahalanobis": Mahalanobis(num_directions=256),
}
SHARE = 0.01
FEW = (50, 100, 300)
NUM_FAR = 100  # pictures of another project, of noise
Features = dict[str, np.ndarray]


def read_project(folder: Path) -> tuple[Any, dict[str, Any], pd.DataFrame, np.ndarray]:
    predictor, card = load_predictor(folder / artifacts.PREDICTOR)
    if not isinstance(predictor, FeaturePredictor):
        raise UserError(f"{folder}: its model has no features")
    index = artifacts.read_table(folder / artifacts.PACKED / "index.parquet")
    return predictor, card, index, np.load(folder / artifacts.PACKED / "images.npy", mmap_mode="r")


def gather(folders: dict[str, Path], name: str, most: int) -> tuple[Features, np.ndarray]:
    """Features of train, val, test and of what is far, by name; the targets of train."""
    generator = np.random.default_rng(0)
    predictor, card, index, images = read_project(folders[name])
    found = {}
    for split in ("train", "val", "test"):
        rows = np.sort(generator.permutation(index.index[index["split"] == split])[:most])
        found[split] = predictor.predict_with_features(images[rows])[1]
        if split == "train":
            targets = predictor.task.targets(index.loc[rows, "labels"].tolist(), card["classes"])
    side, channels = card["packing"]["size"], card["packing"]["channels"]
    for other, folder in folders.items():
        if other != name:
            pictures = read_project(folder)[3]
            rows = np.sort(generator.permutation(len(pictures))[:NUM_FAR])
            found[other] = predictor.predict_with_features(fit_pictures(pictures[rows], side, channels))[1]
    shape = (NUM_FAR, side, side, channels)
    found["noise"] = predictor.predict_with_features(generator.integers(0, 256, shape).astype(np.uint8))[1]
    blank = np.broadcast_to(np.linspace(0, 255, 30).astype(np.uint8)[:, None, None, None], (30, *shape[1:]))
    found["blank"] = predictor.predict_with_features(np.ascontiguousarray(blank))[1]
    return found, targets


def fit_pictures(pictures: np.ndarray, side: int, channels: int) -> np.ndarray:
    """The pictures in another size, and with other channels."""
    result = []
    for stored in pictures:
        picture = Image.fromarray(stored[..., 0] if stored.shape[-1] == 1 else stored)
        array = np.asarray(picture.convert("L" if channels == 1 else "RGB").resize((side, side)))
        result.append(array[..., None] if channels == 1 else array)
    return np.stack(result)


def measure(distance: FeatureDistance, features: Features, targets: np.ndarray, number: int) -> dict[str, np.ndarray]:
    """The distances of everything but train, fitted to `number` pictures of train."""
    fitted = distance.fit(features["train"][:number], targets[:number])
    reference = FeatureReference(distance=distance, fitted=fitted)
    return {name: reference.measure(one) for name, one in features.items() if name != "train"}


def row(name: str, of_model: str, found: dict[str, np.ndarray]) -> str:
    limit = np.quantile(found["val"], 1 - SHARE, method="higher")
    cells = [f"{100 * (found['test'] > limit).mean():.1f} %"]
    for far, distances in found.items():
        if far not in ("val", "test"):
            truth = np.repeat([0, 1], [len(found["test"]), len(distances)])
            auroc = roc_auc_score(truth, np.concatenate([found["test"], distances]))
            cells.append(f"{far} {auroc:.3f}, {100 * (distances > limit).mean():.0f} %")
    return f"| {of_model} | {name} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("projects", nargs="+", metavar="NAME=PROJECT")
    parser.add_argument("--most", type=positive, default=500, help="pictures of each part")
    chosen = parser.parse_args()
    folders = {name: Path(path) for name, _, path in (one.partition("=") for one in chosen.projects)}
    gathered = {name: gather(folders, name, chosen.most) for name in folders}
    num_far = len(folders) + 1
    print("AUROC against the model's own test pictures, share flagged\n")
    for numbers in ((chosen.most,), FEW):
        print(f"| model | distance | test flagged |{' far |' * num_far}\n|---|---|---:|{'---|' * num_far}")
        for name, (features, targets) in gathered.items():
            for number in numbers:
                used = min(number, len(targets))
                for label, distance in DISTANCES.items():
                    found = measure(distance, features, targets, used)
                    print(row(label, f"{name}, {used} pictures", found), flush=True)
        print()


if __name__ == "__main__":
    run_main(main)
