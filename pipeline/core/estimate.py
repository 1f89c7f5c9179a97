"""A number with its 95 % interval, as the metrics files hold it and everything that reads them takes it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.core import artifacts
from pipeline.core.errors import UserError

Entry = dict[str, float | int | str | None]  # of an estimate in JSON


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A number with its 95 % interval and what that rests on.

    Attributes:
        value: None where undefined.
        low: None where there is no interval.
        high: None where there is no interval.
        n: Number of samples; of the class, where the number is per class.
        groups: Independent groups that hold these samples. Of a mean over classes, as many as weigh equally in it.
        caveat: What a reader must know of the interval, a clause without a full stop; empty where there is nothing.
        few: Whether it rests on fewer samples of its class than `evaluate.half_width` asks for.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    groups: int
    caveat: str = ""
    few: bool = False

    def to_json(self) -> Entry:
        """As the metrics files hold it; `caveat` only where there is one, `few` only where it is true."""
        entry: Entry = {"value": self.value, "low": self.low, "high": self.high, "n": self.n, "groups": self.groups}
        return entry | ({"caveat": self.caveat} if self.caveat else {}) | ({"few": True} if self.few else {})

    @classmethod
    def from_json(cls, entry: Mapping[str, object]) -> Estimate:
        """The estimate of a `to_json` entry, or of a row of a table with these columns, in which NaN stands for none.

        Raises:
            ValueError: A key is missing, or a value is no number.
        """
        if not isinstance(entry, Mapping):
            raise ValueError(f"an estimate must be a mapping, got {entry!r}")
        missing = [key for key in ("value", "low", "high", "n", "groups") if key not in entry]
        if missing:
            raise ValueError(f"an estimate needs the key {missing[0]!r}, found {', '.join(map(str, entry)) or 'none'}")
        value, low, high = (_number(entry, key) for key in ("value", "low", "high"))
        n, groups = (_number(entry, key) or 0 for key in ("n", "groups"))
        if not (math.isfinite(n) and math.isfinite(groups)):
            raise ValueError(f"n and groups must be finite, got {n} and {groups}")
        caveat = entry.get("caveat")
        return cls(
            value=value,
            low=low,
            high=high,
            n=int(n),
            groups=int(groups),
            caveat=caveat if isinstance(caveat, str) else "",
            few=entry.get("few") is True,
        )

    @property
    def interval(self) -> tuple[float, float] | None:
        """Both ends, or None where there is no interval."""
        return None if self.low is None or self.high is None else (self.low, self.high)


@dataclass(frozen=True, kw_only=True)
class Change:
    """A metric of an earlier and of a later model on the same samples.

    Attributes:
        by_earlier_labels: Of the earlier model, by the labels of its own evaluation; None where undefined (all three).
        before: Of the earlier model, by the labels of today.
        after: Of the later model, by the labels of today.
        gain: How much better the later one is, paired; positive is better, whatever the metric.
    """

    by_earlier_labels: float | None
    before: float | None
    after: float | None
    gain: Estimate

    def to_json(self) -> dict[str, float | Entry | None]:
        """As `reports/registration.json` holds it."""
        return {
            "by_earlier_labels": self.by_earlier_labels,
            "before": self.before,
            "after": self.after,
            "gain": self.gain.to_json(),
        }

    @classmethod
    def from_json(cls, entry: Mapping[str, object]) -> Change:
        """The change of a `to_json` entry."""
        gain = entry.get("gain")
        if not isinstance(gain, Mapping):
            raise ValueError(f"gain must be an estimate, got {gain!r}")
        then, before, after = (_number(entry, key) for key in ("by_earlier_labels", "before", "after"))
        return cls(by_earlier_labels=then, before=before, after=after, gain=Estimate.from_json(gain))


def read_estimates(path: Path) -> dict[str, Estimate]:
    """Name to figure of `reports/metrics.json` or `reports/test_metrics.json`, in the order of the file.

    Raises:
        UserError: The file is missing, or holds something else.
    """
    found = artifacts.read_json(path)
    if not isinstance(found, dict):
        raise UserError(f"{path}: expected an object of estimates, found {type(found).__name__}; run dvc repro")
    estimates = {}
    for name, entry in found.items():
        try:
            estimates[str(name)] = Estimate.from_json(entry)
        except (TypeError, ValueError) as error:
            raise UserError(f"{path}: {name}: {error}; remove the file and run dvc repro") from None
    return estimates


def write_estimates(path: Path, estimates: Mapping[str, Estimate]) -> None:
    """Writes what `read_estimates` reads."""
    artifacts.write_json(path, {name: one.to_json() for name, one in estimates.items()})


def _number(entry: Mapping[str, object], key: str) -> float | None:
    """None for null and NaN, and where there is no such key."""
    value = entry.get(key)
    if value is None or value != value:
        return None
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        raise ValueError(f"{key} must be a number or null, got {value!r}")
    return float(value)
