"""Fits to few labels: linear probes on frozen features, and fine-tuning of whole networks, which are stored."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, final

import numpy as np

from pipeline.core import artifacts
from pipeline.core.code_digest import code_digest, component_modules
from pipeline.core.errors import UserError
from pipeline.features.linear_probe import make_probe
from pipeline.training import recipe as training_recipe
from pipeline.training.pretrained_encoder import encoder_digest
from pipeline.training.recipe import SECTIONS, Recipe, no_log
from pipeline.training.trainers.finetune import FineTune

if TYPE_CHECKING:
    from pipeline.core.open_types import Params
    from pipeline.experiments.label_pictures import LabelledPictures

INVERSE_PENALTY = 1.0  # of the probes
MAX_STEPS = 1000  # of their optimiser
STORE = Path(".cache/label_efficiency")  # what fine-tuned networks decided, for a command that is interrupted
NOWHERE = Path("data/no_pretrained_encoder")  # where no encoder is, so that weights stay initial


def probe_hits(features: np.ndarray, codes: np.ndarray, num_train: int, subsets: Sequence[np.ndarray]) -> np.ndarray:
    """(D, M) bool: whether a linear probe that was fitted to each subset of train is right on each sample of val.

    Args:
        features: (N, D) of train, then of val.
        codes: (N,) classes.
        num_train: Samples of train.
        subsets: Rows of train.
    """
    from sklearn.exceptions import ConvergenceWarning

    val = features[num_train:]
    hits = []
    for rows in subsets:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # after so many steps the decisions hardly change
            probe = make_probe(INVERSE_PENALTY, MAX_STEPS, "balanced").fit(features[rows], codes[rows])
        hits.append(probe.predict(val) == codes[num_train:])
    return np.stack(hits)


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class FineTuning:
    """Fine-tunes encoders on subsets of train as params.yaml says, and measures them on val.

    Val takes no part in the training: the epoch is the one with the lowest loss on the subset itself, so that the
    figures on val are as honest as those of probes.

    Attributes:
        params: All parameters.
        pictures: Of train and val.
        key: Of all that the result depends on, apart from the subset and the weights.
    """

    params: Params
    pictures: LabelledPictures
    key: str

    @classmethod
    def of(cls, params: Params, pictures: LabelledPictures) -> FineTuning:
        """For these parameters.

        Raises:
            UserError: They fit no network.
        """
        if not str(params["train"].get("_target_", "")).endswith(".FineTune"):
            raise UserError("--finetune fits whole networks, and train is another learner; set train=finetune")
        nodes = {name: params[name] for name in SECTIONS}
        code = code_digest([Path(training_recipe.__file__), Path(__file__), *component_modules(nodes)])
        packing = [path.read_bytes() for path in sorted(artifacts.PACKED.glob("*.*")) if path.suffix != ".npy"]
        key = artifacts.content_digest(artifacts.canonical_json(nodes), code.encode(), *packing)
        return cls(params=params, pictures=pictures, key=key)

    def hits(self, rows: np.ndarray, is_pretrained: bool) -> np.ndarray:
        """(M,) bool: whether the network is right on each sample of val; read from the store where it was fitted.

        Args:
            rows: Of train.
            is_pretrained: Whether it starts from the pretrained encoder, else from its initial weights.
        """
        weights = encoder_digest() if is_pretrained else b""
        val = self.pictures.index["row"].to_numpy()[self.pictures.num_train :]
        name = artifacts.content_digest(self.key.encode(), weights, rows.tobytes(), val.tobytes())
        path = STORE / f"{name}.npy"
        if path.is_file():
            return np.asarray(np.load(path))
        found = self._fit(rows, artifacts.ENCODER if is_pretrained else NOWHERE)
        with artifacts.atomic_write(path) as temporary, temporary.open("wb") as file:
            np.save(file, found)
        return found

    def _fit(self, rows: np.ndarray, folder: Path) -> np.ndarray:
        pictures = self.pictures
        positions = pictures.index["row"].to_numpy()
        split = np.full(len(pictures.packed.index), "none", dtype=object)
        split[positions[rows]] = "train"
        packed = replace(pictures.packed, index=pictures.packed.index.assign(split=split))
        chosen = training_recipe.first_recipe(self.params).nodes
        recipe = Recipe(chosen, folder)
        encoder, train = recipe.inputs(packed)
        same = packed.split("train", recipe.task, recipe.transform)
        trainer = recipe.trainer
        assert isinstance(trainer, FineTune)
        steps = max(1, len(train) // min(trainer.batch_size, len(train)))
        epochs = max(trainer.epochs, math.ceil(trainer.min_steps / steps))
        fitted, _ = replace(trainer, epochs=epochs, min_steps=0).fit(
            encoder, recipe.task, recipe.risk, train, same, no_log
        )
        scores = fitted.predict(pictures.packed.images[positions[pictures.num_train :]])
        decided: np.ndarray = scores.argmax(axis=1) == pictures.codes[pictures.num_train :]
        return decided
