"""The error of a model's labels, by the samples that were kept back and labelled by people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from pipeline.core.estimate import Estimate
from pipeline.datasets.label_review import ReviewedSample
from pipeline.evaluation.share_estimates import estimate_share
from pipeline.labelling.automatic.blind_share import is_of_audit
from pipeline.labelling.automatic.outcomes import names_of_today, outcome_of_today
from pipeline.statistics.bootstrap import Bootstrap
from pipeline.statistics.risk_control import exact_interval

if TYPE_CHECKING:
    from pipeline.datasets.class_list import ClassList
    from pipeline.labelling.automatic.model_answers import ModelAnswer


@final
@dataclass(frozen=True, kw_only=True)
class AuditResult:
    """Of the labels of one model.

    Attributes:
        model: As `NAME@VERSION`.
        num_labelled: Samples that it labelled, as far as no person has decided on them.
        num_overruled: Samples that it labelled and on which a person has decided otherwise.
        num_waiting: Samples kept back that wait for a person, or on which people differ.
        error: Share of wrong labels among those kept back; no value where nobody has labelled one.
    """

    model: str
    num_labelled: int
    num_overruled: int
    num_waiting: int
    error: Estimate


def measure_audits(
    reviewed: Mapping[str, ReviewedSample],
    written: Mapping[str, tuple[str, tuple[str, ...]]],
    answers: Iterable[ModelAnswer],
    groups: Mapping[str, str],
    bootstrap: Bootstrap,
    listed: ClassList | None = None,
) -> list[AuditResult]:
    """The audit of each model that labelled samples, or would have, sorted by name.

    A sample that a person took out counts as a wrong label. The interval is exact where samples are independent,
    else from the spread between groups.

    Args:
        reviewed: What decisions come to, by sample_id.
        written: sample_id to the model and the labels that it wrote; of a sample the last.
        answers: What models said of the samples kept back.
        groups: sample_id to the group; a sample that is not named is a group of its own.
        bootstrap: How groups are resampled, where there are more than 100.
        listed: The classes, by whose names of today labels go.

    Source: Clopper and Pearson 1934, doi:10.1093/biomet/26.4.404.
    """
    audits: dict[str, dict[str, ModelAnswer]] = {}
    for answer in answers:
        if is_of_audit(answer.batch):
            audits.setdefault(answer.model, {})[answer.sample_id] = answer
    results = []
    for model in sorted({*audits, *(who for who, _ in written.values())}):
        own_audit = audits.get(model, {})
        wrong = {
            name: outcome_of_today(sample.chosen, listed) != names_of_today(answer.labels, listed)
            for name, answer in own_audit.items()
            if (sample := reviewed.get(name)) is not None
            and sample.chosen is not None
            and not sample.chosen.is_of_model
        }
        own = {name: labels for name, (who, labels) in written.items() if who == model}
        by_person = [name for name in own if name in reviewed and not reviewed[name].decisions[-1].is_of_model]
        results.append(
            AuditResult(
                model=model,
                num_labelled=len(own) - len(by_person),
                num_overruled=sum(_is_overruled(reviewed[name], own[name], listed) for name in by_person),
                num_waiting=len(own_audit) - len(wrong),
                error=estimate_error(wrong, groups, bootstrap),
            )
        )
    return results


def estimate_error(wrong: Mapping[str, bool], groups: Mapping[str, str], bootstrap: Bootstrap) -> Estimate:
    """The share of wrong samples with its 95 % interval.

    Args:
        wrong: sample_id to whether it is wrong.
        groups: sample_id to the group.
        bootstrap: How groups are resampled, where there are more than 100.
    """
    values = np.array(list(wrong.values()), dtype=bool)
    names = np.array([groups.get(name) or name for name in wrong], dtype=str)
    num_groups = len(np.unique(names))
    if not len(values):
        return Estimate(value=None, low=None, high=None, n=0, groups=0, caveat="no sample was labelled by a person")
    if num_groups < len(values):
        return estimate_share(values, np.ones((len(values), 1), dtype=bool), names, bootstrap)
    low, high = exact_interval(int(values.sum()), len(values))
    return Estimate(value=float(values.mean()), low=low, high=high, n=len(values), groups=num_groups)


def _is_overruled(sample: ReviewedSample, labels: tuple[str, ...], listed: ClassList | None) -> bool:
    return sample.chosen is not None and outcome_of_today(sample.chosen, listed) != names_of_today(labels, listed)
