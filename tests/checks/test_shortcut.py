"""A planted confound is found, chance is not, and what a person accepted stays in the finding."""

import numpy as np
import pytest

from benchmarks import planted
from pipeline.checks.shortcut import Shortcut
from pipeline.core.errors import UserError


def check(**changes):
    choices = {"max_balanced_accuracy": 0.65, "alpha": 0.04, "num_permutations": 99, "num_folds": 5}
    return Shortcut(**{**choices, "max_samples": 10_000, "seed": 0, "on_fail": "warn", **changes})


@pytest.fixture
def bright(make_manifest):
    """Forty of each class, b brighter; contrast says nothing."""
    generator = np.random.default_rng(0)
    values = np.concatenate([generator.random(40), 1 + generator.random(40)])
    samples = make_manifest("a" * 40 + "b" * 40, prop_brightness=values, prop_contrast=generator.random(80))
    return samples.assign(group=samples["sample_id"])


def test_a_property_that_gives_the_label_away(bright):
    found = check()(bright)
    assert (found.value, found.passed) == (1.0, False)
    assert found.worst["brightness"] == "1.000 for b (AUC 1.000, p 0.010)"
    assert found.advice == (
        "Find out why it goes with the label; then vary it in training (-S 'augmentation=[strong_exposure]', with "
        "those you have), or collect what is rare together (a with brightness above 1.02: 0 of 40; b with brightness "
        "up to 1.02: 0 of 40), or accept it with a reason (check.shortcut.accepted)."
    )


def test_everything_measured_stands_in_the_table(bright):
    table = check(accepted={"contrast": "harmless"})(bright).table
    assert [row["property"] for row in table] == ["brightness", "contrast"]
    told = {"tells": "b", "balanced_accuracy": 1.0, "p": 0.01, "AUC_or_V": "AUC 1.000", "accepted": ""}
    assert table[0] == {"property": "brightness", **told, "best_pair": "", "of_the_pair": None}
    assert table[1]["accepted"] == "harmless"


def test_the_table_is_bounded(make_manifest):
    many = {f"attr_{number:03d}": [f"v{number % 3}", "w"] * 5 for number in range(210)}
    samples = make_manifest("ab" * 5, **many)
    assert len(check(num_permutations=24)(samples.assign(group=samples["sample_id"])).table) == 200


def test_three_classes_name_the_pair(make_manifest):
    values = np.concatenate([np.linspace(0, 1, 30), np.linspace(2, 3, 30), np.linspace(2, 3, 30)])
    samples = make_manifest("a" * 30 + "b" * 30 + "c" * 30, prop_brightness=values)
    (row,) = check()(samples.assign(group=samples["sample_id"])).table
    assert row["tells"] == "a"
    assert min(row["balanced_accuracy"], row["of_the_pair"]) > 0.9  # the bin between a and the others is mixed
    assert row["best_pair"] in ("a from b", "a from c")


def test_a_category_is_judged_by_cramers_v(make_manifest):
    samples = make_manifest("ab" * 20, attr_site=["x", "y"] * 20)
    found = check()(samples.assign(group=samples["sample_id"]))
    assert found.worst["site"].startswith("1.000 for b (V 1.000")
    assert found.pictures == {}  # no number whose ends could be shown


def test_both_ends_of_the_most_telling_number_are_shown(bright):
    ends = check()(bright).pictures
    ordered = bright.sort_values("prop_brightness")["sample_id"].tolist()
    assert ends == {"lowest brightness": ordered[:8], "highest brightness": ordered[:-9:-1]}


def test_groups_move_whole(make_manifest):
    """Four modules of one brightness and one label each: 60 samples, but only four draws of chance."""
    label = np.repeat(list("abab"), 15)
    samples = make_manifest(list(label), prop_brightness=(label == "b") + np.linspace(0, 0.1, 60))
    assert not check()(samples.assign(group=samples["sample_id"])).passed
    found = check()(samples.assign(group=np.repeat(["g0", "g1", "g2", "g3"], 15)))
    assert found.passed  # a third of the permutations of four groups are as telling
    assert found.sentence.startswith("Brightness alone tells b from the rest 87% of the time, but so few samples, or ")


def test_chance_counts_as_chance(bright):
    found = check()(bright[["labels", "group", "sample_id", "prop_contrast"]])
    assert (found.value, found.passed) == (0.5, True)


def test_accepted_with_its_reason(bright):
    found = check(accepted={"brightness": "evened out"})(bright)
    assert found.passed
    assert found.worst["brightness"].endswith("accepted: evened out)")


def test_accepted_must_exist(bright):
    with pytest.raises(
        UserError, match=r"accepted names 'brigthness', which these data do not have; accept one of bri"
    ):
        check(accepted={"brigthness": "typo"})(bright)


def test_one_group_for_each_class_proves_nothing(bright):
    found = check()(bright.assign(group=["x"] * 40 + ["y"] * 40))
    assert found.passed
    assert found.sentence.endswith("But all of a, b is of one group each: nothing tells class from group there.")


def test_several_labels_are_each_asked(bright):
    labels = [[*(["dim"] if row < 40 else []), "any" if row % 2 else "odd"] for row in range(80)]
    assert check()(bright.assign(labels=labels)).worst["brightness"].startswith("1.000 for dim")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_balanced_accuracy": 0.4}, r"max_balanced_accuracy must be 0\.5 to 1, got 0\.4"),
        ({"alpha": 0}, r"alpha must be above 0 and below 1, got 0"),
        ({"num_permutations": 9}, r"num_permutations must be at least 1 / alpha - 1, got 9"),
        ({"num_folds": 1}, r"num_folds must be at least 2, got 1"),
        ({"max_samples": 0}, r"max_samples must be at least 1, got 0"),
        ({"accepted": {"x": ""}}, r"accepted must give a reason for 'x', got ''"),
    ],
)
def test_refused_choices(changes, message):
    with pytest.raises(ValueError, match=message):
        check(**changes)


@pytest.fixture(scope="module")
def pool():
    generator = np.random.default_rng(0)
    shades = generator.uniform(60, 160, (60, 1, 1, 3))
    pictures = np.clip(shades + generator.normal(0, 20, (60, 40, 40, 3)), 0, 255).astype(np.uint8)
    return planted.measured(list(pictures))


@pytest.mark.parametrize("kind", [*planted.KINDS, planted.ORDER])
def test_a_planted_confound_is_found(pool, kind):
    assert not check()(planted.samples(pool, [40, 40], kind, 1.0, np.random.default_rng(1))).passed


def test_clean_pictures_raise_no_alarm(pool):
    draws = [planted.samples(pool, [20, 20], "clean", 0.0, np.random.default_rng(seed)) for seed in range(20)]
    assert sum(not check()(one).passed for one in draws) <= 3  # more than 3 of 20 at 4 %: in less than 1 % of tries
