"""A challenger and the champion, with all that gates ask about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, final

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.core.estimate import Estimate
    from pipeline.core.evaluation_contracts import Metric
    from pipeline.core.predictions import Predictions
    from pipeline.core.results import StoredFinding


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Contender:
    """One of the two models.

    Attributes:
        predictions: Of test. Of the champion those that were stored, or those of today where it was scored again.
        findings: What the checks found on the data that it was trained on, by name; None where nobody knows any more.
        data_hash: Digest of these data; empty where it is not known.
        num_bytes: Of its files; None where they are gone.
        milliseconds: For a picture, on this machine; None where it was not measured.
    """

    predictions: Predictions
    findings: Mapping[str, StoredFinding] | None
    data_hash: str = ""
    num_bytes: int | None = None
    milliseconds: float | None = None


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Contest:
    """What is compared at a registration.

    Attributes:
        challenger: The model that was trained now.
        champion: The model in use; None where there is none.
        metrics: Name of a figure to its metric, for the figures that gates name.
        figures: The challenger's figures on test, as `reports/test_metrics.json` holds them.
        attributes: `sample_id` and `attr_*` of the challenger's test samples.
        num_new: How many pictures of val and test the champion has never been evaluated on.
        new_samples: Names of the test samples among them.
        notes: What a reader must know of how the champion's predictions came about, a clause each.
    """

    challenger: Contender
    champion: Contender | None
    metrics: Mapping[str, Metric]
    figures: Mapping[str, Estimate]
    attributes: pd.DataFrame
    num_new: int = 0
    new_samples: frozenset[str] = frozenset()
    notes: list[str] = field(default_factory=list)
