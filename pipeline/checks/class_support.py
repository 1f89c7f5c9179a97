"""How much evidence the splits hold about each class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.core.manifest_schema import SPLITS
from pipeline.statistics.intraclass_correlation import effective_number, intraclass_correlation


@dataclass(frozen=True, kw_only=True)
class ClassSupport:
    """How many samples a class has, and how much those of test are worth.

    Attributes:
        name: Name of the class.
        num_samples: Samples of the class in each split.
        num_groups: Test groups with at least one such sample.
        correlation: Intraclass correlation of the label within groups, over all splits, 0 to 1.
        effective: Number of independent samples that the test samples are worth.
    """

    name: str
    num_samples: dict[str, int]
    num_groups: int
    correlation: float
    effective: float


def class_supports(samples: pd.DataFrame) -> list[ClassSupport]:
    """The support of each class that occurs in any split; `samples` are those of the splits.

    Samples of one group resemble each other and are worth fewer independent ones: n / (1 + (m - 1) r), where m is the
    mean size of their groups and r the intraclass correlation of the label.
    """
    groups = pd.factorize(samples["group"], use_na_sentinel=False)[0]
    pairs = samples["labels"].reset_index(drop=True).explode().dropna()
    codes, classes = pd.factorize(pairs, sort=True)
    split = samples["split"].to_numpy()
    in_test, split_of_pair = split == "test", split[pairs.index]
    sizes_of = {one: np.bincount(codes[split_of_pair == one], minlength=len(classes)) for one in SPLITS}
    supports = []
    for code, name in enumerate(classes):
        has = np.zeros(len(samples), dtype=bool)
        has[pairs.index[codes == code]] = True
        sizes = np.bincount(groups[has & in_test])
        correlation = intraclass_correlation(has, groups)
        supports.append(
            ClassSupport(
                name=str(name),
                num_samples={one: int(sizes_of[one][code]) for one in SPLITS},
                num_groups=int((sizes > 0).sum()),
                correlation=correlation,
                effective=effective_number(sizes, correlation),
            )
        )
    return supports
