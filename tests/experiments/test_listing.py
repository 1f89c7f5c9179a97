"""What a leaderboard's file says, and every way in which it can be wrong."""

from pathlib import Path

import pytest
import yaml

from pipeline.core import config
from pipeline.core.errors import UserError
from pipeline.experiments import listing

ROOT = Path(__file__).parents[2]
CONFIG = "defaults:\n  - _self_\n  - experiment: null\n\nmetric: {accuracy: {}}\n"
GOOD = "experiment: one\nmetric: accuracy\nexperiments: [one, two]\n"


@pytest.fixture
def lists(project, monkeypatch):
    """Writes conf/leaderboard/mine.yaml into a small conf/ with the experiments one and two."""
    for name in ("experiment", "leaderboard"):
        (project / "conf" / name).mkdir(parents=True)
    (project / "conf/config.yaml").write_text(CONFIG)
    for name in ("one", "two"):
        (project / f"conf/experiment/{name}.yaml").write_text("# @package _global_\nx: 1\n")

    def write(text, name="mine"):
        (project / f"conf/leaderboard/{name}.yaml").write_text(text)

    return write


def test_what_the_file_says(lists):
    lists(GOOD + "published:\n  - {name: theirs, value: 0.8, source: Nobody 2020}\n")
    listed, params = listing.read("mine")
    assert listed.experiments == ["one", "two"]
    assert listed.published == [listing.Published(name="theirs", value=0.8, source="Nobody 2020")]
    assert listed.margin == 0.01
    assert params["metric"] == {"accuracy": {}}
    lists(GOOD + "margin: 0.03\n")
    assert listing.read("mine")[0].margin == 0.03


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", r"^conf/leaderboard/mine\.yaml lacks the parameter 'experiment'"),
        ("# @package _global_\nx: 1\n", r"^conf/leaderboard/mine\.yaml must be a mapping of parameters, found None$"),
        (
            "x: 1\n",
            r"mine\.yaml has no parameter 'x'; it takes experiment, metric, experiments, overrides, published, margin$",
        ),
        (
            GOOD.replace("[one, two]", "[]"),
            r"^conf/leaderboard/mine\.yaml: experiments must have at least 1 item, got \[\]$",
        ),
        (GOOD.replace("metric: accuracy\n", ""), r"^conf/leaderboard/mine\.yaml lacks the parameter 'metric'"),
        (GOOD.replace("two", "three"), r"experiment 'three' has no file conf/experiment/three\.yaml$"),
        (GOOD.replace("two", "one"), r"^conf/leaderboard/mine\.yaml: experiments names 'one' twice$"),
        (
            GOOD + "order: up\n",
            r"no parameter 'order'; it takes experiment, metric, experiments, overrides, published, margin$",
        ),
        (GOOD + "margin: 0\n", r"margin must be above 0 and below 1, got 0$"),
        (GOOD + "margin: 1.0\n", r"margin must be above 0 and below 1, got 1\.0$"),
        (
            GOOD + "published: [{name: x, value: 82, source: y}]\n",
            r"^conf/leaderboard/mine\.yaml: published\[0\]\.value must be 0 to 1, got 82$",
        ),
        (
            GOOD + "published: [{name: x, value: 0.8, source: ''}]\n",
            r"x: source must say where the figure is published$",
        ),
        (GOOD + "published: [{name: x, value: 0.8, source: y, n: 0}]\n", r"n must be null or at least 1, got 0$"),
        (GOOD + "published: [{name: one, value: 0.8, source: y}]\n", r"a published row has the name of another row$"),
    ],
)
def test_a_wrong_list_is_one_line(lists, text, expected):
    lists(text)
    with pytest.raises(UserError, match=expected):
        listing.read("mine")


def test_rows_are_overrides(lists):
    lists(GOOD + "overrides: [x=3]\n")
    assert listing.read("mine")[0].rows == {"one": ["experiment=one", "x=3"], "two": ["experiment=two", "x=3"]}
    lists("experiment: null\nmetric: accuracy\nexperiments: {a: [x=1, y=2], b: []}\noverrides: [z=3]\n")
    assert listing.read("mine")[0].rows == {"a": ["x=1", "y=2", "z=3"], "b": ["z=3"]}


def test_the_standard_models_compose_on_any_source(monkeypatch):
    monkeypatch.chdir(ROOT)
    listed, params = listing.read("standard")
    assert len(listed.rows) == 10
    assert params["source"]["name"] == "elpv"
    composed = {name: yaml.safe_load(config.compose(overrides=row)) for name, row in listed.rows.items()}
    assert {one["register"]["model_name"] for one in composed.values()} == {"colibri-elpv-leaderboard"}
    digits = yaml.safe_load(config.compose(overrides=["source=digits", *listed.rows["svm_hog"]]))
    assert digits["register"]["model_name"] == "colibri-digits-leaderboard"
    assert digits["encoder"]["_target_"].endswith("Hog")


def test_an_unknown_leaderboard_names_those_there_are(lists):
    with pytest.raises(UserError, match=r"leaderboard/mine\.yaml does not exist; available: none yet$"):
        listing.read("mine")
    lists(GOOD, "other")
    with pytest.raises(UserError, match=r"leaderboard/mine\.yaml does not exist; available: other$"):
        listing.read("mine")


def test_the_paper_stands_beside_ten_experiments_of_ours(monkeypatch):
    monkeypatch.chdir(ROOT)
    node = config.compose_option("leaderboard", "elpv")
    assert len(set(node["experiments"])) >= 10
    assert [one["value"] for one in node["published"]] == [0.8244, 0.8842]
    assert all("10.1016/j.solener.2019.02.067" in one["source"] for one in node["published"])
