"""Drawn by its weights, label and nuisance have nothing to do with each other."""

import numpy as np
import pandas as pd
import pytest
from file_options import from_file
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import UserError
from pipeline.training.samplings.balanced import Balanced

BY_SITE = Balanced(by="attr_site", num_bins=2)


def test_by_hand():
    # a at x three times, b at x once, a at y once, b at y three times: P(y) P(a) / P(y, a) is 2/3 or 2
    targets = np.eye(2)[[0, 0, 0, 1, 0, 1, 1, 1]]
    chances = BY_SITE(targets, ["a", "b"], pd.DataFrame({"attr_site": list("xxxxyyyy")}))
    np.testing.assert_allclose(chances * 8, [2 / 3, 2 / 3, 2 / 3, 2, 2, 2 / 3, 2 / 3, 2 / 3])


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from("xyz")), max_size=40))
def test_label_and_nuisance_are_independent_and_as_frequent_as_before(drawn):
    drawn = drawn + [(label, site) for label in range(3) for site in "xyz"]  # no cell is empty
    labels, sites = np.array([one for one, _ in drawn]), np.array([two for _, two in drawn])
    chances = BY_SITE(np.eye(3)[labels], ["a", "b", "c"], pd.DataFrame({"attr_site": sites}))
    for label in range(3):
        for site in "xyz":
            together = chances[(labels == label) & (sites == site)].sum()
            assert together == pytest.approx((labels == label).mean() * (sites == site).mean())


def test_a_number_is_cut_between_quantiles():
    brightness = [0.1, 0.2, 0.3, 0.9, 0.15, 0.7, 0.8, 0.95]  # the median lies between 0.3 and 0.7
    targets = np.eye(2)[[0, 0, 0, 0, 1, 1, 1, 1]]
    chances = Balanced(by="prop_brightness", num_bins=2)(
        targets, ["a", "b"], pd.DataFrame({"prop_brightness": brightness})
    )
    np.testing.assert_allclose(chances * 8, [2 / 3, 2 / 3, 2 / 3, 2, 2, 2 / 3, 2 / 3, 2 / 3])


def test_several_labels():
    targets = np.array([[1, 1], [1, 0], [1, 1], [0, 1], [0, 1], [1, 0], [1, 1], [0, 1], [1, 0]])
    sites = np.array(list("xxxxyyyyy"))
    chances = BY_SITE(targets, ["a", "b"], pd.DataFrame({"attr_site": sites}))
    for column in targets.T:
        at_x, everywhere = (chances * column)[sites == "x"].sum() / chances[sites == "x"].sum(), column.mean()
        assert at_x == pytest.approx(everywhere)


def test_an_empty_cell_is_named():
    with pytest.raises(
        UserError, match=r"^no sample of train has b at x \(attr_site\), and no weight can replace them; collect some"
    ):
        BY_SITE(np.eye(2)[[0, 0, 1]], ["a", "b"], pd.DataFrame({"attr_site": list("xyy")}))


def test_an_unknown_and_a_constant_nuisance():
    index = pd.DataFrame({"attr_place": ["x", "x"], "prop_noise": [1.0, 2.0], "labels": [["a"], ["b"]]})
    with pytest.raises(
        UserError, match=r"^sampling\.by names 'attr_site', .*; expected one of attr_place, prop_noise$"
    ):
        BY_SITE(np.eye(2), ["a", "b"], index)
    with pytest.raises(UserError, match=r"^sampling\.by names 'attr_place', which is x in all of train"):
        Balanced(by="attr_place", num_bins=2)(np.eye(2), ["a", "b"], index)


def test_a_missing_value_is_one_of_its_own():
    chances = BY_SITE(np.eye(2)[[0, 1, 0, 1]], ["a", "b"], pd.DataFrame({"attr_site": ["x", "x", None, None]}))
    np.testing.assert_allclose(chances, 0.25)


def test_wrong_choices():
    with pytest.raises(ValueError, match=r"^num_bins must be at least 2, got 1$"):
        from_file(Balanced, by="attr_site", num_bins=1)
    with pytest.raises(ValueError, match=r"^by must name a property \(prop_brightness\) .*, got None$"):
        Balanced(by=None, num_bins=2)


def test_a_combination_of_labels_at_one_value_only_keeps_its_link_and_one_label_at_none_is_refused():
    targets = np.array([[1, 1], [1, 0], [0, 1], [1, 0], [0, 1]])
    chances = BY_SITE(targets, ["a", "b"], pd.DataFrame({"attr_site": list("xxxyy")}))
    # P(y) P(a) / P(y, a): of both labels 1/5 x 3/5 / (1/5), of each of the others 2/5 x 3/5 / (1/5) at x
    np.testing.assert_allclose(chances, np.array([3, 6, 6, 4, 4]) / 23)
    with pytest.raises(UserError, match=r"^no sample of train has b at y \(attr_site\)"):
        BY_SITE(targets[:4], ["a", "b"], pd.DataFrame({"attr_site": list("xxxy")}))
