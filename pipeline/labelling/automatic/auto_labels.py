"""Which samples a model may label: those above a threshold whose error is bounded by labelled samples of val."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.terminal import count_of
from pipeline.datasets.label_decisions import LabelDecision, append_decisions
from pipeline.labelling.automatic.blind_share import AUDIT, random_number
from pipeline.labelling.automatic.model_answers import ModelAnswer, answers_file, append_answers, read_answers
from pipeline.labelling.automatic.outcomes import names_of_today
from pipeline.labelling.automatic.val_predictions import PLACE
from pipeline.labelling.queries.label_queue import QueuedSample, read_queue, write_queue
from pipeline.statistics.bootstrap import Bootstrap
from pipeline.statistics.risk_control import LabelledScores, ThresholdChoice, choose_threshold

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.labelling.automatic.scored_samples import ScoredSamples
    from pipeline.labelling.pool import SamplePool

STRATEGY = "autolabel"  # begins the batch of lines that a model writes
BOOTSTRAP = Bootstrap(num_resamples=1000, seed=0)


@final
@dataclass(frozen=True, kw_only=True)
class AutoLabelOptions:
    """What a person accepts.

    Attributes:
        max_error: Largest share of wrong labels, above 0 and below 1.
        confidence: Probability that the share is at most so large, above 0.5 and below 1.
        audit_share: Share of the samples that is kept back for a person, 0 to 1.
    """

    max_error: float
    confidence: float
    audit_share: float


@final
@dataclass(frozen=True, kw_only=True)
class AutoLabelPlan:
    """What would be written.

    Attributes:
        choice: The threshold with its bound.
        labels: Of samples that the model labels.
        audit: Of samples that are kept back for a person.
        num_open: Samples without a label that were looked at.
        number: Of the batches.
    """

    choice: ThresholdChoice
    labels: tuple[ModelAnswer, ...]
    audit: tuple[ModelAnswer, ...]
    num_open: int
    number: int


def find_open(pool: SamplePool) -> np.ndarray:
    """(N,) bool, samples without a label, but for those of an audit, on which nobody has decided.

    A sample that the source labelled, or a person decided on, is in none of them; one of val or test neither.
    """
    touched = {name for name, one in pool.reviewed.items() if one.decisions}
    names = pool.samples["sample_id"]
    return np.asarray(pool.is_open & ~names.isin(touched).to_numpy())


def refuse_another_batch(pool: SamplePool) -> None:
    """Refuses a second batch while labels of a model stand.

    The samples that are left are those of which the model was not sure enough. Val still holds its sure ones, so the
    error on val is no bound of the error on what is left: in simulations half of such batches were above the aim.

    Raises:
        UserError: Labels of a model stand.
    """
    batches = sorted({one.chosen.batch for one in pool.reviewed.values() if one.chosen and one.chosen.is_of_model})
    if batches:
        raise UserError(
            f"a model has labelled samples of this project already ({', '.join(batches)}); those that are left are the "
            "harder ones, of which val does not bound the error. Label them by hand (colibri query), or take these "
            f"lines out of {artifacts.decisions_file(pool.source)} first"
        )


def find_val(pool: SamplePool, predictions: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The samples of val whose label is random and of the source or a person, and their rows of the predictions.

    Raises:
        UserError: There are none.
    """
    samples = pool.samples
    counts = (samples["split"] == "val") & samples["is_labelled"] & ~samples["is_dropped"]
    if "selected" in samples:
        counts &= ~samples["selected"].fillna(False).astype(bool)
    of_model = [name for name, one in pool.reviewed.items() if one.chosen is not None and one.chosen.is_of_model]
    counts &= ~samples["sample_id"].isin(of_model)
    val = samples[counts & samples["sample_id"].isin(predictions["sample_id"])].reset_index(drop=True)
    if val.empty:
        raise UserError(
            f"{PLACE} has no labelled sample of val, so nothing bounds the error; label random samples "
            "of the project, then run colibri run"
        )
    rows = predictions.set_index("sample_id").loc[val["sample_id"]].reset_index()
    return val, rows


def bound_errors(val: pd.DataFrame, found: ScoredSamples, pool: SamplePool) -> LabelledScores:
    """The confidences and mistakes on val, of samples on which the model gives a label.

    Args:
        val: Of `find_val`.
        found: What the model decided on them.
        pool: That they are of.
    """
    said = [names_of_today(one, pool.listed) for one in found.labels]
    true = [tuple(sorted(one)) for one in val["labels"]]
    wrong = np.array([one != other for one, other in zip(said, true, strict=True)], dtype=bool)
    is_fit = found.is_fit
    return LabelledScores(
        scores=found.confidence[is_fit], wrong=wrong[is_fit], groups=val["group"].to_numpy(dtype=str)[is_fit]
    )


def plan_labels(
    model: str,
    rows: pd.DataFrame,
    found: ScoredSamples,
    labelled: LabelledScores,
    options: AutoLabelOptions,
    number: int,
) -> AutoLabelPlan:
    """What would be written of open samples; nothing where no threshold holds.

    Args:
        model: As `NAME@VERSION`.
        rows: N open samples, of `SamplePool.samples`.
        found: What the model decides on them.
        labelled: Of val.
        options: What a person accepts.
        number: Of the batches.
    """
    is_fit = found.is_fit
    choice = choose_threshold(labelled, found.confidence[is_fit], options.max_error, options.confidence, BOOTSTRAP)
    taken: list[ModelAnswer] = []
    if choice.chosen is not None:
        chosen = np.flatnonzero(is_fit & (found.confidence >= choice.chosen.threshold))
        names = rows["sample_id"].tolist()
        taken = [
            ModelAnswer(
                sample_id=names[row], model=model, labels=found.labels[row], confidence=float(found.confidence[row])
            )
            for row in chosen
        ]
    audited = pick_audit([one.sample_id for one in taken], options.audit_share, model, number)
    return AutoLabelPlan(
        choice=choice,
        labels=tuple(one for one in taken if one.sample_id not in audited),
        audit=tuple(one for one in taken if one.sample_id in audited),
        num_open=len(rows),
        number=number,
    )


def pick_audit(names: Sequence[str], share: float, model: str, number: int) -> set[str]:
    """The names of a random share, at least one of a share above 0; the same for the same arguments."""
    ordered = sorted(names, key=lambda name: random_number(model, str(number), name))
    return set(ordered[: math.ceil(share * len(names) - 1e-9)])


def refuse_without_threshold(plan: AutoLabelPlan, labelled: LabelledScores, options: AutoLabelOptions) -> None:
    """Raises:
    UserError: No threshold holds; the message says how many labels of val would be needed.
    """
    if plan.choice.chosen is not None:
        return
    aim = f"at most {100 * options.max_error:.1f} % wrong at {100 * options.confidence:.0f} % confidence"
    is_grouped = labelled.num_groups < len(labelled.scores)
    noun = "groups" if is_grouped else "labels"
    have = f"{len(labelled.scores):,} labels" + (f" in {labelled.num_groups:,} groups" if is_grouped else "")
    if plan.choice.needed is None:
        raise UserError(
            f"no label was written: the error on val ({have}) is above the aim of {aim} at every threshold, so more "
            "labels of val would not help; train a better model, or accept more with --max-error"
        )
    raise UserError(
        f"no label was written: val ({have}) cannot show {aim}; with the errors of today about "
        f"{max(plan.choice.needed, labelled.num_groups + 1):,} {noun} of val are needed; label random samples, or "
        "accept more with --max-error"
    )


def next_number(pool: SamplePool) -> int:
    """The number of the next batches, from 1."""
    batches = [one.batch for one in read_answers(answers_file(pool.source))]
    batches += [line.batch for one in pool.reviewed.values() for line in one.decisions]
    numbers = [one.partition("/")[2] for one in batches if one.partition("/")[0] in (AUDIT, STRATEGY)]
    return 1 + max((int(one) for one in numbers if one.isdecimal()), default=0)


def write_plan(plan: AutoLabelPlan, source: str, options: AutoLabelOptions, when: str) -> None:
    """Writes what the model says of the samples kept back, their places in the queue, then the labels.

    Each file is written whole or not at all. A process that is ended in between leaves an audit without labels, and
    another call begins a batch of its own.

    Raises:
        UserError: A file cannot be written.
    """
    batch, chosen = f"{AUDIT}/{plan.number}", plan.choice.chosen
    assert chosen is not None
    append_answers(
        answers_file(source),
        [
            ModelAnswer(
                sample_id=one.sample_id, model=one.model, labels=one.labels, confidence=one.confidence, batch=batch
            )
            for one in plan.audit
        ],
    )
    waiting = [
        QueuedSample(
            sample_id=one.sample_id,
            batch=batch,
            order=order,
            strategy=AUDIT,
            score=0.0,
            why="a random sample of those that a model would label: it measures the model's error",
        )
        for order, one in enumerate(plan.audit, start=1)
    ]
    if waiting:
        write_queue([*read_queue(), *waiting])
    why = (
        f"confidence at least {chosen.threshold:.4f}; error at most {100 * chosen.upper:.2f} % by "
        f"{chosen.num_errors:,} wrong of {chosen.num_samples:,} of val, aim {100 * options.max_error:.2f} % at "
        f"{100 * options.confidence:.0f} % confidence"
    )
    lines = [
        LabelDecision(
            sample_id=one.sample_id,
            action="autolabel",
            previous=[],
            labels=one.labels,
            who=one.model,
            when=when,
            why=why,
            batch=f"{STRATEGY}/{plan.number}",
        )
        for one in plan.labels
    ]
    append_decisions(artifacts.decisions_file(source), lines)


def describe_plan(plan: AutoLabelPlan) -> list[str]:
    """The threshold, its bound, and how many samples are labelled and kept back."""
    chosen = plan.choice.chosen
    assert chosen is not None
    num = len(plan.labels)
    share = 100 * num / max(1, plan.num_open)
    left = plan.num_open - num - len(plan.audit)
    groups = f" in {chosen.num_groups:,} groups" if chosen.num_groups < chosen.num_samples else ""
    return [
        (
            f"confidence at least {chosen.threshold:.4f}: {chosen.num_errors:,} of {chosen.num_samples:,} samples of "
            f"val{groups} wrong, so at most {100 * chosen.upper:.2f} % of the labels"
        ),
        f"{num:,} of {count_of(plan.num_open, 'open sample')} ({share:.0f} %) by the model",
        f"{count_of(len(plan.audit), 'sample')} kept back for a person",
        f"{count_of(left, 'sample')} left, on which it is less sure",
    ]
