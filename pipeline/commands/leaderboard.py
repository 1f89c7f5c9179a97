"""Runs the experiments of conf/leaderboard/NAME.yaml through DVC's queue and compares them in one table.

What has run before with the same parameters, code and pictures is not run again; stages that experiments share are
computed once. It writes reports/leaderboard.csv and reports/leaderboard.html: each figure with its interval, the
paired difference to the best, training time, images/s at inference, size on disk, and which is the smallest model that
is shown to be as good as the best. In MLflow (make ui) the same runs stand under one parent. Interrupted, it goes on
from there when it is run again.
"""

from __future__ import annotations

import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core import artifacts, config
from pipeline.core.errors import UserError
from pipeline.core.terminal import say

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.core.contracts import Metric
    from pipeline.experiments.dvc_queue import Finished
    from pipeline.experiments.results import ExperimentOutputs
    from pipeline.experiments.table import Outcome

TABLE, PAGE = Path("reports/leaderboard.csv"), Path("reports/leaderboard.html")
MAX_NAME = 40  # characters, in the terminal
RANKED_BY_TEST = (
    "Models are ranked by their test figures, which flatters the first of many; judge it again on new pictures."
)


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="of conf/leaderboard/NAME.yaml")


def main(name: str) -> None:
    from pipeline.evaluation.split_evaluation import Options
    from pipeline.experiments import dvc_queue, listing, naming, speed, table
    from pipeline.report.leaderboard import leaderboard_page
    from pipeline.tracking.parent_runs import leaderboard_run

    listed, params = listing.read(name)
    metric: Metric = metric_of(params, listed.metric)
    names = naming.names(listed.experiments)
    try:
        finished = dvc_queue.run(names, lambda one, what: say(f"{one}: {what}"))
    except KeyboardInterrupt:
        raise UserError(
            "interrupted; nothing of it is left in DVC's queue, and what is finished is kept: "
            f"colibri leaderboard {name} goes on from there"
        ) from None
    failed = {one: ended.reason for one, ended in finished.items() if ended.reason}
    with tempfile.TemporaryDirectory() as folder:
        kept, lost = bring_outputs(finished, Path(folder))
        outcomes, without = read_outcomes(kept, listed.metric)
        failed |= lost | without
        bootstrap = Options.of(params).bootstrap
        made = table.make_board(listed.metric, metric, outcomes, failed, listed.published, listed.margin, bootstrap)
    made["machine"] = speed.machine() if outcomes else ""
    artifacts.write_csv(TABLE, made)
    shown = leaderboard_page(name, made, speed.machine(), listed.margin, not metric.larger_is_better)
    artifacts.write_text(PAGE, shown)
    keys = {one.name: one.results_key for one in kept}
    leaderboard_run(name, keys, [TABLE, PAGE])
    say("", *lines(made), "", RANKED_BY_TEST, f"Table: {TABLE}", f"Page:  {PAGE}", "Runs:  make ui, under one parent")
    unfinished = made[made["kind"] == "failed"]
    if len(unfinished):
        first = unfinished.iloc[0]
        ended = finished[first["name"]]
        where = f"; dvc queue logs {names[first['name']]}" if ended.reason else ""
        raise UserError(
            f"{len(unfinished)} of {len(listed.experiments)} experiments failed, the first is {first['name']}: "
            f"{first['note']}{where}"
        )


def metric_of(params: dict[str, object], name: str) -> Metric:
    """The metric that the table compares by.

    Raises:
        UserError: The leaderboard's configuration does not measure it, or it is one number per class.
    """
    metrics = config.build_all(params, "metric")
    if name not in metrics:
        is_off = name in config.get_section(params, "metric")
        what = "is switched off by null" if is_off else "is not measured"
        raise UserError(f"leaderboard.metric {name!r} {what}; metric has {', '.join(metrics) or 'none'}")
    metric: Metric = metrics[name]
    if metric.per_class:
        raise UserError(f"leaderboard.metric {name!r} is one number per class; a leaderboard needs one for all classes")
    return metric


def bring_outputs(finished: dict[str, Finished], folder: Path) -> tuple[list[ExperimentOutputs], dict[str, str]]:
    """What each experiment left, and the reason where it cannot be had any more."""
    from pipeline.experiments.results import bring_outputs

    kept, lost = [], {}
    for one, ended in finished.items():
        if ended.revision is not None:
            try:
                kept.append(bring_outputs(one, ended.revision, folder / one))
            except UserError as error:
                lost[one] = str(error)
    return kept, lost


def read_outcomes(kept: list[ExperimentOutputs], metric: str) -> tuple[list[Outcome], dict[str, str]]:
    """Figures, costs and speed of each, and the reason where it was not measured."""
    from dataclasses import replace

    from pipeline.experiments.speed import images_per_second

    outcomes, without, timed = [], {}, {}
    for one in kept:
        try:
            outcomes.append(one.outcome(metric))
            timed[one.name] = one.speed_material()
        except UserError as error:
            without[one.name] = str(error)
    say(f"measuring the speed of {len(timed)} models in turns")
    speeds = images_per_second(timed)
    return [replace(one, images_per_second=speeds[one.name]) for one in outcomes if one.name in speeds], without


def lines(made: pd.DataFrame) -> list[str]:
    """The table for a terminal."""
    from pipeline.report.formatting import SPACE
    from pipeline.report.leaderboard import row
    from pipeline.report.plots import axis

    cells: list[tuple[str, ...]] = [
        (str(made["metric"].iloc[0]), "", "95 % interval", "to the best", "training", "images/s", "size", "")
    ]
    for entry in made.to_dict("records"):
        one = row(entry, axis([0.0, 1.0]))
        marks = (
            one.state.replace("_", " ") if one.state != "published" else "",
            "smallest that is as good as the best" if one.smallest else "",
        )
        mark = ", ".join(filter(None, marks))
        measured = (one.value, one.between, one.difference_between, one.train, one.speed, one.size)
        cells.append((one.name[:MAX_NAME], *(text.replace(SPACE, " ") for text in measured), mark))
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
