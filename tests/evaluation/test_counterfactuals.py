"""A model that follows brightness is found, one that does not is not, and what cannot be tested says why."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from file_options import from_file

from benchmarks import interventions as simulation
from pipeline.core.errors import UserError
from pipeline.core.estimate import Estimate
from pipeline.core.results import StoredFinding
from pipeline.datasets.packed import PackedDataset
from pipeline.evaluation import counterfactual_text as text
from pipeline.evaluation.counterfactual_results import COLUMNS, Counterfactuals, read_figures
from pipeline.evaluation.counterfactual_rules import decide_outer, decide_state
from pipeline.evaluation.counterfactual_samples import ROW, Values, pick_carriers, sample_sides
from pipeline.evaluation.counterfactuals import CounterfactualTest, Options
from pipeline.evaluation.interventions.exposure import Exposure
from pipeline.evaluation.interventions.surround import Surround
from pipeline.evaluation.suspicions import Suspicion, find_suspicions
from pipeline.training.tasks.single_label import SingleLabel
from pipeline.training.trainers.property_forest import PropertyForestPredictor

OPTIONS = {**simulation.OPTIONS, "max_renders": 60, "num_examples": 2, "min_difference": 0.1, "seed": 0}
EXPOSURE = Exposure(properties=["brightness"], max_strength=3.0)
BRIGHTNESS = Suspicion(name="brightness", label="b", accuracy=0.85)


def make_test(weight=0.0, packed=None, interventions=None, **options):
    return CounterfactualTest(
        packed=simulation.simulate(60, 60, 0) if packed is None else packed,
        predictor=simulation.LinearModel(weight),
        interventions={"exposure": EXPOSURE} if interventions is None else interventions,
        options=Options(**{**OPTIONS, **options}),
    )


def run(weight=0.0, suspicion=BRIGHTNESS, **choices):
    (result,) = make_test(weight, **choices)(suspicion)
    return result


def test_a_model_that_follows_brightness_is_found():
    result = run(2.0)
    figures = result.figures
    assert result.state == "follows"
    assert result.reach == pytest.approx(1, abs=0.05)
    assert figures["flip_rate"].low > 0.4
    assert figures["control_flip_rate"].value == 0  # still darker or brighter only makes it surer
    assert figures["difference"].value == pytest.approx(figures["flip_rate"].value)
    assert figures["crossed_accuracy"].value < 0.5 < 0.9 < figures["typical_accuracy"].value
    assert figures["nuisance_accuracy"].value > 0.65
    assert result.sentence.startswith(
        "The model follows brightness: with the brightness of the other class (exposure) its correct decision on b "
    )


def test_a_model_of_the_content_alone_is_not():
    result = run(0.0)
    assert result.state == "not_shown"
    assert result.figures["difference"].low <= 0
    nuisance = result.figures["nuisance_accuracy"]
    assert nuisance.low < 0.5 < nuisance.high
    assert result.sentence.startswith("The model is not shown to follow brightness: ")


@pytest.mark.slow
@pytest.mark.parametrize(("weight", "least", "most"), [(0.0, 0, 1), (1.0, 9, 10)])
def test_false_alarms_and_power(weight, least, most):
    """Of 10 data sets, with a model that any change of a picture disturbs (docs/evidence/interventions.md)."""
    model = simulation.LinearModel(weight, 2.0)
    found = [simulation.find_result(model, 60, 60, seed) for seed in range(10)]
    assert any(one.figures["flip_rate"].value > 0 for one in found)
    assert least <= sum(one.state in ("follows", "slight") for one in found) <= most


def test_the_same_bytes_again():
    first, second = run(1.0), run(1.0)
    assert json.dumps(first.to_json()) == json.dumps(second.to_json())
    assert all((one.pictures == two.pictures).all() for one, two in zip(first.examples, second.examples, strict=True))


def test_examples_are_pictures_that_moved_first():
    result = run(2.0)
    assert [example.after == example.has for example in result.examples] == [False, False]
    assert {example.has for example in result.examples} == {False, True}
    before, after, control = (result.examples[0].pictures[view].mean() for view in range(3))
    assert (after > before) != (control > before)


@pytest.mark.parametrize(
    ("suspicion", "choices", "reason"),
    [
        (Suspicion(name="num_bytes", label="b", accuracy=0.9), {}, text.NO_INTERVENTION),
        (BRIGHTNESS, {"interventions": {}}, text.NO_INTERVENTION),
        (replace(BRIGHTNESS, label="c"), {}, text.NOT_PACKED),
    ],
)
def test_what_cannot_be_tested_has_not_passed(suspicion, choices, reason):
    result = run(2.0, suspicion, **choices)
    assert (result.state, dict(result.figures)) == ("cannot_be_judged", {})
    assert result.sentence == f"Whether the model follows {suspicion.words} cannot be judged: {reason}."


def changed_index(**columns):
    packed = simulation.simulate(60, 60, 0)
    return PackedDataset(packed.images, packed.index.assign(**columns), packed.card)


def test_clips_cannot_be_tested():
    packed = simulation.simulate(60, 60, 0)
    clips = PackedDataset(packed.images[:, None], packed.index, packed.card)
    assert run(packed=clips).sentence.endswith(f"{text.NO_PICTURES}.")


def test_a_property_that_is_the_same_in_both_classes_has_no_way():
    assert run(packed=changed_index(prop_brightness=0.5)).sentence.endswith(f"{text.NO_DIRECTION}.")


def test_a_property_that_no_test_picture_has_cannot_be_tested():
    index = simulation.simulate(60, 60, 0).index
    measured = index["prop_brightness"].where(index["split"] != "test")
    result = run(packed=changed_index(prop_brightness=measured))
    assert result.state == "cannot_be_judged"
    assert result.sentence.endswith("cannot be judged: no test picture has this property measured.")


def test_a_model_that_reads_properties_cannot_be_tested():
    """It refuses pictures without their rows, as train=property_forest does."""
    forest = PropertyForestPredictor(None, None, SingleLabel(label_smoothing=0.0))
    (result,) = replace(make_test(), predictor=forest, _subjects={})(BRIGHTNESS)
    assert result.state == "cannot_be_judged"
    assert "cannot be judged: the model cannot be run on pictures alone (" in result.sentence


def test_a_model_that_is_always_wrong_has_no_decision_to_lose():
    class Wrong(simulation.LinearModel):
        def predict(self, images):
            return 1 - super().predict(images)

    packed = simulation.simulate(60, 60, 0)
    right = simulation.LinearModel(0.0).predict(packed.images)[:, 1] > 0.5
    labels = [["b"] if one else ["a"] for one in right]
    test = replace(make_test(packed=changed_index(labels=labels)), predictor=Wrong(0.0), _subjects={}, _by_place={})
    (result,) = test(BRIGHTNESS)
    assert (result.state, result.figures["flip_rate"].n, list(result.examples)) == ("cannot_be_judged", 0, [])
    assert "no test picture with the property of its own class is decided correctly" in result.sentence


def test_few_groups_give_no_verdict():
    result = run(2.0, packed=simulation.simulate(60, 3, 0))
    assert result.state == "cannot_be_judged"
    assert "no interval: it rests on 3 independent groups, fewer than 5" in result.sentence


def test_a_change_that_goes_a_short_way_gives_no_verdict():
    weak = Exposure(properties=["brightness"], max_strength=0.05)
    result = run(2.0, interventions={"exposure": weak})
    assert 0 < result.reach < 0.5
    assert result.state == "cannot_be_judged"
    assert "of the way to the other class" in result.sentence


def test_the_place_of_a_property_is_removed_and_isolated():
    border = Surround(properties=["brightness"], max_strength=3.0, width=0.25, blur=0.2)
    assert {"isolated_accuracy", "removed_accuracy"} <= set(run(0.0, interventions={"border": border}).figures)


@pytest.mark.parametrize(
    ("value", "low", "reach", "state"),
    [
        (0.2, 0.05, 1.0, "follows"),
        (0.08, 0.05, 1.0, "slight"),
        (0.2, 0.0, 1.0, "not_shown"),
        (0.2, 0.05, 0.4, "cannot_be_judged"),
        (0.2, None, 1.0, "cannot_be_judged"),
        (0.2, 0.05, float("nan"), "cannot_be_judged"),
    ],
)
def test_the_rule(value, low, reach, state):
    assert decide_state(Estimate(value=value, low=low, high=0.5, n=50, groups=50), reach, 0.1) == state


@pytest.mark.parametrize(
    ("value", "low", "state", "words"),
    [
        (0.7, 0.55, "follows", "The model decides on b by the outer part alone: without a middle (border) 70.0 % ("),
        (0.58, 0.55, "slight", "The model decides on b slightly by the outer part alone: "),
        (0.7, 0.5, "not_shown", "The model is not shown to decide on b by the outer part alone: "),
        (0.7, None, "cannot_be_judged", "Whether the model decides on b by the outer part alone cannot be judged (bor"),
    ],
)
def test_the_rule_for_the_outer_part(value, low, state, words):
    verdict = decide_outer("b", "border", Estimate(value=value, low=low, high=0.9, n=50, groups=50), 0.1)
    assert verdict.state == state
    assert verdict.sentence.startswith(words)


def test_the_outer_part_is_predicted_once_for_all_properties():
    surround = Surround(properties=["brightness", "contrast"], max_strength=3.0, width=0.25, blur=0.2)
    index = simulation.simulate(60, 60, 0).index
    test = make_test(0.0, changed_index(prop_contrast=index["prop_brightness"]), {"border": surround})
    (first,), (second,) = test(BRIGHTNESS), test(replace(BRIGHTNESS, name="contrast"))
    assert list(test._by_place) == [("b", "border", test._subjects["b"].rows.tobytes())]
    assert first.figures["isolated_accuracy"] == second.figures["isolated_accuracy"]
    assert first.outer is not None
    assert run().outer is None


class Counter:
    """What a bar would have counted."""

    def __init__(self):
        self.done, self.texts = 0, []

    def advance(self, number=1, what=None):
        self.done += number
        self.texts += [what] if what else []


def test_the_bar_counts_what_was_announced():
    surround = Surround(properties=["brightness"], max_strength=3.0, width=0.25, blur=0.2)
    test = make_test(interventions={"exposure": EXPOSURE, "border": surround})
    bar = Counter()
    list(replace(test, bar=bar)(BRIGHTNESS))
    assert test.count_predictions([BRIGHTNESS]) == bar.done == 60 + 60 * 3 + 60 * 5
    assert bar.texts == ["intervene: brightness, exposure", "intervene: brightness, border"]


TRAIN = pd.DataFrame(
    {"sample_id": list("abcdef"), "labels": [["x"]] * 3 + [["y"]] * 3, "v": [1.0, 2, 3, 10, 20, 30], ROW: range(6)}
)


def test_donors_have_the_same_quantile_in_the_other_class():
    values = Values.of(TRAIN, "y", "v")
    own, other = values.donors(
        np.array([1.0, 3.0, 10.0, 25.0]), np.array([False, False, True, True]), np.random.default_rng(0)
    )
    assert values.direction == 1
    assert other.tolist() == [3, 5, 0, 2]
    assert set(own[:2]) <= {0, 1, 2}
    assert set(own[2:]) <= {3, 4, 5}


def test_crossed_are_those_beyond_the_middle_of_the_medians():
    values = Values.of(TRAIN, "y", "v")  # medians 2 and 20: the middle is 11
    crossed = values.are_crossed(np.array([10.0, 12.0, 10.0, 12.0]), np.array([False, False, True, True]))
    assert crossed.tolist() == [False, True, True, False]


def test_missing_values_have_no_donor():
    values = Values.of(TRAIN.assign(v=[np.nan, 2, 3, 10, 20, 30]), "y", "v")
    assert values.rows[0].tolist() == [1, 2]


def test_a_sample_has_both_sides_and_the_rare_one_whole():
    has = np.array([True] * 90 + [False] * 10)
    chosen = sample_sides(has, np.arange(100), 30, 0)
    assert (has[chosen].sum(), (~has[chosen]).sum()) == (20, 10)
    assert (np.diff(chosen) > 0).all()
    assert sample_sides(has, np.arange(100), 200, 0).tolist() == [*range(100)]


def test_a_few_large_groups_do_not_fill_the_sample():
    """Of 40 groups of 60 pictures whole groups would leave 4 of 200 pictures, and no interval."""
    has, groups = np.arange(2400) % 2 == 0, np.repeat([f"g{number}" for number in range(40)], 60)
    chosen = sample_sides(has, groups, 200, 0)
    assert len(chosen) == 200
    assert len(np.unique(groups[chosen])) == 40
    assert set(np.unique(groups[chosen], return_counts=True)[1].tolist()) <= {4, 5, 6}


def test_carriers_are_of_either_side_whatever_the_side_of_the_picture():
    has = np.repeat([False, True], [1800, 200])
    carried = has[pick_carriers(has, np.random.default_rng(0))]
    assert carried[has].mean() == pytest.approx(0.5, abs=0.1)
    assert carried[~has].mean() == pytest.approx(0.5, abs=0.05)


def stored(**changes):
    row = {"property": "brightness", "label": "b", "balanced_accuracy": 0.9, "p": 0.01}
    table = [row, {**row, "property": "chance", "p": 0.3}, {**row, "property": "low", "balanced_accuracy": 0.6}]
    return StoredFinding(
        **{
            "value": 0.9,
            "limit": 0.65,
            "unit": "",
            "worst": {},
            "state": "failed",
            "passed": False,
            "table": table,
            **changes,
        }
    )


def test_suspected_is_what_is_beyond_limit_and_chance():
    assert find_suspicions(stored(), 0.04) == [Suspicion(name="brightness", label="b", accuracy=0.9)]
    assert find_suspicions(stored(limit=None), 0.04) == []


def test_results_are_read_as_they_were_written(tmp_path):
    found = Counterfactuals(
        note="One.", results=[*make_test(2.0)(BRIGHTNESS), *make_test()(replace(BRIGHTNESS, name="x"))]
    )
    again = Counterfactuals.from_json(json.loads(json.dumps(found.to_json())), found.pictures)
    assert again.to_json() == found.to_json()
    assert (again.pictures == found.pictures).all()
    assert list(found.table) == COLUMNS
    assert found.table["figure"].tolist() == [*found.results[0].figures, ""]
    path = tmp_path / "interventions.json"
    path.write_text(json.dumps(found.to_json()))
    assert read_figures(path) == {f"brightness/exposure/{name}": one for name, one in found.results[0].figures.items()}


def test_other_files_are_refused(tmp_path):
    found = Counterfactuals(note="One.", results=list(make_test(2.0)(BRIGHTNESS)))
    with pytest.raises(ValueError, match=r"^3 examples of pictures, expected 2$"):
        Counterfactuals.from_json(found.to_json(), np.concatenate([found.pictures, found.pictures[:1]]))
    content = found.to_json()
    content["results"][0]["state"] = "passed"
    with pytest.raises(
        ValueError, match=r"^state must be one of follows, slight, not_shown, cannot_be_judged, got 'passed'$"
    ):
        Counterfactuals.from_json(content, found.pictures)
    del content["results"][0]["state"]
    with pytest.raises(ValueError, match=r"^a result needs the key 'state'$"):
        Counterfactuals.from_json(content, found.pictures)
    path = tmp_path / "interventions.json"
    path.write_text("[]")
    with pytest.raises(
        UserError, match=r"interventions.json: not the results of intervene \(.*\); remove it and run dvc repro$"
    ):
        read_figures(path)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"max_renders": 0}, r"^max_renders must be at least 1, got 0$"),
        (
            {"min_difference": 1.5},
            r"^min_difference must be 0 to 1, got 1.5$",
        ),
        ({"num_resamples": 10}, r"^num_resamples must be at least 100, got 10$"),
    ],
)
def test_wrong_choices(choices, message):
    with pytest.raises(ValueError, match=message):
        from_file(Options, **{**OPTIONS, **choices})
