"""Where a check could not have fired it says so, and what would let it judge; on other data it does not."""

import numpy as np
import pytest

from pipeline.checks.class_imbalance import ClassImbalance
from pipeline.checks.co_occurrence import CoOccurrence
from pipeline.checks.conflicting_labels import ConflictingLabels
from pipeline.checks.constant_label import ConstantLabel
from pipeline.checks.effective_classes import EffectiveClasses
from pipeline.checks.empty_cell import EmptyCell
from pipeline.checks.missing_class import MissingClass
from pipeline.checks.order_dependence import OrderDependence
from pipeline.checks.outliers import Outliers
from pipeline.checks.rare_class import RareClass
from pipeline.checks.split_leakage import SplitLeakage
from pipeline.core.content import EmbeddedImages

WARN = {"on_fail": "warn"}
ONE, NONE = ["a"] * 24, [[]] * 24  # labels
CHECKS = {
    "class_imbalance": (ClassImbalance(max_ratio=9, **WARN), {"labels": ONE}, "Train holds fewer than two classes"),
    "co_occurrence": (CoOccurrence(max_association=0.8, **WARN), {"labels": NONE}, "No picture of a split has a label"),
    "conflicting_labels": (
        ConflictingLabels(near_duplicate_bits=0, max_samples=0, **WARN),
        {"labels": ONE},
        "The pictures have fewer than two labels",
    ),
    "constant_label": (ConstantLabel(**WARN), {"labels": NONE}, "No picture of a split has a label"),
    "effective_classes": (
        EffectiveClasses(max_ratio=2, max_attribute_values=20, min_samples=1, **WARN),
        {"labels": ONE},
        "The splits hold fewer than two classes",
    ),
    "empty_cell": (
        EmptyCell(min_samples=1, max_attribute_values=20, max_cells=0, **WARN),
        {"attr_site": [f"x{row}" for row in range(24)]},
        "All attributes (site) have more than 20 values",
    ),
    "missing_class": (MissingClass(**WARN), {"labels": NONE}, "No picture has a label"),
    "order_dependence": (
        OrderDependence(max_correlation=0.3, **WARN),
        {"group": ["g"] * 24},
        "Only 0 pairs of neighbours have one class and different groups",
    ),
    "rare_class": (
        RareClass(min_samples=1, half_width=0.45, min_groups=1, **WARN),
        {"labels": NONE},
        "No picture of a split has a label",
    ),
    "split_leakage": (
        SplitLeakage(near_duplicate_bits=2, max_samples=0, **WARN),
        {"split": ["train"] * 24},
        "Fewer than two of train, val and test hold a picture",
    ),
}


def samples(make_manifest, labels=None, **changes):
    told = {
        "split": ["train", "train", "val", "val", "test", "test"] * 4,
        "group": [f"g{row}" for row in range(24)],
        "source_group": [f"g{row}" for row in range(24)],
        "source_order": range(24),
        "prop_light": np.random.default_rng(0).random(24),
        "attr_site": list("xxyyxy") * 4,
    }
    return make_manifest("ab" * 12 if labels is None else labels, **{**told, **changes})


@pytest.mark.parametrize("name", CHECKS)
def test_a_check_that_could_not_have_fired_says_so(make_manifest, name):
    check, changes, obstacle = CHECKS[name]
    assert check(samples(make_manifest)).state == "passed"
    found = check(samples(make_manifest, **changes))
    assert found.state == "cannot_be_judged"
    assert found.obstacle.startswith(obstacle)
    assert found.obstacle.endswith(".")
    assert ";" in found.obstacle  # then what would let it judge


@pytest.mark.parametrize("column", ["attr_site", "attr_of_label_code", "attr_exif_time"])
def test_where_no_condition_is_told_no_class_can_lack_one(make_manifest, column):
    """What is not there is no obstacle: of data without attributes every run would warn of nothing."""
    check, _, _ = CHECKS["empty_cell"]
    values = ["x"] * 24 if column == "attr_site" else list("xy" * 12)
    found = check(samples(make_manifest).drop(columns="attr_site").assign(**{column: values}))
    assert (found.state, found.value, found.obstacle) == ("passed", 0.0, "")
    assert found.sentence.startswith("The source gives no condition")


def test_neighbours_of_few_pairs_or_no_property_are_not_judged(make_manifest):
    check = OrderDependence(max_correlation=0.3, **WARN)
    found = check(samples(make_manifest).drop(columns="prop_light"))
    assert found.obstacle.startswith("No numeric property of the pictures was measured")


def test_two_labels_on_two_pictures_say_nothing(make_manifest):
    two = make_manifest([["a", "b"], ["a"]], split=["train", "test"])
    assert CoOccurrence(max_association=0.8, **WARN)(two).obstacle.startswith(
        "Fewer than three pictures are in a split"
    )


def test_a_class_of_two_pictures_has_no_outlier(make_manifest):
    check = Outliers(num_neighbours=1, max_deviations=4, max_share=0.01, **WARN)
    features = np.random.default_rng(0).normal(size=(8, 4)).astype(np.float16)
    content = EmbeddedImages(features=features, policy={}, pictures=lambda rows: rows, embed=np.array)
    assert check(make_manifest("aabbccdd"), content).obstacle.startswith("No class has 3 pictures")
    assert not check(make_manifest("aaabbccd"), content).obstacle
