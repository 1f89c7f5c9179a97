"""A pool in memory, and what a model decides on its samples."""

import numpy as np
import pandas as pd

from pipeline.datasets.label_review import combine_decisions
from pipeline.labelling.automatic.blind_share import find_audited
from pipeline.labelling.automatic.model_answers import answers_file, read_answers
from pipeline.labelling.automatic.scored_samples import ScoredSamples
from pipeline.labelling.pool import SamplePool, apply_since

NUM_VAL, NUM_OPEN = 100, 200


def make_pool(decisions=(), **columns):
    """Two samples of train, 100 of val, one of test and 200 without a label."""
    names = ["t0", "t1", *(f"v{row}" for row in range(NUM_VAL)), "e0", *(f"p{row}" for row in range(NUM_OPEN))]
    parts = ["train"] * 2 + ["val"] * NUM_VAL + ["test"] + ["pool"] * NUM_OPEN
    labels = [[] if part == "pool" else ["cat"] for part in parts]
    table = pd.DataFrame({"sample_id": names, "labels": labels, "split": parts, "group": names}).assign(**columns)
    reviewed = combine_decisions(decisions)
    samples = apply_since(table, reviewed)
    features = np.zeros((len(names), 2), dtype=np.float16)
    audited = frozenset(find_audited(read_answers(answers_file("pets"))))
    return SamplePool(
        source="pets", samples=samples, features=features, reviewed=reviewed, listed=None, audited=audited
    )


def scored(number, num_wrong=0, sure=None):
    """Decisions for cat, of which the last ones are dog; the confidence falls from 1 to 0.5 where `sure` is None."""
    labels = [["cat"]] * (number - num_wrong) + [["dog"]] * num_wrong
    confidence = np.linspace(1, 0.5, number) if sure is None else np.full(number, sure)
    scores = np.stack([confidence, 1 - confidence], axis=1)
    return ScoredSamples(labels=labels, scores=scores, confidence=confidence, is_far=np.zeros(number, dtype=bool))
