"""Who agrees with whom, by the last line of each, and what waits for a further line."""

from decision_lines import autolabel, decide

from pipeline.datasets.label_review import combine_decisions
from pipeline.labelling.automatic.agreement import measure_agreement
from pipeline.statistics.bootstrap import Bootstrap

BOOTSTRAP = Bootstrap(num_resamples=100, seed=0)


def measure(lines, groups=None):
    return measure_agreement(combine_decisions(lines).values(), groups or {}, BOOTSTRAP)


def test_a_pair_of_people():
    said = [("cat", "cat")] * 20 + [("cat", "dog")] * 5 + [("dog", "cat")] * 10 + [("dog", "dog")] * 15
    lines = [
        line
        for row, (one, two) in enumerate(said)
        for line in (decide(f"{row}", "Ada", one), decide(f"{row}", "Bo", two))
    ]
    found = measure(lines)
    (pair,) = found.pairs
    assert (pair.first, pair.second, pair.num_samples, pair.num_agreed) == ("Ada", "Bo", 50, 35)
    assert abs(pair.kappa.value - 0.4) < 1e-9
    assert found.pooled == pair.kappa
    assert len(found.conflicts) == 15
    assert found.conflicts[:2] == ("20", "21")


def test_the_last_line_counts_and_a_third_person_ends_a_conflict():
    lines = [decide("a", "Ada", "cat"), decide("a", "Bo", "dog"), decide("a", "Ada", "dog"), decide("b", "Ada", None)]
    lines += [decide("b", "Bo", "dog"), decide("b", "Cy", None)]
    found = measure(lines)
    assert found.conflicts == ()
    assert {(one.first, one.second): one.num_agreed for one in found.pairs} == {
        ("Ada", "Bo"): 1,
        ("Ada", "Cy"): 1,
        ("Bo", "Cy"): 0,
    }


def test_models_are_no_people():
    found = measure([autolabel("a", "cat"), decide("a", "Ada", "cat"), decide("b", "Ada", "cat")])
    assert (found.pairs, found.conflicts, found.pooled.n) == ((), (), 0)


def test_groups_count_once():
    lines = [decide(f"{row}", who, "cat" if row % 2 else "dog") for row in range(40) for who in ("Ada", "Bo")]
    assert measure(lines, {f"{row}": f"g{row // 10}" for row in range(40)}).pooled.groups == 4
