"""Measures the drift of new pictures against the reference of the training: the one function that decisions call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, final

import numpy as np
from annotated_types import Ge, Interval

from pipeline.core.drift_report import DriftMeasure, DriftReport
from pipeline.core.errors import UserError
from pipeline.core.observations import Observations
from pipeline.core.ranges import PositiveInt, Seed
from pipeline.monitoring.chance import Selection, explain_by_chance, permute

if TYPE_CHECKING:
    from pipeline.core.evaluation_contracts import DriftTest

ALONE = 0.8  # groups over pictures of the training, from which a picture without a group counts by itself
LOOKS = ("properties", "features")  # measures of the pictures themselves, by their names in conf/monitor/
ESTIMATES = ("predicted_classes", "expected_loss")
UNKNOWN_GROUPS = (
    "Nobody said which new pictures belong together, and those of the training have groups: all new pictures count as "
    "one group."
)


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
    if not len(new):
        raise UserError("there is no new picture to compare; name a folder that holds some, or wait for data")
    if not len(reference):
        raise UserError("the training has no picture to compare with; run dvc repro, which makes the reference")
    _refuse_other_features(reference, new)
    reference, new = _on_common_properties(reference, new)
    before, now, caveats = resolve_groups(*(pick(one, options.max_samples, options.seed) for one in (reference, new)))
    selections, not_measured = select(before, now, tests)
    families = [permute(one, options.num_permutations, options.seed) for one in selections]
    chances = explain_by_chance(families, options.alpha, options.num_resamples, options.seed)
    found = {
        name: test.measure(name, one.reference, one.new, chances[name])
        for one in selections
        for name, test in one.tests.items()
    }
    return DriftReport(
        measures=tuple(found[name] for name in tests if name in found),
        not_measured=not_measured,
        num_reference=len(before),
        num_reference_groups=_num_groups(before),
        num_new=len(now),
        num_new_groups=_num_groups(now),
        alpha=options.alpha,
        caveats=(*caveats, *_about_estimates(found)),
    )


def pick(observed: Observations, most: int, seed: int) -> Observations:
    """The same pictures, or of more than `most` as many random ones, in their order."""
    if len(observed) <= most:
        return observed
    return observed.take(np.sort(np.random.default_rng(seed).permutation(len(observed))[:most]))


def resolve_groups(reference: Observations, new: Observations) -> tuple[Observations, Observations, tuple[str, ...]]:
    """Both sides with groups, and what a reader must know of them.

    Where nobody knows which new pictures belong together, each counts by itself if the training has hardly any groups
    of several pictures; else all of them count as one group, since pictures of one group would look like drift.
    """
    if reference.groups is None:
        reference = replace(reference, groups=reference.sample_ids)
    if new.groups is not None:
        return reference, new, ()
    if _num_groups(reference) >= ALONE * len(reference):
        alone = np.array([f"new/{number}" for number in range(len(new))])
        return reference, replace(new, groups=alone), ()
    together = replace(new, groups=np.full(len(new), "new"))
    return reference, together, (UNKNOWN_GROUPS,)


def select(
    reference: Observations, new: Observations, tests: Mapping[str, DriftTest]
) -> tuple[list[Selection], dict[str, str]]:
    """The tests by the pictures that they look at, and the name of each other test with the reason."""
    by_rows: dict[tuple[bytes, bytes], list[str]] = {}
    masks: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    reasons = {}
    for name, test in tests.items():
        before, now = test.select_reference(reference), test.select(new)
        if isinstance(before, str):
            reasons[name] = f"of the training {before}"
        elif isinstance(now, str):
            reasons[name] = f"of the new pictures {now}"
        else:
            masks[name] = (before, now)
            by_rows.setdefault((before.tobytes(), now.tobytes()), []).append(name)
    selections = [
        Selection(
            reference=reference.take(np.flatnonzero(masks[names[0]][0])),
            new=new.take(np.flatnonzero(masks[names[0]][1])),
            tests={name: tests[name] for name in names},
        )
        for names in by_rows.values()
    ]
    return selections, reasons


def _num_groups(observed: Observations) -> int:
    return len(np.unique(observed.groups if observed.groups is not None else observed.sample_ids))


def _refuse_other_features(reference: Observations, new: Observations) -> None:
    if reference.features is None or new.features is None:
        return
    expected, found = reference.features.shape[1], new.features.shape[1]
    if expected != found:
        raise UserError(
            f"the new pictures have {found:,} features each, those of the training {expected:,}; "
            "embed both with the section embed of params.yaml"
        )


def _on_common_properties(reference: Observations, new: Observations) -> tuple[Observations, Observations]:
    columns = [one for one in reference.properties if one in new.properties]
    return (
        replace(reference, properties=reference.properties[columns]),
        replace(new, properties=new.properties[columns]),
    )


def _about_estimates(found: Mapping[str, DriftMeasure]) -> Iterator[str]:
    has_changed = any(one.state == "drifted" for name, one in found.items() if name in LOOKS)
    if has_changed and any(name in ESTIMATES for name in found):
        yield (
            "The pictures themselves have changed, so what is estimated without labels (true shares of classes, "
            "expected accuracy) need not hold: label some of the new pictures to know."
        )
