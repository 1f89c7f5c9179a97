"""What became of samples that somebody wanted to add, and the label that a person gave them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, final

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject


@final
@dataclass(frozen=True, kw_only=True)
class AddedSample:
    """One sample that was copied.

    Attributes:
        name: As the person calls it.
        sample_id: By which the data set knows it from the next run on.
        label: The class that it has; None without one.
        near: The `sample_id` of one that looks almost the same; None where there is none.
    """

    name: str
    sample_id: str
    label: str | None = None
    near: str | None = None


@final
@dataclass(frozen=True, kw_only=True)
class DuplicateSample:
    """One sample whose pixels the data set has already, or that came twice.

    Attributes:
        of: The `sample_id` of the other one.
    """

    name: str
    of: str


@final
@dataclass(frozen=True, kw_only=True)
class RefusedSample:
    """One sample that cannot be used; `reason` is one of `REJECTION_REASONS`."""

    name: str
    reason: str
    detail: str


@final
@dataclass(frozen=True, kw_only=True)
class AddedSamples:
    """What became of all samples.

    Attributes:
        added: In their order.
        duplicates: In their order.
        refused: In their order.
        num_labelled: Lines that were written to `data/label_decisions/`.
    """

    added: tuple[AddedSample, ...]
    duplicates: tuple[DuplicateSample, ...]
    refused: tuple[RefusedSample, ...]
    num_labelled: int = 0

    def to_json(self) -> JsonObject:
        return asdict(self)


@final
@dataclass(frozen=True, kw_only=True)
class Labelling:
    """The label that a person gives to all samples.

    Attributes:
        label: A class.
        who: The person.
        when: The day, as 2026-11-30.
    """

    label: str
    who: str
    when: str
