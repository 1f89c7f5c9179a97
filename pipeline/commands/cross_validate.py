"""Trains the whole recipe on each of several folds, and measures it over all groups instead of those of test alone.

Each fold is a run of the ordinary stages up to evaluate, through DVC's queue, in a copy of the project: folds of whole
groups, near-duplicates together, labels as even as possible, and a val of its own in each fold for the choice of the
epoch. Ingestion and features are computed once. No model is registered. What has run before with the same choices,
code and pictures is not run again, so an interrupted cross-validation resumes when it is started again.

It writes reports/cross_validation.html and .json (each figure over all groups with its interval, each fold, the
difference to the properties alone) and reports/out_of_fold.parquet (a prediction for each picture). In MLflow (colibri
ui) the folds stand under one parent.

Examples:
  colibri cross-validate                          five folds of conf/ as it is
  colibri cross-validate --folds 10 train=svm     ten folds of another recipe
  colibri cross-validate --repeats 3 epochs=10    three divisions into five folds: 15 trainings
"""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from pipeline.core import artifacts, config
from pipeline.core.choices import refuse_without_labels
from pipeline.core.errors import UserError
from pipeline.core.terminal import say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.core.estimate import Estimate
    from pipeline.experiments.dvc_queue import Finished
    from pipeline.experiments.folds import FoldResult
    from pipeline.report.cross_validation import CrossValidation

PAGE, FIGURES = Path("reports/cross_validation.html"), Path("reports/cross_validation.json")
PREDICTIONS = Path("reports/out_of_fold.parquet")
MAX_TRAININGS = 100


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="choices of the recipe; colibri options")
    parser.add_argument("--folds", type=int, default=5, help="number of folds, 2 to 100 (default: 5)")
    parser.add_argument("--repeats", type=int, default=1, help="divisions into folds (default: 1)")


def main(overrides: list[str], folds: int, repeats: int) -> None:
    from pipeline.commands.run import compose_checked
    from pipeline.experiments import dvc_queue, naming
    from pipeline.experiments.folds import LAST_STAGE, fold_names, fold_overrides, read_fold

    if folds < 2 or repeats < 1 or folds * repeats > MAX_TRAININGS:
        raise UserError(
            f"--folds must be at least 2, --repeats at least 1, and both together at most {MAX_TRAININGS} trainings; "
            f"got {folds} and {repeats}"
        )
    rows, places = fold_overrides(folds, repeats, overrides), fold_names(folds, repeats)
    refuse_without_labels(yaml.safe_load(compose_checked(next(iter(rows.values())))), "cross-validate")
    names = naming.names(rows)
    try:
        finished = dvc_queue.run(names, rows, _Progress(len(rows)), LAST_STAGE)
    except KeyboardInterrupt:
        raise UserError(
            "interrupted; DVC's queue holds no fold of it any more, and finished folds are kept: run the same command "
            "again to resume"
        ) from None
    _refuse_failures(finished, names)
    say("reading the predictions of all folds")
    results = [
        read_fold(name, places[name], repeats, ended.revision)
        for name, ended in finished.items()
        if ended.revision is not None
    ]
    _count_reading(results, " ".join(overrides))
    found = summarise(results, " ".join(overrides), folds, repeats)
    _write(found, results)
    _log(found, results, names)
    _say(found)


def _count_reading(results: list[FoldResult], recipe: str) -> None:
    """Records that the recipe was measured on the test part of this project, which the folds hold too.

    Each fold has counted the reading of its own test part, which is another one.
    """
    from pipeline.core import test_ledger
    from pipeline.experiments.folds import pool
    from pipeline.report.test_uses import read_test_samples

    own = read_test_samples()
    found = [repeat.predictions.select(own) for repeat in pool(results)]
    if own and all(len(part) == len(own) for part in found):
        test_ledger.record(test_ledger.Reading.of(found, "cross-validate", recipe or "conf/ as it is"))


class _Progress:
    """Says what happens to each fold, and how many have ended.

    Args:
        total: Number of folds.
    """

    def __init__(self, total: int):
        self.total, self.done = total, 0

    def __call__(self, name: str, what: str) -> None:
        self.done += what in ("done", "has run before", "failed")
        say(f"{name}: {what} ({self.done} of {self.total} ended)")


def _refuse_failures(finished: Mapping[str, Finished], names: Mapping[str, str]) -> None:
    failed = {name: ended.reason for name, ended in finished.items() if ended.reason}
    if failed:
        first, reason = next(iter(failed.items()))
        raise UserError(
            f"{len(failed)} of {len(finished)} folds failed, the first is {first}: {reason}; the others are kept, so "
            f"run the same command again once it is repaired; dvc queue logs {names[first]}"
        )


def summarise(results: list[FoldResult], recipe: str, num_folds: int, num_repeats: int) -> CrossValidation:
    """Figures over all groups, of the properties alone, and of each fold.

    Args:
        results: Of all folds.
        recipe: Its overrides.
        num_folds: Folds of each repeat.
        num_repeats: Divisions into folds.
    """
    from pipeline.evaluation.margin_text import BEYOND
    from pipeline.evaluation.out_of_fold import (
        estimate_repeats,
        margin_of_repeats,
        match_repeats,
        properties_of_repeats,
    )
    from pipeline.evaluation.split_evaluation import Options
    from pipeline.experiments.folds import is_exclusive, pool
    from pipeline.report.cross_validation import CrossValidation, FoldRow
    from pipeline.statistics.bootstrap import wilson_sample_size

    params = results[0].params
    options, metrics = Options.of(params), config.build_all(params, "metric")
    repeats = match_repeats(pool(results))
    estimates = estimate_repeats(metrics, repeats, options.bootstrap, wilson_sample_size(options.half_width))
    estimates |= {BEYOND: margin_of_repeats(repeats, is_exclusive(params), options.bootstrap)}
    single_numbers = {name: metric for name, metric in metrics.items() if not metric.per_class}
    source = str(params["source"]["name"])
    return CrossValidation(
        source=source,
        recipe=recipe,
        num_folds=num_folds,
        num_repeats=num_repeats,
        num_samples=len(repeats[0].predictions),
        num_groups=repeats[0].predictions.num_groups,
        estimates=estimates,
        by_properties=properties_of_repeats(single_numbers, repeats, options.bootstrap),
        folds=[
            FoldRow(
                name=result.name,
                num_train=result.num_train,
                num_val=result.num_val,
                num_test=len(result.predictions),
                num_groups=result.predictions.num_groups,
                estimates=result.estimates,
            )
            for result in results
        ],
        lower_is_better=frozenset(name for name, metric in metrics.items() if not metric.larger_is_better),
        single=_read_single(source),
    )


def _read_single(source: str) -> dict[str, Estimate] | None:
    """The figures of test of the last ordinary run, where it was of this data set."""
    from pipeline.core.estimate import read_estimates
    from pipeline.training.model_card import CARD

    card = artifacts.PREDICTOR / CARD
    if not (card.exists() and artifacts.TEST_METRICS.exists()) or artifacts.read_json(card).get("source") != source:
        return None
    return read_estimates(artifacts.TEST_METRICS)


def _write(found: CrossValidation, results: list[FoldResult]) -> None:
    import pandas as pd

    from pipeline.media.choice import media_of_params
    from pipeline.report.command_pages import ANSWER, write_commands_page
    from pipeline.report.cross_validation import cross_validation_page, describe_leading

    artifacts.write_json(FIGURES, {ANSWER: describe_leading(found), **found.to_json()})
    artifacts.write_text(PAGE, cross_validation_page(found, media_of_params(results[0].params)))
    write_commands_page(found.source)
    table = pd.concat([result.rows for result in results], ignore_index=True)
    artifacts.write_table(PREDICTIONS, table, metadata={"classes": results[0].predictions.classes})


def _log(found: CrossValidation, results: list[FoldResult], names: Mapping[str, str]) -> None:
    from pipeline.tracking.parent_runs import FoldRecord, cross_validation_run

    key = artifacts.content_digest(*(name.encode() for name in sorted(names.values())))
    folds = {
        result.name: FoldRecord(training_key=result.training_key, params=result.params, estimates=result.estimates)
        for result in results
    }
    title = f"cross-validation · {found.source} · {len(results)} trainings"
    cross_validation_run(key, title, folds, dict(found.estimates), [FIGURES, PAGE, PREDICTIONS])


def _say(found: CrossValidation) -> None:
    from pipeline.report.cross_validation import describe_cross_validation

    say(
        "",
        *describe_cross_validation(found),
        "",
        f"Page:        {PAGE}",
        f"Predictions: {PREDICTIONS}",
        "Runs:        colibri ui, under one parent",
    )
