"""The level alpha holds for all measures of a report together, however few groups some of them have."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.monitoring.chance import Family, explain_by_chance, share_alpha
from pipeline.statistics.group_permutation import Units


def family(name: str, num_permutations: int) -> Family:
    """The true distance is the largest of all, so that its p-value is the smallest possible one."""
    statistics = np.linspace(1, 0, num_permutations)[:, None, None]
    units = Units(rows=np.arange(4), codes=np.arange(4), is_new=np.arange(4) > 1)
    return Family(names=(name,), widths=(1,), statistics=statistics, units=units)


def test_the_most_families_that_can_reach_their_share_divide_alpha() -> None:
    assert share_alpha([0.001, 0.002, 0.2], 0.05) == [0, 1]
    assert share_alpha([0.2, 0.002, 0.001], 0.05) == [2, 1]
    assert share_alpha([0.01, 0.02, 0.016], 0.05) == [0, 2]  # 3 x 0.02 is too much, 2 x 0.016 is not
    assert share_alpha([0.04, 0.016, 0.0166], 0.05) == [1, 2]
    assert share_alpha([0.3, 0.2], 0.05) == [1]
    assert share_alpha([], 0.05) == []


@given(st.lists(st.floats(0.0005, 1), max_size=6), st.floats(0.001, 0.3))
def test_what_can_be_significant_adds_up_to_alpha_at_most(least: list[float], alpha: float) -> None:
    used = share_alpha(least, alpha)
    shares = [alpha / (len(used) if number in used else len(least)) for number in range(len(least))]
    assert sum(share for share, one in zip(shares, least, strict=True) if one <= share) <= alpha * (1 + 1e-9)


def test_a_family_without_a_chance_costs_the_others_nothing_and_they_share() -> None:
    found = explain_by_chance([family("a", 1000), family("b", 500), family("c", 5)], 0.05, 100, 0)
    assert [found[name].share for name in "ab"] == [0.025, 0.025]
    assert [found[name].p_values[0] for name in "ab"] == pytest.approx([0.002, 0.004])
    assert found["c"].p_values[0] == pytest.approx(0.6)
    assert np.isinf(found["c"].significant_from[0])
    alone = explain_by_chance([family("a", 1000), family("c", 5)], 0.05, 100, 0)
    assert (alone["a"].share, alone["a"].p_values[0]) == (0.05, pytest.approx(0.001))
