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

MAX_TRAIN, MAX_CLASSES = 5000, 50  # training pictures of the probe, and its classes: the commonest sets of labels

MIN_GROUPS = 5  # below, the interval is so wide that hardly any loss counts
LIST = "the list of augmentations, in the file of the data set in conf/source/ or in conf/config.yaml"
NO_PROBE = (
    "There are fewer than two labels in two groups of pictures, so no probe can be trained and no augmentation tested; "
    "label more pictures, or give smaller groups."
)


@dataclass(frozen=True, kw_only=True)
class VariantResult:
    """The effect of one choice of an augmentation, at one size, on the predictions of the probe.

    Attributes:
        choice: The choice and its size.
        loss: Loss of the probe's balanced accuracy, -1 to 1.
        low: Lower end of the 95 % interval of the loss, over groups.
        changed: Share of pictures whose predicted class changed.
        mostly: The commonest changes, in words; empty where there is none.
        rows: Test pictures whose class changed, those with the commonest change first.
    """

    choice: Variant
    loss: float
    low: float
    changed: float
    mostly: str
    rows: np.ndarray


@dataclass(frozen=True, kw_only=True)
class UnchangedPictures:
    """The test pictures without an augmentation, and the probe's predictions for them.

    Attributes:
        codes: (n,) codes of their labels.
        groups: (n,) codes of their groups, 0 to the number of groups - 1.
        before: (n,) codes of the predicted labels.
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
        """(n,) weight of each picture in the balanced accuracy; every class has the same total weight."""
        return np.asarray(1 / (np.bincount(self.codes)[self.codes] * self.num_classes))

    @property
    def accuracy(self) -> float:
        """Balanced accuracy of the probe, 0 to 1."""
        return float(self.weights[self.before == self.codes].sum())

    def loss(self, after: np.ndarray) -> tuple[float, float]:
        """Loss of balanced accuracy, and the lower end of its 95 % interval over groups; -1 with a single group.

        Args:
            after: (n,) codes of the labels predicted for the augmented pictures.
        """
        lost = self.weights * ((self.before == self.codes).astype(float) - (after == self.codes))
        by_group, num = np.bincount(self.groups, lost), self.num_groups
        if num < 2:
            return float(lost.sum()), -1.0
        error = np.sqrt(num / (num - 1) * ((by_group - by_group.mean()) ** 2).sum())
        return float(lost.sum()), float(lost.sum() - t.isf(0.025, num - 1) * error)


@final
@dataclass(frozen=True, kw_only=True)
class AugmentationSafety(FeatureCheck):
    """The balanced accuracy that a probe loses under one choice of one augmentation.

    The probe is trained on unchanged pictures and tested on others, once unchanged and once augmented. Where it
    recognises far fewer of them, the augmentation changes their class: a rotated 6 is a 9. A loss counts if its whole
    95 % interval, over groups, is a loss. With a probe hardly better than chance the check cannot be judged.

    Each choice of an augmentation is tested alone, with the others switched off, and then all together, since two flips
    make half a turn. A strength beyond the limit is halved up to three times, to find one within it.

    Args:
        num_pictures: Number of test pictures, at least 20.
        max_loss: Largest accepted loss of balanced accuracy, 0 to 1.
        seed: Seed of the choice of pictures and of the augmentations.

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
        train_rows, test_rows = self._split(codes, groups)
        policy = list(list_variants(content.policy))
        if not policy:
            return self._finding([], None, np.array([], dtype=str))
        if len(np.unique(codes[train_rows])) < 2:
            return self._finding([], None, np.array([], dtype=str), NO_PROBE)
        fitted = make_probe().fit(np.asarray(content.features[rows[train_rows]], dtype=np.float32), codes[train_rows])
        pictures = content.pictures(rows[test_rows])
        before = fitted.predict(content.embed(pictures))
        unchanged = UnchangedPictures(codes=codes[test_rows], groups=pd.factorize(groups[test_rows])[0], before=before)
        results: list[VariantResult] = []
        for choice in policy:
            for one in (choice, *choice.weaker()):
                after = fitted.predict(content.embed(self._apply(one.augmentation, pictures)))
                results.append(_measure_variant(one, unchanged, after, classes))
                if not self._unsafe(results[-1]):
                    break
        names = samples["sample_id"].iloc[rows[test_rows]].to_numpy(dtype=str)
        return self._finding(results, unchanged, names, self._obstacle(results, unchanged))

    def _unsafe(self, one: VariantResult) -> bool:
        return one.loss > self.max_loss and one.low > 0

    def _obstacle(self, results: list[VariantResult], unchanged: UnchangedPictures) -> str:
        chance = 1 / unchanged.num_classes
        if unchanged.accuracy - chance <= self.max_loss:
            return (
                f"The probe has a balanced accuracy of {100 * unchanged.accuracy:.0f} % on unchanged pictures, too "
                f"close to chance ({100 * chance:.0f} %) to measure a loss; label more pictures, or use other features "
                "(embed=...)."
            )
        unclear = [one for one in results if one.loss > self.max_loss and one.low <= 0]
        if unclear and unchanged.num_groups < MIN_GROUPS:
            return (
                f"Under {unclear[0].choice} the probe loses {100 * unclear[0].loss:.0f} %, but the test pictures are "
                f"of only {unchanged.num_groups} group{'s' * (unchanged.num_groups != 1)}, too few to separate that "
                "from chance; give smaller groups, or collect others."
            )
        return ""

    def _finding(
        self, results: list[VariantResult], unchanged: UnchangedPictures | None, names: np.ndarray, obstacle: str = ""
    ) -> Finding:
        full = sorted((one for one in results if one.choice.share == 1), key=lambda one: (one.low <= 0, -one.loss))
        worst = full[0] if full else None
        unsafe = [one for one in full if self._unsafe(one)]
        own_accuracy = round(unchanged.accuracy if unchanged else 0.0, 4)
        table = [
            {"choice": one.choice.name, "size": one.choice.size, "loss": round(one.loss, 4), "low": round(one.low, 4)}
            | {"own_accuracy": own_accuracy, "change_class": round(one.changed, 4), "mostly": one.mostly}
            for one in sorted(results, key=lambda one: -one.loss)
        ]
        strip = f"Change class under {worst.choice}{_main_class(worst)}" if worst else ""
        return Finding(
            value=round(worst.loss, 6) if worst and worst.low > 0 else 0.0,
            limit=self.max_loss,
            unit="balanced accuracy that a probe loses under an augmentation",
            worst={
                str(one.choice): f"{100 * one.loss:.1f} % lost, {100 * one.changed:.1f} % change{_main_class(one)}"
                for one in full[:5]
            },
            advice=self._advice(unsafe, results),
            sentence=_sentence(worst if unsafe else None, unchanged),
            obstacle=obstacle,
            pictures={strip: names[worst.rows[:MAX_IN_STRIP]].tolist()} if worst and unsafe else {},
            table=table,
        )

    def _advice(self, unsafe: list[VariantResult], results: list[VariantResult]) -> str:
        """What to do about each choice beyond the limit, by the results at smaller sizes."""
        alone = [one.choice.name for one in unsafe if one.choice.size is not None]
        ways = []
        for name, size in ((one.choice.name, one.choice.size) for one in unsafe):
            safe = [one for one in results if one.choice.name == name and not self._unsafe(one)]
            if safe:
                ways.append(f"set augmentation.{name} to at most {safe[0].choice.size}")
            elif isinstance(size, bool):
                part = name.rpartition(".")[0]
                others = {one.choice.name for one in results if one.choice.name.startswith(f"{part}.")} - {*alone}
                ways.append(f"set augmentation.{name} to false" if others else f"remove {part} from {LIST}")
            elif size is not None:
                ways.append(f"remove {name} from its file in conf/augmentation/, or the whole augmentation")
            elif not any(one.choice.name.startswith(f"{name}.") for one in results):
                ways.append(f"remove {name} from {LIST}")
            elif not any(other.startswith(f"{name}.") for other in alone):
                ways.append(f"do not use all choices of augmentation.{name} together")
        text = "; ".join(dict.fromkeys(ways)) or "reduce what is beyond the limit in conf/augmentation/, or remove it"
        return f"{text[0].upper()}{text[1:]}."

    def _split(self, codes: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows to train on and rows to test on, of different groups; class shares as in the data."""
        generator = np.random.default_rng(self.seed)
        wanted = min(self.num_pictures, len(codes) // 2)
        rows = np.sort(generator.permutation(len(codes))[: MAX_TRAIN + wanted])
        if not wanted or len(np.unique(groups[rows])) < 2:
            return np.array([], dtype=np.intp), np.array([], dtype=np.intp)
        train_rows, test_rows = stratified_group_folds(
            codes[rows], groups[rows], max(2, len(rows) // wanted), self.seed
        )[0]
        return rows[train_rows], np.sort(generator.permutation(rows[test_rows])[:wanted])

    def _apply(self, augmentation: Change, pictures: np.ndarray) -> np.ndarray:
        import torch

        generator = torch.Generator().manual_seed(self.seed)
        return to_array(augmentation(to_tensor(pictures.copy()), generator))


def _common_label_codes(labels: pd.Series) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Rows with one of the commonest labels or sets of labels, the code of each row, and the names of the codes."""
    names = labels.map(" and ".join)
    common = names[names != ""].value_counts().sort_index().sort_values(ascending=False, kind="stable")
    classes = sorted(common.index[:MAX_CLASSES])
    codes = pd.Index(classes, dtype=object).get_indexer(names)
    rows = np.flatnonzero(codes >= 0)
    return rows, codes[rows], classes


def _measure_variant(
    choice: Variant, unchanged: UnchangedPictures, after: np.ndarray, classes: list[str]
) -> VariantResult:
    before = unchanged.before
    moved = np.flatnonzero(before != after)
    if not len(moved):
        return VariantResult(choice=choice, loss=0.0, low=0.0, changed=0.0, mostly="", rows=moved)
    loss, low = unchanged.loss(after)
    counts = np.zeros((len(classes), len(classes)), dtype=int)
    np.add.at(counts, (before[moved], after[moved]), 1)
    pairs = _pairs(counts)
    first = {pairs[0], pairs[0][::-1]}
    of_first = np.array([pair in first for pair in zip(before[moved], after[moved], strict=True)])
    changes = [f"{classes[one]} {'and' if counts[other, one] else 'to'} {classes[other]}" for one, other in pairs]
    ranked = moved[np.argsort(~of_first, kind="stable")]
    changed = len(moved) / len(before)
    return VariantResult(choice=choice, loss=loss, low=low, changed=changed, mostly=", ".join(changes), rows=ranked)


def _pairs(counts: np.ndarray, most: int = 3) -> list[tuple[int, int]]:
    """The commonest changes from one class to another, those in both directions first.

    Pictures unlike any class are all predicted as one class; two classes confused in both directions really look alike.

    Args:
        counts: (K, K) pictures predicted as one class (row) before and as another (column) after.
        most: Largest number of pairs.
    """
    both = np.minimum(counts, counts.T)
    rank = both * (counts.sum() + 1) + counts
    rank[both > 0] += counts.T[both > 0]
    rank[np.tril(both, -1) > 0] = 0  # both directions are one pair
    order = np.argsort(-rank, axis=None, kind="stable")[:most]
    cells = [np.unravel_index(cell, rank.shape) for cell in order]
    return [(int(one), int(other)) for one, other in cells if rank[one, other]]


def _main_class(one: VariantResult) -> str:
    return f", mostly {one.mostly}" if one.mostly else ""


def _sentence(worst: VariantResult | None, unchanged: UnchangedPictures | None) -> str:
    if unchanged is None:
        return "No augmentation was tested: none is chosen, or there are too few groups of labelled pictures."
    if worst is None:
        return "No augmentation changes the class of the pictures, as far as a simple model can measure."
    return (
        f"Under {worst.choice}, the balanced accuracy of a simple model is "
        f"{100 * (unchanged.accuracy - worst.loss):.0f} %, and "
        f"{100 * unchanged.accuracy:.0f} % on unchanged pictures{_main_class(worst)}. Training would use wrong labels."
    )
