"""Which samples people label without a look at the prediction, and what that says: do they follow the model?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from pipeline.core.artifacts import content_digest
from pipeline.core.estimate import Estimate
from pipeline.datasets.label_decisions import is_random
from pipeline.datasets.label_review import ReviewedSample
from pipeline.labelling.automatic.outcomes import names_of_today, outcome_of_today
from pipeline.statistics.share_difference import share_difference

if TYPE_CHECKING:
    from pipeline.datasets.class_list import ClassList
    from pipeline.labelling.automatic.model_answers import ModelAnswer

AUDIT = "audit"  # begins a batch of samples that were kept back from automatic labels
SHARE = 0.1  # of the samples of a batch, at random
DIGITS = 16  # hexadecimal, of a number between 0 and 1


@final
@dataclass(frozen=True, kw_only=True)
class Following:
    """How often labels of people are those of the model, with and without its prediction in sight.

    Attributes:
        num_seen: Labels that were given with the prediction in sight.
        agree_seen: Those among them that are the model's.
        num_blind: Labels that were given without it, on a random share of the same batches.
        agree_blind: Those among them that are the model's.
        difference: Share that agrees with the prediction in sight minus without it; above 0 where people follow.
    """

    num_seen: int
    agree_seen: int
    num_blind: int
    agree_blind: int
    difference: Estimate


def is_blind(sample_id: str, batch: str, seed: int) -> bool:
    """Whether a person labels the sample without a look at the prediction: a random tenth, and all that measure.

    The same for the same arguments, so that an answer that is given again is as blind as before.

    Args:
        sample_id: Of the sample.
        batch: Of the queue, or an empty text.
        seed: Of the project.
    """
    return measures(batch) or random_number(str(seed), batch, sample_id) < SHARE


def measures(batch: str) -> bool:
    """Whether its samples measure a model, so that nobody may follow it: those of an audit, or of val and test."""
    return is_random(batch) or is_of_audit(batch)


def is_of_audit(batch: str) -> bool:
    """Whether the batch is of samples that were kept back from automatic labels."""
    return batch.partition("/")[0] == AUDIT


def find_audited(answers: Iterable[ModelAnswer]) -> set[str]:
    """sample_id of the samples that were kept back for an audit: no query and no model may take them out of it."""
    return {one.sample_id for one in answers if is_of_audit(one.batch)}


def random_number(*texts: str) -> float:
    """A number from 0 to below 1 that is the same for the same texts, and as good as random for others."""
    digest = content_digest(*(one.encode(errors="surrogatepass") for one in texts))
    return float(int(digest[:DIGITS], 16) >> 11) / 2**53


def measure_following(
    reviewed: Mapping[str, ReviewedSample], answers: Iterable[ModelAnswer], listed: ClassList | None = None
) -> Following:
    """Whether people agree more often with a prediction that they see.

    Args:
        reviewed: What decisions come to, by sample_id.
        answers: What models said before; of a sample the last counts. Those of an audit and of
            random batches are left out: nobody sees a prediction of them, and they are easier or harder than others.
        listed: The classes, by whose names of today labels go.

    Source: Beck et al. 2025, arXiv:2509.08514, for people who follow predictions.
    """
    last = {one.sample_id: one for one in answers if not measures(one.batch)}
    agrees: dict[bool, list[bool]] = {True: [], False: []}
    for name, answer in last.items():
        for line in reviewed[name].decisions if name in reviewed else ():
            if line.is_of_model or line.seen_prediction is None or measures(line.batch):
                continue
            said = names_of_today(answer.labels, listed)
            agrees[line.seen_prediction].append(outcome_of_today(line, listed) == said)
    seen, blind = (np.array(agrees[key], dtype=bool) for key in (True, False))
    return Following(
        num_seen=len(seen),
        agree_seen=int(seen.sum()),
        num_blind=len(blind),
        agree_blind=int(blind.sum()),
        difference=share_difference(int(seen.sum()), len(seen), int(blind.sum()), len(blind)),
    )
