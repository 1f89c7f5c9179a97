"""The section on training: losses, quality on val and the learning rate, epoch by epoch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.core.terminal import count_of
from pipeline.report.formatting import share
from pipeline.report.plots import Axis, Line, Tick, axis, line

Panels = tuple[tuple[str, str, bool, tuple[tuple[str, str], ...]], ...]

PANELS: Panels = (  # title, note, whether values are shares, (column, name)
    (
        "Loss",
        "The error of the scores; lower is better. If val rises while train falls, the model overfits.",
        False,
        (("train_loss", "train"), ("val_loss", "val")),
    ),
    (
        "Quality on val",
        "Accuracy and macro F1 of the decided labels; higher is better.",
        True,
        (("val_accuracy", "accuracy"), ("val_f1_macro", "macro F1")),
    ),
    ("Learning rate", "The size of a step, at the end of each epoch.", False, (("learning_rate", "learning rate"),)),
)
KINDS = ("first", "second")
MAX_DOTS = 40


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One plot; `best` is the position of the best epoch in percent from the left."""

    title: str
    note: str
    lines: list[Line]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    best: float | None
    dots: bool
    alt: str


@dataclass(frozen=True, kw_only=True)
class Curves:
    """What the section shows.

    Attributes:
        best: Number of the epoch with the lowest val_loss; None if no val_loss is finite.
        header: Columns of the table behind the plots.
        rows: Its cells as text.
    """

    num_epochs: int
    best: int | None
    panels: list[Panel]
    header: list[str]
    rows: list[list[str]]


def curves(table: pd.DataFrame, wanted: Panels = PANELS) -> Curves:
    """The plots of a table of epochs.

    Args:
        table: `reports/train.csv`, or one like it.
        wanted: A plot for each, left out where the table has none of its columns.
    """
    if table.empty or "epoch" not in table:
        return Curves(num_epochs=0, best=None, panels=[], header=[], rows=[])
    best = None
    if "val_loss" in table and np.isfinite(table["val_loss"]).any():
        best = int(table.loc[table["val_loss"].idxmin(), "epoch"])
    x_axis = axis(table["epoch"].astype(float).tolist(), num_ticks=6, whole=True)
    panels = [_panel(table, x_axis, best, *options) for options in wanted]
    return Curves(
        num_epochs=len(table),
        best=best,
        panels=[panel for panel in panels if panel.lines],
        header=[str(name).replace("_", " ") for name in table],
        rows=[
            [str(int(row[0])), *(f"{value:.4g}" for value in row[1:])]
            for row in table[["epoch", *(name for name in table if name != "epoch")]].itertuples(index=False)
        ],
    )


def _panel(
    table: pd.DataFrame,
    x_axis: Axis,
    best: int | None,
    title: str,
    note: str,
    shares: bool,
    columns: tuple[tuple[str, str], ...],
) -> Panel:
    present = [(column, name) for column, name in columns if column in table]
    values = table[[column for column, _ in present]].to_numpy(dtype=float)
    y_axis = axis(values[np.isfinite(values)].tolist())
    if shares:
        y_axis = Axis(low=0.0, high=1.0, ticks=[0, 0.25, 0.5, 0.75, 1])
    xs = table["epoch"].astype(float).tolist()
    last = [f"{name} {_text(float(table[column].iloc[-1]), shares)}" for column, name in present]
    return Panel(
        title=title,
        note=note,
        lines=[
            line(name, kind, xs, table[column].astype(float).tolist(), x_axis, y_axis)
            for (column, name), kind in zip(present, KINDS, strict=False)
        ],
        x_ticks=[Tick(x_axis.across(tick), f"{tick:.0f}") for tick in x_axis.ticks],
        y_ticks=[Tick(y_axis.down(tick), f"{100 * tick:.0f} %" if shares else f"{tick:.3g}") for tick in y_axis.ticks],
        best=None if best is None or len(table) == 1 else x_axis.across(best),
        dots=len(table) <= MAX_DOTS,
        alt=f"{title} over {count_of(len(table), 'epoch')}; at the end: {', '.join(last)}",
    )


def _text(value: float, shares: bool) -> str:
    return share(value) if shares else f"{value:.3g}"
