"""A search over a parabola: the same winner whatever interrupts it."""

from dataclasses import replace

import pytest

from pipeline.core.errors import UserError
from pipeline.experiments import parameter_search
from pipeline.experiments.parameter_search import Stopped, finished_trials, open_study, run, trial_row
from pipeline.experiments.space import Search

pytestmark = [
    pytest.mark.xdist_group("experiments"),
    pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning"),
]
WHERE = "conf/tune/mine.yaml"
SEARCH = Search(
    experiment=None,
    trials=9,
    random_trials=4,
    figure="val_loss",
    direction="minimize",
    expect="accuracy",
    pruning=None,
    seed=3,
    space={"x": "interval(-4, 4)", "n": "tag(log, int(interval(1, 9)))", "c": "choice(a, b)"},
)


def parabola(number, values, report):
    assert isinstance(values["n"], int)
    return (values["x"] - 1) ** 2 + abs(values["n"] - 3) + (values["c"] == "b"), {"kept": values["n"]}


def drawn(study):
    return [trial.params for trial in finished_trials(study)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A study that nothing interrupted, and its best trial."""
    study = open_study(SEARCH, "key", tmp_path_factory.mktemp("study") / "whole.db", WHERE)
    return study, run(study, SEARCH, parabola, lambda line: None)


def test_the_best_is_the_least_of_all_and_keeps_what_it_was_given(whole):
    study, best = whole
    assert len(drawn(study)) == 9
    assert best.value == min(parabola(0, values, None)[0] for values in drawn(study))
    assert best.user_attrs["kept"] == best.params["n"]


def test_the_same_seed_gives_the_same_trials_and_another_seed_others(whole, tmp_path):
    again = open_study(SEARCH, "key", tmp_path / "again.db", WHERE)
    assert run(again, SEARCH, parabola, lambda line: None).params == whole[1].params
    assert drawn(again) == drawn(whole[0])
    other = open_study(SEARCH, "key", tmp_path / "other.db", WHERE)
    run(other, replace(SEARCH, seed=4, trials=2), parabola, lambda line: None)
    assert drawn(other) != drawn(whole[0])[:2]


@pytest.mark.parametrize("killed_at", [1, 6])
def test_killed_and_started_again_it_ends_with_the_same_trials(whole, tmp_path, killed_at):
    calls = []

    def dies(number, values, report):
        calls.append(values)
        if len(calls) == killed_at:
            raise KeyboardInterrupt
        return parabola(number, values, report)

    study = open_study(SEARCH, "key", tmp_path / "killed.db", WHERE)
    with pytest.raises(KeyboardInterrupt):
        run(study, SEARCH, dies, lambda line: None)
    resumed = open_study(SEARCH, "key", tmp_path / "killed.db", WHERE)
    assert len(finished_trials(resumed)) == killed_at - 1
    best = run(resumed, SEARCH, parabola, lambda line: None)
    assert drawn(resumed) == drawn(whole[0])
    assert best.params == whole[1].params


def test_more_trials_go_on_from_those_there_are(tmp_path):
    study = open_study(SEARCH, "key", tmp_path / "s.db", WHERE)
    run(study, SEARCH, parabola, lambda line: None)
    before = drawn(study)
    run(study, replace(SEARCH, trials=11), parabola, lambda line: None)
    assert drawn(study)[:9] == before
    assert len(drawn(study)) == 11


def test_another_key_is_another_study(tmp_path):
    run(open_study(SEARCH, "key", tmp_path / "s.db", WHERE), replace(SEARCH, trials=1), parabola, lambda line: None)
    assert finished_trials(open_study(SEARCH, "another", tmp_path / "s.db", WHERE)) == []


def test_a_trial_behind_the_median_is_stopped(tmp_path):
    search = replace(SEARCH, trials=5, pruning={"n_startup_trials": 2, "n_warmup_steps": 2})
    losses, told = iter([1.0, 2.0, 9.0, 0.5, 9.0]), []

    def objective(number, values, report):
        loss = next(losses)
        for epoch in (1, 2):
            report(epoch, {"val_loss": loss})
        return loss, {}

    best = run(open_study(search, "key", tmp_path / "s.db", WHERE), search, objective, told.append)
    assert best.value == 0.5
    assert [line.rpartition(": ")[2] for line in told][2] == "behind the median at epoch 2"
    assert "stopped" in told[4]


@pytest.mark.parametrize(
    ("pruning", "expected"),
    [
        (
            {"startup": 2},
            r"^conf/tune/mine\.yaml: pruning has no parameter 'startup'; did you mean 'n_startup_trials'\?$",
        ),
        (
            {"n_warmup_steps": -1},
            r"^conf/tune/mine\.yaml: pruning: Number of warmup steps cannot be negative, but got n_warmup_steps=-1",
        ),
    ],
)
def test_what_the_pruner_refuses_is_one_line(tmp_path, pruning, expected):
    with pytest.raises(UserError, match=expected):
        open_study(replace(SEARCH, pruning=pruning), "key", tmp_path / "s.db", WHERE)


def test_trials_that_fail_are_counted_and_the_search_goes_on(tmp_path):
    def objective(number, values, report):
        if values["x"] > 0:
            raise Stopped("the loss became nan at step 3")
        return values["x"] ** 2, {}

    study = open_study(SEARCH, "key", tmp_path / "s.db", WHERE)
    told = []
    assert run(study, SEARCH, objective, told.append).params["x"] <= 0
    assert len(finished_trials(study)) == 9
    assert any("stopped: the loss became nan at step 3" in line for line in told)


def test_no_trial_that_ends_is_one_line(tmp_path):
    def objective(number, values, report):
        raise Stopped("the loss became nan at step 3")

    search = replace(SEARCH, trials=2)
    with pytest.raises(UserError, match=r"^none of 2 trials completed; the first: the loss became nan at step 3$"):
        run(open_study(search, "key", tmp_path / "s.db", WHERE), search, objective, lambda line: None)


def test_a_file_that_is_no_study_is_named(tmp_path):
    (tmp_path / "s.db").write_text("no database, but long enough to be looked at" * 50)
    with pytest.raises(UserError, match=r"s\.db is not a usable study \(.*\); remove it to start again$"):
        open_study(SEARCH, "key", tmp_path / "s.db", WHERE)


def test_the_epoch_that_training_keeps_has_the_lowest_loss():
    rows = [{"epoch": 1, "val_loss": 0.5}, {"epoch": 2, "val_loss": 0.4}, {"epoch": 3, "val_loss": 0.6}]
    assert trial_row(rows)["epoch"] == 2


def test_the_seed_of_a_draw_depends_on_how_many_have_ended():
    assert len({parameter_search._seed(seed, ended) for seed in range(3) for ended in range(3)}) == 9
