"""The fast self-test: confounds planted at the strengths of docs/evidence/checks_power.md are found, clean runs pass.

`benchmarks/shortcut_power.py` is the long one.
"""

import re
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom

from benchmarks import planted, shortcut_power
from benchmarks.shortcut_power import RUNS, Setting, both
from pipeline.core import config

SIZE = 20
CHECKS = cache(partial(both, num_permutations=49))  # p can be 0.04, as alpha is
KINDS = ("brightness", "border", planted.ORDER)


@pytest.fixture(scope="module")
def pool():
    """80 cells of ELPV, at a third of their size."""
    source = config.build(shortcut_power.chosen("source=elpv")["source"], "source")
    return planted.measured([one[::3, ::3] for one in shortcut_power.pictures(source, 80)])


def alarms(pool, names, kind, strength, runs, num_classes=2, size=SIZE):
    draws = (
        planted.samples(pool, [size] * num_classes, kind, strength, np.random.default_rng([seed, 7]))
        for seed in range(runs)
    )
    return sum(any(not CHECKS()[name](one).passed for name in names) for one in draws)


def documented():
    """Kind to the strength that docs/evidence/checks_power.md gives for two classes of 20 pictures."""
    text = (Path(__file__).parents[2] / "docs/evidence/checks_power.md").read_text(encoding="utf-8")
    (table,) = re.findall(
        r"^\| source \| classes \| ratio \| size \| brightness .*\n(?:\|.*\n)+", text, flags=re.MULTILINE
    )
    header, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    (found,) = [dict(zip(header, row, strict=True)) for row in rows if row[:4] == ["elpv", "2", "1:1", "20"]]
    return {kind: float(found[kind]) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_a_confound_at_the_documented_strength_is_found_and_named(pool, kind):
    strength = documented()[kind]
    assert alarms(pool, ["shortcut"], kind, strength, 6) == 6
    found = CHECKS()["shortcut"](planted.samples(pool, [SIZE, SIZE], kind, strength, np.random.default_rng(0)))
    named = {"brightness": ("brightness", "level"), "border": ("border", "corner"), planted.ORDER: ("position",)}[kind]
    assert any(word in next(iter(found.worst)) for word in named)


def test_among_ten_classes_too(pool):
    assert alarms(pool, ["shortcut"], "brightness", 1.0, 3, num_classes=10) == 3


def test_clean_runs_raise_no_more_alarms_than_they_may(pool):
    runs = 40
    most = int(binom.ppf(0.999, runs, 0.05))  # at 5 % more than this come in less than one of 1,000 tries
    assert most == 7
    assert alarms(pool, ["shortcut"], "clean", 0.0, runs) <= most


@pytest.mark.slow
def test_nor_do_both_checks_together(pool):
    runs = 12
    assert alarms(pool, ["shortcut", "property_baseline"], "clean", 0.0, runs) <= int(binom.ppf(0.999, runs, 0.05))


def test_what_is_called_found_is_found_in_95_percent():
    """At most one miss of 93: were the power 95 %, that would come in 5 % of tries."""
    assert binom.cdf(shortcut_power.MISSES, RUNS, 0.05) == pytest.approx(0.05, abs=0.0005)


def test_a_draw_plants_what_it_says():
    drawn = planted.draw(50, [2000, 6000], "blur", 0.6, np.random.default_rng(0))
    first = drawn.label == 0
    assert np.bincount(drawn.label).tolist() == [2000, 6000]
    assert drawn.marked[first].mean() == pytest.approx(0.8, abs=0.03)
    assert drawn.marked[~first].mean() == pytest.approx(0.2, abs=0.03)
    assert sorted(drawn.number) == list(range(8000))
    assert drawn.picture.max() < 50
    assert not planted.draw(50, [5, 5], planted.ORDER, 1.0, np.random.default_rng(0)).marked.any()
    assert not planted.draw(50, [5, 5], "clean", 0.0, np.random.default_rng(0)).marked.any()


def test_source_order_puts_the_marked_first():
    drawn = planted.draw(50, [5, 5], planted.ORDER, 1.0, np.random.default_rng(0))
    assert sorted(drawn.number[:5]) == [0, 1, 2, 3, 4]


def test_the_ratio_makes_the_first_class_small():
    assert Setting("digits", 3, 9, 20).sizes == [20, 180, 180]
    assert Setting("digits", 2, 1, 20).sizes == [20, 20]


def test_rows_are_kept_and_not_measured_again(tmp_path):
    results, setting = tmp_path / "results.csv", Setting("digits", 2, 9, 20)
    counts = {"runs": 200, "shortcut": 4, "property_baseline": 1, "either": 5}
    shortcut_power.append(results, setting, {"kind": "clean", "strength": 0.0, **counts}, 1.0)
    shortcut_power.append(results, setting, {"kind": "blur", "strength": 0.7, "runs": 93, "shortcut": 92}, 1.0)
    shortcut_power.append(results, setting, {"kind": "border", "strength": np.nan, "runs": 0, "shortcut": 0}, 1.0)
    assert shortcut_power.known(results) == {("digits", 2, 9, 20, kind) for kind in ("clean", "blur", "border")}
    assert shortcut_power.known(tmp_path / "none.csv") == set()
    told = shortcut_power.table(results)
    assert "| digits | 2 | 9:1 | 20 | 200 | 2.0 % | 0.5 % | 2.5 % | 0.8 to 5.7 % |" in told  # Clopper and Pearson
    assert "| digits | 2 | 9:1 | 20 | none | 0.7 |" in told
