"""A version is registered once; the champion changes where the gate says so."""

import io
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from policy_examples import make_policy
from registry_in_memory import RegistryInMemory

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.policy import Policy
from pipeline.datasets.packed import PackedDataset
from pipeline.evaluation.gates.no_leak import NoLeak
from pipeline.evaluation.gates.superior import Superior
from pipeline.evaluation.metrics.accuracy import Accuracy
from pipeline.evaluation.paired_comparison import load_test_predictions
from pipeline.prediction.served_folder import ServedFolder
from pipeline.stages.register import describe_verdict, list_sentences
from pipeline.statistics.bootstrap import Bootstrap
from pipeline.tracking import promotion, version_comparison
from pipeline.tracking import registry as registry_of_mlflow
from pipeline.tracking.promotion import Options, Rules, example_picture, register_version
from pipeline.tracking.promotion import test_digest as digest_of_test
from pipeline.tracking.promotion_log import read_decisions
from pipeline.tracking.version_comparison import ComparisonOptions, compare_earlier_data

OPTIONS = Options(model_name="model", max_test_readings=25)
FIRST = "promoted without a comparison: there was no champion"
SUPERIOR = Superior(metric="accuracy", min_gain=0.0, min_samples=2, power_for=0.03, num_resamples=100, seed=0)
METRIC = {"accuracy": {"_target_": "pipeline.evaluation.metrics.accuracy.Accuracy"}}
CLASSES = ["a", "b"]
RIGHT, FAIR, POOR = [True] * 20, [True] * 18 + [False] * 2, [True, False] * 10  # POOR is shown to be worse than FAIR
CARD = {"classes": CLASSES, "data_hash": "0" * 32}
JUDGING = ComparisonOptions(
    metrics={"accuracy": Accuracy()}, bootstrap=Bootstrap(num_resamples=100, seed=0), min_slice=2
)
RULES = Rules(
    gates={"superior": SUPERIOR, "no_leak": NoLeak()},
    params={"metric": METRIC, "task": {"_target_": "pipeline.training.tasks.single_label.SingleLabel"}},
    comparison=JUDGING,
)


def write_checks(passed=True):
    leakage = {
        "value": 0.0 if passed else 3.0,
        "limit": 0.0,
        "unit": "samples that leak",
        "worst": {},
        "passed": passed,
    }
    artifacts.write_json(artifacts.CHECKS, {"split_leakage": leakage})


def write_predictions(path, right, classes=CLASSES, corrected=()):
    """One sample of val, then samples of test of class a and b in turn, decided rightly or not.

    The labels of those in `corrected` are then exchanged, whatever was decided.
    """
    choice = [0] + [(position + (not one)) % 2 for position, one in enumerate(right)]
    table = pd.DataFrame(
        {
            "sample_id": ["v0"] + [f"t{position}" for position in range(len(right))],
            "split": ["val"] + ["test"] * len(right),
            "labels": [[classes[0]]]
            + [[classes[(position + (position in corrected)) % 2]] for position in range(len(right))],
            "group": ["v"] + [f"g{position}" for position in range(len(right))],
            "scores": [0.8 * np.eye(2)[one] + 0.1 for one in choice],
            "decided": [[classes[one]] for one in choice],
        }
    )
    artifacts.write_table(path, table, metadata={"classes": classes})


@pytest.fixture
def registry(project, monkeypatch):
    fake = RegistryInMemory(project)
    fake.put_in_place(monkeypatch)
    return fake


@pytest.fixture
def result(registry, packed):
    """Registers a model that decided rightly as told, under a key."""

    def registered(key, right, data_hash="0" * 32, **changes):
        write_predictions(artifacts.PREDICTIONS, right, **changes)
        write_predictions(registry.folder / f"run of {key}.parquet", right, **changes)
        card = {"classes": changes.get("classes", CLASSES), "data_hash": data_hash}
        return register_version(OPTIONS, f"run of {key}", key, RULES, card, packed)

    return registered


def test_the_card_has_what_the_model_makes_of_the_place_of_a_property():
    results = [
        {"sentence": "It follows the border.", "outer": {"state": "follows", "sentence": "The border is enough."}},
        {"sentence": "It is not shown to follow blur.", "outer": None},
    ]
    assert list_sentences(results) == [
        *("It follows the border.", "The border is enough.", "It is not shown to follow blur."),
    ]


def test_a_version_carries_its_policy_in_its_card(registry, packed):
    policy = make_policy(2, set_thresholds=(0.1 + 0.2, 0.4))
    write_predictions(artifacts.PREDICTIONS, RIGHT)
    artifacts.write_json(artifacts.PREDICTOR / "card.json", CARD)
    register_version(OPTIONS, "run", "key", RULES, CARD, packed, policy)
    assert Policy.from_json(registry.card["policy"], CLASSES, "card.json") == policy
    assert {name: registry.card[name] for name in CARD} == CARD
    assert artifacts.read_json(artifacts.PREDICTOR / "card.json") == CARD  # training's own stays as it was


def test_what_a_gate_compares_are_the_test_samples(project):
    write_predictions(artifacts.PREDICTIONS, [True, False])
    found = load_test_predictions(artifacts.PREDICTIONS, CLASSES)
    assert found.sample_ids.tolist() == ["t0", "t1"]
    assert found.groups.tolist() == ["g0", "g1"]
    np.testing.assert_array_equal(found.targets, [[1, 0], [0, 1]])
    np.testing.assert_array_equal(found.decided, [[True, False], [True, False]])
    np.testing.assert_allclose(found.scores, [[0.9, 0.1], [0.9, 0.1]])


@pytest.fixture(autouse=True)
def checks(project):
    write_checks()
    artifacts.write_json(artifacts.TEST_METRICS, {})


def test_what_leaks_is_never_promoted(result, registry):
    write_checks(passed=False)
    found = result("k1", RIGHT)
    assert (found["aliases"], registry.aliases) == (["challenger"], {"challenger": "1"})
    assert found["reasons"][0] == "its test figures leak: 3 samples that leak"
    gate = {one["name"]: one for one in found["gates"]}["no_leak"]
    assert (gate["outcome"], gate["question"]) == ("refused", "Do its test figures count?")


def test_whether_it_leaks_cannot_be_judged(result, registry):
    leakage = {"value": 0.0, "limit": 0.0, "unit": "x", "worst": {}, "passed": False, "state": "cannot_be_judged"}
    artifacts.write_json(artifacts.CHECKS, {"split_leakage": {**leakage, "obstacle": "there are no groups"}})
    found = result("k1", RIGHT)
    assert found["aliases"] == ["challenger"]
    assert found["reasons"][0] == "whether its test figures leak cannot be judged: there are no groups"
    assert found["gates"][1]["outcome"] == "cannot_be_judged"


def test_a_champion_of_other_classes_is_compared_on_those_of_both(result):
    result("k1", RIGHT, classes=["a", "c"])
    found = result("k2", RIGHT)
    assert found["aliases"] == ["challenger"]
    assert found["reasons"][0].startswith("the classes changed: b is new and c is gone; ")  # a alone is common


def test_the_first_version_is_champion(result, registry):
    assert result("k1", [True, False]) == {
        "model": "model",
        "version": "1",
        "aliases": ["challenger", "champion"],
        "champion_before": None,
        "reasons": [FIRST],
        "evidence": {},
        "gates": [
            {
                "name": "superior",
                "question": "Is it shown to be better than the champion?",
                "outcome": "not_needed",
                "sentence": "there is no champion to compare with",
                "figures": {},
            },
            {
                "name": "no_leak",
                "question": "Do its test figures count?",
                "outcome": "passed",
                "sentence": "split_leakage passed",
                "figures": {"value": 0.0},
            },
        ],
        "test_set_uses": 1,
        "against_champion": None,
        "earlier_data": None,
        "results_key": "k1",
    }
    assert registry.aliases == {"challenger": "1", "champion": "1"}
    assert registry.versions["1"]["tags"]["data_hash"] == CARD["data_hash"]


def test_the_same_results_are_registered_once_with_the_same_text(result, registry):
    first = result("k1", [True, False])
    assert result("k1", [True, False]) == first
    assert list(registry.versions) == ["1"]
    assert registry.registration_of("model", "1") == first


def test_a_worse_one_is_challenger_and_a_better_one_champion(result, registry):
    result("k1", POOR)
    worse = result("k2", [False] * 20)
    assert (worse["aliases"], worse["champion_before"]) == (["challenger"], "1")
    assert registry.aliases == {"challenger": "2", "champion": "1"}
    better = result("k3", RIGHT)
    assert (better["aliases"], better["champion_before"]) == (["challenger", "champion"], "1")
    assert better["reasons"][0].startswith("gain +0.5000 [")
    assert better["evidence"]["gain"]["value"] == 0.5
    assert registry.aliases == {"challenger": "3", "champion": "3"}


def test_the_champion_is_compared_class_by_class(result):
    assert result("k1", POOR)["against_champion"] is None  # POOR is right on all of class a and on none of class b
    against = result("k2", RIGHT)["against_champion"]
    assert (against["version"], against["n"]) == ("1", 20)
    overall, first, second = against["parts"]
    assert overall["counts"] == {"both": 10, "only_before": 0, "only_after": 10, "neither": 0}
    assert (first["name"], first["gain"]["value"]) == ("a", 0.0)
    assert (second["name"], second["gain"]["value"]) == ("b", 1.0)


def test_a_champion_without_a_common_picture(result, registry):
    result("k1", POOR)
    table = artifacts.read_table(registry.folder / "run of k1.parquet")
    others = table.assign(sample_id="x" + table["sample_id"])
    artifacts.write_table(registry.folder / "run of k1.parquet", others, metadata={"classes": CLASSES})
    reason = {"version": "1", "reason": "no test picture is common to both"}
    assert result("k2", RIGHT)["against_champion"] == reason


def test_one_that_is_not_shown_to_be_better_is_challenger(result, registry):
    result("k1", FAIR)
    better = result("k2", RIGHT)
    assert better["aliases"] == ["challenger"]
    assert better["reasons"][0].startswith("gain +0.1000 [-")
    assert registry.aliases == {"challenger": "2", "champion": "1"}


def test_each_version_judged_on_the_same_test_pictures_is_counted(result):
    uses = [result(key, right)["test_set_uses"] for key, right in (("k1", RIGHT), ("k2", POOR), ("k3", FAIR))]
    assert uses == [1, 2, 3]
    assert result("k2", POOR)["test_set_uses"] == 2  # the same results come again with the same text
    assert result("k4", RIGHT[:-1])["test_set_uses"] == 1  # other test pictures
    assert result("k5", RIGHT, corrected=[0])["test_set_uses"] == 4  # the same pictures, whatever their labels


def test_an_interrupted_registration_counts_its_version_once(result, registry):
    result("k1", RIGHT)
    registry.fail_at, registry.fails_after = registry.num_writes + 1, True  # right after the version was there
    with pytest.raises(UserError, match=r"^the store is gone$"):
        result("k2", POOR)
    assert "registration" not in registry.versions["2"]
    assert result("k2", POOR)["test_set_uses"] == 2


def test_the_digest_is_of_the_test_samples_alone(project):
    write_predictions(artifacts.PREDICTIONS, RIGHT)
    first = digest_of_test()
    table = artifacts.read_table(artifacts.PREDICTIONS)
    again = table.assign(labels=table["labels"].tolist()[::-1]).sample(frac=1, random_state=0)
    artifacts.write_table(artifacts.PREDICTIONS, again.query("split == 'test'"), metadata={"classes": CLASSES})
    assert digest_of_test() == first
    artifacts.write_table(artifacts.PREDICTIONS, table.iloc[:-1], metadata={"classes": CLASSES})
    assert digest_of_test() != first


def test_earlier_results_that_come_back_keep_their_text_and_move_nothing(result, registry):
    first = result("k1", POOR)
    result("k2", RIGHT)
    assert result("k1", POOR) == first
    assert registry.aliases == {"challenger": "2", "champion": "2"}


def test_corrected_data_are_compared_with_the_version_before(result, registry):
    """Of t0 to t19 those of every fourth are corrected, and the new version is right about all of them."""
    corrected = list(range(3, 20, 4))
    before = [position != 2 for position in range(20)]  # one mistake, by the labels of then
    result("k1", before)
    result("k2", before, data_hash="1" * 32)
    # write_predictions decides by the labels of then: "wrong" where a label is another today
    after = [position not in corrected for position in range(20)]
    found = result("k3", after, data_hash="2" * 32, corrected=corrected)
    earlier = found["earlier_data"]
    assert (earlier["version"], earlier["data_hash"]) == ("2", "1" * 32)
    assert (earlier["n"], earlier["num_relabelled"], earlier["num_left"], earlier["num_new"]) == (20, 5, 0, 0)
    accuracy = earlier["metrics"]["accuracy"]
    assert (accuracy["by_earlier_labels"], accuracy["before"], accuracy["after"]) == (0.95, 0.7, 1.0)
    assert accuracy["gain"]["value"] == pytest.approx(0.3)
    # six of 20 gained; t of 19 degrees of freedom: 2.093024 x sqrt(0.3 x 0.7 / 19)
    half = 2.093024 * np.sqrt(0.3 * 0.7 / 19)
    ends = [accuracy["gain"][key] for key in ("low", "high")]
    assert ends == pytest.approx([0.3 - half, 0.3 + half], rel=1e-6)
    assert accuracy["gain"]["groups"] == 20
    assert earlier["other_choices"] == ["train.epochs"]
    assert found["aliases"] == ["challenger", "champion"]  # the gate judges the champion by the labels of today too
    assert result("k3", after, data_hash="2" * 32, corrected=corrected) == found


def test_of_several_versions_of_the_data_before_the_one_of_the_likest_choices_is_taken(result, monkeypatch):
    differing = {"k1": ["a"], "k2": [], "k3": [], "k4": ["a", "b"]}
    monkeypatch.setattr(
        version_comparison.runs, "differing_params", lambda run_id, other: differing[other.removeprefix("run of ")]
    )
    for key in differing:
        result(key, [True, True])
    found = result("k5", [True, True], data_hash="1" * 32)["earlier_data"]
    assert (found["version"], found["other_choices"]) == ("3", [])


def test_samples_that_were_dropped_or_added_do_not_count(result):
    result("k1", [True, True, False, True])
    fewer = result("k2", [True, True, False], data_hash="1" * 32)["earlier_data"]
    assert (fewer["n"], fewer["num_left"], fewer["num_new"]) == (3, 1, 0)
    more = result("k3", [True, True, False, True, True], data_hash="2" * 32)["earlier_data"]
    assert (more["n"], more["num_left"], more["num_new"]) == (3, 0, 2)


def test_the_same_data_are_not_compared(result):
    result("k1", [True, True])
    assert result("k2", [True, False])["earlier_data"] is None


def test_other_classes_are_not_compared(result):
    result("k1", [True, True])
    found = result("k2", [True, True], data_hash="1" * 32, classes=["a", "c"])["earlier_data"]
    assert (found["version"], found["reason"]) == ("1", "it has other classes")


def test_without_a_common_test_picture_nothing_is_compared(result, registry):
    result("k1", [True, True])
    table = artifacts.read_table(artifacts.PREDICTIONS)
    artifacts.write_table(
        artifacts.PREDICTIONS, table.assign(sample_id="new " + table["sample_id"]), metadata={"classes": CLASSES}
    )
    found = compare_earlier_data("model", "run", {"classes": CLASSES, "data_hash": "1" * 32}, JUDGING)
    assert found["reason"] == "no test picture is common to both"


def story(registry):
    """What registry and file say, without the time."""
    lines = [(one.kind, one.version, one.champion_before, one.promoted) for one in read_decisions("model")]
    tags = {
        version: {key: text for key, text in entry["tags"].items() if key != "colibri.decided"}
        for version, entry in registry.versions.items()
    }
    return registry.aliases, tags, lines


@pytest.mark.parametrize("fails_after", [False, True])
@pytest.mark.parametrize("step", range(1, 9))
def test_a_registration_that_broke_off_at_any_step_ends_as_if_it_had_not(result, registry, step, fails_after):
    """Eight writes: version, verdict, moment, line, two aliases, mark; the eighth is not reached."""
    result("k1", POOR)
    first = registry.num_writes
    registry.fail_at, registry.fails_after = first + step, fails_after
    if step < 8:
        with pytest.raises(UserError, match=r"^the store is gone$"):
            result("k2", RIGHT)
        registry.fail_at = None
    resumed = result("k2", RIGHT)
    assert (resumed["version"], resumed["aliases"]) == ("2", ["challenger", "champion"])
    aliases, tags, lines = story(registry)
    assert aliases == {"challenger": "2", "champion": "2"}
    assert lines == [("gate", "1", None, True), ("gate", "2", "1", True)]
    assert tags["2"]["colibri.registered"] == "true"
    digests = [one.digest for one in read_decisions("model")]
    assert [tags[version]["colibri.decisions"] for version in "12"] == digests
    writes = registry.num_writes
    assert result("k2", RIGHT) == resumed
    assert registry.num_writes == writes  # a finished one writes nothing


@pytest.mark.parametrize("step", range(1, 8))
def test_the_next_registration_completes_the_one_that_broke_off(result, registry, step):
    """Another version comes before the first one is run again: file and registry never contradict each other."""
    result("k1", POOR)
    registry.fail_at = registry.num_writes + step
    with pytest.raises(UserError, match=r"^the store is gone$"):
        result("k2", RIGHT)
    registry.fail_at = None
    result("k3", FAIR)
    result("k2", RIGHT)
    promoted = [one for one in read_decisions("model") if one.promoted]
    assert registry.aliases["champion"] == promoted[-1].version
    befores = [None, *(one.version for one in promoted[:-1])]
    assert [one.champion_before for one in promoted] == befores  # each took over from the one before
    assert all("colibri.registered" in entry["tags"] for entry in registry.versions.values())


def test_the_file_has_the_reasons_and_what_each_gate_found(result):
    result("k1", POOR)
    found = result("k2", RIGHT)
    last = read_decisions("model")[-1]
    assert (last.kind, last.version, last.champion_before, last.promoted) == ("gate", "2", "1", True)
    assert last.reasons == found["reasons"]
    assert last.figures == found["evidence"]
    assert [(one["name"], one["outcome"]) for one in last.gates] == [("superior", "passed"), ("no_leak", "passed")]
    assert (last.after, last.run) == ("k2", "run of k2")


def test_the_example_is_the_first_test_picture(packed):
    with Image.open(io.BytesIO(example_picture(packed))) as image:
        assert (image.format, image.mode) == ("PNG", "L")
        np.testing.assert_array_equal(np.asarray(image), packed.images[16, :, :, 0])


def test_the_example_in_colour(packed):
    colour = PackedDataset(np.repeat(packed.images, 3, axis=3), packed.index, packed.card)
    with Image.open(io.BytesIO(example_picture(colour))) as image:
        np.testing.assert_array_equal(np.asarray(image), colour.images[16])


@pytest.mark.parametrize("name", ["", "a/b", "a:b"])
def test_model_names(name):
    with pytest.raises(ValueError, match=r"^model_name must not be empty or hold '/' or ':', got"):
        Options(model_name=name, max_test_readings=25)


def test_the_verdict_on_the_first_page_is_that_of_the_person_who_promoted():
    result = {"aliases": ["challenger"], "reasons": ["gain -0.1"]}
    assert describe_verdict(result, {"verdict": "not champion", "reason": "gain -0.1"}) == "challenger: gain -0.1"
    tags = {registry_of_mlflow.PROMOTION_TAG: "{}", "verdict": "champion by hand", "reason": "knows the new class"}
    assert describe_verdict(result, tags) == "champion by hand: knows the new class"


@pytest.mark.parametrize("problem", ["", "ONNX Runtime decides otherwise for 1 of 20 test pictures"])
def test_a_version_gets_the_folder_of_its_runtime(registry, packed, project, monkeypatch, capsys, problem):
    write_predictions(artifacts.PREDICTIONS, RIGHT)
    write_checks()
    compared = []

    @contextmanager
    def open_served(folder, runtime, images, rows):
        compared.append((folder, runtime, images is packed.images, rows.tolist()))
        (project / "served").mkdir()
        artifacts.write_json(project / "served/card.json", {"name": "served"})
        yield ServedFolder(folder=project / "served", record={"reason": problem} if problem else {})

    monkeypatch.setattr(promotion, "open_served", open_served)
    register_version(replace(OPTIONS, runtime="onnx"), "run", "k", RULES, CARD, packed)
    of_test = np.flatnonzero(packed.index["split"] == "test").tolist()
    assert compared == [(artifacts.PREDICTOR, "onnx", True, of_test)]
    assert registry.card == {"name": "served"}
    said = capsys.readouterr().err.splitlines()
    assert said == (
        [
            f"register: {problem}, so torch computes this version",
            "set register.runtime=torch, or read docs/prediction.md#a-model-that-onnx-runtime-computes",
        ]
        if problem
        else []
    )
