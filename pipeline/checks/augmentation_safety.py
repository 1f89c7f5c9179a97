"""Does an augmentation of the policy change what a picture shows?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, Literal, final

import numpy as np
import pandas as pd

from pipeline.core.content import Content
from pipeline.core.contracts import Augmentation, ContentCheck
from pipeline.core.outcomes import Finding
from pipeline.core.probing import folds, probe
from pipeline.core.samples import to_batch


@final
@dataclass(frozen=True, kw_only=True)
class AugmentationSafety(ContentCheck):
    """How much more often than it errs a probe changes its mind under one choice of one augmentation.

    The probe learns from pictures as they are and judges others, before and after. Where it changes its mind about far
    more of them than it gets wrong anyway, the augmentation makes another class of them: a 6 turned is a 9.

    Every choice of an augmentation is tried alone, the others switched off, at its full size.

    Args:
        num_pictures: That are judged, at least 20.
        max_excess: Largest accepted share of changed minds above the probe's own error, 0 to 1.
        seed: Of the pictures and the draws.
    """

    num_pictures: int
    max_excess: float
    seed: int
    on_fail: Literal["error", "warn"]

    def __post_init__(self) -> None:
        if self.num_pictures < 20:
            raise ValueError(f"num_pictures must be at least 20, got {self.num_pictures}")
        if not 0 <= self.max_excess <= 1:
            raise ValueError(f"max_excess must be 0 to 1, got {self.max_excess}")

    def __call__(self, samples: pd.DataFrame, content: Content) -> Finding:
        known = np.flatnonzero(samples["labels"].map(len) > 0)
        names = samples["labels"].iloc[known].map(lambda one: "\x1f".join(one)).to_numpy()
        classes, codes = np.unique(names, return_inverse=True)
        learnt, judged = self._parts(codes, samples["group"].iloc[known].to_numpy(dtype=str))
        fitted = probe().fit(np.asarray(content.features[known[learnt]], dtype=np.float32), codes[learnt])
        pictures = content.pictures(known[judged])
        before = fitted.predict(content.embed(pictures))
        error = float((before != codes[judged]).mean())
        changed, turned = {}, {}
        for name, augmentation in choices(content.policy):
            after = fitted.predict(content.embed(self._drawn(augmentation, pictures)))
            changed[name] = float((after != before).mean())
            turned[name] = _commonest(before, after, classes)
        ranked = sorted(changed, key=lambda name: -changed[name])
        return Finding(
            value=round(max(0.0, max(changed.values(), default=0.0) - error), 6),
            limit=self.max_excess,
            unit="share of pictures that change class for a probe, above its own error",
            worst={name: f"{changed[name]:.1%} change{turned[name]}; its error {error:.1%}" for name in ranked[:5]},
            advice="Take this choice out of conf/augmentation/, or make it smaller: it makes other classes.",
        )

    def _parts(self, codes: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows to learn from and rows to judge, of different groups; classes as in the data."""
        wanted = min(self.num_pictures, len(codes) // 2)
        learnt, judged = next(folds(codes, groups, max(2, len(codes) // max(1, wanted)), self.seed))
        chosen = np.random.default_rng(self.seed).permutation(judged)[:wanted]
        return learnt, np.sort(chosen)

    def _drawn(self, augmentation: Augmentation, pictures: np.ndarray) -> np.ndarray:
        import torch

        generator = torch.Generator().manual_seed(self.seed)
        changed = augmentation(to_batch(pictures.copy()), generator)
        result: np.ndarray = changed.permute(0, 2, 3, 1).contiguous().numpy()
        return result


def choices(policy: dict[str, Augmentation]) -> Iterator[tuple[str, Augmentation]]:
    """Each augmentation with one of its choices alone, the others off; as a whole where that cannot be said."""
    for name, augmentation in policy.items():
        sizes = _sizes(augmentation)
        off: dict[str, Any] = {key: type(value)(0) for key, value in sizes.items()}
        for key, value in sizes.items():
            if not value:
                continue
            try:
                yield f"{name}.{key}={value}", replace(augmentation, **{**off, key: value})  # type: ignore[type-var]
            except ValueError:  # it cannot be switched off in part
                yield name, augmentation
                break
        if not sizes:
            yield name, augmentation


def _sizes(augmentation: Augmentation) -> dict[str, Any]:
    chosen: tuple[Any, ...] = fields(augmentation) if is_dataclass(augmentation) else ()
    values = {one.name: getattr(augmentation, one.name) for one in chosen}
    return {name: value for name, value in values.items() if isinstance(value, bool | int | float)}


def _commonest(before: np.ndarray, after: np.ndarray, classes: np.ndarray) -> str:
    """The change of mind that is most frequent, in words."""
    moved = before != after
    if not moved.any():
        return ""
    pairs, counts = np.unique(np.stack([before[moved], after[moved]], axis=1), axis=0, return_counts=True)
    one, other = (str(classes[code]).replace("\x1f", " and ") for code in pairs[counts.argmax()])
    return f", mostly {one} to {other}"
