"""colibri leaderboard where every experiment fails, and what it refuses before it queues anything."""

from pathlib import Path

import pandas as pd
import pytest
from small_project import RECIPE

from pipeline.commands import leaderboard
from pipeline.core.errors import UserError
from pipeline.experiments import dvc_queue, listing, naming
from pipeline.experiments.dvc_queue import Finished
from pipeline.experiments.listing import Listing, Published
from pipeline.report import command_pages
from pipeline.tracking import parent_runs

METRIC = {
    "accuracy": {"_target_": "pipeline.evaluation.metrics.accuracy.Accuracy"},
    "f1": {"_target_": "pipeline.evaluation.metrics.rate.Rate", "number": "f1", "averaging": "none"},
}
EVALUATE = {"num_resamples": 100, "seed": 0, "half_width": 0.2, "min_slice": 20, "max_slices": 500, "num_mistakes": 0}
EVALUATE["cross_validation"] = "never"
PARAMS = {"task": RECIPE["task"], "metric": METRIC, "evaluate": EVALUATE}


@pytest.fixture
def told(project, monkeypatch):
    """Every experiment fails; gives what was said to MLflow."""
    listed = Listing(
        experiment=None,
        metric="accuracy",
        experiments=["one", "two"],
        published=[Published(name="theirs", value=0.8, source="Nobody 2020")],
    )
    failed = {one: Finished(reason=f"train: {one} is out of luck") for one in listed.experiments}
    said = {}
    monkeypatch.setattr(listing, "read", lambda name: (listed, PARAMS))
    monkeypatch.setattr(naming, "names", lambda rows: {one: f"{one}-0" for one in rows})
    monkeypatch.setattr(dvc_queue, "run", lambda names, overrides, tell: failed)
    monkeypatch.setattr(parent_runs, "leaderboard_run", lambda *words: said.update(words=words))
    return said


def test_the_table_is_written_before_it_ends_with_the_first_reason(told, capsys):
    expected = r"^2 of 2 experiments failed, the first is one: train: one is out of luck; dvc queue logs one-0$"
    with pytest.raises(UserError, match=expected):
        leaderboard.main("mine")
    table = pd.read_csv(leaderboard.TABLE)
    assert table["name"].tolist() == ["theirs", "one", "two"]
    assert table["kind"].tolist() == ["published", "failed", "failed"]
    assert "train: two is out of luck" in leaderboard.PAGE.read_text()
    assert told["words"] == ("mine", {}, [leaderboard.TABLE, leaderboard.PAGE])
    assert 'href="leaderboard.html"' in command_pages.PAGE.read_text()
    shown = capsys.readouterr().out
    assert "theirs" in shown
    assert "\\xa0" not in shown  # spaces that do not break are for pages
    assert "ranked by their test figures, so the figure of the best is too good" in shown


def test_an_interruption_says_how_to_go_on(told, monkeypatch):
    def interrupted(names, overrides, tell):
        raise KeyboardInterrupt

    monkeypatch.setattr(dvc_queue, "run", interrupted)
    with pytest.raises(
        UserError,
        match=r"^interrupted; DVC's queue holds no entry of it .*: run colibri leaderboard mine again to resume$",
    ):
        leaderboard.main("mine")
    assert not Path("reports").exists()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("acuracy", r"leaderboard\.metric: there is no figure 'acuracy'; did you mean 'accuracy'\?"),
        ("f1", r"leaderboard\.metric: f1 is one number per class; name the class"),
        ("f1/cat", r"^leaderboard\.metric 'f1/cat' is of one class; a leaderboard needs one number for all classes$"),
    ],
)
def test_a_metric_that_cannot_rank_is_refused(name, expected):
    with pytest.raises(UserError, match=expected):
        leaderboard.metric_of(PARAMS, name)


def test_a_metric_that_is_switched_off_cannot_rank():
    params = {"metric": {**METRIC, "recall": None}}
    assert leaderboard.metric_of(params, "accuracy").larger_is_better
    with pytest.raises(
        UserError,
        match=r"leaderboard\.metric: 'recall' is switched off by null in metric; metric gives",
    ):
        leaderboard.metric_of(params, "recall")


def test_an_experiment_whose_outputs_are_gone_is_a_failed_row(monkeypatch, tmp_path):
    from pipeline.experiments import results

    def gone(name, revision, folder):
        raise UserError("its outputs are not in DVC's cache")

    monkeypatch.setattr(results, "bring_outputs", gone)
    finished = {"one": Finished(revision="0" * 40), "two": Finished(reason="x")}
    assert leaderboard.bring_outputs(finished, tmp_path) == ([], {"one": "its outputs are not in DVC's cache"})
