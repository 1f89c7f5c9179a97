"""Does an augmentation of the policy change what a picture shows?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, final

import numpy as np
import pandas as pd
from annotated_types import Ge
from scipy.stats import t

from pipeline.checks.augmentation_variants import Variant, list_variants
from pipeline.core.axes import to_array, to_tensor
from pipeline.core.batches import Change
from pipeline.core.content import EmbeddedImages
from pipeline.core.contracts import FeatureCheck
from pipeline.core.ranges import Fraction, Seed
from pipeline.core.results import MAX_IN_STRIP, Finding
from pipeline.features.linear_probe import make_probe, stratified_group_folds

MAX_LEARNT, MAX_CLASSES = 5000, 50  # pictures a probe learns from, and the commonest labels or sets of labels it knows

MIN_GROUPS = 5  # below, the interval is so wide that hardly any loss counts
NOTHING_LEARNT = (
    "There are fewer than two labels in two groups of pictures to learn from, so that no augmentation can be tried; "
    "label more pictures, or tell smaller groups."
)


@dataclass(frozen=True, kw_only=True)
class VariantResult:
    """What one choice of an augmentation did to the judged pictures, at one size.

    Attributes:
        choice: And its size.
        loss: Balanced accuracy of the probe that is lost, -1 to 1.
        low: Lower end of the 95 % interval of that, over groups.
        changed: Share of pictures of which the probe changed its mind.
        mostly: The commonest changes, in words; empty where there is none.
        rows: Judged pictures that changed, those of the commonest one first.
    """

    choice: Variant
    loss: float
    low: float
    changed: float
    mostly: str
    rows: np.ndarray


@dataclass(frozen=True, kw_only=True)
class TwoRoundProbe:
    """Pictures that the probe judges, as they are.

    Attributes:
        codes: (n,) of their labels.
        groups: (n,) codes of who belongs together, 0 to the number of groups - 1.
        before: (n,) what the probe takes them for.
    """

    codes: np.ndarray
    groups: np.ndarray
    before: np.ndarray

    @property
    def num_groups(self) -> int:
        return int(self.groups.max()) + 1

    @property
    def num_classes(self) -> int:
        return len(np.unique(self.codes))

    @property
    def weights(self) -> np.ndarray:
        """(n,) of each picture in the balanced accuracy: those of a class together weigh as much as any other's."""
        return np.asarray(1 / (np.bincount(self.codes)[self.codes] * self.num_classes))

    @property
    def accuracy(self) -> float:
        """Balanced over the classes."""
        return float(self.weights[self.before == self.codes].sum())

    def loss(self, after: np.ndarray) -> tuple[float, float]:
        """Of balanced accuracy, and the lower end of its 95 % interval over groups; -1 where there is but one."""

        lost = self.weights * ((self.before == self.codes).astype(float) - (after == self.codes))
        by_group, num = np.bincount(self.groups, lost), self.num_groups
        if num < 2:
            return float(lost.sum()), -1.0
        error = np.sqrt(num / (num - 1) * ((by_group - by_group.mean()) ** 2).sum())
        return float(lost.sum()), float(lost.sum() - t.isf(0.025, num - 1) * error)


@final
@dataclass(frozen=True, kw_only=True)
class AugmentationSafety(FeatureCheck):
    """How much of its balanced accuracy a probe loses under one choice of one augmentation.

    The probe learns from pictures as they are and judges others, the same ones before and after. Where it recognises
    far fewer of them, the augmentation makes another class of them: a 6 turned is a 9. A loss counts where the whole
    95 % interval, over groups, is a loss; a probe that is hardly better than chance has nothing to lose, and judges
    nothing.

    Each choice of an augmentation is tried alone, the others switched off, and all of them together, since two flips
    make half a turn. A strength that goes too far is halved up to three times, to find one that does not.

    Args:
        num_pictures: That are judged, at least 20.
        max_loss: Largest accepted loss of balanced accuracy, 0 to 1.
        seed: Of the pictures and the draws.

    Source: interval of a sum over groups, with t of G - 1 degrees of freedom, Cameron and Miller 2015,
        doi:10.3368/jhr.50.2.317.
    """

    question: ClassVar[str] = "Does an augmentation of the policy change what a picture shows?"

    num_pictures: Annotated[int, Ge(20)]
    max_loss: Fraction
    seed: Seed
    on_fail: Literal["error", "warn"]

    def __call__(self, samples: pd.DataFrame, content: EmbeddedImages) -> Finding:
        rows, codes, classes = _common_label_codes(samples["labels"])
        groups = samples["group"].iloc[rows].to_numpy(dtype=str)
        learnt, judged = self._parts(codes, groups)
        policy = list(list_variants(content.policy))
        if not policy:
            return self._finding([], None, np.array([], dtype=str))
        if len(np.unique(codes[learnt])) < 2:
            return self._finding([], None, np.array([], dtype=str), NOTHING_LEARNT)
        fitted = make_probe().fit(np.asarray(content.features[rows[learnt]], dtype=np.float32), codes[learnt])
        pictures = content.pictures(rows[judged])
        before = fitted.predict(content.embed(pictures))
        known = TwoRoundProbe(codes=codes[judged], groups=pd.factorize(groups[judged])[0], before=before)
        tried: list[VariantResult] = []
        for choice in policy:
            for one in (choice, *choice.weaker()):
                after = fitted.predict(content.embed(self._apply(one.augmentation, pictures)))
                tried.append(_measure_variant(one, known, after, classes))
                if not self._unsafe(tried[-1]):
                    break
        names = samples["sample_id"].iloc[rows[judged]].to_numpy(dtype=str)
        return self._finding(tried, known, names, self._obstacle(tried, known))

    def _unsafe(self, one: VariantResult) -> bool:
        return one.loss > self.max_loss and one.low > 0

    def _obstacle(self, tried: list[VariantResult], known: TwoRoundProbe) -> str:
        chance = 1 / known.num_classes
        if known.accuracy - chance <= self.max_loss:
            return (
                f"A simple model recognises {known.accuracy:.0%} of the pictures as they are, each class alike, and "
                f"chance {chance:.0%}, so that it has too little to lose; label more pictures, or take features that "
                "tell more (embed=...)."
            )
        unclear = [one for one in tried if one.loss > self.max_loss and one.low <= 0]
        if unclear and known.num_groups < MIN_GROUPS:
            return (
                f"Under {unclear[0].choice} a simple model loses {unclear[0].loss:.0%}, but only {known.num_groups} "
                "groups were judged, too few to tell that from chance; tell smaller groups, or collect others."
            )
        return ""

    def _finding(
        self, tried: list[VariantResult], known: TwoRoundProbe | None, names: np.ndarray, obstacle: str = ""
    ) -> Finding:
        full = sorted((one for one in tried if one.choice.share == 1), key=lambda one: (one.low <= 0, -one.loss))
        worst = full[0] if full else None
        unsafe = [one for one in full if self._unsafe(one)]
        table = [
            {"choice": one.choice.name, "size": one.choice.size, "loss": round(one.loss, 4), "low": round(one.low, 4)}
            | {"own_accuracy": round(known.accuracy if known else 0.0, 4), "change_class": round(one.changed, 4)}
            | {"mostly": one.mostly}
            for one in sorted(tried, key=lambda one: -one.loss)
        ]
        return Finding(
            value=round(worst.loss, 6) if worst and worst.low > 0 else 0.0,
            limit=self.max_loss,
            unit="balanced accuracy that a probe loses under an augmentation",
            worst={
                str(one.choice): f"{one.loss:.1%} lost, {one.changed:.1%} change{_main_class(one)}" for one in full[:5]
            },
            advice=self._advice(unsafe, tried),
            sentence=_sentence(worst if unsafe else None, known),
            obstacle=obstacle,
            pictures={
                f"Change class under {worst.choice}{_main_class(worst)}": names[worst.rows[:MAX_IN_STRIP]].tolist()
            }
            if worst and unsafe
            else {},
            table=table,
        )

    def _advice(self, unsafe: list[VariantResult], tried: list[VariantResult]) -> str:
        """What to do about each choice that goes too far, by what was measured at smaller sizes."""
        alone = [one.choice.name for one in unsafe if one.choice.size is not None]
        ways = []
        for name, size in ((one.choice.name, one.choice.size) for one in unsafe):
            same = [one for one in tried if one.choice.name == name and not self._unsafe(one)]
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
        learnt, judged = stratified_group_folds(codes[rows], groups[rows], max(2, len(rows) // wanted), self.seed)[0]
        return rows[learnt], np.sort(generator.permutation(rows[judged])[:wanted])

    def _apply(self, augmentation: Change, pictures: np.ndarray) -> np.ndarray:
        import torch

        generator = torch.Generator().manual_seed(self.seed)
        return to_array(augmentation(to_tensor(pictures.copy()), generator))


def _common_label_codes(labels: pd.Series) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Rows with one of the commonest labels or sets of labels, its code for each, and what the codes mean."""
    told = labels.map(" and ".join)
    common = told[told != ""].value_counts().sort_index().sort_values(ascending=False, kind="stable")
    classes = sorted(common.index[:MAX_CLASSES])
    codes = pd.Index(classes, dtype=object).get_indexer(told)
    rows = np.flatnonzero(codes >= 0)
    return rows, codes[rows], classes


def _measure_variant(choice: Variant, known: TwoRoundProbe, after: np.ndarray, classes: list[str]) -> VariantResult:
    before = known.before
    moved = np.flatnonzero(before != after)
    if not len(moved):
        return VariantResult(choice=choice, loss=0.0, low=0.0, changed=0.0, mostly="", rows=moved)
    loss, low = known.loss(after)
    counts = np.zeros((len(classes), len(classes)), dtype=int)
    np.add.at(counts, (before[moved], after[moved]), 1)
    pairs = _pairs(counts)
    first = {pairs[0], pairs[0][::-1]}
    of_first = np.array([pair in first for pair in zip(before[moved], after[moved], strict=True)])
    told = [f"{classes[one]} {'and' if counts[other, one] else 'to'} {classes[other]}" for one, other in pairs]
    ranked = moved[np.argsort(~of_first, kind="stable")]
    changed = len(moved) / len(before)
    return VariantResult(choice=choice, loss=loss, low=low, changed=changed, mostly=", ".join(told), rows=ranked)


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


def _main_class(one: VariantResult) -> str:
    return f", mostly {one.mostly}" if one.mostly else ""


def _sentence(worst: VariantResult | None, known: TwoRoundProbe | None) -> str:
    if known is None:
        return "No augmentation could be tried: none is chosen, or there are too few groups of labelled pictures."
    if worst is None:
        return "The augmentations leave every picture what it is, as far as a simple model can tell."
    return (
        f"Under {worst.choice}, a simple model recognises {known.accuracy - worst.loss:.0%} of the pictures, each "
        f"class alike, and {known.accuracy:.0%} as they are{_main_class(worst)}. Training would be told wrong answers."
    )
