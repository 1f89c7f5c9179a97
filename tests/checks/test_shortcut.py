"""A planted confound is found, chance is not, and what a person accepted stays in the finding."""

import numpy as np
import pytest
from file_options import from_file

from benchmarks import planted
from pipeline.checks.shortcut import Shortcut
from pipeline.core.errors import UserError


def check(**changes):
    choices = {"max_balanced_accuracy": 0.65, "alpha": 0.04, "num_permutations": 99, "num_folds": 5}
    return from_file(Shortcut, **{**choices, "max_samples": 10_000, "seed": 0, "on_fail": "warn", **changes})


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
        "Find out why the property goes with the label; then vary it in training (-S "
        "'augmentation=[strong_exposure]', with the augmentations you already use), or collect the rare combinations "
        "(a with brightness above 1.02: 0 of 40; b with brightness up to 1.02: 0 of 40), or accept it with a reason "
        "(check.shortcut.accepted)."
    )


def test_everything_measured_stands_in_the_table(bright):
    table = check(accepted={"contrast": "harmless"})(bright).table
    assert [row["property"] for row in table] == ["brightness", "contrast"]
    told = {"label": "b", "balanced_accuracy": 1.0, "p": 0.01, "AUC_or_V": "AUC 1.000", "accepted": ""}
    assert table[0] == {"property": "brightness", **told, "best_pair": "", "of_the_pair": None}
    assert table[1]["accepted"] == "harmless"


def test_the_table_is_bounded(make_manifest):
    many = {f"attr_{number:03d}": [f"v{number % 3}", "w"] * 5 for number in range(210)}
    samples = make_manifest("ab" * 5, **many)
    assert len(check(num_permutations=49)(samples.assign(group=samples["sample_id"])).table) == 200


def test_three_classes_name_the_pair(make_manifest):
    values = np.concatenate([np.linspace(0, 1, 30), np.linspace(2, 3, 30), np.linspace(2, 3, 30)])
    samples = make_manifest("a" * 30 + "b" * 30 + "c" * 30, prop_brightness=values)
    (row,) = check()(samples.assign(group=samples["sample_id"])).table
    assert row["label"] == "a"
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
    assert found.state == "cannot_be_judged"  # a third of the permutations of four groups are as telling
    assert found.obstacle.startswith(
        "Brightness alone separates b from the rest with a balanced accuracy of 87 %, but 2 groups with b and 2 "
        "without allow so few"
    )


def test_chance_counts_as_chance(bright):
    found = check()(bright[["labels", "group", "sample_id", "prop_contrast"]])
    assert (found.value, found.passed) == (0.5, True)


def test_accepted_with_its_reason(bright):
    found = check(accepted={"brightness": "evened out"})(bright)
    assert found.passed
    assert found.worst["brightness"].endswith("accepted: evened out)")


def test_accepted_must_exist(bright):
    with pytest.raises(
        UserError, match=r"accepted names 'brigthness', which is no property of these data; name one of bri"
    ):
        check(accepted={"brigthness": "typo"})(bright)


def test_one_group_for_each_class_proves_nothing(bright):
    found = check()(bright.assign(group=["x"] * 40 + ["y"] * 40))
    assert found.state == "cannot_be_judged"
    assert found.obstacle.startswith(
        "Each of these classes is in a single group, so class and group cannot be separated: a, b;"
    )


@pytest.mark.parametrize("sizes", [[20, 50, 100, 220, 450, 900], [150] * 3, [10, 10, 20, 20, 40, 40, 80, 80]])
def test_what_tells_the_label_within_groups_is_found_however_few_and_uneven_they_are(make_manifest, sizes):
    """No two groups, or too few, are of like size: dealt between groups, the labels stay as they are."""
    generator = np.random.default_rng(0)
    group = np.repeat(np.arange(len(sizes)), sizes)
    label = generator.integers(0, 2, len(group))
    values = label + generator.normal(0, 0.3, len(group)) + 0.2 * group
    told = {"group": group, "prop_brightness": values, "prop_noise": generator.random(len(group))}
    found = check()(make_manifest(["ab"[one] for one in label], **told))
    assert found.state == "failed"
    assert next(iter(found.worst)) == "brightness"
    both = [["ab"[one], "any" if row % 2 else "odd"] for row, one in enumerate(label)]
    assert check()(make_manifest(both, **told)).state == "failed"


def test_series_that_resemble_themselves_are_no_shortcut(make_manifest):
    """Two films whose light and label both change slowly and know nothing of each other: at most 4 % alarms."""
    alarms = 0
    for seed in range(60):
        generator = np.random.default_rng(seed)
        slow = np.cumsum(generator.normal(0, 1, (2, 2, 300)), axis=2)
        slow -= slow.mean(axis=2, keepdims=True)
        told = {"prop_light": slow[1].ravel(), "group": np.repeat(np.arange(2), 300)}
        alarms += check()(make_manifest(["ab"[int(one > 0)] for one in slow[0].ravel()], **told)).state == "failed"
    assert alarms <= 6  # more has a chance of 1 % at a rate of 4 %; labels dealt freely within a film: 12


def test_nothing_to_ask_is_no_answer(bright):
    found = check()(bright.drop(columns=["prop_brightness", "prop_contrast"]).assign(format="PNG", path="x.png"))
    assert found.obstacle.startswith("No measured property varies")
    one = check()(bright.assign(labels=[["a"]] * 80))
    assert one.obstacle.startswith("The labelled pictures have fewer than two labels")


def test_several_labels_are_each_asked(bright):
    labels = [[*(["dim"] if row < 40 else []), "any" if row % 2 else "odd"] for row in range(80)]
    assert check()(bright.assign(labels=labels)).worst["brightness"].startswith("1.000 for dim")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_balanced_accuracy": 0.4}, r"max_balanced_accuracy must be 0\.5 to 1, got 0\.4"),
        ({"alpha": 0}, r"alpha must be above 0 and below 1, got 0"),
        ({"num_permutations": 48}, r"num_permutations must be at least 2 / alpha - 1, got 48"),
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


def on_black(make_manifest, num=80, **columns):
    """Two classes on one background: the first has half the ink."""
    ink = np.random.default_rng(0).normal(0.1, 0.01, num) + 0.1 * (np.arange(num) % 2)
    samples = make_manifest("ab" * (num // 2), **{"prop_brightness": ink, "prop_border_brightness": 0.0, **columns})
    return samples.assign(group=samples["sample_id"])


def test_ink_on_one_background_can_be_the_content(make_manifest):
    found = check()(on_black(make_manifest))
    assert (found.state, found.passed, found.value) == ("noted", True, 1.0)
    assert found.sentence.startswith("Brightness alone separates b from the rest")
    assert found.note.startswith("All pictures have the same background, so this can be what they show")


def test_a_person_who_wants_the_run_to_stop_is_obeyed(make_manifest):
    assert check(on_fail="error")(on_black(make_manifest)).state == "failed"


@pytest.mark.parametrize(
    "columns",
    [
        {"prop_border_brightness": np.tile([0.0, 0.1], 40)},  # light or a frame of one class
        {"prop_border_brightness": np.linspace(0, 0.5, 80)},  # photographs
        {"prop_light_level": np.tile([0.6, 1.0], 40) + np.linspace(0, 0.01, 80)},  # darker ink: another lamp
        {"prop_jpeg_quality": np.tile([50, 90], 40) + np.arange(80) % 3},
    ],
)
def test_what_is_not_of_the_object_stays_a_warning(make_manifest, columns):
    assert check()(on_black(make_manifest, **columns)).state == "failed"


def test_on_a_white_background_the_darkest_pixels_show_another_lamp(make_manifest):
    """A clipped white border is the same under any light, so it proves nothing."""
    white = {"prop_border_brightness": 1.0, "prop_light_level": 1.0}
    assert check()(on_black(make_manifest, **white)).state == "noted"
    lamp = np.tile([0.1, 0.3], 40) + np.linspace(0, 0.01, 80)
    assert check()(on_black(make_manifest, **white, prop_dark_level=lamp)).state == "failed"
    assert check()(on_black(make_manifest, prop_dark_level=lamp)).state == "noted"  # black: more ink, less black


def test_nine_of_ten_borders_make_a_common_background(make_manifest):
    touched = np.where(np.arange(80) < 8, 0.2, 0.0)
    assert check()(on_black(make_manifest, prop_border_brightness=touched)).state == "noted"
    touched = np.where(np.arange(80) < 9, 0.2, 0.0)
    assert check()(on_black(make_manifest, prop_border_brightness=touched)).state == "failed"


def test_an_accepted_property_does_not_hide_the_note(make_manifest):
    samples = on_black(make_manifest, prop_jpeg_quality=np.tile([50, 90], 40) + np.arange(80) % 3)
    assert check(accepted={"jpeg_quality": "one scanner"})(samples).state == "noted"


@pytest.mark.parametrize(("of_a", "accuracy"), [(0, 0.75), (20, 0.5)], ids=["of one class", "of both"])
def test_feedback_of_one_class_is_a_shortcut_and_of_both_is_none(make_manifest, of_a, accuracy):
    """40 of each class from the source, 40 from feedback. Where these are all b, origin is right for 40/40 a, 40/80 b.

    What is said of the label itself, such as who corrected it, is no property. Out of fold, chance is below 0.5.
    """
    origin = ["source"] * 80 + ["feedback"] * 40
    samples = make_manifest("ab" * 40 + "a" * of_a + "b" * (40 - of_a), attr_origin=origin)
    samples["attr_of_label_who"] = [None] * 80 + ["Ada"] * 40
    found = check()(samples.assign(group=samples["sample_id"]))
    (row,) = found.table
    assert (row["property"], row["balanced_accuracy"]) == ("origin", pytest.approx(accuracy, abs=0.08))
    assert found.passed == (of_a == 20)
