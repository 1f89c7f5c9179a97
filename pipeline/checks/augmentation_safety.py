"""Does an augmentation of the policy change what a picture shows?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

import numpy as np
import pandas as pd

from pipeline.core.content import Content
from pipeline.core.contracts import Augmentation, ContentCheck
from pipeline.core.outcomes import MAX_IN_STRIP, Finding
from pipeline.core.policy import Choice, choices
from pipeline.core.probing import folds, probe
from pipeline.core.samples import to_batch

MAX_LEARNT, MAX_CLASSES = 5000, 50  # pictures a probe learns from, and the commonest labels or sets of labels it knows


@dataclass(frozen=True, kw_only=True)
class Tried:
    """What one choice of an augmentation did to the judged pictures, at one size.

    Attributes:
        choice: And its size.
        changed: Share of pictures of which the probe changed its mind.
        mostly: The commonest changes, in words; empty where there is none.
        rows: Judged pictures that changed, those of the commonest one first.
    """

    choice: Choice
    changed: float
    mostly: str
    rows: np.ndarray


@final
@dataclass(frozen=True, kw_only=True)
class AugmentationSafety(ContentCheck):
    """How much more often than it errs a probe changes its mind under one choice of one augmentation.

    The probe learns from pictures as they are and judges others, before and after. Where it changes its mind about far
    more of them than it gets wrong anyway, the augmentation makes another class of them: a 6 turned is a 9.

    Each choice of an augmentation is tried alone, the others switched off, and all of them together, since two flips
    make half a turn. A strength that goes too far is halved up to three times, to find one that does not.

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
        rows, codes, classes = _known(samples["labels"])
        learnt, judged = self._parts(codes, samples["group"].iloc[rows].to_numpy(dtype=str))
        policy = list(choices(content.policy))
        if not policy or len(np.unique(codes[learnt])) < 2:
            return self._finding([], 0.0, samples["sample_id"].iloc[:0].to_numpy(dtype=str))
        fitted = probe().fit(np.asarray(content.features[rows[learnt]], dtype=np.float32), codes[learnt])
        pictures = content.pictures(rows[judged])
        before = fitted.predict(content.embed(pictures))
        error = float((before != codes[judged]).mean())
        tried: list[Tried] = []
        for choice in policy:
            for one in (choice, *choice.weaker()):
                after = fitted.predict(content.embed(self._drawn(one.augmentation, pictures)))
                tried.append(_tried(one, before, after, classes))
                if tried[-1].changed - error <= self.max_excess:
                    break
        return self._finding(tried, error, samples["sample_id"].iloc[rows[judged]].to_numpy(dtype=str))

    def _finding(self, tried: list[Tried], error: float, names: np.ndarray) -> Finding:
        full = sorted((one for one in tried if one.choice.share == 1), key=lambda one: -one.changed)
        worst = full[0] if full else None
        value = round(max(0.0, worst.changed - error), 6) if worst else 0.0
        unsafe = [one for one in full if one.changed - error > self.max_excess]
        table = [
            {"choice": one.choice.name, "size": one.choice.size, "change_class": round(one.changed, 4)}
            | {"own_error": round(error, 4), "mostly": one.mostly}
            for one in sorted(tried, key=lambda one: -one.changed)
        ]
        return Finding(
            value=value,
            limit=self.max_excess,
            unit="share of pictures that change class for a probe, above its own error",
            worst={str(one.choice): f"{one.changed:.1%} change{_mostly(one)}" for one in full[:5]},
            advice=self._advice(unsafe, tried, error),
            sentence=_sentence(worst, bool(unsafe), error),
            pictures={f"Change class under {worst.choice}{_mostly(worst)}": names[worst.rows[:MAX_IN_STRIP]].tolist()}
            if worst and unsafe
            else {},
            table=table,
        )

    def _advice(self, unsafe: list[Tried], tried: list[Tried], error: float) -> str:
        """What to do about each choice that goes too far, by what was measured at smaller sizes."""
        alone = [one.choice.name for one in unsafe if one.choice.size is not None]
        ways = []
        for name, size in ((one.choice.name, one.choice.size) for one in unsafe):
            same = [one for one in tried if one.choice.name == name and one.changed - error <= self.max_excess]
            if same:
                ways.append(f"set augmentation.{name} to at most {same[0].choice.size}")
            elif isinstance(size, bool):
                ways.append(f"set augmentation.{name} to false")
            elif size is not None:
                ways.append(f"take {name.partition('.')[0]} out of conf/augmentation/, or {name} out of it")
            elif not any(one.choice.name.startswith(f"{name}.") for one in tried):
                ways.append(f"take {name} out of conf/config.yaml's list of augmentations")
            elif not any(other.startswith(f"{name}.") for other in alone):
                ways.append(f"do not use all choices of augmentation.{name} together")
        told = "; ".join(ways) or "take a choice out of conf/augmentation/, or make it smaller, when it goes too far"
        return f"{told[0].upper()}{told[1:]}."

    def _parts(self, codes: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows to learn from and rows to judge, of different groups; classes as in the data."""
        generator = np.random.default_rng(self.seed)
        wanted = min(self.num_pictures, len(codes) // 2)
        rows = np.sort(generator.permutation(len(codes))[: MAX_LEARNT + wanted])
        if not wanted or len(np.unique(groups[rows])) < 2:
            return np.array([], dtype=np.intp), np.array([], dtype=np.intp)
        learnt, judged = folds(codes[rows], groups[rows], max(2, len(rows) // wanted), self.seed)[0]
        return rows[learnt], np.sort(generator.permutation(rows[judged])[:wanted])

    def _drawn(self, augmentation: Augmentation, pictures: np.ndarray) -> np.ndarray:
        import torch

        generator = torch.Generator().manual_seed(self.seed)
        changed = augmentation(to_batch(pictures.copy()), generator)
        result: np.ndarray = changed.permute(0, 2, 3, 1).contiguous().numpy()
        return result


def _known(labels: pd.Series) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Rows with one of the commonest labels or sets of labels, its code for each, and what the codes mean."""
    told = labels.map(" and ".join)
    common = told[told != ""].value_counts().sort_index().sort_values(ascending=False, kind="stable")
    classes = sorted(common.index[:MAX_CLASSES])
    codes = pd.Index(classes, dtype=object).get_indexer(told)
    rows = np.flatnonzero(codes >= 0)
    return rows, codes[rows], classes


def _tried(choice: Choice, before: np.ndarray, after: np.ndarray, classes: list[str]) -> Tried:
    moved = np.flatnonzero(before != after)
    if not len(moved):
        return Tried(choice=choice, changed=0.0, mostly="", rows=moved)
    counts = np.zeros((len(classes), len(classes)), dtype=int)
    np.add.at(counts, (before[moved], after[moved]), 1)
    pairs = _pairs(counts)
    first = {pairs[0], pairs[0][::-1]}
    of_first = np.array([pair in first for pair in zip(before[moved], after[moved], strict=True)])
    told = [f"{classes[one]} {'and' if counts[other, one] else 'to'} {classes[other]}" for one, other in pairs]
    ranked = moved[np.argsort(~of_first, kind="stable")]
    return Tried(choice=choice, changed=len(moved) / len(before), mostly=", ".join(told), rows=ranked)


def _pairs(counts: np.ndarray, most: int = 3) -> list[tuple[int, int]]:
    """The commonest changes from one class to another, those that go both ways first.

    What looks like nothing known is taken for any one class; two that are taken for each other really look alike.

    Args:
        counts: (K, K) pictures of one class (row) taken for another (column).
        most: How many.
    """
    both = np.minimum(counts, counts.T)
    rank = both * (counts.sum() + 1) + counts
    rank[both > 0] += counts.T[both > 0]
    rank[np.tril(both, -1) > 0] = 0  # a pair that goes both ways is one
    order = np.argsort(-rank, axis=None, kind="stable")[:most]
    places = [np.unravel_index(place, rank.shape) for place in order]
    return [(int(one), int(other)) for one, other in places if rank[one, other]]


def _mostly(one: Tried) -> str:
    return f", mostly {one.mostly}" if one.mostly else ""


def _sentence(worst: Tried | None, unsafe: bool, error: float) -> str:
    if worst is None:
        return "No augmentation could be tried: none is chosen, or there are too few groups of labelled pictures."
    if not unsafe:
        return "The augmentations leave every picture what it is, as far as a simple model can tell."
    return (
        f"Under {worst.choice}, a simple model takes {worst.changed:.0%} of the pictures for another class than before"
        f"{_mostly(worst)}; unchanged, it errs on {error:.0%} of them. Training would be told wrong answers."
    )
