"""The table of options for unequal classes says what was measured and which was chosen."""

from dataclasses import replace

import numpy as np
import pandas as pd
from report_material import Page, build, choices

from pipeline.report.imbalance import imbalance
from pipeline.report.page import render
from pipeline.training.model_selection import table


def test_nothing_to_choose_nothing_to_show():
    assert imbalance(table([])) is None
    assert "Unequal classes" not in Page(render(build())).text


def test_the_page_shows_every_option_its_interval_and_the_distance_to_the_best():
    text = Page(render(build(tried=[("none", 0.6), ("class_balanced", 0.75)]))).text
    assert "Each option was trained on train for 3 epochs and measured on val by balanced accuracy" in text
    assert "Training used “class balanced”, the best option, since every simpler one is significantly worse." in text
    assert "none60.0 %50.0 to 70.0 %" in text
    assert "15.0, 1.0 to 20.0\u00a0points" in text or "15.0, 1.0 to 20.0 points" in text
    assert "class balancedchosen75.0 %65.0 to 85.0 %" in text


def test_a_simpler_one_that_was_chosen_is_explained():
    tried = choices([("none", 0.72), ("focal", 0.75)])
    tried["chosen"] = [True, False]
    text = Page(render(replace(build(), imbalance=tried))).text
    assert "Training used “none”, the simplest option that is not significantly worse than the best, “focal”." in text


def test_without_intervals_and_epochs():
    tried = choices([("none", 0.72), ("focal", 0.75)])
    tried.loc[:, ["low", "high", "behind_low", "behind_high", "epochs"]] = np.nan
    found = imbalance(tried)
    assert found.num_epochs is None
    assert [one.behind for one in found.options] == ["3.0\u00a0points", ""]
    assert [one.figure.between for one in found.options] == ["no interval: undefined if a group is left out"] * 2


def test_an_option_called_none_stays_a_name(tmp_path):
    tried = choices([("none", 0.6), ("null", 0.7)])
    path = tmp_path / "imbalance.csv"
    tried.to_csv(path, index=False)
    read = pd.read_csv(path, keep_default_na=False, na_values=[""])
    assert [one.name for one in imbalance(read).options] == ["none", "null"]
