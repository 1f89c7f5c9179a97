"""What is known of drift: how new pictures differ from those that the model in use was trained on."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, final, get_args

from pipeline.core import artifacts
from pipeline.core.errors import UserError

if TYPE_CHECKING:
    import numpy as np

    from pipeline.core.open_types import JsonObject

State = Literal["drifted", "not_shown", "cannot_be_judged"]
Row = Mapping[str, Any]  # of a table: texts, numbers and None


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Chance:
    """What chance explains of P distances: those of groups that were permuted between reference and new pictures.

    Attributes:
        distances: (P,) of the true sides.
        p_values: (P,) corrected for everything that the report tests.
        significant_from: (P,) the distance from which the p-value is at most `alpha`; infinite where none is.
        detectable: (P,) the true distance that is found in 4 of 5 cases; infinite where none is.
        least_p: The smallest p-value that these groups allow.
        num_reference: Units of the reference, groups or single pictures, that were permuted.
        num_new: Units of the new pictures.
        are_groups: Whether units are groups of several pictures.
        alpha: Probability that anything is called drifted by chance.
        share: The part of `alpha` that these distances have, before p-values are corrected for other pictures.
        num_resamples: Bootstrap resamples behind an interval.
        seed: Of the resamples.
    """

    distances: np.ndarray
    p_values: np.ndarray
    significant_from: np.ndarray
    detectable: np.ndarray
    least_p: float
    num_reference: int
    num_new: int
    are_groups: bool
    alpha: float
    share: float
    num_resamples: int
    seed: int


@final
@dataclass(frozen=True, kw_only=True)
class DriftMeasure:
    """One measure of drift.

    Attributes:
        name: Key of the measure: `properties`, `features`, `labels`, `predicted_classes`, `expected_accuracy`.
        unit: What the value is, in words.
        value: Its figure; None where undefined.
        low: Lower end of its 95 % interval; None where there is none.
        high: Upper end.
        p_value: Probability of a figure as large without drift, corrected for all that the report tests; None where
            nothing could be compared with chance.
        limit: A figure up to this counts as no drift, however sure it is.
        state: `drifted` (beyond the limit, and more than chance explains at the `alpha` of the report), `not_shown`
            (a drift of `wanted` would have been found in 4 of 5 cases, and none was), else `cannot_be_judged`.
        sentence: The result in words.
        detectable: The smallest true figure that would have been found in 4 of 5 cases; None where unknown.
        wanted: The figure that should be found; where `detectable` is larger nothing can be said.
        needed: Number of new pictures, or of groups of them, with which `wanted` would be found; None where no number
            would do or it is not known.
        needed_unit: Of `needed`: `pictures` or `groups`.
        caveat: What a reader must know of the figure, a clause without a full stop; empty where there is nothing.
        details: Rows behind the figure, the largest first: of a property, a class.
        pictures: Caption to sample_ids of new or reference pictures that show the difference.
    """

    name: str
    unit: str
    value: float | None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    limit: float
    state: State
    sentence: str
    detectable: float | None = None
    wanted: float | None = None
    needed: int | None = None
    needed_unit: Literal["pictures", "groups"] = "pictures"
    caveat: str = ""
    details: tuple[Row, ...] = ()
    pictures: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)

    @classmethod
    def from_json(cls, entry: Row) -> DriftMeasure:
        """The measure of an entry of `DriftReport.to_json`.

        Raises:
            TypeError, ValueError: It is none.
        """
        if entry.get("state") not in get_args(State):
            raise ValueError(f"a state must be one of {', '.join(get_args(State))}, got {entry.get('state')!r}")
        known = {field.name for field in dataclasses.fields(cls)}
        found = {key: value for key, value in entry.items() if key in known}
        found["details"] = tuple(dict(row) for row in found.get("details", ()))
        found["pictures"] = {str(key): tuple(map(str, names)) for key, names in found.get("pictures", {}).items()}
        return cls(**found)


@final
@dataclass(frozen=True, kw_only=True)
class DriftReport:
    """All measures of drift of one set of new pictures.

    Attributes:
        measures: In the order of `monitor` in conf/config.yaml.
        not_measured: Name of a measure to the reason why it has no figure: there are no features, labels or scores.
        num_reference: Pictures of the reference that were compared.
        num_reference_groups: Groups that hold them.
        num_new: New pictures that were compared.
        num_new_groups: Groups that hold them.
        alpha: Probability that any measure is called drifted where nothing has changed.
        caveats: What a reader must know of all figures, as sentences.
    """

    VERSION = 1
    measures: tuple[DriftMeasure, ...]
    not_measured: Mapping[str, str]
    num_reference: int
    num_reference_groups: int
    num_new: int
    num_new_groups: int
    alpha: float
    caveats: tuple[str, ...] = ()

    @property
    def state(self) -> State:
        """`drifted` where any measure is; `cannot_be_judged` where any measure cannot be, or there is none."""
        states = {one.state for one in self.measures}
        if "drifted" in states:
            return "drifted"
        return "not_shown" if states == {"not_shown"} else "cannot_be_judged"

    @property
    def sentence(self) -> str:
        """The result in words, where samples are pictures."""
        return self.describe_result()

    def describe_result(self, noun: str = "picture") -> str:
        """The result in words; a sample is called `noun`."""
        by_state = {
            state: [_words(one.name) for one in self.measures if one.state == state] for state in get_args(State)
        }
        if self.state == "drifted":
            return f"The new {noun}s differ from those of the training: {', '.join(by_state['drifted'])}."
        if not self.measures:
            return "Drift cannot be judged: nothing could be measured."
        if self.state == "cannot_be_judged":
            return f"No drift is shown, but it cannot be judged for {', '.join(by_state['cannot_be_judged'])}."
        return "No drift is shown, and a drift of the wanted size would have been found."

    def get(self, name: str) -> DriftMeasure | None:
        """The measure of this name; None where there is none."""
        return next((one for one in self.measures if one.name == name), None)

    def figures(self) -> dict[str, float]:
        """Flat names to numbers, for MLflow: `drift/features`, with `_low`, `_high` and `_p`, and so on.

        A number that is unknown is left out. `drift/drifted` and `drift/cannot_be_judged` count measures.
        """
        numbers: dict[str, float | None] = {
            "drift/num_new": self.num_new,
            "drift/num_new_groups": self.num_new_groups,
            "drift/drifted": sum(one.state == "drifted" for one in self.measures),
            "drift/cannot_be_judged": sum(one.state == "cannot_be_judged" for one in self.measures),
        }
        for measure in self.measures:
            numbers[f"drift/{measure.name}"] = measure.value
            numbers |= {f"drift/{measure.name}_{end}": getattr(measure, end) for end in ("low", "high")}
            numbers[f"drift/{measure.name}_p"] = measure.p_value
        return {name: float(value) for name, value in numbers.items() if value is not None and math.isfinite(value)}

    def to_json(self) -> JsonObject:
        """As `reports/monitoring.json` holds it."""
        return {
            "version": self.VERSION,
            "state": self.state,
            "sentence": self.sentence,
            **dataclasses.asdict(self),
            "figures": self.figures(),
        }

    @classmethod
    def from_json(cls, entry: object, where: str) -> DriftReport:
        """The report of a `to_json` entry.

        Args:
            entry: From a file.
            where: The file, for messages.

        Raises:
            UserError: It is of another version, or no report.
        """
        found = entry if isinstance(entry, Mapping) else {}
        if found.get("version") != cls.VERSION:
            raise UserError(
                f"{where}: drift report has version {str(found.get('version'))[:20]}, expected {cls.VERSION}; "
                "run colibri monitor"
            )
        try:
            return cls(
                measures=tuple(DriftMeasure.from_json(one) for one in found["measures"]),
                not_measured={str(key): str(value) for key, value in found["not_measured"].items()},
                alpha=float(found["alpha"]),
                caveats=tuple(map(str, found["caveats"])),
                **{key: int(found[key]) for key in _COUNTS},
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            reason = f"{type(error).__name__}: {str(error)[:100]}"
            raise UserError(f"{where}: drift report cannot be read ({reason}); run colibri monitor") from None


_COUNTS = ("num_reference", "num_reference_groups", "num_new", "num_new_groups")


def read_drift_report(path: Path = artifacts.MONITORING) -> DriftReport:
    """The report that `colibri monitor` wrote.

    Raises:
        UserError: It is missing or cannot be read.
    """
    return DriftReport.from_json(artifacts.read_json(path), str(path))


def _words(name: str) -> str:
    return name.replace("_", " ")
