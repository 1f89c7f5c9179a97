"""`colibri simulate-labelling`: typical samples win where classes are clusters; test is not read."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from labelling_examples import write_project
from report_material import Page

from pipeline.commands.simulate_labelling import main
from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.page_inputs import changed_inputs
from pipeline.experiments.labelling_curves import FIGURES, PAGE, TABLE

NUM_CLASSES, NUM_EACH = 6, (16, 10, 4)  # of train, val and test


def make_project(project, splits=("train", "val", "test")):
    """Six clusters, each a class, of very different sizes; what test holds is no number, so nobody may look at it."""
    generator = np.random.default_rng(0)
    parts = np.repeat(splits, [NUM_CLASSES * number for number in NUM_EACH[: len(splits)]])
    codes = np.arange(len(parts)) % NUM_CLASSES
    features = 6 * np.eye(NUM_CLASSES + 1)[codes] + generator.normal(size=(len(parts), NUM_CLASSES + 1))
    features[parts == "test"] = np.nan
    write_project(project, parts, [f"c{code}" for code in codes], features)


def test_typical_samples_save_labels_where_classes_are_clusters(project, capsys):
    make_project(project)
    main(budgets=[NUM_CLASSES], repeats=8, strategies=["typical", "margin"])
    found = json.loads(FIGURES.read_text())
    gain = next(
        point["figures"]["balanced_accuracy"]
        for point in found["points"]
        if (point["strategy"], point["minus"], point["num_labels"]) == ("typical", "random", NUM_CLASSES)
    )
    assert gain["value"] > 0.15
    assert gain["low"] > 0
    same = next(one for one in found["labels_saved"] if (one["strategy"], one["num_labels"]) == ("margin", NUM_CLASSES))
    assert same["equal_random_labels"] == pytest.approx(NUM_CLASSES)  # margin begins with the same random labels
    assert found["num_train"], found["num_val"] == (96, 60)
    assert changed_inputs(found["made_of"]) == []
    table = pd.read_csv(TABLE)
    assert set(table["strategy"]) == {"random", "typical", "margin"}
    assert {3, 6, 9, 12, 18, 24} == set(table.loc[table["strategy"] == "random", "num_labels"])
    text = Page(PAGE.read_text()).text
    assert re.search(r"typical: better than random labels at 6 \(\+\d+\.\d points", text)
    assert "96 labelled samples of train" in text
    assert "Page:  reports/simulate_labelling.html" in capsys.readouterr().out
    assert "typical: better" in (artifacts.INDEX.parent / "commands.html").read_text()


def test_equal_seeds_give_equal_figures(project):
    make_project(project)
    found = []
    for seed in (1, 1, 2):
        main(budgets=[6], repeats=2, strategies=["margin"], seed=seed)
        found.append(TABLE.read_bytes())
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"budgets": [1]}, "--budgets and --repeats must be at least 2, and --seed at least 0; got 1, 10 and 0"),
        (
            {"budgets": [20, 97], "strategies": ["margin"]},
            "goes up to 97 labels, and train has 96 labelled samples that act as the pool",
        ),
        ({"strategies": ["best"]}, r"conf/query/best.yaml does not exist"),
        ({"strategies": ["suspects"]}, "suspects chooses labelled samples, so its curve would be that of all labels"),
    ],
)
def test_what_cannot_be_simulated_is_one_line(project, options, message):
    make_project(project)
    with pytest.raises(UserError, match=message):
        main(**options)
    assert not PAGE.exists()


def test_without_val_nothing_can_be_measured(project):
    make_project(project, splits=("train",))
    with pytest.raises(UserError, match="val has no labelled sample, and colibri simulate-labelling plays on labelled"):
        main(strategies=["margin"])


def test_one_class_alone_is_refused(project):
    write_project(project, ["train"] * 4 + ["val"] * 2, ["a"] * 6, np.eye(6))
    with pytest.raises(UserError, match="all labels of train are of one class"):
        main(budgets=[2], strategies=["margin"])
