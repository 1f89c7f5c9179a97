"""colibri cross-validate with folds that have ended: what it writes, prints and refuses."""

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml
from predictions_examples import make_predictions
from report_material import Page
from small_project import EVALUATE, RECIPE

from pipeline.commands import cross_validate, main, run
from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.estimate import Estimate
from pipeline.core.test_ledger import digest_samples, read_readings
from pipeline.experiments import dvc_queue, folds, naming
from pipeline.experiments.dvc_queue import Finished
from pipeline.experiments.folds import FoldResult
from pipeline.report import command_pages
from pipeline.tracking import parent_runs

PARAMS = {
    "source": {"name": "pets"},
    "task": RECIPE["task"],
    "metric": {
        "accuracy": {"_target_": "pipeline.evaluation.metrics.accuracy.Accuracy"},
        "recall": {"_target_": "pipeline.evaluation.metrics.rate.Rate", "number": "recall", "averaging": "none"},
        "auroc_macro": {
            "_target_": "pipeline.evaluation.metrics.ranking.Ranking",
            "number": "auroc",
            "averaging": "macro",
        },
    },
    "evaluate": EVALUATE,
}
NUM = 40  # of each fold


def result(name, place, num_repeats, revision):
    """Two folds of ten groups of four; of the first 30 of 40 are right, of the second 38; the properties guess a."""
    repeat, fold = place
    truth = np.arange(NUM) % 2
    wrong = np.arange(NUM) < (10 if fold == 0 else 2)
    eye = np.eye(2, dtype=bool)
    names = [f"f{fold}s{row}" for row in range(NUM)]
    predictions = make_predictions(
        np.eye(2)[truth],
        eye[np.where(wrong, 1 - truth, truth)],
        groups=[f"g{fold}{row // 4}" for row in range(NUM)],
        names=names,
        classes=["a", "b"],
    )
    return FoldResult(
        name=f"fold {fold + 1}",
        repeat=repeat,
        fold=fold,
        params=PARAMS,
        training_key=f"key {fold}",
        num_train=34,
        num_val=6,
        estimates={"accuracy": Estimate(value=float(1 - wrong.mean()), low=None, high=None, n=NUM, groups=10)},
        predictions=predictions,
        by_properties=eye[np.zeros(NUM, dtype=int)],
        rows=pd.DataFrame({"sample_id": names, "fold": fold + 1}),
    )


@pytest.fixture
def ended(project, monkeypatch):
    """Both folds have ended well; gives what the queue and MLflow got."""
    got = {}

    def queue(names, overrides, tell, target=None):
        got.update(target=target, overrides=overrides)
        for name in names:
            tell(name, "done")
        return {name: Finished(revision=names[name]) for name in names}

    def compose(overrides):
        got.update(checked=overrides)
        return yaml.safe_dump(PARAMS)

    rows = {"cv-fold1": ["split.fold=0"], "cv-fold2": ["split.fold=1"]}
    monkeypatch.setattr(folds, "fold_overrides", lambda num, repeats, overrides: rows)
    monkeypatch.setattr(run, "compose_checked", compose)
    monkeypatch.setattr(naming, "names", lambda rows: {name: f"{name}-0" for name in rows})
    monkeypatch.setattr(dvc_queue, "run", queue)
    monkeypatch.setattr(folds, "read_fold", result)
    monkeypatch.setattr(parent_runs, "cross_validation_run", lambda *words: got.update(logged=words))
    return got


def test_figures_over_all_groups_are_written_logged_and_printed(ended, capsys):
    cross_validate.main(["train=svm"], folds=2, repeats=1)
    assert ended["target"] == "evaluate"  # no model of a fold is registered
    assert ended["checked"] == ["split.fold=0"]
    found = json.loads(cross_validate.FIGURES.read_text())
    assert (found["num_samples"], found["num_groups"], found["recipe"]) == (80, 20, "train=svm")
    accuracy = found["figures"]["accuracy"]
    assert accuracy["value"] == pytest.approx(68 / 80)
    assert accuracy["low"] < 68 / 80 < accuracy["high"]
    assert found["by_properties"]["accuracy"]["value"] == 0.5
    assert found["figures"]["baseline_margin"]["value"] == pytest.approx(68 / 80 - 0.5)
    assert [one["name"] for one in found["folds"]] == ["fold 1", "fold 2"]
    page = cross_validate.PAGE.read_text()
    assert "Over all 20 groups: accuracy" in page
    assert "85.0" in page
    assert "For comparison" not in page
    assert len(artifacts.read_table(cross_validate.PREDICTIONS)) == 80
    (answer,) = found["answer"]
    assert re.fullmatch(r"85\.0 % accuracy \([\d.]+ to [\d.]+ %\) over all 20 groups, in 2 folds\.", answer)
    summary = Page(command_pages.PAGE.read_text())
    assert {"href": "cross_validation.html"} in summary.all("a")
    assert answer in summary.text
    _, title, records, estimates, files = ended["logged"]
    assert title == "cross-validation · pets · 2 trainings"
    assert {name: one.training_key for name, one in records.items()} == {"fold 1": "key 0", "fold 2": "key 1"}
    assert "accuracy" in estimates
    assert files == [cross_validate.FIGURES, cross_validate.PAGE, cross_validate.PREDICTIONS]
    shown = capsys.readouterr().out
    assert "cv-fold2: done (2 of 2 ended)" in shown
    assert "Cross-validated: 80 pictures of 20 groups, each tested once" in shown
    assert "accuracy                0.850" in shown
    assert "fold 2               34      6     40     10" in shown


def test_it_counts_as_a_reading_of_the_test_part_that_the_folds_hold_too(ended):
    cross_validate.main([], folds=2, repeats=1)
    assert read_readings() == []  # there is no test part yet; each fold counted its own
    rows = pd.DataFrame({"sample_id": ["f1s7", "f0s2", "f0s39"], "split": ["test", "test", "train"]})
    artifacts.write_table(artifacts.PREDICTIONS, rows)
    cross_validate.main(["train=svm"], folds=2, repeats=1)
    cross_validate.main(["train=svm"], folds=2, repeats=1)
    (reading,) = read_readings()
    assert (reading.what, reading.run) == ("cross-validate", "train=svm")
    assert reading.test_set == digest_samples(["f0s2", "f1s7"])
    artifacts.write_table(artifacts.PREDICTIONS, rows.assign(sample_id=["new", "f0s2", "f0s39"]))
    cross_validate.main(["train=svm"], folds=2, repeats=1)
    assert len(read_readings()) == 1  # the folds do not hold all of this test part


def test_the_single_test_figure_of_the_same_data_set_stands_next_to_it(ended, capsys):
    artifacts.write_json(artifacts.PREDICTOR / "card.json", {"source": "pets"})
    entry = {"value": 0.7, "low": 0.4, "high": 0.9, "n": 10, "groups": 6}
    artifacts.write_json(artifacts.TEST_METRICS, {"accuracy": entry})
    cross_validate.main([], folds=2, repeats=1)
    assert "For comparison, test of the last run: accuracy 0.700 [0.400, 0.900] on 6 groups" in capsys.readouterr().out
    assert "the single test split of the last run: accuracy 70.0" in cross_validate.PAGE.read_text()
    artifacts.write_json(artifacts.PREDICTOR / "card.json", {"source": "others"})
    cross_validate.main([], folds=2, repeats=1)
    assert "For comparison" not in cross_validate.PAGE.read_text()


def test_a_failed_fold_is_named_and_nothing_is_written(ended, monkeypatch):
    ends = {"cv-fold1": Finished(revision="x"), "cv-fold2": Finished(reason="train: out of luck")}
    monkeypatch.setattr(dvc_queue, "run", lambda *words: ends)
    expected = r"^1 of 2 folds failed, the first is cv-fold2: train: out of luck; .* dvc queue logs cv-fold2-0$"
    with pytest.raises(UserError, match=expected):
        cross_validate.main([], folds=2, repeats=1)
    assert not cross_validate.PAGE.exists()


def test_an_interruption_says_how_to_resume(ended, monkeypatch):
    def interrupt(*words):
        raise KeyboardInterrupt

    monkeypatch.setattr(dvc_queue, "run", interrupt)
    with pytest.raises(UserError, match=r"^interrupted; .* finished folds are kept: run the same command again"):
        cross_validate.main([], folds=2, repeats=1)


def test_a_sample_in_two_folds_is_refused(ended, monkeypatch):
    def twice(name, place, num_repeats, revision):
        return replace(result(name, (0, 0), 1, ""), fold=place[1])

    monkeypatch.setattr(folds, "read_fold", twice)
    with pytest.raises(UserError, match=r"^'f0s0' is in test of two folds; the data changed in between"):
        cross_validate.main([], folds=2, repeats=1)


@pytest.mark.parametrize(("num_folds", "repeats"), [(1, 1), (5, 0), (20, 6)])
def test_numbers_that_make_no_cross_validation_are_refused(num_folds, repeats):
    with pytest.raises(UserError, match=r"^--folds must be at least 2, .* at most 100 trainings; got \d+ and \d+$"):
        cross_validate.main([], folds=num_folds, repeats=repeats)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--folds", "many"], r"argument --folds: invalid int value: 'many'"),
        (["--folds", "2.5"], r"argument --folds: invalid int value: '2\.5'"),
        (["--fold-count", "3"], r"unrecognized arguments: --fold-count"),
    ],
)
def test_words_that_are_no_numbers_end_with_a_line_and_write_nothing(project, capsys, words, message):
    with pytest.raises(SystemExit) as ended:
        main.main(["cross-validate", *words])
    assert ended.value.code == 2
    assert re.search(message, capsys.readouterr().err)
    assert list(project.iterdir()) == []


def test_the_help_has_three_examples(capsys):
    with pytest.raises(SystemExit):
        main.main(["cross-validate", "--help"])
    shown = capsys.readouterr().out
    assert shown.count("\n  colibri cross-validate") == 3
    assert "--repeats REPEATS" in shown
