"""The section on slices: the parts of test where the model is weaker than on the rest."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core.estimate import Estimate
from pipeline.report.formatting import Figure, attribute_words, figure, number_or_none, share
from pipeline.report.pictures import Picture, gallery

NUM_SHOWN, MAX_SHOWN = 12, 120  # at once; on the page. The file has all
NUM_EXAMPLES = 8  # weak slices whose mistakes are shown
MAX_BYTES = 400_000  # of their pictures together
UNKNOWN = "cannot be judged"


@dataclass(frozen=True, kw_only=True)
class Slice:
    """Samples of test that share a value.

    Attributes:
        attribute: What they share.
        value: Its value.
        n: Number of samples.
        figure: Their accuracy, or the metric in its place.
        beyond: `below` where it is shown to be weaker than the rest of test; else empty.
        verdict: Of the search: `weaker`, `not shown` or `cannot be judged`; empty where it was not compared.
        found_from: Highest accuracy that would have been found weaker; None where none would.
        p: Corrected for all slices; None where it was not compared.
        repeated_by: Weak slices that only repeat it.
        mistakes: Pictures of its most confident mistakes.
    """

    attribute: str
    value: str
    n: int
    figure: Figure
    beyond: str
    verdict: str
    found_from: float | None
    p: float | None
    repeated_by: list[Slice] = field(default_factory=list)
    mistakes: Sequence[Picture] = ()

    @property
    def note(self) -> str:
        """What could have been found, or how sure the finding is."""
        if self.beyond:
            return f"weaker than the rest (p = {self.p:.3f})" if self.p is not None else ""
        if self.verdict == UNKNOWN:
            return "cannot be judged: too few samples or groups"
        return "" if self.found_from is None else f"would be found at {share(self.found_from)} or less"


@dataclass(frozen=True, kw_only=True)
class Slices:
    """What the section shows.

    Attributes:
        overall: The figure to compare with; None if there is no metric.
        rows: Slices with a figure: those that are weaker first, then those not shown to be, then those without a
            verdict; of each the worst first. Those that only repeat another one are in `repeated_by` of that one.
        undefined: Slices that are large enough but have no figure.
        small: Attribute, value and number of samples of slices that are too small.
        min_slice: Samples of the smallest slice with a figure.
    """

    overall: Figure | None
    rows: list[Slice]
    undefined: list[Slice]
    small: list[tuple[str, str, int]]
    min_slice: int
    num_shown: int = NUM_SHOWN
    most: int = MAX_SHOWN

    @property
    def below(self) -> list[Slice]:
        return [one for one in self.rows if one.beyond == "below"]

    @property
    def repeats(self) -> list[Slice]:
        """Weak slices that only repeat another one."""
        return [other for one in self.rows for other in one.repeated_by]

    @property
    def with_mistakes(self) -> list[Slice]:
        """The first weak slices whose mistakes are shown."""
        return [one for one in self.below if one.mistakes]

    @property
    def with_verdict(self) -> list[Slice]:
        return [one for one in [*self.rows, *self.repeats] if one.verdict]

    @property
    def beyond_judgement(self) -> list[Slice]:
        """Those that cannot be judged."""
        return [one for one in self.rows if one.verdict == UNKNOWN]

    @property
    def detectable(self) -> str:
        """How far below the overall accuracy the middle slice would have to be; empty where none was compared."""
        found = sorted(one.found_from for one in self.rows if one.found_from is not None)
        if not found or self.overall is None or self.overall.value is None:
            return ""
        return f"{100 * (self.overall.value - found[len(found) // 2]):.0f}"


def list_examples(table: pd.DataFrame) -> list[str]:
    """The samples in `mistakes` of the first `NUM_EXAMPLES` weak slices of `reports/slices.csv`."""
    named = table.loc[table["mistakes"].notna() & (table["mistakes"] != ""), "mistakes"]
    return [name for names in named.head(NUM_EXAMPLES) for name in json.loads(names)]


def parts(
    table: pd.DataFrame,
    metrics: dict[str, Estimate],
    min_slice: int,
    lower_is_better: Collection[str],
    pictures: tuple[Mapping[str, np.ndarray], Mapping[str, str]],
) -> Slices:
    """The slices of test by one metric; never by one that counts mistakes.

    Args:
        table: `reports/slices.csv`.
        metrics: `reports/test_metrics.json`.
        min_slice: Samples of the smallest slice with a figure.
        lower_is_better: Metrics that count mistakes.
        pictures: sample_id to the picture, and to the address of its file; those of `list_examples`.
    """
    present = set(table["metric"])
    candidates = (
        "accuracy",
        "f1_macro",
        *(name for name in metrics if "/" not in name and name not in lower_is_better),
    )
    name = next((name for name in candidates if name in metrics and (name in present or not present)), None)
    if name is None:
        return Slices(overall=None, rows=[], undefined=[], small=[], min_slice=min_slice)
    entries = table[table["metric"] == name].to_dict("records")
    images, links = pictures
    encoded = gallery({one: images[one] for one in list_examples(table) if one in images}, links, MAX_BYTES)
    large = {f"{row['attribute']} = {row['slice']}": row for row in entries if row["n"] >= min_slice}
    shown = {title: _slice(name, row, encoded) for title, row in large.items()}
    for title, row in large.items():
        if row["repeats"] in shown:
            shown[row["repeats"]].repeated_by.append(shown.pop(title))
    defined = [one for one in shown.values() if one.figure.value is not None]
    return Slices(
        overall=figure(name, metrics[name]),
        rows=sorted(defined, key=_position),
        undefined=[one for one in shown.values() if one.figure.value is None],
        small=[
            (attribute_words(str(row["attribute"])), str(row["slice"]), int(row["n"]))
            for row in entries
            if row["n"] < min_slice
        ],
        min_slice=min_slice,
    )


def _position(one: Slice) -> tuple[bool, bool, float, str, str]:
    return not one.beyond, one.verdict == UNKNOWN, one.figure.value or 0.0, one.attribute, one.value


def _slice(name: str, row: dict[Any, Any], pictures: Mapping[str, Picture]) -> Slice:
    verdict, mistakes = (row[key] if isinstance(row[key], str) else "" for key in ("verdict", "mistakes"))
    return Slice(
        attribute=attribute_words(str(row["attribute"])),
        value=str(row["slice"]),
        n=int(row["n"]),
        figure=figure(name, Estimate.from_json(row), reason="undefined on this slice"),
        beyond="below" if verdict == "weaker" else "",
        verdict=verdict,
        found_from=number_or_none(row["found_from"]),
        p=number_or_none(row["p"]),
        mistakes=[pictures[one] for one in json.loads(mistakes or "[]") if one in pictures],
    )
