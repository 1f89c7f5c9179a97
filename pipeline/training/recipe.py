"""The recipe: all components of a training except the data, built from conf/."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pipeline.core import artifacts, config
from pipeline.core.axes import check_spatial_rank
from pipeline.core.batches import ImageDataset
from pipeline.core.contracts import BatchMix, CheckpointStore, Log, Predictor, Risk, Sampling, Task, Trainer
from pipeline.core.errors import UserError
from pipeline.core.manifest_schema import SPLITS
from pipeline.core.sample_codec import card_entries
from pipeline.datasets.packed import PackedDataset
from pipeline.training.model_selection import CandidateSelection, table

if TYPE_CHECKING:
    from pipeline.core.open_types import Params

# sections of params.yaml that the card repeats
CHOSEN = ("transform", "encoder", "sampling", "mix", "risk", "train", "augmentation")
SECTIONS = ("task", "imbalance", *CHOSEN)


def no_log(epoch: int, figures: dict[str, float]) -> None:
    """A log that records nothing."""


class Recipe:
    """All components of one training; built anew for each fit, since a fit changes the encoder.

    Args:
        nodes: Parameters.
        encoder_folder: What `pretrain` wrote; without it the encoder has its initial weights.
    """

    def __init__(self, nodes: Params, encoder_folder: Path = artifacts.ENCODER):
        self.nodes, self.encoder_folder = nodes, encoder_folder
        self.task: Task = config.build(nodes["task"], "task")
        self.sampling: Sampling = config.build(nodes["sampling"], "sampling")
        self.mix: BatchMix = config.build(nodes["mix"], "mix")
        self.risk: Risk = config.build(nodes["risk"], "risk")
        self.trainer: Trainer = config.build(nodes["train"], "train")
        if self.task.supervised != self.trainer.supervised:
            remedy = "task=clusters" if self.task.supervised else "train=kmeans or train=mixture"
            raise UserError(f"params.yaml: one of task and train needs labels and the other has none; set {remedy}")
        self.transform = config.build(nodes["transform"], "transform")
        self.policy = config.build_all(nodes, "augmentation")

    def fit(
        self, packed: PackedDataset, log: Log, checkpoints: CheckpointStore | None = None
    ) -> tuple[Predictor, list[dict[str, float]]]:
        encoder, train = self.inputs(packed)
        val = packed.split("val", self.task, self.transform)
        return self.trainer.fit(encoder, self.task, self.risk, train, val, log, checkpoints)

    def inputs(self, packed: PackedDataset) -> tuple[Any, ImageDataset]:
        """The encoder with its initial weights, and the samples of train with augmentation, sampling and mix."""
        from pipeline.training.pretrained_encoder import build_encoder, load_pretrained

        encoder = build_encoder(self.nodes, self.nodes["train"].get("seed", 0))
        load_pretrained(encoder, self.nodes["encoder"], self.encoder_folder)
        policy = {f"augmentation.{name}": one for name, one in self.policy.items()}
        parts = {"encoder": encoder, "transform": self.transform, "mix": self.mix, **policy}
        check_spatial_rank(parts, packed.images.shape[1:])
        train = packed.split("train", self.task, self.transform, tuple(self.policy.values()))
        index = packed.index.iloc[train.rows].reset_index(drop=True)
        probabilities = self.sampling(train.targets, packed.classes, index)
        cells = self.risk.cells(train.targets, index)
        if self.mix.mixes and cells.any():
            raise UserError(
                "mix blends samples of different cells, which risk must keep apart; set mix=none, or risk=mean"
            )
        train = replace(train, sampling_probabilities=probabilities, subgroups=cells, mix=self.mix)
        return encoder, train

    def card(self, packed: PackedDataset, task: Task) -> Params:
        """The part of a predictor's card about its data and its components; `task` is that of the predictor."""
        from pipeline.training.pretrained_encoder import read_pretraining

        pretraining = read_pretraining(self.encoder_folder)
        splits = packed.index["split"].value_counts()
        return {
            "classes": task.outcomes(packed.classes),
            "imbalance": self.nodes["imbalance"],
            **{name: self.nodes[name] for name in CHOSEN},
            "packing": card_entries(packed.card),
            "num_samples": {name: int(splits.get(name, 0)) for name in SPLITS},
            "data_hash": packed.card.get("labelled_digest")  # the same with a pretraining and without
            or artifacts.content_digest((artifacts.PACKED / "index.parquet").read_bytes()),
            **({"pretraining": pretraining} if pretraining else {}),
        }


def first_recipe(nodes: Params) -> Recipe:
    """The recipe as composed, or with the first option for unequal classes where `imbalance` compares several."""
    selection = candidate_selection(nodes)
    return Recipe(selection.with_candidate(nodes, next(iter(selection.candidates))) if selection else nodes)


def select_recipe(nodes: Params, packed: PackedDataset) -> tuple[Recipe, pd.DataFrame]:
    """The recipe as composed, or with the option that `imbalance` selects on val; and the table of that comparison."""
    selection = candidate_selection(nodes)
    if selection is None:
        return Recipe(nodes), table([])
    # all are built before the first is fitted, so that a misspelt option stops at once
    recipes = [Recipe(selection.with_candidate(nodes, name)) for name in selection.candidates]
    val = packed.index[packed.index["split"] == "val"]
    targets = recipes[0].task.targets(val["labels"].tolist(), packed.classes)

    def decide_val(trial: Params) -> np.ndarray:
        predictor, _ = Recipe(trial).fit(packed, no_log)
        scores = predictor.with_metadata(val.reset_index(drop=True)).predict(packed.images[val.index.to_numpy()])
        return predictor.task.decide(scores)

    chosen, results = selection.select(
        nodes, targets, val["group"].to_numpy(dtype=str), recipes[0].task.exclusive, decide_val
    )
    return Recipe(chosen), results


def candidate_selection(nodes: Params) -> CandidateSelection | None:
    """The candidates that `imbalance` compares; None where it names the one option that conf/ composed.

    Raises:
        UserError: It is neither, as by a file of conf/imbalance/ whose keys Hydra has put below `imbalance`.
    """
    node = config.get_section(nodes, "imbalance")
    if isinstance(node, dict) and "candidates" not in node:
        raise UserError(
            f"params.yaml: imbalance must be a name or have candidates, found keys {', '.join(node)}; a file of "
            "conf/imbalance/ begins with # @package _global_"
        )
    return None if isinstance(node, str) else config.instantiate(CandidateSelection, node, "imbalance")
