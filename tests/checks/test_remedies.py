"""Advice names lines of conf/ that exist, and the cells that are empty."""

import re
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.checks.remedies import VARIED_BY, Lack, find_lacks, suggest_remedies
from pipeline.checks.shortcuts.single_property import LabelTable
from pipeline.core import config
from pipeline.datasets.properties import collect_properties
from pipeline.images.properties import measure

CONF = Path(__file__).parents[2] / "conf"
MEASURED = sorted(measure(np.zeros((16, 16, 3), dtype=np.uint8), 1).properties)
BY_NATURE = {"aspect_ratio"}  # a picture is cropped to a square when it is stored; there is nothing to vary


def commands(advice):
    return [shlex.split(one) for one in re.findall(r"-S [^()]*?(?=, with|\))", advice)]


def lack(labels, **columns):
    samples = pd.DataFrame({"labels": [[one] for one in labels], "group": range(len(labels)), **columns})
    known = {one.name: one for one in collect_properties(samples)}
    (name,) = known
    return find_lacks(LabelTable.of(samples), known[name])


def test_every_line_that_is_advised_composes():
    names = [*(f"prop_{one}" for one in MEASURED), "attr_site", "folder", "position", "format"]
    told = {tuple(words) for name in names for words in commands(suggest_remedies([name], Lack()))}
    groups = {word.partition("=")[0].partition(".")[0] for words in told for word in words[1::2]}
    assert groups == {"augmentation", "sampling", "risk"}
    assert all(word == "-S" for words in told for word in words[::2])
    varied = {option for words in told for word in words if "[" in word for option in word[14:-1].split(",")}
    kept = {words[1]: words[1::2] for words in told if "[" not in words[1]}  # one line of each of the others
    overrides = [word for words in kept.values() for word in words]
    assert config.compose(CONF, [*overrides, f"augmentation=[{','.join(sorted(varied))}]"])


def test_every_option_that_varies_a_property_exists():
    for options in VARIED_BY.values():
        for option in options:
            assert (CONF / "augmentation" / f"{option}.yaml").exists(), option


@pytest.mark.parametrize("name", MEASURED)
def test_every_measured_property_has_its_augmentation(name):
    assert ("augmentation=" in suggest_remedies([f"prop_{name}"], Lack())) is (name not in BY_NATURE)


def test_the_whole_sentence():
    found = suggest_remedies(
        ["prop_brightness", "prop_border_brightness"], Lack(["woods with brightness above 0.4: 1 of 50"])
    )
    varied = "vary it in training (-S 'augmentation=[strong_exposure,border]', with the augmentations you already use)"
    assert found.split(", or ") == [
        f"Find out why the property goes with the label; then {varied}",
        "sample the rare combinations more often (-S sampling=balanced -S sampling.by=prop_brightness)",
        "train for the worst group (group DRO, -S risk=group_dro -S risk.by=prop_brightness)",
        "collect the rare combinations (woods with brightness above 0.4: 1 of 50)",
        "accept it with a reason (check.shortcut.accepted).",
    ]


def test_nothing_is_weighed_where_a_cell_is_empty():
    advice = suggest_remedies(["prop_brightness"], Lack(["woods with brightness above 0.4: 0 of 50"], empty=True))
    assert "sampling" not in advice
    assert "risk" not in advice


def test_training_is_told_only_of_what_it_knows():
    assert "sampling" not in suggest_remedies(["folder", "position"], Lack())
    assert "-S sampling.by=attr_site" in suggest_remedies(["folder", "attr_site"], Lack())


def test_the_emptiest_cells_by_hand():
    # half of all are cloudy: 1 of 4 tanks in the sun is not less than half of that, 0 of 6 woods under clouds is
    site = ["cloudy"] * 3 + ["sunny"] + ["sunny"] * 2 + ["cloudy"] * 3 + ["sunny"]
    assert lack(["tank"] * 4 + ["wood"] * 6, attr_site=site) == Lack([], empty=False)
    site = ["cloudy"] * 4 + ["sunny"] * 6
    found = lack(["tank"] * 4 + ["wood"] * 6, attr_site=site)
    assert found == Lack(["tank with site sunny: 0 of 4", "wood with site cloudy: 0 of 6"], empty=True)


def test_a_category_has_its_commonest_values():
    site = [f"rare {row}" for row in range(20)] + ["b"] * 20 + ["a"] * 22
    found = lack(["x"] * 40 + ["y"] * 22, attr_site=site)
    assert found.cells[:2] == ["x with site a: 0 of 33", "y with site b: 0 of 22"]  # 13 rare ones are kept
    assert found.empty


def test_a_number_is_cut_at_its_median():
    found = lack("aaaabbbb", prop_x=[1.0, 2, 3, 9, 5, 6, 7, 8])
    assert found == Lack([], empty=False)  # a above 5.5: 1 of 4, just half of the share of all
    found = lack("aaaabbbb", prop_x=[1.0, 2, 3, 4, 5, 6, 7, np.nan])
    assert found.cells == ["b with x up to 4: 0 of 3", "a with x above 4: 0 of 4"]


def test_a_number_that_is_mostly_at_its_largest_value():
    found = lack("aaaaabbb", prop_x=[9.0, 9, 9, 9, 9, 1, 2, 3])
    assert found.cells == ["b with x of 9: 0 of 3", "a with x below 9: 0 of 5"]


def test_a_number_that_nobody_has():
    assert lack("ab", prop_x=[np.nan, np.nan]) == Lack([], empty=False)
