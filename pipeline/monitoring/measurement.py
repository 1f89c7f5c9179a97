"""Measures the drift of new pictures against the reference of the training: the one function that decisions call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, final

from annotated_types import Ge, Interval

from pipeline.core.drift_report import DriftReport
from pipeline.core.evaluation_contracts import DriftTest
from pipeline.core.ranges import PositiveInt, Seed
from pipeline.core.observations import Observations


@final
@dataclass(frozen=True, kw_only=True)
class MonitoringOptions:
    """Options of the measurement: the section `monitoring` of the parameters.

    Args:
        alpha: Probability that anything is called drifted where nothing has changed.
        num_permutations: Permutations of groups between reference and new pictures, at least 1 / alpha - 1; where fewer
            are possible all are used.
        num_resamples: Bootstrap resamples behind each interval.
        max_samples: Most pictures of either side that are compared; of more, as many are picked at random.
        seed: Of the permutations, resamples and picks.
    """

    alpha: Annotated[float, Interval(gt=0, lt=1)]
    num_permutations: Annotated[int, Ge(19)]
    num_resamples: Annotated[int, Ge(100)]
    max_samples: PositiveInt
    seed: Seed


def measure_drift(
    reference: Observations, new: Observations, tests: Mapping[str, DriftTest], options: MonitoringOptions
) -> DriftReport:
    """How new pictures differ from the reference.

        params = config.load_params()
        options = config.instantiate(MonitoringOptions, params["monitoring"], "monitoring")
        reference = load_reference()                       # data/manifest.parquet, splits, embeddings, predictions
        new = Observations.of_table(table, reference.classes, features)
        report = measure_drift(reference, new, config.build_all(params, "monitor"), options)
        report.state, report.sentence, report.figures()

    Args:
        reference: What the model in use was trained on, as `reference.load_reference` returns it.
        new: The new pictures, as `Observations.of_table` makes them of any table.
        tests: Name to measure, as `config.build_all(params, "monitor")` builds them.
        options: How it is measured.

    Returns:
        A report with a measure for each test that has what it needs, and the reason for each other one. Few pictures
        are `cannot_be_judged`, never an error.

    Raises:
        UserError: There is no new picture, or the features of both sides are of different extractors.
    """
    raise NotImplementedError
