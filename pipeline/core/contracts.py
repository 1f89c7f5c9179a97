"""The nouns of Colibri, one abstract class each: the page to read first; those of evaluation: `evaluation_contracts`.

The constructor takes choices (conf/), the call takes data (artifacts). All are abstract here and final elsewhere.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import pandas as pd
    import torch
    from torch import Tensor, nn

    from pipeline.core.batches import ImageDataset
    from pipeline.core.content import EmbeddedImages
    from pipeline.core.open_types import JsonObject
    from pipeline.core.results import Finding
    from pipeline.core.sample_codec import FileSet

Log = Callable[[int, dict[str, float]], None]


class Source(ABC):
    """Where labelled pictures come from: a data set's `name`, and what DVC hashes to notice a change (`watch`).

    A dataclass. `locations` names the fields that say where its files are; the others say which data set it is, so that
    a recorded split is found again when the files have moved.
    """

    name: str
    watch: str | list[str]
    locations: ClassVar[tuple[str, ...]] = ("watch",)
    media: ClassVar[str] = "image"  # the file of conf/media/ that colibri init writes for it

    @abstractmethod
    def read(self) -> pd.DataFrame:
        """All items the source names, in its order, whether they can be decoded or not.

        Returns:
            Columns `path` (POSIX, relative to the source), `labels` (sorted list of strings), `group`
            (string, or None where nothing must stay together) and any number of `attr_*`; `attr_of_label_*`
            describes the label itself (how certain it is), so no check tests whether it predicts it. Where they exist:
            `negative` (bool: somebody looked, and none of the labels applies; the labels are an empty list),
            `given_split` (train, val, test or None), and `refused` and `detail`, the reason and the finding
            for an item that must go to quarantine unopened (None for the others).

        Raises:
            UserError: The source does not exist or names no item.
        """

    @abstractmethod
    def open(self, path: str) -> bytes | np.ndarray | FileSet:
        """The encoded sample, or its decoded pixels (*spatial) or (*spatial, 3) uint8, of one `path` of `read()`.

        Raises:
            ItemRejected: The item cannot be read.
        """

    def stat(self, path: str) -> tuple[int, ...] | None:
        """Numbers from one stat call that change when the file behind `path` does; None where there are none."""
        return None

    def file_of(self, path: str) -> Path | None:
        """The file that holds this sample and no other, for a link to it; None where there is none."""
        return None


class Split(ABC):
    """Assigns samples to train (fits), val (selects) and test (evaluates)."""

    @abstractmethod
    def __call__(self, manifest: pd.DataFrame, recorded: pd.DataFrame | None) -> pd.DataFrame:
        """Assigns every sample of the manifest.

        Args:
            manifest: One row per sample, unique `sample_id`.
            recorded: An earlier result of the same options, or None. Its samples keep their split.

        Returns:
            `sample_id`, `split` (train, val, test, or none for what may take part in no split) and `group`
            (after near-duplicates were joined), in manifest order.
        """


class Check(ABC):
    """One `question` to the data; where it fails, `error` stops the pipeline and `warn` only reports."""

    question: ClassVar[str]
    on_fail: Literal["error", "warn"]

    @abstractmethod
    def __call__(self, samples: pd.DataFrame) -> Finding:
        """Measures manifest rows that carry their `split` and joined `group`."""


class FeatureCheck(ABC):
    """A `Check` of what only content shows: it runs after `embed`, and gets the features too."""

    question: ClassVar[str]
    on_fail: Literal["error", "warn"]

    @abstractmethod
    def __call__(self, samples: pd.DataFrame, content: EmbeddedImages) -> Finding:
        """Measures manifest rows that carry their `split` and joined `group`, and their content."""


class Augmentation(ABC):
    """A random change that keeps the label, of samples with `spatial_rank` axes; see `core/axes.py`."""

    spatial_rank: ClassVar[int | None] = 2

    @abstractmethod
    def __call__(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        """(B, C, *spatial) uint8 to the same or other lengths of axes; each sample is changed independently."""


class BatchMix(ABC):
    """A random mixing of the samples of a batch, and of their targets; `mixes` says whether it changes anything."""

    spatial_rank: ClassVar[int | None] = 2
    mixes: bool

    @abstractmethod
    def __call__(self, images: Tensor, targets: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """(B, 3, *spatial) samples after the transform and (B, K) targets, to both mixed."""


class Transform(ABC):
    """From a stored array to what an encoder takes, `image_size` pixels high and wide; deterministic."""

    spatial_rank: ClassVar[int | None] = 2
    image_size: int

    @abstractmethod
    def __call__(self, batch: Tensor) -> Tensor:
        """(B, 1 or 3, *spatial) uint8 to (B, 3, *spatial) float32, normalised; the last two are `image_size` long."""


class Encoder(ABC):
    """A sample of `spatial_rank` axes in (2 for pictures, None for any), a vector of length `feature_dim` out."""

    spatial_rank: ClassVar[int | None] = 2
    feature_dim: int

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, *spatial) float to (B, feature_dim)."""


class Task(ABC):
    """Owns every difference between single-label (`exclusive`: each sample has one label), multi-label and clusters.

    A dataclass. Some fields are choices, others are fitted on data: `fit_class_weights` and `fit_thresholds` return a
    task with these fields set. The card of a predictor stores that task, so that the same task makes every decision.
    """

    exclusive: ClassVar[bool]
    supervised: ClassVar[bool] = True  # whether labels say what is right

    def outcomes(self, labels: list[str]) -> list[str]:
        """Names of the K columns of scores: the labels of the data, or what a task without labels found."""
        return labels

    def with_outcomes(self, names: list[str]) -> Task:
        """The task to decide with, of a trainer that found these outcomes."""
        return self

    @abstractmethod
    def targets(self, labels: Sequence[Sequence[str]], classes: Sequence[str]) -> np.ndarray:
        """Lists of labels to (N, K) float32 in {0, 1}, columns in the order of `classes`."""

    @abstractmethod
    def fit_class_weights(self, targets: np.ndarray) -> Task:
        """The task to train with: its loss is fitted on the (N, K) targets of train."""

    @abstractmethod
    def fit_thresholds(self, targets: np.ndarray, scores: np.ndarray) -> Task:
        """The task to decide with: its thresholds are fitted on the (N, K) targets and scores of val."""

    @abstractmethod
    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """(B, K) logits and (B, K) targets to a scalar, averaged over the batch."""

    @abstractmethod
    def probabilities(self, logits: Tensor) -> Tensor:
        """(B, K) logits to (B, K) scores in [0, 1]."""

    @abstractmethod
    def log_loss(self, targets: np.ndarray, scores: np.ndarray) -> float:
        """Mean negative log-likelihood of (N, K) targets under (N, K) scores, at least 0."""

    @abstractmethod
    def decide(self, scores: np.ndarray) -> np.ndarray:
        """(N, K) scores to (N, K) bool: the decided labels."""


class Sampling(ABC):
    """How often training uses each sample of train."""

    @abstractmethod
    def __call__(self, targets: np.ndarray, classes: list[str], index: pd.DataFrame) -> np.ndarray | None:
        """(N,) probability of each sample at each draw, or None: each comes once per epoch.

        Args:
            targets: (N, K) in {0, 1}, of K `classes`, which are for messages.
            index: N rows with `prop_*` (measured) and `attr_*` (from the source or the file).
        """


class Risk(ABC):
    """What training minimises: one number from the losses of a batch."""

    @abstractmethod
    def cells(self, targets: np.ndarray, index: pd.DataFrame) -> np.ndarray:
        """(N,) the cell of each sample of train, 0 to G - 1, from (N, K) targets and N rows as for `Sampling`."""

    @abstractmethod
    def __call__(
        self, task: Task, logits: Tensor, targets: Tensor, cells: Tensor, weights: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The risk of a batch, and the weights of the cells for the next one.

        Args:
            task: Whose loss it is, of (B, K) logits and targets.
            cells: (B,) of each sample.
            weights: (G,) with sum 1; each 1 / G before the first step.
        """


class CheckpointStore(ABC):
    """The states of one training on disk."""

    @abstractmethod
    def latest(self) -> tuple[dict[str, Tensor], JsonObject] | None:
        """Tensors and facts of the newest state that can be read, or None."""

    @abstractmethod
    def save(self, step: int, tensors: dict[str, Tensor], facts: JsonObject) -> None:
        """Adds the state after this many steps of the optimiser: tensors on the processor, and what JSON can say."""

    @abstractmethod
    def clear(self) -> None:
        """Removes all states."""


class Trainer(ABC):
    """Fits an encoder and a head; one that is not `supervised` fits a task that is not, and no other."""

    supervised: ClassVar[bool] = True

    @abstractmethod
    def fit(
        self,
        encoder: nn.Module,
        task: Task,
        risk: Risk,
        train: ImageDataset,
        val: ImageDataset,
        log: Log,
        checkpoints: CheckpointStore | None = None,
    ) -> tuple[Predictor, list[dict[str, float]]]:
        """The predictor, which decides with the task that `fit_thresholds` returns, and a row of figures per epoch.

        Args:
            encoder: An `Encoder`, which the fit may change.
            task: As built from conf/, as is `risk`.
            train: Samples to fit on, with augmentations, sampling probabilities, and the cells that `risk` needs.
            val: Samples to select on, without these.
            log: Called with the number and figures of each epoch, also of those before a killed training resumed.
            checkpoints: From which a killed training resumes; None for a trainer that needs none.
        """


class Predictor(ABC):
    """What training returns; its `task`, fitted in training, turns scores into decisions."""

    task: Task

    @abstractmethod
    def predict(self, images: np.ndarray) -> np.ndarray:
        """(N, *spatial, C) uint8 to (N, K) scores in the card's order."""

    def with_metadata(self, metadata: pd.DataFrame) -> Predictor:
        """The predictor for pictures of which these rows of `prop_*` and `attr_*` are known, in this order."""
        return self  # most look at the pictures alone

    @abstractmethod
    def save(self, folder: Path) -> JsonObject:
        """Writes the weights; returns what `load` needs in addition to the choices, the task included, for the card."""

    @classmethod
    @abstractmethod
    def load(cls, folder: Path, card: JsonObject) -> Predictor:
        """The predictor that `save` wrote."""
