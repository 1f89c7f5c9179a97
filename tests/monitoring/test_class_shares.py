"""Shares of classes, also where the new pictures have some that the model does not know."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from conf_options import composed

from pipeline.core import config
from pipeline.core.drift_report import DriftMeasure
from pipeline.core.observations import Observations
from pipeline.monitoring.class_shares import name_columns, share_distances, to_shares
from pipeline.monitoring.measurement import MonitoringOptions, measure_drift

CLASSES = ("cat", "dog")
OPTIONS = MonitoringOptions(alpha=0.05, num_permutations=199, num_resamples=100, max_samples=1000, seed=0)


def make(name: str, **numbers: int) -> Observations:
    labels = [[label] for label, number in numbers.items() for _ in range(number)]
    names = [f"{name}-{row}" for row in range(len(labels))]
    scores = [[0.8, 0.2] if one == ["cat"] else [0.2, 0.8] for one in labels]
    table = pd.DataFrame({"sample_id": names, "labels": labels, "decided": labels, "scores": scores})
    return replace(Observations.of_table(table, CLASSES), groups=np.array(names))


def measured(name: str, reference: Observations, new: Observations) -> DriftMeasure:
    found = measure_drift(reference, new, config.build_all(composed(), "monitor"), OPTIONS).get(name)
    assert found is not None
    return found


def test_a_class_that_the_model_does_not_know_counts_whole() -> None:
    """30 of 100 would have to change; the changes of the known classes are 0.15 each."""
    marks = np.eye(3, dtype=bool)[[0] * 35 + [1] * 35 + [2] * 30][:, :2]
    new = to_shares(marks, exclusive=True).mean(axis=0, keepdims=True)
    assert new[0].tolist() == pytest.approx([0.35, 0.35, 0.3])
    found = share_distances(np.array([[0.5, 0.5, 0.0]]), new)
    assert found[0].tolist() == pytest.approx([0.3, 0.15, 0.15, 0.3])
    assert to_shares(marks, exclusive=False).shape == (100, 2)  # of several labels none may apply
    assert name_columns(("other", "dog"), exclusive=True) == ("other", "dog", "other than these")


@pytest.mark.parametrize("name", ["labels", "predicted_classes"])
def test_few_pictures_of_an_unknown_class_are_drift_and_have_a_row(name: str) -> None:
    reference = make("r", cat=200, dog=200)
    found = measured(name, reference, make("n", cat=185, dog=185, fox=30))
    assert (found.value, found.state) == (pytest.approx(0.075), "drifted")  # half of it would be below the limit
    assert found.details[0]["class"] == "other"
    assert (found.details[0]["reference"], found.details[0]["new"]) == (0.0, 0.075)
    known = measured(name, reference, make("n", cat=200, dog=200))
    assert [row["class"] for row in known.details] == ["cat", "dog"]
