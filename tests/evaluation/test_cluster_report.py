"""Pictures grouped without labels: what is fitted, what is assigned, and which labels are looked at."""

import numpy as np
import pandas as pd
import pytest
import yaml

from pipeline.core import config
from pipeline.core.errors import UserError
from pipeline.evaluation.cluster_report import Options, group_pictures

SECTION = yaml.safe_load((config.CONF / "config.yaml").read_text(encoding="utf-8"))["clusters"]
TRUE = np.arange(120) % 3


def options(**others):
    section = SECTION | {
        "max_clusters": 4,
        "num_starts": 2,
        "num_repeats": 3,
        "num_permutations": 39,
        "num_resamples": 100,
    }
    return config.instantiate(Options, section | others, "clusters")


def features():
    return 9 * np.eye(4)[TRUE] + np.random.default_rng(0).normal(size=(120, 4))


def samples():
    """60 of train, 12 without a label, 24 of val, 24 of test; labels that go with the clusters, but not in test."""
    split = np.repeat(["train", "pool", "val", "test"], [60, 12, 24, 24])
    labels = [
        [] if one == "pool" else ["wrong"] if one == "test" else [f"c{true}"]
        for one, true in zip(split, TRUE, strict=True)
    ]
    rows = {"sample_id": [f"p{one}" for one in range(120)], "split": split, "labels": labels}
    return pd.DataFrame(rows | {"group": [f"g{one // 2}" for one in range(120)], "prop_brightness": 1.0 * TRUE})


def test_the_clusters_are_found_and_compared_with_labels_but_not_those_of_test():
    report, table = group_pictures(samples(), features(), options(), "x", "numbers")
    assert [one.size for one in report.clusters] == [40, 40, 40]
    assert report.is_chosen
    assert report.is_stable
    assert report.num_fitted == 72
    assert report.num_assigned == len(table) == 120
    assert {part: found["adjusted_rand"].value for part, found in report.figures.items()} == {"fitted": 1, "val": 1}
    assert report.figures["fitted"]["purity"].n == 60
    assert [one.n for one in report.findings if one.kind == "label"] == [84]
    assert all("wrong" not in one.labels for one in report.clusters)
    assert table["score"].min() > 0.9
    assert table.groupby("cluster")["sample_id"].count().tolist() == [40, 40, 40]


def test_labels_change_no_cluster():
    own, other = (
        group_pictures(table, features(), options(), "x", "numbers")
        for table in (samples(), samples().assign(labels=[[]] * 120))
    )
    pd.testing.assert_frame_equal(own[1], other[1])
    assert other[0].figures == {}
    assert [one.column for one in other[0].findings] == ["prop_brightness"]
    assert own[0].to_json()["curve"] == other[0].to_json()["curve"]


def test_the_nearest_and_the_border_by_hand():
    points = np.array([[-1.2], [-1.0], [-0.9], [-0.2], [0.9], [1.0], [1.2], [1.1]])
    table = pd.DataFrame(
        {"sample_id": list("abcdefgh"), "split": "train", "labels": [[]] * 8, "group": list("abcdefgh")}
    )
    chosen = options(scaling="none", num_clusters=2, num_repeats=0, num_pictures=2)
    report, _ = group_pictures(table, points, chosen, "x", "numbers")
    left = next(one for one in report.clusters if "a" in one.nearest + one.border or "d" in one.border)
    assert left.nearest == ["c", "b"]  # the centre is -0.825
    assert left.border == ["d", "c"]
    assert report.curve == []
    assert report.is_stable is None


def test_a_given_number_needs_no_halves():
    one_group = samples().assign(group="g")
    report, table = group_pictures(one_group, features(), options(num_clusters=3), "x", "numbers")
    assert (report.curve, report.is_stable, len(report.clusters), len(table)) == ([], None, 3, 120)
    with pytest.raises(UserError, match=r"too few to choose a number of clusters; set clusters\.num_clusters"):
        group_pictures(one_group, features(), options(), "x", "numbers")


def test_what_cannot_be_grouped_is_refused():
    with pytest.raises(UserError, match="train has 72 pictures, fewer than 80 clusters"):
        group_pictures(samples(), features(), options(num_clusters=80, num_repeats=0), "x", "numbers")
    with pytest.raises(UserError, match="train has no picture"):
        group_pictures(samples().assign(split="test"), features(), options(), "x", "numbers")
    with pytest.raises(UserError, match="have the same features"):
        group_pictures(samples(), np.ones((120, 4)), options(), "x", "numbers")
    with pytest.raises(UserError, match="num_clusters must be"):
        options(num_clusters=1)
    with pytest.raises(UserError, match="num_repeats must be at least 2, or 0 where num_clusters is given"):
        options(num_repeats=0)
