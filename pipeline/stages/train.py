"""Packed arrays to a predictor: weights, a card that says what they are, and the curves of training."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core import card, checkpoints, config, files, processes, stage, terminal
from pipeline.core.checkpoints import Checkpoints, Kept
from pipeline.core.choosing import Choosing
from pipeline.core.contracts import Log, Mixture, Predictor, Risk, Sampling, Split, Task, Trainer
from pipeline.core.errors import UserError
from pipeline.core.grouping import with_twins
from pipeline.core.labels import to_lists, without_negatives
from pipeline.core.nouns import locate
from pipeline.core.pictures import Decoding
from pipeline.core.samples import Packed
from pipeline.core.tracking.runs import training_run
from pipeline.core.tracking.store import root
from pipeline.core.uris import mask_credentials

# told in the card as they are
CHOSEN = ("transform", "encoder", "sampling", "mixture", "risk", "train", "augmentation")
SECTIONS = ("task", "imbalance", *CHOSEN, "beside")
CODE = (
    "augmentations",
    "core",
    "encoders",
    "mixtures",
    "risks",
    "samplings",
    "splits",
    "tasks",
    "trainers",
    "transforms",
)


def main() -> None:
    params = config.load_params()
    packed = Packed.load()
    nodes = {name: config.section(params, name) for name in SECTIONS}
    name = str(config.section(params, "source")["name"])
    key = files.digest(
        name.encode(),
        files.canonical(nodes),
        *(path.read_bytes() for path in sorted(files.PACKED.glob("*.*")) if path.suffix != ".npy"),
        *(
            path.read_bytes()
            for folder in CODE
            for path in sorted(Path(__file__).parents[1].joinpath(folder).rglob("*.py"))
        ),
    )
    again = second_split(nodes["beside"], packed, nodes["task"])
    recipe, tried = settled(nodes, packed)
    kept = checkpoints.of_training(key, root(), tell=warn)
    with training_run(key, params) if processes.is_first() else nullcontext(silent) as log:
        predictor, history = recipe.fit(packed, log, kept)
        beside = beside_predictions(recipe, again, Checkpoints(kept.folder / "beside", warn))
    if processes.is_first():
        write(predictor, history, beside, tried, {"source": name, **recipe.card(packed), "training_key": key})
        kept.clear()
    processes.part()


def write(
    predictor: Predictor,
    history: list[dict[str, float]],
    beside: pd.DataFrame,
    tried: pd.DataFrame,
    told: dict[str, Any],
) -> None:
    with files.replacing(files.PREDICTOR) as folder:
        folder.mkdir()
        saved = predictor.save(folder)
        files.write_json(folder / card.CARD, {**saved, **told})
    files.write_table(files.BESIDE, beside)
    files.write_csv(files.TRAIN_CURVES, pd.DataFrame(history))
    files.write_csv(files.IMBALANCE, tried)


def silent(epoch: int, figures: dict[str, float]) -> None:
    """The log of a fit of which MLflow hears nothing."""


def warn(line: str) -> None:
    if processes.is_first():
        terminal.warn(f"train: {mask_credentials(line)}")


class Recipe:
    """Everything but the data: built anew for each fit, since a fit changes the encoder."""

    def __init__(self, nodes: dict[str, Any]):
        self.nodes = nodes
        self.task: Task = config.build(nodes["task"], "task")
        self.sampling: Sampling = config.build(nodes["sampling"], "sampling")
        self.mixture: Mixture = config.build(nodes["mixture"], "mixture")
        self.risk: Risk = config.build(nodes["risk"], "risk")
        self.trainer: Trainer = config.build(nodes["train"], "train")
        self.transform = config.build(nodes["transform"], "transform")
        self.policy = tuple(config.build_each(nodes, "augmentation").values())

    def fit(self, packed: Packed, log: Log, kept: Kept = None) -> tuple[Predictor, list[dict[str, float]]]:
        import torch

        with torch.random.fork_rng():  # an encoder may start from random weights
            torch.manual_seed(self.nodes["train"].get("seed", 0))
            encoder = config.build(self.nodes["encoder"], "encoder")
        train = packed.part("train", self.task, self.transform, self.policy)
        told = packed.index.iloc[train.rows].reset_index(drop=True)
        chances, cells = self.sampling(train.targets, packed.classes, told), self.risk.cells(train.targets, told)
        if self.mixture.mixes and cells.any():
            raise UserError(
                "mixture blends samples of several cells, which risk keeps apart; set mixture=none, or risk=mean"
            )
        train = replace(train, chances=chances, cells=cells, mixture=self.mixture)
        val = packed.part("val", self.task, self.transform)
        return self.trainer.fit(encoder, self.task, self.risk, train, val, log, kept)

    def card(self, packed: Packed) -> dict[str, Any]:
        """What a predictor's card says of its data and choices."""
        splits = packed.index["split"].value_counts()
        return {
            "classes": packed.classes,
            "imbalance": next(iter(self.nodes["imbalance"]["candidates"])),
            **{name: self.nodes[name] for name in CHOSEN},
            "packing": {
                **{name: packed.card[name] for name in ("size", "fit", "channels")},
                **Decoding.of_card(packed.card).for_card(),
            },
            "num_samples": {name: int(splits.get(name, 0)) for name in ("train", "val", "test")},
            "data_hash": files.digest((files.PACKED / "index.parquet").read_bytes()),
        }


def settled(nodes: dict[str, Any], packed: Packed) -> tuple[Recipe, pd.DataFrame]:
    """The recipe with the one option that `imbalance` names, or what does best on val, and what was measured."""
    choosing: Choosing = config.call(Choosing, nodes["imbalance"], "imbalance")
    recipes = [Recipe(choosing.changed(nodes, name)) for name in choosing.candidates]  # a misspelt one stops here
    val = packed.index[packed.index["split"] == "val"]
    targets = recipes[0].task.targets(val["labels"].tolist(), packed.classes)

    def decided(trial: dict[str, Any]) -> np.ndarray:
        predictor, _ = Recipe(trial).fit(packed, silent)
        return predictor.task.decide(predictor.predict(packed.images[val.index.to_numpy()], val.reset_index(drop=True)))

    chosen, tried = choosing.choose(
        nodes, targets, val["group"].to_numpy(dtype=str), recipes[0].task.exclusive, decided
    )
    return Recipe(chosen), tried


def second_split(node: dict[str, Any] | None, packed: Packed, task: dict[str, Any]) -> Packed | None:
    """The same pictures under the split that `beside` names, or None where it is null.

    Raises:
        UserError: A part of it is empty. Told before the first fit, not after.
    """
    if node is None:
        return None
    split: Split = config.build(node, "beside")
    manifest = with_twins(files.read_table(files.MANIFEST), files.read_table(files.TWINS))
    if locate(task["_target_"], "task", "task").exclusive:
        manifest = without_negatives(manifest)
    second = split(manifest, None).set_index("sample_id")
    index = packed.index.assign(
        split=packed.index["origin"].map(second["split"]), group=packed.index["origin"].map(second["group"])
    )
    index.loc[(index["origin"] != index["sample_id"]) & (index["split"] != "train"), "split"] = "none"
    empty = sorted({"train", "val", "test"} - set(index["split"]))
    if empty:
        raise UserError(
            f"beside: no sample is left for {', '.join(empty)}; change beside.fractions, or leave beside null"
        )
    return Packed(packed.images, index, packed.card)


def beside_predictions(recipe: Recipe, again: Packed | None, kept: Kept = None) -> pd.DataFrame:
    """Test predictions of the same recipe trained on a second split, or an empty table where there is none.

    It shows what the first split hides: how much of a figure rests on groups that straddle train and test.
    """
    if again is None:
        return pd.DataFrame({"sample_id": [], "group": [], "labels": [], "scores": [], "decided": []})
    predictor, _ = recipe.fit(again, silent, kept)
    test = again.index[again.index["split"] == "test"]
    scores = predictor.predict(again.images[test.index.to_numpy()], test.reset_index(drop=True))
    decided = to_lists(predictor.task.decide(scores), again.classes)
    return test[["sample_id", "group", "labels"]].assign(scores=list(scores), decided=decided).reset_index(drop=True)


if __name__ == "__main__":
    stage.run("train", main)
