"""The nouns of evaluation, one abstract class each: the second page of `contracts`.

What measures a trained model, decides with its scores, changes its pictures to see what it does then, and shows
where in a picture a decision came from.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, final

from pipeline.core.contracts import Predictor

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from torch import Tensor, nn

    from pipeline.core.decision_rule import Rule
    from pipeline.core.drift_report import Chance, DriftMeasure
    from pipeline.core.estimate import Estimate
    from pipeline.core.observations import Observations
    from pipeline.core.predictions import Predictions
    from pipeline.core.results import GateResult, StoredFinding


class Metric(ABC):
    """A number on predictions, or one per class, over many weighted copies of the samples at once.

    `averaging` says over what it is taken: `none` (one number per class), `multiclass` (one for classes of which each
    sample has exactly one), `samples` (one, the mean over samples), or a mean over classes (`macro`, `weighted`) or
    over all pairs of sample and class (`micro`).
    """

    averaging: str
    larger_is_better: bool = True
    by_scores: bool = False  # takes the scores, which must be of one model, and not the decisions alone
    bounds: tuple[float, float] = (0.0, 1.0)  # the smallest and the largest value; the largest may be infinite
    caveat: str = ""  # what a reader must know of every interval of it, a clause without a full stop

    @property
    def per_class(self) -> bool:
        """Whether it is one number per class."""
        return self.averaging == "none"

    @property
    def exclusive(self) -> bool:
        """Whether it is meant for exactly one label per sample."""
        return self.averaging == "multiclass"

    @abstractmethod
    def __call__(self, targets: np.ndarray, decided: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """One value a row of weights: (R,), or (R, K) when `per_class`; NaN where undefined; means are of all classes.

        Args:
            targets: (N, K) in {0, 1}.
            decided: (N, K) bool.
            scores: (N, K) in [0, 1].
            weights: (R, N), how often each sample counts in each replicate.
        """

    def without_bias(
        self, targets: np.ndarray, decided: np.ndarray, scores: np.ndarray, weights: np.ndarray
    ) -> np.ndarray:
        """The same without what chance adds to a figure of few samples, for the interval; most metrics need nothing."""
        return self(targets, decided, scores, weights)

    def support(self, targets: np.ndarray, decided: np.ndarray) -> np.ndarray:
        """(N, K) bool, the samples on which the figure of each class rests, or (N, 1) of one number; else all do."""
        import numpy as np

        return np.ones(targets.shape if self.per_class else (len(targets), 1), dtype=bool)


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Contender:
    """One of the two models.

    Attributes:
        predictions: Of test. Of the champion those that were stored, or those of today where it was scored again.
        findings: What the checks found on the data that it was trained on, by name; None where nobody knows any more.
        data_hash: Digest of these data; empty where it is not known.
        num_bytes: Of its files; None where they are gone.
        milliseconds: For a picture, on this machine; None where it was not measured.
    """

    predictions: Predictions
    findings: Mapping[str, StoredFinding] | None
    data_hash: str = ""
    num_bytes: int | None = None
    milliseconds: float | None = None


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Contest:
    """What is compared at a registration.

    Attributes:
        challenger: The model that was trained now.
        champion: The model in use; None where there is none.
        metrics: Name of a figure to its metric, for the figures that gates name.
        figures: The challenger's figures on test, as `reports/test_metrics.json` holds them.
        attributes: `sample_id` and `attr_*` of the challenger's test samples.
        is_exclusive: Whether each sample has exactly one label.
        num_new: How many pictures of val and test the champion has been neither fitted to nor evaluated on.
        new_samples: Names of the test samples among them.
        notes: What a reader must know of how the champion's predictions came about, a clause each.
    """

    challenger: Contender
    champion: Contender | None
    metrics: Mapping[str, Metric]
    figures: Mapping[str, Estimate]
    attributes: pd.DataFrame
    is_exclusive: bool
    num_new: int = 0
    new_samples: frozenset[str] = frozenset()
    notes: list[str] = field(default_factory=list)


class Gate(ABC):
    """One requirement of a promotion: a question about the challenger, and a limit for the answer.

    `question` is what it asks. A gate that `is_proof` can show that the challenger should replace the champion; one of
    them must pass. The others are limits, and none of them may refuse. A limit that `is_essential` refuses also where
    it cannot answer. `for_labels` says whether it needs a task with labels (True), one without (False), or takes both.
    """

    question: ClassVar[str]
    is_proof: ClassVar[bool] = False
    is_essential: ClassVar[bool] = False
    for_labels: ClassVar[bool | None] = None

    @abstractmethod
    def __call__(self, contest: Contest) -> GateResult:
        """What the gate finds; it does not decide."""


class Aim(ABC):
    """What decisions are for: it chooses thresholds or costs on val."""

    @abstractmethod
    def __call__(self, targets: np.ndarray, scores: np.ndarray, classes: list[str], exclusive: bool) -> Rule:
        """The rule for (N, K) calibrated scores, chosen on the (N, K) targets in {0, 1} of val.

        Raises:
            UserError: It names a class that does not exist, or is not for labels of this kind.
        """


class Corruption(ABC):
    """A change of stored samples at five severities, as light, camera, storage or aim may cause it.

    `in_colour` says that it needs three channels. `media` is `clip` or `volume` where it happens to these alone.
    """

    spatial_rank: ClassVar[int | None] = 2
    media: ClassVar[str | None] = None
    in_colour: ClassVar[bool] = False

    @abstractmethod
    def __call__(self, images: np.ndarray, severity: int, generator: np.random.Generator) -> np.ndarray:
        """(B, *spatial, C) uint8 to the same shape, changed at `severity` 1 (weak) to 5; each sample by itself."""


class Intervention(ABC):
    """Re-renders pictures so that one property is that of another class, and nothing else changes."""

    properties: list[str]  # which it can change, by their names in the check `shortcut`

    @abstractmethod
    def __call__(
        self, pictures: np.ndarray, own: np.ndarray, other: np.ndarray, name: str
    ) -> tuple[np.ndarray, np.ndarray]:
        """The pictures with the property of `other`, and as a control a change as large that keeps to the own class.

        Args:
            pictures: (N, H, W, C) uint8, as are the results, `own` and `other`: a picture of each class for each.
            own: Of its own class.
            other: Of the other class.
            name: Of the property, one of `properties`.
        """

    def remove(self, pictures: np.ndarray) -> np.ndarray | None:
        """(N, H, W, C) uint8 without the place of the property, or None where it has no place of its own."""
        return None  # light and colour are everywhere

    def isolate(self, pictures: np.ndarray) -> np.ndarray | None:
        """(N, H, W, C) uint8 with nothing but the place of the property, or None where it has no place of its own."""
        return None


class FeaturePredictor(Predictor, ABC):
    """A predictor that decides by features of the pictures."""

    @abstractmethod
    def predict_with_features(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(N, *spatial, C) uint8 to (N, K) scores, as `predict` gives them, and (N, D) float32 features."""


class FeatureDistance(ABC):
    """How far features are from those of train; a dataclass."""

    @abstractmethod
    def fit(self, features: np.ndarray, targets: np.ndarray) -> dict[str, np.ndarray]:
        """What `measure` needs, of a size that does not grow with train.

        Args:
            features: (N, D) float32 of pictures of train, at least two.
            targets: (N, K) in {0, 1}.
        """

    @abstractmethod
    def measure(self, features: Tensor, fitted: Mapping[str, Tensor]) -> Tensor:
        """(N, D) float32 features to (N,) float32 distances, at least 0; ONNX can express it."""


class Explainable(ABC):
    """A `Predictor` of pictures, as a module of torch."""

    @abstractmethod
    def to_module(self) -> nn.Module:
        """(B, 3, *spatial) float32 samples after the transform to (B, K) float32 logits."""

    @abstractmethod
    def randomise(self, pictures: Tensor, seed: int) -> nn.Module:
        """The same module without what training learned: random numbers take the place of it.

        Args:
            pictures: (B, 3, *spatial), of which layers that normalise take their means and spreads.
            seed: Of the random numbers.
        """


class Attribution(ABC):
    """How much each place of a picture, clip or volume speaks for a class.

    `title` names the method in a sentence of the report. `explains` says whether it computes anything.
    """

    title: ClassVar[str]
    explains: ClassVar[bool] = True

    @abstractmethod
    def __call__(self, model: nn.Module, pictures: Tensor, classes: Tensor) -> Tensor:
        """(B, *spatial) float32 maps: above 0 where the sample speaks for the class, below 0 where against it.

        Args:
            model: (B, 3, *spatial) samples to (B, K) outputs, the larger the more likely is the class.
            pictures: (B, 3, *spatial) float32, after the transform.
            classes: (B,) int64, the class of each that is explained.

        Raises:
            UserError: The method needs what this model lacks; the message names another one.
        """


class DriftTest(ABC):
    """One measure of how new pictures differ from those that the model in use was trained on; a dataclass.

    What it measures is a function of the means of both sides, so that chance is seen where groups of pictures are
    permuted between the sides. `limit` is the largest figure that counts as no drift, `wanted` the one that should be
    found if it is there.
    """

    limit: float
    wanted: float

    @abstractmethod
    def select(self, observed: Observations) -> np.ndarray | str:
        """(N,) bool, the pictures of which enough is known; or why there are none, as a clause."""

    def select_reference(self, observed: Observations) -> np.ndarray | str:
        """The same of the pictures of the training, of which some tests need more."""
        return self.select(observed)

    @abstractmethod
    def summarise(self, reference: Observations, new: Observations, seed: int) -> np.ndarray:
        """(N, D) float32 numbers of each picture, those of the reference first."""

    @abstractmethod
    def distances(self, reference: np.ndarray, new: np.ndarray) -> np.ndarray:
        """(R, P) distances, at least 0, of (R, D) means of `summarise` over the reference and over the new pictures."""

    @abstractmethod
    def measure(self, name: str, reference: Observations, new: Observations, chance: Chance) -> DriftMeasure:
        """The measure, of selected pictures whose groups are known, and what chance explains of its distances."""
