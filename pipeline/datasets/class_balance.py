"""The balance of the classes in each split and under each value of the attributes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core.manifest_schema import EXIF, OF_LABEL, ORIGIN, SPLITS, attribute_columns, short_name
from pipeline.images.feedback_pictures import FROM_FEEDBACK, FROM_SOURCE


def conditions(samples: pd.DataFrame, max_values: int) -> list[str]:
    """Columns of attributes that can be compared: more than one value and at most `max_values`.

    Attributes of the label itself (`attr_of_label_*`) are left out, since classes differ in them by nature, and so are
    the time of a picture and whether it is from feedback: people correct mistakes, of which few classes have many. The
    check `shortcut` measures whether that predicts the label.
    """
    known = [name for name in attribute_columns(samples) if not name.startswith(OF_LABEL) and name != f"{EXIF}time"]
    known = [
        name for name in known if name != ORIGIN or not set(samples[name].dropna()) <= {FROM_SOURCE, FROM_FEEDBACK}
    ]
    return [name for name in known if 1 < samples[name].nunique() <= max_values]


def balance_table(samples: pd.DataFrame, columns: Sequence[str], min_samples: int) -> list[dict[str, Any]]:
    """A row for each split and each value of the columns, splits first, the least even first among the others.

    A sample counts once for each of its labels; samples without labels or in no split do not count.

    Args:
        samples: With `labels` and `split`.
        columns: Of attributes, as `conditions` returns them.
        min_samples: Values with fewer are left out; splits never are.
    """
    labelled = samples.loc[samples["split"].isin(SPLITS), ["labels", "split", *columns]].explode("labels")
    labelled = labelled.dropna(subset=["labels"])
    splits = [_row(f"split {name}", part) for name in SPLITS if len(part := labelled[labelled["split"] == name])]
    values = [
        _row(f"{short_name(column)} {value}", part)
        for column in columns
        for value, part in labelled.groupby(column, sort=True)
        if len(part) >= min_samples
    ]
    return [*splits, *sorted(values, key=lambda row: row["effective_classes"])]


def _row(name: str, part: pd.DataFrame) -> dict[str, Any]:
    sizes = part["labels"].value_counts().sort_index().sort_values(ascending=False, kind="stable")
    shares = sizes.to_numpy() / sizes.sum()
    return {
        "part": name,
        "samples": len(part),
        "classes": len(sizes),
        "imbalance_ratio": float(sizes.iloc[0] / sizes.iloc[-1]),
        "effective_classes": float(np.exp(-(shares * np.log(shares)).sum())),
        "largest_class": str(sizes.index[0]),
        "its_share": float(shares[0]),
        "smallest_class": str(sizes.index[-1]),
        "its_samples": int(sizes.iloc[-1]),
    }
