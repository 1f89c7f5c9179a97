"""Remedies for a property that predicts the label: options of training, and which pictures to collect."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from pipeline.checks.shortcuts.single_property import LabelTable
from pipeline.core.manifest_schema import PROPERTY, is_property_or_attribute
from pipeline.datasets.properties import Property
from pipeline.datasets.subgroups import median_split
from pipeline.statistics.binning import OTHER

NUM_CELLS = 3
VARIED_BY = {  # beginning of a property's name, to the options in conf/augmentation/ that vary the property
    ("border_red_green", "border_blue_yellow", "corner_"): ("border", "colour"),
    ("border_",): ("border", "strong_exposure"),
    ("brightness", "contrast", "dark_level", "light_level", "entropy"): ("strong_exposure",),
    ("saturation", "red_green", "blue_yellow"): ("colour",),
    ("sharpness", "noise", "num_pixels"): ("blur",),
    ("jpeg_quality", "num_bytes", "format"): ("compression",),
}


@dataclass(frozen=True)
class Lack:
    """Which combinations of a class and a property are rare.

    Attributes:
        cells: The rarest combinations in words, the emptiest first.
        empty: Whether some class has no sample with some value; no weighting replaces these samples.
    """

    cells: list[str] = field(default_factory=list)
    empty: bool = False


def suggest_remedies(columns: list[str], lack: Lack) -> str:
    """One sentence with every remedy that applies.

    Args:
        columns: Columns of the manifest that predict a label, the best predictor first.
        lack: The rare combinations of the first column.
    """
    by = next((one for one in columns if is_property_or_attribute(one)), None)  # training has only these
    cells = f" ({'; '.join(lack.cells)})" if lack.cells else ""
    ways = [
        *_augment_remedy(columns),
        *([] if by is None or lack.empty else _balance_remedies(by)),
        f"collect the rare combinations{cells}",
        "accept it with a reason (check.shortcut.accepted)",
    ]
    return f"Find out why the property goes with the label; then {', or '.join(ways)}."


def _augment_remedy(columns: list[str]) -> list[str]:
    options = {
        option: None
        for column in columns
        for begins, ways in VARIED_BY.items()
        if column.removeprefix(PROPERTY).startswith(begins)
        for option in ways
    }
    return (
        [f"vary it in training (-S 'augmentation=[{','.join(options)}]', with the augmentations you already use)"]
        if options
        else []
    )


def _balance_remedies(by: str) -> list[str]:
    return [
        f"sample the rare combinations more often (-S sampling=balanced -S sampling.by={by})",
        f"train for the worst group (group DRO, -S risk=group_dro -S risk.by={by})",
    ]


def find_lacks(labelled: LabelTable, one: Property) -> Lack:
    """The cells of class x property with far fewer samples than the rest of the data would give them.

    A number counts as two values (up to its median, above it), a category as its 15 commonest values; missing values
    are left out. A cell is listed when its class has the value less than half as often as all samples do.
    """
    values, names = median_split(one.values) if one.ordered else _commonest(one)
    of_pair = values[labelled.rows]
    known = of_pair >= 0
    table = np.zeros((len(labelled.classes), len(names)), dtype=np.int64)
    np.add.at(table, (labelled.codes[known], of_pair[known]), 1)
    usual = np.bincount(values[values >= 0], minlength=len(names)) / max(1, int((values >= 0).sum()))
    sizes = table.sum(axis=1)
    share = table / np.maximum(sizes, 1)[:, None]
    rows, columns = np.nonzero((share < usual / 2) & (sizes > 0)[:, None])
    order = np.lexsort((-usual[columns], share[rows, columns] / usual[columns]))[:NUM_CELLS]
    property_name = one.name.replace("_", " ")
    cells = [
        f"{labelled.classes[row]} with {property_name} {names[column]}: {table[row, column]} of {sizes[row]}"
        for row, column in zip(rows[order], columns[order], strict=True)
    ]
    return Lack(cells, bool((table[sizes > 0] == 0).any()))


def _commonest(one: Property) -> tuple[np.ndarray, list[str]]:
    """(N,) 0 to 14 for the commonest values, -1 for others and missing ones; and the names of the commonest."""
    values = np.where(one.bins < OTHER, one.bins, -1)
    codes, first = np.unique(values, return_index=True)
    return values, [one.names[one.values[row]] for value, row in zip(codes, first, strict=True) if value >= 0]
