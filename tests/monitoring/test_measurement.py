"""The whole report: what drifted, what is not shown to, and what cannot be judged."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conf_options import composed

from pipeline.core import config
from pipeline.core.drift_report import DriftReport, read_drift_report
from pipeline.core.errors import UserError
from pipeline.core.observations import Observations
from pipeline.monitoring.measurement import MonitoringOptions, measure_drift

CLASSES = ["cat", "dog"]
OPTIONS = MonitoringOptions(alpha=0.05, num_permutations=199, num_resamples=100, max_samples=1000, seed=0)


def make(number: int, seed: int, groups: int = 0, **shift: Any) -> Observations:
    """Pictures of two classes with three properties, eight features and the scores of a model that is mostly right."""
    generator = np.random.default_rng(seed)
    share, light, content = shift.get("share", 0.5), shift.get("light", 0.0), shift.get("content", 0.0)
    of_group = np.arange(number) % groups if groups else np.arange(number)
    offset = generator.normal(0, 1, (of_group.max() + 1, 3)) if groups else np.zeros((number, 3))
    is_dog = generator.uniform(size=number) < share
    sure = np.clip(generator.beta(6, 1.5, number), 0.5, 0.999)
    is_right = generator.uniform(size=number) < sure
    dog = np.where(is_dog == is_right, sure, 1 - sure)
    values = generator.normal(0, 1, (number, 3)) + offset[of_group]
    table = pd.DataFrame(values, columns=["prop_brightness", "prop_noise", "prop_sharpness"])
    table["prop_brightness"] += light
    table = table.assign(
        sample_id=[f"{seed}-{row}" for row in range(number)],
        labels=[["dog"] if one else ["cat"] for one in is_dog],
        scores=[[1 - one, one] for one in dog],
    )
    table["group"] = [f"{seed}-{one}" for one in of_group]
    features = generator.normal(0, 1, (number, 8)) + content * np.eye(8)[0] + 2
    return Observations.of_table(table, CLASSES, features.astype(np.float32))


def run(reference: Observations, new: Observations, **changed: Any) -> DriftReport:
    return measure_drift(reference, new, config.build_all(composed(), "monitor"), replace(OPTIONS, **changed))


def states(report: DriftReport) -> dict[str, str]:
    return {one.name: one.state for one in report.measures}


def test_without_a_change_no_drift_is_shown_and_every_measure_says_what_it_would_have_found():
    report = run(make(600, 0), make(400, 1))
    assert set(states(report).values()) == {"not_shown"}
    assert report.state == "not_shown"
    assert all(one.detectable is not None and one.detectable <= one.wanted for one in report.measures)
    assert report.sentence == "No drift is shown, and a drift of the wanted size would have been found."


def test_false_alarms_are_rare():
    reports = [run(make(200, 2 * seed), make(80, 2 * seed + 1), num_permutations=99) for seed in range(30)]
    assert sum(one.state == "drifted" for one in reports) <= 5  # 1.5 expected; 6 or more has a chance of 0.2 %


def test_each_change_is_found_where_it_is():
    reference = make(600, 0)
    light = run(reference, make(300, 1, light=0.8))
    assert states(light)["properties"] == "drifted"
    assert states(light)["features"] == states(light)["labels"] == "not_shown"
    found = light.get("properties")
    assert found is not None
    assert found.sentence.startswith("Of the new pictures brightness is higher (median 0.")
    assert found.value == pytest.approx(0.31, abs=0.06)  # of two normal distributions 0.8 apart: 2 Phi(0.4) - 1
    assert found.low < 0.31 < found.high
    assert list(found.pictures) == [
        "New, lowest brightness",
        "New, highest brightness",
        "Training, in the middle of brightness",
    ]

    content = run(reference, make(300, 1, content=3.0))
    assert states(content)["features"] == "drifted"
    assert content.get("features").low > 0.9
    assert "The pictures themselves have changed" in content.caveats[0]

    share = run(reference, make(300, 1, share=0.9))
    assert states(share)["labels"] == states(share)["predicted_classes"] == "drifted"
    decisions = share.get("predicted_classes")
    row = next(one for one in decisions.details if one["class"] == "dog")
    assert row["estimated"] > row["new"]  # mistakes hide a part of the shift
    assert row["low"] < 0.9 < row["high"]


def test_few_pictures_are_never_passed_and_the_number_needed_is_said():
    report = run(make(600, 0), make(12, 1))
    assert set(states(report).values()) == {"cannot_be_judged"}
    assert all(one.needed > 12 and one.needed_unit == "pictures" for one in report.measures)
    assert "That takes about" in report.measures[0].sentence
    single = run(make(600, 0), make(1, 1))
    assert single.state == "cannot_be_judged"


def test_a_batch_is_compared_with_groups_and_not_with_pictures():
    """Each group has a level of its own: as single pictures a new group would be called drift."""
    reference, new = make(600, 0, groups=30), make(60, 1, groups=1)
    assert states(run(reference, new))["properties"] == "cannot_be_judged"
    unknown = run(reference, replace(new, groups=None))
    assert unknown.num_new_groups == 1
    assert unknown.caveats[0].startswith("Nobody said which new pictures belong together")
    wrong = run(replace(reference, groups=None), replace(new, groups=None))
    assert states(wrong)["properties"] == "drifted"
    far = run(reference, make(60, 1, groups=1, light=30.0))
    assert states(far)["properties"] == "drifted"
    assert far.get("properties").p_value == pytest.approx(1 / 31, abs=1e-5)


def test_with_too_few_groups_nothing_can_be_significant():
    report = run(make(200, 0, groups=6), make(50, 1, groups=1, light=30.0))
    found = report.get("properties")
    assert found.state == "cannot_be_judged"
    assert found.low is None
    assert (found.needed, found.needed_unit) == (2, "groups")  # 1 / C(8, 2) = 0.036
    assert "no difference would stand out from chance" in found.sentence


def test_what_is_unknown_is_not_measured_and_says_why():
    bare = Observations.of_table(pd.DataFrame({"prop_brightness": np.linspace(-2, 2, 200)}), CLASSES)
    report = run(make(600, 0), bare)
    assert [one.name for one in report.measures] == ["properties"]
    assert report.not_measured["features"] == "of the new pictures there are no features"
    assert report.not_measured["expected_loss"] == "of the new pictures no prediction is known"


def test_large_sides_are_sampled_and_the_result_is_the_same_each_time():
    report = run(make(600, 0), make(300, 1), max_samples=150)
    assert (report.num_reference, report.num_new) == (150, 150)
    assert report == run(make(600, 0), make(300, 1), max_samples=150)


def test_what_is_refused():
    reference = make(50, 0)
    with pytest.raises(UserError, match="there is no new picture to compare"):
        run(reference, reference.take(np.zeros(0, dtype=int)))
    with pytest.raises(UserError, match="the new pictures have 4 features each, those of the training 8"):
        run(reference, replace(make(50, 1), features=np.zeros((50, 4), np.float32)))
    with pytest.raises(UserError, match="a picture has 3 scores, expected 2"):
        Observations.of_table(pd.DataFrame({"scores": [[0.2, 0.3, 0.5]]}), CLASSES)
    with pytest.raises(UserError, match="2 feature vectors for 1 pictures"):
        Observations.of_table(pd.DataFrame({"scores": [[0.2, 0.8]]}), CLASSES, np.zeros((2, 4)))


def test_the_report_survives_its_file(tmp_path):
    from pipeline.core import artifacts

    report = run(make(100, 0), make(80, 1, light=2.0))
    path = tmp_path / "monitoring.json"
    artifacts.write_json(path, report.to_json())
    assert read_drift_report(path).to_json() == report.to_json()
    figures = report.figures()
    assert figures["drift/drifted"] == 1.0
    assert figures["drift/properties"] == report.get("properties").value
    assert all(isinstance(one, float) for one in figures.values())
    artifacts.write_json(path, {"version": 7})
    with pytest.raises(UserError, match="drift report has version 7, expected 1; run colibri monitor"):
        read_drift_report(path)
    artifacts.write_json(path, {**report.to_json(), "measures": [{"state": "fine"}]})
    with pytest.raises(UserError, match=r"drift report cannot be read .ValueError: a state must be one of drifted"):
        read_drift_report(path)


def test_several_labels_are_compared_one_by_one():
    generator = np.random.default_rng(0)

    def several(number: int, share: float) -> Observations:
        marks = generator.uniform(size=(number, 2)) < [0.5, share]
        labels = [[name for name, has in zip(CLASSES, row, strict=True) if has] for row in marks]
        table = pd.DataFrame({"labels": labels, "negative": [not one for one in labels]})
        return Observations.of_table(table, CLASSES, exclusive=False)

    report = run(several(500, 0.5), several(300, 0.9))
    found = report.get("labels")
    assert found.state == "drifted"
    assert found.value == pytest.approx(0.4, abs=0.1)
    assert found.details[0]["class"] == "dog"
