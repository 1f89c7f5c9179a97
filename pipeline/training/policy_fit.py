"""A policy fitted on val: temperatures, the rule of an aim, and the thresholds of prediction sets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Interval

from pipeline.core.decision_rule import Rule
from pipeline.core.evaluation_contracts import Aim
from pipeline.core.policy import Abstention, Policy, scores_to_logits
from pipeline.core.ranges import Fraction, PositiveInt
from pipeline.statistics.conformal import conformal_threshold, least_groups

POOLED = (
    "The prediction sets were fitted as if pictures had no groups (policy.grouping: pooled), so they cover fewer "
    "pictures of new groups than they promise."
)
MIN_OF_LABEL = 5  # samples of val with a label, and without it, for a temperature of its own


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of the policy.

    Args:
        calibration: `temperature` (one for exclusive classes, else one per label) or `none`.
        min_samples: Samples of val that a temperature, a threshold and prediction sets need.
        coverage: Wanted share of new samples whose prediction set holds the true class, above 0 and below 1.
        sets: `overall` (coverage over all samples), `per_class` (of each class by itself; Mondrian) or `none`. Several
            labels are always covered each by itself.
        grouping: `hierarchical` (coverage for a sample of a new group) or `pooled` (as if samples had no groups).
        abstain: `never`, `confidence` or `sets`, as in `Policy`.
        min_confidence: Below it `confidence` abstains.
        out_of_distribution: Of pictures whose features are far from those of train: `never` (no distance is measured),
            `report` (they are flagged) or `abstain` (they are also left to a person).
        out_of_distribution_share: Wanted share of pictures like val that are flagged, above 0 and below 1.
        max_reference: Most pictures of train to which the distance is fitted, at least 2.
    """

    calibration: Literal["temperature", "none"]
    min_samples: PositiveInt
    coverage: Annotated[float, Interval(gt=0, lt=1)]
    sets: Literal["overall", "per_class", "none"]
    grouping: Literal["hierarchical", "pooled"]
    abstain: Abstention
    min_confidence: Fraction
    out_of_distribution: Literal["never", "report", "abstain"]
    out_of_distribution_share: Annotated[float, Interval(gt=0, lt=1)]
    max_reference: Annotated[int, Ge(2)]


def fit_policy(
    options: Options,
    aim: Aim,
    targets: np.ndarray,
    scores: np.ndarray,
    groups: np.ndarray,
    classes: list[str],
    exclusive: bool,
    training_key: str,
) -> Policy:
    """The policy for new samples, from (N, K) targets, (N, K) scores of the model and (N,) groups of val.

    What val is too small for keeps what the model does without it, and a note says so.

    Raises:
        UserError: The aim does not fit the classes.
    """
    start = Policy(
        training_key=training_key,
        exclusive=exclusive,
        temperatures=(1.0,) * len(classes),
        rule=Rule(),
        abstention=options.abstain,
        min_confidence=options.min_confidence,
        coverage=options.coverage,
        set_thresholds=None,
        notes=(),
        num_samples=len(scores),
        num_groups=len(np.unique(groups)),
    )
    if len(scores) < options.min_samples:
        note = (
            f"Calibration cannot be judged: val has {len(scores)} samples, fewer than {options.min_samples}. The "
            "scores stay as they are, and there are no thresholds and no prediction sets."
        )
        return replace(start, notes=(note,))
    temperatures, notes = fit_temperatures(options, targets, scores, classes, exclusive)
    policy = replace(start, temperatures=temperatures)
    calibrated = policy.calibrate(scores)
    rule = aim(targets, calibrated, classes, exclusive)
    sets, of_sets = fit_sets(options, targets, calibrated, groups, classes, exclusive)
    notes += ([rule.note] if rule.note else []) + of_sets
    return replace(policy, rule=rule, set_thresholds=sets, notes=tuple(notes))


def fit_temperatures(
    options: Options, targets: np.ndarray, scores: np.ndarray, classes: list[str], exclusive: bool
) -> tuple[tuple[float, ...], list[str]]:
    """A temperature per class, and notes on the labels that val has too few of."""
    from pipeline.training.calibration import calibrate

    temperatures = np.ones(len(classes))
    if options.calibration == "none" or (exclusive and len(classes) < 2):
        return tuple(temperatures.tolist()), []
    positives = targets.sum(axis=0)
    few = np.zeros(len(classes), dtype=bool)
    if not exclusive:
        few = np.minimum(positives, len(targets) - positives) < MIN_OF_LABEL
    if not few.all():
        logits = scores_to_logits(scores[:, ~few], exclusive)
        slopes, _ = calibrate(logits, targets[:, ~few], exclusive, "temperature")
        temperatures[~few] = 1 / slopes
    notes = [
        f"Calibration of {name} cannot be judged: val has {int(count)} samples with it and "
        f"{len(targets) - int(count)} without, and needs {MIN_OF_LABEL} of both. Its scores stay as they are."
        for name, count, is_few in zip(classes, positives, few, strict=True)
        if is_few
    ]
    return tuple(temperatures.tolist()), notes


def fit_sets(
    options: Options,
    targets: np.ndarray,
    scores: np.ndarray,
    groups: np.ndarray,
    classes: list[str],
    exclusive: bool,
) -> tuple[tuple[float, ...] | None, list[str]]:
    """The least score of each class in a prediction set, and notes on classes that are in every set; None: no sets."""
    if options.sets == "none":
        return None, []
    members = groups if options.grouping == "hierarchical" else np.arange(len(groups))
    unit = "groups" if options.grouping == "hierarchical" else "samples"
    least = least_groups(options.coverage)
    notes = [POOLED] if options.grouping == "pooled" and len(np.unique(groups)) < len(groups) else []
    if exclusive and options.sets == "overall":
        threshold = conformal_threshold((targets * scores).sum(axis=1), members, options.coverage)
        if threshold is None:
            return None, [_too_few("Prediction sets", len(np.unique(members)), unit, options.coverage, least)]
        return (threshold,) * len(classes), notes
    thresholds = []
    for name, has, own in zip(classes, (targets > 0).T, scores.T, strict=True):
        threshold = conformal_threshold(own[has], members[has], options.coverage)
        if threshold is None:
            num = len(np.unique(members[has]))
            notes.append(_too_few(f"{name} is in every set: its coverage", num, unit, options.coverage, least))
        thresholds.append(0.0 if threshold is None else threshold)
    if not any(thresholds):
        return None, [_too_few("Prediction sets", len(np.unique(members)), unit, options.coverage, least)]
    return tuple(thresholds), notes


def _too_few(what: str, num: int, unit: str, coverage: float, least: int) -> str:
    return (
        f"{what} cannot be judged: {100 * coverage:g} % needs {least} {unit} in val, found {num}; lower "
        "policy.coverage, or give val more."
    )
