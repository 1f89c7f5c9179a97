"""colibri tune on tiny pictures: what it sees, that it repeats, what it writes, and how it refuses."""

import re
from pathlib import Path

import mlflow
import pytest
import yaml
from search_examples import lock, pack, write_search

from pipeline.commands import tune
from pipeline.core import config
from pipeline.core.errors import UserError
from pipeline.datasets.packed import PackedDataset
from pipeline.evaluation.split_evaluation import Options
from pipeline.experiments import parameter_search, trial, tuning
from pipeline.experiments.space import make_distributions, select_nodes
from pipeline.tracking.parent_runs import PARENT, STUDY, TRIAL, study_run
from pipeline.training.recipe import Recipe

pytestmark = pytest.mark.xdist_group("experiments")

WRITTEN = Path("conf/experiment/tuned_quick.yaml")


def search(**changes):
    tune.main(**{"name": "quick", "experiment": None, "trials": None, "to": None, **changes})


@pytest.mark.slow
def test_the_winner_is_written_with_what_to_expect_and_composes(searchable, capsys):
    search()
    text = WRITTEN.read_text()
    assert re.search(
        r"^# Found by colibri tune quick: the best of 4 trials \(\d stopped early\), seed 0\.$", text, re.M
    )
    assert re.search(
        r"^# Expect accuracy 0\.\d{3} \[0\.\d{3}, [01]\.\d{3}\] on the 24 pictures of val \(val_loss ", text, re.M
    )
    params = yaml.safe_load(config.compose(overrides=["experiment=tuned_quick"]))
    told = yaml.safe_load(text)["train"]
    assert {key: params["train"][key] for key in told} == told
    assert set(told) == {"learning_rate", "dropout"}
    assert params["train"]["epochs"] == 2  # of the experiment it started from
    shown = capsys.readouterr().out
    assert "0 of 4 trials have ended before" in shown
    assert "trial 4 of 4: train.learning_rate=" in shown
    assert "colibri run experiment=tuned_quick" in shown


def start_from(**train):
    """The experiment that the search starts from, with other choices of training."""
    file = Path("conf/experiment/tiny.yaml")
    *defaults, values = file.read_text().partition("\ntrain:")
    node = yaml.safe_load(f"train:{values}")
    node["train"] |= train
    file.write_text("".join([defaults[0], "\n", yaml.safe_dump(node)]))
    lock()


LEARNS = {"train.learning_rate": "tag(log, interval(0.005, 0.02))"}


@pytest.mark.slow
def test_a_winner_that_is_better_than_the_start_is_advised(searchable, capsys):
    write_search(space=LEARNS, trials=2)
    start_from(learning_rate=1e-9, epochs=4)  # as good as untrained
    search()
    assert re.search(
        r"^# Better than the start of the search: accuracy \+0\.\d{3} \[\+0\.\d{3}, \+0\.\d{3}\] on the same",
        WRITTEN.read_text(),
        re.M,
    )
    assert (
        "Wrote conf/experiment/tuned_quick.yaml. Next:\n"
        "  git add conf/experiment/tuned_quick.yaml && git commit -m 'Tuned: tuned_quick'\n"
        "  colibri run experiment=tuned_quick\n"
    ) in capsys.readouterr().out
    assert len([*tune.STUDIES.glob("*/*.parquet")]) == 2  # of three trainings, the best trial and the start


@pytest.mark.slow
def test_a_winner_that_is_not_told_apart_from_the_start_is_not_advised(searchable, capsys):
    write_search(space=LEARNS, trials=2)
    start_from(learning_rate=0.018, epochs=4)
    search()
    text = WRITTEN.read_text()
    assert "# No significant difference from the start of the search: accuracy" in text
    assert "# Keep the start." in text
    shown = capsys.readouterr().out
    assert "Keep experiment=tiny." in shown
    assert "git add" not in shown


def test_epochs_that_are_tried_are_exact_however_few_the_pictures(searchable):
    write_search(space={"train.epochs": "range(1, 2)"}, trials=1, pruning=None)
    start_from(min_steps=20)  # 6 steps an epoch: the start has 4 epochs
    read, params = tuning.read("quick", None, None)
    lengths = []

    def hear(epoch, figures):
        lengths.append(epoch)

    packed = tuning.drop_test(PackedDataset.load())
    one = trial.Trial(
        start=["experiment=tiny"],
        nodes=select_nodes(params),
        packed=packed,
        search=read,
        metrics=tuning.summary_metrics(params),
        bootstrap=Options.of(params).bootstrap,
        parent=study_run("epochs", "tune quick", params),
        folder=Path("predictions"),
    )
    assert one.values({"train.epochs": 1}) == {"train.epochs": 1, "train.min_steps": 0}
    assert one.values({"train.dropout": 0.1}) == {"train.dropout": 0.1}
    one(0, {"train.epochs": 1}, hear)
    assert lengths == [1]
    search()
    assert yaml.safe_load(WRITTEN.read_text())["train"] == {"epochs": 1, "min_steps": 0}


def test_options_of_a_group_can_be_tried(searchable):
    write_search(space={"sampling": "choice(by_class)", "train.ema_decay": "null,null"}, trials=1, pruning=None)
    search()
    node = yaml.safe_load(WRITTEN.read_text())
    assert node["defaults"] == ["tiny", {"override /sampling": "by_class"}]
    assert node["train"] == {"ema_decay": None}


def test_a_start_that_cannot_be_trained_is_told(searchable, capsys):
    write_search(space=LEARNS, trials=1)
    start_from(learning_rate=1e30, epochs=1)
    search()
    assert "# The start of the search could not be trained (the loss became nan at" in WRITTEN.read_text()
    assert "Next:\n  git add" in capsys.readouterr().out


@pytest.mark.slow
def test_the_test_part_changes_nothing(searchable):
    """Its pictures become noise and its labels wrong, under another study: every trial ends with the same figures."""
    search()
    first = WRITTEN.read_bytes()
    pack(poisoned=True)
    search()
    assert WRITTEN.read_bytes() == first


def test_nothing_but_train_and_val_is_handed_to_a_trial(searchable):
    hidden = tuning.drop_test(PackedDataset.load()).index
    assert hidden["split"].value_counts().to_dict() == {"train": 48, "val": 24, "none": 24}
    assert hidden.loc[hidden["split"] == "none", "labels"].map(len).eq(0).all()
    assert hidden.loc[hidden["split"] != "none", "labels"].map(len).eq(1).all()


@pytest.mark.long
@pytest.mark.slow
def test_killed_and_started_again_it_writes_the_same_winner(searchable, monkeypatch, capsys):
    search(to="whole")
    expected = Path("conf/experiment/whole.yaml").read_text().replace("whole", "tuned_quick")
    (tune.STUDIES / "quick.db").unlink()
    calls, fit = [], Recipe.fit

    def dies(self, *given):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return fit(self, *given)

    monkeypatch.setattr(Recipe, "fit", dies)
    with pytest.raises(UserError, match=r"^interrupted; run colibri tune quick again to resume$"):
        search()
    assert not WRITTEN.exists()
    search()
    assert WRITTEN.read_text() == expected
    assert "1 of 4 trials have ended before" in capsys.readouterr().out


@pytest.mark.long
@pytest.mark.slow
def test_trials_stand_under_one_run(searchable, store):
    write_search(seed=71)
    search()
    search(trials=5)  # goes on under the same one
    read, params = tuning.read("quick", None, None)
    experiment = store.get_experiment_by_name(f"colibri-{params['source']['name']}").experiment_id
    (parent,) = store.search_runs([experiment], f"tags.`{STUDY}` = '{tuning.study_key(read, params)}'")
    children = store.search_runs([experiment], f"tags.`{PARENT}` = '{parent.info.run_id}'")
    assert sorted(run.data.tags[TRIAL] for run in children) == ["0", "1", "2", "3", "4", "start"]
    assert all(run.info.status == "FINISHED" for run in children)
    assert all({"val/loss", "train/loss"} <= set(run.data.metrics) for run in children)
    tried = {run.data.tags[TRIAL]: set(run.data.params) for run in children}
    assert all(one == {"learning_rate", "dropout"} for one in tried.values())
    assert "gain_accuracy" in store.get_run(parent.info.run_id).data.metrics
    assert [one.path for one in store.list_artifacts(parent.info.run_id)] == ["tuned_quick.yaml"]
    assert mlflow.active_run() is None


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"space": {"train.lerning_rate": "interval(0, 1)"}},
            r"training reads no parameter 'train\.lerning_rate'",
        ),
        ({"space": {"augment.margin": "choice(0, 0.1)"}}, r"training reads no parameter 'augment\.margin'"),
        ({"space": None}, r"^conf/tune/quick\.yaml: space must be .*, got None"),
        ({"space": {}}, r"^conf/tune/quick\.yaml: space must have at least 1 item, got \{\}$"),
        (
            {"space": {"train.dropout": {"low": 0}}},
            r"^conf/tune/quick\.yaml: space\.train\.dropout must be a valid string, got ",
        ),
        (
            {"space": {"train.dropout": "0.1"}},
            r"tune\.space\.train\.dropout: '0\.1' is one value; expected choice",
        ),
        ({"trials": 0}, r"^conf/tune/quick\.yaml: trials must be at least 1, got 0"),
        ({"experiment": "nothing"}, r"there is no file .*conf/experiment/nothing\.yaml"),
        (
            {"expect": "acuracy"},
            r"tune\.expect 'acuracy' is not a metric with one number for all classes; expected one of accuracy, ",
        ),
        (
            {"pruning": {}},
            r"quick\.yaml: pruning must have at least 1 argument, got \{\}; null means that none is stopped$",
        ),
        ({"pruning": {"n_startup_trials": 0}}, r"quick\.yaml: pruning\.n_startup_trials must be at least 1, got 0$"),
        (
            {"space": {"train.epochs": "interval(5, 20)"}},
            r"^tune\.space\.train\.epochs: 'interval\(5, 20\)' samples fractions, .* 2; write int\(interval\(5, 20\)\)",
        ),
        (
            {"space": {"train.batch_size": "choice(1)"}},
            r"^none of 4 trials .*; the first: .*train\.batch_size must be at least 2, got 1",
        ),
        (
            {"space": {"encoder": "choice(nothing)"}},
            r"^none of 4 trials .* first: .*there is no file .*encoder/nothing\.yaml",
        ),
        (
            {"figure": "val_lss"},
            r"^conf/tune/quick\.yaml: figure must be 'val_loss', 'val_accuracy' or 'val_f1_macro', got 'val_lss'$",
        ),
        (
            {"space": {"train.learning_rate": "interval(1e30, 1e31)"}},
            r"none of 4 trials completed; the first: ",
        ),
    ],
)
def test_a_wrong_search_is_one_line(searchable, changes, expected):
    write_search(**changes)
    with pytest.raises(UserError, match=expected):
        search()
    assert not WRITTEN.exists()


def switch_off(name):
    with Path("conf/experiment/tiny.yaml").open("a") as file:
        file.write(f"metric:\n  {name}: null\n")
    lock()


def test_a_metric_that_is_switched_off_is_neither_measured_nor_expected(searchable):
    switch_off("balanced_accuracy")
    _, params = tuning.read("quick", None, None)
    measured = tuning.summary_metrics(params)
    assert "accuracy" in measured
    assert "balanced_accuracy" not in measured
    write_search(expect="balanced_accuracy")
    with pytest.raises(
        UserError,
        match=r"^tune\.expect 'balanced_accuracy' is switched off by null in metric; expected one of accuracy, ",
    ):
        tuning.read("quick", None, None)


def test_whole_numbers_are_drawn_where_the_sweep_says_so(searchable):
    write_search(space={"train.epochs": "int(interval(1, 2))"})
    read, _ = tuning.read("quick", None, None)
    assert type(make_distributions(read.space)["train.epochs"].low) is int


def test_an_unknown_search_names_those_there_are(searchable):
    with pytest.raises(UserError, match=r"conf/tune/fine\.yaml does not exist; available: finetune, quick, svm$"):
        search(name="fine")


def test_a_file_that_somebody_wrote_is_left_alone(searchable):
    WRITTEN.write_text("# mine\n")
    with pytest.raises(
        UserError, match=r"tuned_quick\.yaml was not written by colibri tune; choose another name with --to$"
    ):
        search()
    assert WRITTEN.read_text() == "# mine\n"


def test_arrays_of_other_choices_are_refused(searchable):
    lock(size=64)
    again = "dvc exp run -S experiment=tiny pretrain"
    with pytest.raises(UserError, match=rf"was made with another augment than this search starts from; {again}$"):
        search()
    Path("dvc.lock").unlink()
    with pytest.raises(UserError, match=rf"data/packed has not been made here; {again}$"):
        search()


def test_without_optuna_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(tune, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"needs Optuna, which is not installed: pip install 'colibri\[tune\]'$"):
        search()


def test_two_at_once_are_one_too_many(searchable):
    from filelock import FileLock

    tune.STUDIES.mkdir(parents=True)
    with (
        FileLock(tune.STUDIES / "quick.lock"),
        pytest.raises(UserError, match=r"^another colibri tune quick runs in this folder; wait until it has ended$"),
    ):
        search()


def test_a_winner_that_would_not_compose_is_not_left_there(searchable, monkeypatch):
    read, _ = tuning.read("quick", None, None)
    with pytest.raises(
        UserError, match=r"tuned_quick\.yaml would not compose to what was tried: experiment=tiny, train\.dro"
    ):
        tuning.write_winner("tuned_quick", "# @package _global_\n", read, {"train.dropout": 0.25})
    assert not WRITTEN.exists()


def test_searching_knows_nothing_of_pipelines():
    assert "Recipe" not in Path(parameter_search.__file__).read_text(encoding="utf-8")
