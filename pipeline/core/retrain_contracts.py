"""What a scheduled retraining is decided on, and the contract of the rules that decide."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject


@dataclass(frozen=True, kw_only=True)
class DataChanges:
    """The samples of today against those of the last finished run.

    Attributes:
        num_before: Labelled samples of that run; None where no finished run is known.
        num_now: Labelled samples of today.
        new: Labelled samples that it did not have.
        labelled: Samples that it had without a label.
        relabelled: Samples with other labels than in it.
        altered: Samples with other bytes and the same labels.
        removed: Samples that had labels and are gone, or have lost them.
        unlabelled: Samples of today without a label: they train nothing.
        from_feedback: Of the new ones, pictures that people corrected where a model was served.
        supervised: Whether the task has labels; without them every sample counts as a labelled one does.
    """

    num_before: int | None
    num_now: int
    new: int
    labelled: int
    relabelled: int
    altered: int
    removed: int
    unlabelled: int
    from_feedback: int = 0
    supervised: bool = True

    @property
    def unit(self) -> str:
        """What is counted, in the singular."""
        return "labelled sample" if self.supervised else "sample"

    @property
    def total(self) -> int:
        """Samples that a training would see differently."""
        return self.new + self.labelled + self.relabelled + self.altered + self.removed

    @property
    def sentence(self) -> str:
        """What has changed, for a person."""
        if self.num_before is None:
            return f"No finished run is known here; there are {self.num_now:,} {self.unit}s."
        names = ("new", "labelled", "relabelled", "altered", "removed")
        parts = [f"{getattr(self, name):,} {name}" for name in names if getattr(self, name)]
        if self.from_feedback:
            parts[0] += f" ({self.from_feedback:,} of them from feedback)"
        changes = ", ".join(parts) or "none new, relabelled, altered or removed"
        return f"Since the last finished run: {changes}; {self.num_now:,} {self.unit}s, before {self.num_before:,}."

    def to_json(self) -> JsonObject:
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class DriftReading:
    """What is known of drift, in the words of the measurement.

    Attributes:
        state: `drifted`, `not_shown`, or `cannot_be_judged` where nothing was measured or there is too little of it.
        sentence: For a person.
    """

    state: Literal["drifted", "not_shown", "cannot_be_judged"]
    sentence: str


@dataclass(frozen=True, kw_only=True)
class RetrainEvidence:
    """All that the rules look at.

    Attributes:
        changes: Of the data.
        drift: Of what arrived.
        served: Of the pictures that were served since the champion was registered; None where no server is known.
        champion_days: Days since the champion was registered; None where there is none.
    """

    changes: DataChanges
    drift: DriftReading
    champion_days: float | None
    served: DriftReading | None = None

    @property
    def readings(self) -> list[tuple[str, DriftReading]]:
        """What was measured, with what it was measured on."""
        served = [] if self.served is None else [("The pictures that were served", self.served)]
        return [("The pictures that arrived", self.drift), *served]


@dataclass(frozen=True)
class Opinion:
    """What one rule says.

    Attributes:
        is_reason: Whether it is a reason to retrain; None where it cannot be judged.
        sentence: Why, with the figure and the limit.
    """

    is_reason: bool | None
    sentence: str


class RetrainRule(ABC):
    """One reason to retrain; a dataclass with its limits."""

    @abstractmethod
    def __call__(self, evidence: RetrainEvidence) -> Opinion:
        """Whether these data and this champion are a reason."""
