"""Runs several models on your pictures through DVC's queue and compares them in one table.

Without a NAME it runs ten standard models, from the majority class to fine-tuning, on the source of conf/config.yaml;
conf/leaderboard/NAME.yaml lists others.
What has run before with the same parameters, code and pictures is not run again; stages that experiments share are
computed once. It writes reports/leaderboard.csv and reports/leaderboard.html: each figure with its interval, the
paired difference to the best, training time, images/s at inference, size on disk, and which is the smallest model that
is shown to be as good as the best. In MLflow (colibri ui) the same runs stand under one parent. An interrupted
leaderboard resumes when it is started again.

Examples:
  colibri leaderboard                ten standard models on your source
  colibri leaderboard elpv           what conf/leaderboard/elpv.yaml lists
  colibri leaderboard mine           yours: copy conf/leaderboard/standard.yaml to mine.yaml and edit it
"""

from __future__ import annotations

import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core import artifacts, test_ledger
from pipeline.core.errors import UserError
from pipeline.core.terminal import say
from pipeline.media.choice import media_of_params

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.core.evaluation_contracts import Metric
    from pipeline.experiments.dvc_queue import Finished
    from pipeline.experiments.results import ExperimentOutputs
    from pipeline.experiments.table import Outcome

TABLE, PAGE = Path("reports/leaderboard.csv"), Path("reports/leaderboard.html")
MAX_NAME = 40  # characters, in the terminal
RANKED_BY_TEST = (
    "Models are ranked by their test figures, so the figure of the best is too good; evaluate it on new pictures."
)


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "name", metavar="NAME", nargs="?", default="standard", help="of conf/leaderboard/NAME.yaml (default: standard)"
    )


def main(name: str) -> None:
    from pipeline.core.choices import refuse_without_labels
    from pipeline.evaluation.split_evaluation import Options
    from pipeline.experiments import dvc_queue, listing, naming, speed, table
    from pipeline.report.command_pages import write_commands_page
    from pipeline.report.leaderboard import leaderboard_page
    from pipeline.tracking.parent_runs import leaderboard_run

    listed, params = listing.read(name)
    refuse_without_labels(params, "leaderboard")
    metric: Metric = metric_of(params, listed.metric)
    names = naming.names(listed.rows)
    try:
        finished = dvc_queue.run(names, listed.rows, lambda one, what: say(f"{one}: {what}"))
    except KeyboardInterrupt:
        raise UserError(
            "interrupted; DVC's queue holds no entry of it any more, and finished experiments are kept: "
            f"run colibri leaderboard {name} again to resume"
        ) from None
    failed = {one: ended.reason for one, ended in finished.items() if ended.reason}
    with tempfile.TemporaryDirectory() as folder:
        outputs, lost = bring_outputs(finished, Path(folder))
        outcomes, unmeasured = read_outcomes(outputs, listed.metric)
        failed |= lost | unmeasured
        if outcomes:
            compared = [one.test for one in outcomes]
            test_ledger.record(test_ledger.Reading.of(compared, "leaderboard", ", ".join(one.name for one in outcomes)))
        bootstrap = Options.of(params).bootstrap
        board = table.make_board(listed.metric, metric, outcomes, failed, listed.published, listed.margin, bootstrap)
    board["machine"] = speed.machine() if outcomes else ""
    artifacts.write_csv(TABLE, board)
    shown = leaderboard_page(
        name, board, speed.machine(), listed.margin, not metric.larger_is_better, media_of_params(params)
    )
    artifacts.write_text(PAGE, shown)
    write_commands_page()
    keys = {one.name: one.results_key for one in outputs}
    leaderboard_run(name, keys, [TABLE, PAGE])
    say(
        "",
        *lines(board),
        "",
        RANKED_BY_TEST,
        f"Table: {TABLE}",
        f"Page:  {PAGE}",
        "Runs:  colibri ui, under one parent",
    )
    unfinished = board[board["kind"] == "failed"]
    if len(unfinished):
        first = unfinished.iloc[0]
        ended = finished[first["name"]]
        where = f"; dvc queue logs {names[first['name']]}" if ended.reason else ""
        raise UserError(
            f"{len(unfinished)} of {len(listed.rows)} experiments failed, the first is {first['name']}: "
            f"{first['note']}{where}"
        )


def metric_of(params: dict[str, object], name: str) -> Metric:
    """The metric that the table compares by.

    Raises:
        UserError: The leaderboard's configuration does not measure it, or it is one number per class.
    """
    from pipeline.evaluation.figures import ClassFigure, find_metric

    metric = find_metric(params, name, "leaderboard.metric")
    if isinstance(metric, ClassFigure):
        raise UserError(f"leaderboard.metric {name!r} is of one class; a leaderboard needs one number for all classes")
    return metric


def bring_outputs(finished: dict[str, Finished], folder: Path) -> tuple[list[ExperimentOutputs], dict[str, str]]:
    """The outputs of each experiment, and the reason where they cannot be read any more."""
    from pipeline.experiments.results import bring_outputs

    outputs, lost = [], {}
    for experiment, ended in finished.items():
        if ended.revision is not None:
            try:
                outputs.append(bring_outputs(experiment, ended.revision, folder / experiment))
            except UserError as error:
                lost[experiment] = str(error)
    return outputs, lost


def read_outcomes(outputs: list[ExperimentOutputs], metric: str) -> tuple[list[Outcome], dict[str, str]]:
    """Figures, costs and speed of each, and the reason where it was not measured."""
    from dataclasses import replace

    from pipeline.experiments.speed import images_per_second

    outcomes, unmeasured, timed = [], {}, {}
    for experiment in outputs:
        try:
            outcomes.append(experiment.outcome(metric))
            timed[experiment.name] = experiment.speed_material()
        except UserError as error:
            unmeasured[experiment.name] = str(error)
    say(f"measuring the speed of {len(timed)} models in turns")
    speeds = images_per_second(timed)
    return [replace(one, images_per_second=speeds[one.name]) for one in outcomes if one.name in speeds], unmeasured


def lines(board: pd.DataFrame) -> list[str]:
    """The table for a terminal."""
    from pipeline.report.formatting import SPACE
    from pipeline.report.leaderboard import row
    from pipeline.report.plots import axis

    cells: list[tuple[str, ...]] = [
        (str(board["metric"].iloc[0]), "", "95 % interval", "to the best", "training", "images/s", "size", "")
    ]
    for entry in board.to_dict("records"):
        shown = row(entry, axis([0.0, 1.0]))
        marks = (
            shown.state.replace("_", " ") if shown.state != "published" else "",
            "smallest that is as good as the best" if shown.smallest else "",
        )
        mark = ", ".join(filter(None, marks))
        measured = (shown.value, shown.between, shown.difference_between, shown.train, shown.speed, shown.size)
        cells.append((shown.name[:MAX_NAME], *(text.replace(SPACE, " ") for text in measured), mark))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(
            [
                f"  {name:{widths[0]}s}",
                *(f"{one:>{width}s}" for one, width in zip(rest, widths[1:-1], strict=True)),
                mark,
            ]
        ).rstrip()
        for name, *rest, mark in cells
    ]
