"""What each strategy chooses: hand-worked numbers, those of scikit-activeml 1.0.1, and what all have in common."""

import math
from functools import cache

import numpy as np
import pytest
import yaml
from conf_options import CONF, options
from labelling_examples import BLOBS, make_pool

from pipeline.core import config
from pipeline.core.errors import UserError
from pipeline.core.labelling_contracts import QueryStrategy
from pipeline.labelling.strategies.coreset import Coreset
from pipeline.labelling.strategies.disagreement import Disagreement, divergences_of
from pipeline.labelling.strategies.drifted import Drifted
from pipeline.labelling.strategies.entropy import Entropy, entropies_of
from pipeline.labelling.strategies.margin import Margin, margins_of
from pipeline.labelling.strategies.random import Random
from pipeline.labelling.strategies.suspects import Suspects
from pipeline.labelling.strategies.typical import Typical
from pipeline.labelling.strategies.typical_then_margin import TypicalThenMargin

TYPICAL = {"neighbours": 5, "max_clusters": 100, "min_cluster": 5}
PROBABILITIES = np.array([[0.5, 0.3, 0.2], [0.4, 0.35, 0.25], [0.9, 0.05, 0.05], [1 / 3, 1 / 3, 1 / 3]])
SCATTER = [
    *([2.0, -2.6], [0.4, -0.6], [-0.5, -0.2], [-2.0, -0.2], [-0.9, 3.3], [0.2, -0.4], [-0.3, -0.7], [-1.1, -0.4]),
    *([0.5, -0.2], [1.0, -0.2], [0.0, 1.5], [0.5, -0.5]),
]


@cache
def built(name: str) -> QueryStrategy:
    node = yaml.safe_load((CONF / "query" / f"{name}.yaml").read_text(encoding="utf-8"))
    strategy: QueryStrategy = config.build(node, f"conf/query/{name}.yaml", "query")
    return strategy


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_margins_and_entropies_are_those_of_scikit_activeml() -> None:
    assert 1 - margins_of(PROBABILITIES, True) == pytest.approx([0.8, 0.95, 0.15, 1.0])
    assert entropies_of(PROBABILITIES, True) == pytest.approx([1.029653, 1.080528, 0.394398, 1.098612], abs=1e-6)


def test_of_several_labels_the_least_certain_one_has_the_margin_and_entropies_add_up() -> None:
    probabilities = np.array([[0.5, 1.0], [0.9, 0.2]])
    assert margins_of(probabilities, False) == pytest.approx([0.0, 0.6])
    assert entropies_of(probabilities, False)[0] == pytest.approx(math.log(2))


@pytest.mark.parametrize(("strategy", "expected"), [(Margin(spread=1), [2, 1]), (Entropy(), [2, 1])])
def test_what_is_hard_comes_first(strategy: QueryStrategy, expected: list[int]) -> None:
    probabilities = {"linear": [[0.9, 0.1], [0.7, 0.3], [0.5, 0.5], [0.5, 0.5]]}
    batch = strategy(make_pool([[0], [1], [2], [3]], known=[3], probabilities=probabilities), 2, rng())
    assert batch.rows.tolist() == expected


def test_a_batch_that_is_spread_takes_one_of_each_cluster() -> None:
    probabilities = {"linear": [[0.5, 0.5], [0.51, 0.49], [0.52, 0.48], [0.6, 0.4], [0.7, 0.3], [1, 0]]}
    pool = make_pool([[0], [0.1], [0.2], [9], [9.1], [20]], known=[5], probabilities=probabilities)
    assert Margin(spread=1)(pool, 2, rng()).rows.tolist() == [0, 1]
    assert Margin(spread=2)(pool, 2, rng()).rows.tolist() == [0, 3]


def test_coreset_takes_the_rows_and_distances_of_scikit_activeml() -> None:
    batch = Coreset()(make_pool(SCATTER, known=[0, 5]), 4, rng())
    assert batch.rows.tolist() == [4, 3, 10, 7]
    assert batch.scores == pytest.approx([3.8601, 2.2091, 1.9105, 0.922], abs=1e-4)


def test_coreset_without_a_label_begins_at_random() -> None:
    first = {int(Coreset()(make_pool(SCATTER), 2, rng(seed)).rows[0]) for seed in range(20)}
    assert len(first) > 3


def test_typical_takes_the_rows_and_typicalities_of_scikit_activeml() -> None:
    batch = Typical(**TYPICAL)(make_pool(BLOBS, known=[3]), 2, rng())
    assert batch.rows.tolist() == [14, 23]
    assert batch.scores == pytest.approx([1.5779, 1.6145], abs=1e-4)


def test_typical_without_labels_begins_with_the_largest_cluster() -> None:
    batch = Typical(**TYPICAL)(make_pool(BLOBS), 3, rng())
    assert batch.rows[0] < 14 <= batch.rows[1] < 23 <= batch.rows[2]


def test_typical_passes_small_clusters_over_while_there_are_others() -> None:
    outliers = [[40.0, 40.0], [40.0, 40.1]]
    batch = Typical(**TYPICAL)(make_pool([*BLOBS, *outliers]), 4, rng())
    assert not set(batch.rows[:3]) & {29, 30}


def test_copies_of_a_sample_are_typical_and_finite() -> None:
    batch = Typical(**TYPICAL)(make_pool([[0.0]] * 8), 2, rng())
    assert len(set(batch.rows)) == 2
    assert np.isfinite(batch.scores).all()


@pytest.mark.parametrize(("num_known", "is_margin"), [(3, False), (4, True)])
def test_the_default_changes_over_at_two_labels_a_class(num_known: int, is_margin: bool) -> None:
    labels = np.eye(2)[[0] * 14 + [1] * 15]
    known = [0, 14, 1, 15][:num_known]
    batch = TypicalThenMargin(labels_per_class=2, spread=1, **TYPICAL)(make_pool(BLOBS, known, labels), 2, rng())
    assert ("margin" in batch.meaning) == is_margin


def test_the_default_goes_on_with_typical_samples_while_all_labels_are_of_one_class() -> None:
    labels = np.eye(2)[[0] * 29]
    strategy = TypicalThenMargin(labels_per_class=2, spread=5, **TYPICAL)
    assert "cluster" in strategy(make_pool(BLOBS, [0, 1, 2, 3, 4], labels), 2, rng()).meaning


def test_drifted_takes_what_is_farthest_from_labels() -> None:
    batch = Drifted(neighbours=2)(make_pool([[0], [1], [2], [7], [-3]], known=[0, 1]), 2, rng())
    assert batch.rows.tolist() == [3, 4]
    assert batch.scores == pytest.approx([6.5, 3.5])
    with pytest.raises(UserError, match="drifted compares samples with labelled ones, and train has none"):
        Drifted(neighbours=2)(make_pool([[0], [1]]), 1, rng())


def test_disagreement_takes_people_first_and_then_probes() -> None:
    linear = [[1, 0], [0.5, 0.5], [0.9, 0.1], [1, 0]]
    near = [[0, 1], [0.5, 0.5], [0.6, 0.4], [1, 0]]
    assert divergences_of(np.array(linear[:2]), np.array(near[:2]), True) == pytest.approx([math.log(2), 0])
    pool = make_pool([[0], [1], [2], [3]], [3], probabilities={"linear": linear, "neighbours": near}, disputed=[3])
    batch = Disagreement()(pool, 3, rng())
    assert batch.rows.tolist() == [3, 0, 2]
    assert batch.scores[:2] == pytest.approx([1, math.log(2) / 2])


def test_suspects_are_labelled_samples_the_least_probable_label_first() -> None:
    pool = make_pool([[0], [1], [2], [3]], [0, 1, 3], suspicion=[0.2, np.nan, 0.9, 0.7])
    assert Suspects()(pool, 3, rng()).rows.tolist() == [3, 0]


def test_random_takes_each_open_sample_equally_often() -> None:
    counts = np.bincount(
        np.concatenate(
            [Random()(make_pool([[0]] * 5, [4], groups=[0, 0, 0, 1, 2]), 2, rng(n)).rows for n in range(400)]
        )
    )
    assert counts.sum() == 800
    assert counts.tolist() == pytest.approx([200] * 4, abs=50)


@pytest.mark.parametrize("name", options("query"))
@pytest.mark.parametrize("is_exclusive", [True, False])
def test_every_strategy_of_conf_keeps_the_contract(name: str, is_exclusive: bool) -> None:
    strategy = built(name)
    groups = np.arange(29) // 2
    labels = np.eye(2)[[0] * 14 + [1] * 15]
    pool = make_pool(BLOBS, [0, 1, 14, 20], labels, groups, is_exclusive, suspicion=[0.5] * 29)
    allowed = pool.is_known if strategy.of_labelled else pool.is_open
    before = pool.features.copy()
    for budget in (1, 6, 100):
        batch = strategy(pool, budget, rng(3))
        assert len(batch.rows) == len(batch.scores) == min(budget, allowed.sum())
        assert len(set(batch.rows)) == len(batch.rows)
        assert allowed[batch.rows].all()
        assert np.isfinite(batch.scores).all()
        assert batch.meaning
        assert strategy(pool, budget, rng(3)).rows.tolist() == batch.rows.tolist()
        if budget == 6 and name not in ("random", "suspects"):
            assert len(set(groups[batch.rows])) == 6
    assert (pool.features == before).all()


@pytest.mark.parametrize("name", options("query"))
def test_only_strategies_that_need_no_labels_begin_without_any(name: str) -> None:
    strategy, pool = built(name), make_pool(BLOBS)
    if strategy.needs_labels:
        with pytest.raises(UserError, match=r"label a batch of colibri query --strategy typical first"):
            strategy(pool, 4, rng())
    else:
        assert len(strategy(pool, 4, rng()).rows) == (0 if name == "suspects" else 4)


def test_conf_lists_what_there_is() -> None:
    folder = CONF.parent / "pipeline/labelling/strategies"
    assert sorted(config.list_targets("query")) == sorted(path.stem for path in folder.glob("[a-z]*.py"))
