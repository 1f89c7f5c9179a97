"""Labels with which the model disagrees are counted, listed and shown; what people decided on is not listed again."""

import re

import numpy as np
import pytest
from file_options import from_file
from labelled_features import CLASSES, exchanged, make_features, named

from pipeline.checks.label_suspects import LISTED, SHOWN, SHOWN_EACH, LabelSuspects
from pipeline.core.content import EmbeddedImages

PLANTED = np.array([3, 10, 17, 24, 31, 38, 45, 52, 59, 66, 73, 80])


@pytest.fixture
def search(make_manifest):
    """The finding on samples with these features and labels."""

    def build(features, labels, **columns):
        told = {"group": np.arange(len(labels)).astype(str), "split": "train", **columns}
        samples = make_manifest(labels, **told)
        content = EmbeddedImages(
            features=features.astype(np.float16), policy={}, pictures=lambda rows: rows, embed=np.array
        )
        return LabelSuspects(max_share=0.05, num_folds=5, seed=0, on_fail="warn")(samples, content)

    return build


@pytest.fixture
def planted(search):
    """The finding where a tenth of the labels was exchanged, and the names of these samples."""
    features, truth = make_features(spread=0.3)
    names = {f"s{row:02d}" for row in PLANTED}
    return search(features, named(exchanged(truth, PLANTED))), names, truth


def test_the_share_and_the_listing(planted):
    finding, names, truth = planted
    assert finding.value == pytest.approx(0.1, abs=0.02)
    assert not finding.passed
    assert list(finding.listing) == [
        "sample_id",
        "previous",
        "labels",
        "quality",
        "p_suggested",
        "model",
        "split",
    ]
    first = finding.listing.head(len(names))
    assert set(first["sample_id"]) == names
    rows = first["sample_id"].str[1:].astype(int)
    assert first["labels"].tolist() == [CLASSES[truth[row]] for row in rows]
    assert first["previous"].tolist() == [CLASSES[(truth[row] + 1) % 3] for row in rows]
    ratio = finding.listing["quality"] / finding.listing["p_suggested"]
    assert (np.diff(ratio) > -1e-3).all()  # of rounded probabilities
    confident = finding.listing["p_suggested"] >= 0.8
    assert (finding.listing["model"] == np.where(confident, "confident", "unsure")).all()
    assert confident.head(len(names)).all()
    assert finding.value == pytest.approx(len(finding.listing) / 120, abs=0.02)  # of clear pictures chance gives few


def test_what_a_person_reads(planted):
    finding, names, _ = planted
    count = len(finding.listing)
    assert finding.sentence.startswith(
        f"Of 120 labels, {count} are worth a look: the model is confident of another label for "
    )
    kinds = list(finding.pictures)
    assert set(kinds[:3]) == {f"labelled {CLASSES[(one + 1) % 3]}, looks like {CLASSES[one]}" for one in range(3)}
    assert {name for caption in kinds[:3] for name in finding.pictures[caption]} & names
    assert len(kinds) <= SHOWN
    assert max(map(len, finding.pictures.values())) <= SHOWN_EACH


def test_the_noise_matrix(planted):
    finding, _, _ = planted
    pairs = {(row["given_label"], row["true_label"]): row["estimated_share_of_the_true"] for row in finding.table}
    for true, given in (("ant", "bee"), ("bee", "fly"), ("fly", "ant")):  # four of each forty were exchanged so
        assert pairs[given, true] == pytest.approx(0.1, abs=0.05)
    assert list(pairs.values()) == sorted(pairs.values(), reverse=True)
    assert next(iter(finding.worst)) == "labelled {}, the model says {}".format(*next(iter(pairs)))


def test_what_people_decided_on_is_not_listed_again_but_said(search):
    features, truth = make_features(spread=0.3)
    given = exchanged(truth, PLANTED)
    decision = np.array([None] * 120, dtype=object)
    decision[PLANTED[:9]] = "keep"
    finding = search(features, named(given), decision=decision)
    decided = {f"s{row:02d}" for row in PLANTED[:9]}
    assert not decided & set(finding.listing["sample_id"])
    assert {f"s{row:02d}" for row in PLANTED[9:]} <= set(finding.listing["sample_id"])
    assert finding.value <= 0.05
    assert finding.passed
    contradicted = int(finding.sentence.partition(" more look wrong, but a person has decided on them.")[0].split()[-1])
    assert contradicted >= 7


def test_where_all_are_decided_none_other_contradicts(search):
    features, truth = make_features(spread=0.3)
    decision = np.array(["keep"] * 120, dtype=object)
    finding = search(features, named(exchanged(truth, PLANTED)), decision=decision)
    assert finding.value == 0
    assert finding.listing.empty
    assert finding.pictures == {}
    assert finding.sentence.startswith("Of 120 labels, none other is worth a look. 1")


def test_pictures_without_a_label_wait_for_one_and_do_not_count(search):
    features, truth = make_features(spread=0.3)
    labels = named(truth)
    for row in range(30):
        labels[row] = []
    finding = search(features, labels)
    assert finding.sentence.startswith("Of 90 labels, ")
    assert not set(finding.listing["sample_id"]) & {f"s{row:02d}" for row in range(30)}


def test_several_labels(search):
    """A label that should be there, and one that should not."""
    features, truth = make_features(num_per_class=100, spread=0.3)
    labels = [["ant", "a|b"] if one == 1 else ["ant"] for one in truth]
    labels[1], labels[2] = ["ant"], ["a|b"]
    finding = search(features, labels)
    rows = finding.listing.set_index("sample_id")
    assert rows.loc["s01", ["previous", "labels"]].tolist() == ["ant", '["ant", "a|b"]']
    assert rows.loc["s02", "previous"] == '["a|b"]'
    assert any(row["given_label"] == "not a|b" for row in finding.table)


def test_data_without_suspects(search):
    features, truth = make_features(spread=0.05)
    finding = search(features, named(truth))
    assert (finding.value, len(finding.listing)) == (0, 0)
    assert finding.sentence == "Of 120 labels, none is worth a look."
    assert finding.passed


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"max_share": 1.1}, r"^max_share must be 0 to 1, got 1\.1$"),
        ({"max_share": -0.1}, r"^max_share must be 0 to 1, got -0\.1$"),
        ({"num_folds": 1}, r"^num_folds must be at least 2, got 1$"),
    ],
)
def test_wrong_choices(choices, message):
    with pytest.raises(ValueError, match=message):
        from_file(LabelSuspects, **{"max_share": 0.05, "num_folds": 5, "seed": 0, "on_fail": "warn", **choices})


def test_negatives_are_judged_and_unlabelled_ones_are_not(search):
    """Every third class has no label of its own: pictures of it that say so are right, those that say "a" are not."""
    features, truth = make_features(spread=0.3)
    labels = [[] if one == 2 else [CLASSES[one]] for one in truth]
    wrong = np.flatnonzero(truth != 2)[:4]
    for row in wrong:
        labels[row] = []
    negative = [not names for names in labels]
    finding = search(features, labels, negative=negative)
    found = finding.listing.set_index("sample_id")
    assert set(found.index) == {f"s{row:02d}" for row in wrong}
    assert found["previous"].tolist() == [""] * 4
    assert [found.loc[f"s{row:02d}", "labels"] for row in wrong] == [CLASSES[truth[row]] for row in wrong]
    assert all(caption.startswith("labelled none of the labels, looks like") for caption in finding.pictures)
    assert search(features, labels).listing.empty


@pytest.mark.parametrize(
    ("apart", "share", "state"), [(1.2, 0.0, "passed"), (1.75, 0.0, "passed"), (2.5, 0.1, "failed")]
)
def test_unclear_pictures_are_no_wrong_labels(search, apart, share, state):
    """Two classes that overlap, 69 and 31 %: the model disagrees with 12 and 7 % of labels that are all right."""
    generator = np.random.default_rng(0)
    truth = (generator.random(1500) < 0.31).astype(int)
    features = generator.normal(size=(1500, 24))
    features[:, 0] += apart * truth
    features = np.concatenate([features, np.full((1500, 1), 8.0)], axis=1)  # directions then keep what tells
    labels = np.where(generator.random(1500) < share, 1 - truth, truth)
    finding = search(features, [["ab"[one]] for one in labels])
    assert finding.passed == (share == 0)
    assert len(finding.listing) > 0.05 * 1500  # they stay listed, the worst first
    assert (finding.value < 0.025) == (share == 0)


def test_where_nothing_could_be_suspected_nothing_is_judged(search):
    features, truth = make_features(spread=0.3)
    assert search(features, [["ant"]] * 120).obstacle.startswith("The pictures have fewer than two labels")
    assert search(features, [[]] * 120).state == "cannot_be_judged"
    finding = search(features, named(truth), group=np.array(["g"] * 120))
    assert finding.obstacle.startswith("All pictures with a label are in one group")


@pytest.mark.parametrize(("num", "state"), [(19, "noted"), (20, "failed")])
def test_a_model_of_few_pictures_gives_no_warning(search, num, state):
    features, truth = make_features(num_per_class=num, spread=0.3)
    finding = search(features, named(exchanged(truth, np.arange(0, 3 * num, 7))))
    assert (finding.value > finding.limit, finding.state) == (True, state)


@pytest.mark.parametrize("several", [False, True])
def test_features_that_see_no_class_give_no_suspect(search, several):
    generator = np.random.default_rng(1)
    features, truth = generator.normal(size=(120, 24)), np.arange(120) % 4
    labels = [["abcd"[one], *(["e"] if several and one % 2 else [])] for one in truth]
    finding = search(features, labels)
    assert finding.state == "cannot_be_judged"
    assert re.match(
        r"The features tell the classes apart no better than chance \(balanced accuracy 0\.\d\d \[0\.\d\d, 0\.\d\d\], "
        rf"chance {'0.50' if several else '0.25'}\), so a model",
        finding.obstacle,
    )
    assert finding.listing.empty
    assert list(finding.listing) == list(LISTED)
