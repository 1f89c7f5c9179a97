"""What `colibri label-efficiency` measured, as its files hold it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from pipeline.evaluation.label_efficiency import MEAN, DrawEstimate
from pipeline.evaluation.property_probes import PropertyReading
from pipeline.evaluation.view_effects import ViewEffect, ViewSafety

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.core.open_types import JsonObject

INITIAL, PRETRAINED, EMBEDDED, PROPERTIES = "initial", "pretrained", "embedded", "properties"
FINE_TUNED = "fine_tuned_"  # begins the name of a kind whose encoder was trained with the labels


@final
@dataclass(frozen=True, kw_only=True)
class SizePoint:
    """A kind of features at one size, or the difference of two kinds.

    Attributes:
        kind: Key of `LabelEfficiency.kinds`.
        minus: The kind that is subtracted; empty where it is a figure.
        size: Labels a class, `all`, or `mean` over these.
        num_labels: In each draw; of `mean` 0.
        num_draws: Random subsets of the labels.
        figures: Metric to its estimate.
    """

    kind: str
    minus: str
    size: str
    num_labels: int
    num_draws: int
    figures: Mapping[str, DrawEstimate]

    def to_json(self) -> dict[str, object]:
        """As `reports/label_efficiency.json` holds it."""
        figures = {name: one.to_json() for name, one in self.figures.items()}
        facts = {"size": self.size, "num_labels": self.num_labels, "num_draws": self.num_draws}
        return {"kind": self.kind, "minus": self.minus, **facts, "figures": figures}


@final
@dataclass(frozen=True, kw_only=True)
class ViewClaims:
    """What the views of the pretraining change, and what features no longer say.

    Attributes:
        moves: View to property to how far it moves, in standard deviations.
        readings: Of each property, the probes before and after.
        effects: Of each view.
        safety: View to what `augmentation_safety` found of its kind.
        notes: What could not be measured, and why.
    """

    moves: Mapping[str, Mapping[str, float]]
    readings: Sequence[PropertyReading]
    effects: Sequence[ViewEffect]
    safety: Mapping[str, Sequence[ViewSafety]]
    notes: Sequence[str]


@final
@dataclass(frozen=True, kw_only=True)
class LabelEfficiency:
    """What `colibri label-efficiency` measured.

    Attributes:
        source: Name of the data set.
        kinds: Name of each kind of features to its words.
        points: Figures of each kind at each size, and their differences.
        obstacles: Size to why it cannot be judged.
        missing: Kind to why it was not measured.
        num_train: Labelled pictures of train.
        num_val: Of val.
        num_groups: Groups of val.
        num_labelled: `train` and `val` to their labelled pictures, of which a sample may have been used.
        card: Of the pretrained encoder: objective, views, epochs.
        views: What the views did.
    """

    source: str
    kinds: Mapping[str, str]
    points: Sequence[SizePoint]
    obstacles: Mapping[str, str]
    missing: Mapping[str, str]
    num_train: int
    num_val: int
    num_groups: int
    num_labelled: Mapping[str, int]
    card: JsonObject
    views: ViewClaims

    def find(self, kind: str, size: str, minus: str = "") -> SizePoint | None:
        """The point, or None where it was not measured."""
        return next((one for one in self.points if (one.kind, one.size, one.minus) == (kind, size, minus)), None)

    @property
    def sizes(self) -> list[str]:
        """Those that were measured, smallest first, `all` last."""
        return list(dict.fromkeys(one.size for one in self.points if one.size != MEAN))

    def to_json(self) -> dict[str, object]:
        """As `reports/label_efficiency.json` holds it."""
        return {
            "source": self.source,
            "kinds": dict(self.kinds),
            "num_train": self.num_train,
            "num_val": self.num_val,
            "num_groups": self.num_groups,
            "num_labelled": dict(self.num_labelled),
            "pretraining": self.card,
            "points": [one.to_json() for one in self.points],
            "cannot_be_judged": dict(self.obstacles),
            "not_measured": dict(self.missing),
            "views": {
                "moves": {view: dict(found) for view, found in self.views.moves.items()},
                "probes": [one.to_json() for one in self.views.readings],
                "effects": [one.to_json() for one in self.views.effects],
                "augmentation_safety": {
                    view: [{"choice": one.choice, "size": one.size, "loss": one.loss, "low": one.low} for one in found]
                    for view, found in self.views.safety.items()
                },
                "notes": list(self.views.notes),
            },
        }

    def to_table(self) -> pd.DataFrame:
        """As `reports/label_efficiency.csv` holds it: a row for each kind or difference, size and metric."""
        import pandas as pd

        rows = []
        for point in self.points:
            for metric, found in point.figures.items():
                one, over_draws = found.estimate, found.over_draws or (None, None)
                rows.append(
                    {"kind": point.kind, "minus": point.minus, "size": point.size, "num_labels": point.num_labels}
                    | {"num_draws": point.num_draws, "metric": metric, "value": one.value, "low": one.low}
                    | {"high": one.high, "draws_low": over_draws[0], "draws_high": over_draws[1]}
                    | {"n": one.n, "groups": one.groups, "caveat": one.caveat}
                )
        return pd.DataFrame(rows)
