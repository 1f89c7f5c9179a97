"""Attribution maps of decisions on test, and what they depend on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pandas as pd
from annotated_types import Ge

from pipeline.core import progress
from pipeline.core.axes import to_tensor
from pipeline.core.contracts import Predictor, Transform
from pipeline.core.errors import UserError
from pipeline.core.estimate import Estimate
from pipeline.core.evaluation_contracts import Attribution, Explainable
from pipeline.core.feature_reference import FeatureReference
from pipeline.core.policy import Policy
from pipeline.core.ranges import Count, Fraction, PositiveInt, Seed
from pipeline.core.terminal import count_of
from pipeline.datasets.packed import PackedDataset
from pipeline.evaluation.explained_cases import choose_cases
from pipeline.evaluation.explanation_results import Example, Explanations
from pipeline.evaluation.map_comparison import BORDER, border_mask, border_shares, compare_maps, estimate_mean
from pipeline.evaluation.split_evaluation import score_samples
from pipeline.statistics.bootstrap import Bootstrap

if TYPE_CHECKING:
    from torch import Tensor, nn

BATCH = 8  # pictures explained at once
SWITCHED_OFF = "Nothing was explained: attribution=none."
NO_MODULE = "Nothing was explained: the model reads properties, and looks at no picture."
NO_CASES = "Nothing was explained: test has no picture with a decision."


@dataclass(frozen=True, kw_only=True)
class Options:
    """How many decisions are explained, and when their maps count as dependent on what was learned.

    Args:
        max_predictions: Test pictures of which the explained ones are chosen; of more as many of each class as its
            share.
        max_pictures: Decisions that are explained in all.
        per_kind: Of them for each class and kind (right, wrong, abstained).
        num_examples: Of these, how many the report shows.
        num_randomised: Models with random weights; each explains a part of the pictures.
        max_reproduced: Share of what sets the map of a picture apart that random weights may reproduce.
        num_resamples: Bootstrap resamples behind each interval of more than 100 groups, at least 100.
        seed: Of the choice of samples, the random weights and the resamples.
    """

    max_predictions: PositiveInt
    max_pictures: PositiveInt
    per_kind: PositiveInt
    num_examples: Count
    num_randomised: PositiveInt
    max_reproduced: Fraction
    num_resamples: Annotated[int, Ge(100)]
    seed: Seed

    @property
    def bootstrap(self) -> Bootstrap:
        return Bootstrap(num_resamples=self.num_resamples, seed=self.seed)


@dataclass(frozen=True, kw_only=True, eq=False)
class Explainer:
    """Explains decisions of a model.

    Args:
        packed: Pictures as the model takes them.
        predictor: The model.
        policy: Its decisions.
        reference: Features of train, where the policy measures the distance to them.
        transform: From a stored picture to the input of the model.
        attribution: The method.
        options: How many.
    """

    packed: PackedDataset
    predictor: Predictor
    policy: Policy
    reference: FeatureReference | None
    transform: Transform
    attribution: Attribution
    options: Options

    def __call__(self, rows: pd.DataFrame) -> Explanations:
        """The explanations of some decisions on these rows of the index of the packed arrays, or why there are none."""
        if not isinstance(self.predictor, Explainable):
            return Explanations(note=NO_MODULE)
        cases = self._choose(rows)
        if not len(cases):
            return Explanations(note=NO_CASES)
        pictures = self.transform(to_tensor(self.packed.images[cases["index"].to_numpy()]))
        classes = cases["column"].to_numpy(dtype=np.int64)
        try:
            return self._compare(cases, *self._make_maps(self.predictor, pictures, classes))
        except UserError as error:  # the method does not fit the model, whose other figures stand
            return Explanations(note=f"Nothing was explained: {error}.")

    def _choose(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The cases, with `index`, the position of each in the packed arrays, and its `labels`."""
        scores, distances = score_samples(self.predictor, self.packed, rows, self.reference)
        decisions = self.policy.decide(scores, self.predictor.task, distances)
        targets = self.predictor.task.targets(rows["labels"].tolist(), self.packed.classes)
        cases = choose_cases(
            decisions,
            targets,
            rows,
            self.predictor.task.exclusive,
            self.options.per_kind,
            self.options.max_pictures,
        )
        positions = cases["row"].to_numpy(dtype=np.int64)
        return cases.assign(index=rows.index.to_numpy()[positions], labels=rows["labels"].to_numpy()[positions])

    def _make_maps(
        self, predictor: Explainable, pictures: Tensor, classes: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """(N, *spatial) maps of the trained and of the randomised models."""
        import torch

        exclusive, parts = self.predictor.task.exclusive, min(self.options.num_randomised, len(pictures))
        trained = predictor.to_module()
        pictures = pictures.to(next(trained.parameters(), torch.zeros(0)).device)
        maps = np.zeros((2, len(pictures), *pictures.shape[2:]), dtype=np.float32)
        with progress.show("explain", 2 * len(pictures), "maps") as bar:
            advance: Callable[[int], object] = (lambda number: None) if bar is None else bar.advance
            maps[0] = explain_batches(self.attribution, contrast(trained, exclusive), pictures, classes, advance)
            for part in range(parts):
                mine = np.arange(part, len(pictures), parts)
                model = contrast(predictor.randomise(pictures, self.options.seed + part), exclusive)
                maps[1, mine] = explain_batches(self.attribution, model, pictures[mine], classes[mine], advance)
        return maps[0], maps[1]

    def _compare(self, cases: pd.DataFrame, trained: np.ndarray, randomised: np.ndarray) -> Explanations:
        options, groups = self.options, cases["group"].to_numpy(dtype=str)
        found = compare_maps(trained, randomised, groups, options.bootstrap, options.max_reproduced)
        labels = [self.packed.classes[column] for column in cases["column"]]
        shares = border_shares(trained)
        borders: dict[str, Estimate] = {BORDER: estimate_mean(shares, groups, options.bootstrap)}
        for label in dict.fromkeys(labels):
            mine = np.array([one == label for one in labels])
            borders[f"{BORDER}/{label}"] = estimate_mean(shares[mine], groups[mine], options.bootstrap)
        return Explanations(
            note=f"{count_of(len(cases), 'decision')} on test {'is' if len(cases) == 1 else 'are'} explained.",
            method=self.attribution.title,
            state=found.state,
            reason=found.reason,
            border_area=float(border_mask(*trained.shape[-2:]).mean()),
            figures={**found.figures, **borders},
            examples=[
                self._example(case, label, float(found.correlations[row]), np.stack([trained[row], randomised[row]]))
                for row, (case, label) in enumerate(zip(cases.to_dict("records"), labels, strict=True))
                if case["position"] < options.num_examples
            ],
        )

    def _example(self, case: dict[Any, Any], label: str, correlation: float, maps: np.ndarray) -> Example:
        stored, scaled = self.packed.images[case["index"]], scale_maps(maps)
        frame = find_strongest_frame(maps[0])
        if frame is not None:
            stored, scaled = stored[frame], scaled[:, frame]
        return Example(
            sample_id=str(case["sample_id"]),
            label=label,
            kind=case["kind"],
            labels=[str(name) for name in case["labels"]],
            score=float(case["score"]),
            correlation=correlation if np.isfinite(correlation) else None,
            picture=np.asarray(cut_middle(stored, *maps.shape[-2:])),
            maps=scaled.astype(np.float16),
            frame=frame,
        )


def scale_maps(maps: np.ndarray) -> np.ndarray:
    """(N, *spatial) float32 maps, each scaled so that its largest absolute value is 1; one of zeros stays."""
    largest = np.abs(maps).max(axis=tuple(range(1, maps.ndim)), keepdims=True)
    return np.divide(maps, largest, out=np.zeros_like(maps), where=largest > 0)


def find_strongest_frame(attribution: np.ndarray) -> int | None:
    """The frame or slice that a (T, H, W) map is largest in, by absolute value; None of an (H, W) map."""
    if attribution.ndim == 2:
        return None
    return int(np.abs(attribution).max(axis=(1, 2)).argmax())


def cut_middle(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """The central (height, width, C) of an (H, W, C) picture: what the transform leaves of it."""
    top, left = (picture.shape[0] - height) // 2, (picture.shape[1] - width) // 2
    return picture[top : top + height, left : left + width]


def contrast(model: nn.Module, exclusive: bool) -> nn.Module:
    """The model with outputs for maps: of exclusive classes each logit minus the mean of all.

    A softmax does not change when the same number is added to every logit, so a single logit says nothing of its class,
    and its logarithm is flat where the model is certain.
    """
    if not exclusive:
        return model
    from torch import nn as layers

    class Contrast(layers.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, x: Tensor) -> Tensor:
            logits: Tensor = self.model(x)
            return logits - logits.mean(dim=1, keepdim=True)

    return Contrast()


def explain_batches(
    attribution: Attribution,
    model: nn.Module,
    pictures: Tensor,
    classes: np.ndarray,
    advance: Callable[[int], object],
) -> np.ndarray:
    """(N, *spatial) float32 maps of (N, 3, *spatial) pictures for a class each, `BATCH` at a time."""
    import torch

    maps = []
    for start in range(0, len(pictures), BATCH):
        batch = pictures[start : start + BATCH]
        targets = torch.tensor(classes[start : start + BATCH], device=batch.device)
        maps.append(attribution(model, batch, targets).cpu().numpy())
        advance(len(batch))
    return np.nan_to_num(np.concatenate(maps).astype(np.float32), posinf=0.0, neginf=0.0)
