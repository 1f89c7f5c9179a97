"""Suggests a learning rate, from a short training in which it grows at each step.

Writes reports/learning_rate.csv (learning rate, loss, smoothed loss) and reports/learning_rate.png, and prints the rate
to set as learning_rate: a tenth of the one at which the smoothed loss was lowest. Needs data/packed, which
colibri run makes; takes everything but the learning rate from params.yaml.

Examples:
  colibri find-lr                            100 steps from 1e-6 to 1
  colibri find-lr --steps 300 --highest 10   slower, and further
  colibri find-lr --lowest 1e-5              where the first steps show nothing
"""

from __future__ import annotations

import math
from argparse import ArgumentParser
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core.errors import UserError
from pipeline.core.terminal import say

if TYPE_CHECKING:
    import pandas as pd

TABLE, PLOT = Path("reports/learning_rate.csv"), Path("reports/learning_rate.png")
SHARED = ("batch_size", "weight_decay", "layer_decay", "dropout", "precision", "seed")  # with conf/train
BELOW = 10  # the suggestion is the rate of the lowest loss over this, the rule of fastai's lr_find


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--steps", type=int, default=100, help="batches (default: 100)")
    parser.add_argument("--lowest", type=float, default=1e-6, help="learning rate of the first (default: 1e-6)")
    parser.add_argument("--highest", type=float, default=1.0, help="learning rate of the last (default: 1)")


def main(steps: int, lowest: float, highest: float) -> None:
    import pandas as pd

    from pipeline.core import artifacts, config
    from pipeline.datasets.packed import PackedDataset
    from pipeline.training.lr_range_test import LearningRateRangeTest
    from pipeline.training.pretrained_encoder import refuse_stale
    from pipeline.training.recipe import first_recipe

    params = config.load_params()
    node = config.get_section(params, "train")
    lacking = [name for name in SHARED if name not in node]
    if lacking:
        raise UserError(f"train has no {lacking[0]}: there is no learning rate to look for; use train=finetune")
    chosen = {"lowest": lowest, "highest": highest, "num_steps": steps, **{name: node[name] for name in SHARED}}
    find_rate: LearningRateRangeTest = config.instantiate(LearningRateRangeTest, chosen, "find-lr")
    refuse_stale(params)
    recipe = first_recipe(params)
    encoder, train = recipe.inputs(PackedDataset.load())
    table = pd.DataFrame(find_rate(encoder, recipe.task, recipe.risk, train))
    best = suggest_rate(table)
    artifacts.write_csv(TABLE, table)
    with artifacts.atomic_write(PLOT) as temporary:
        plot_rates(table, best, temporary)
    say(f"{len(table)} of {steps} steps, from {lowest:g} to {table['learning_rate'].iloc[-1]:.2g}; see {PLOT}")
    say(f"suggested: colibri run learning_rate={best:.2g}   (now {node['learning_rate']:g})")


def suggest_rate(table: pd.DataFrame) -> float:
    """A tenth of the learning rate with the lowest smoothed loss.

    Raises:
        UserError: The loss did not fall.
    """
    if table.empty or not table["smoothed"].min() < table["smoothed"].iloc[0]:
        raise UserError("the loss never fell; take a lower --lowest, or look at reports/checks.html first")
    found = float(table.loc[table["smoothed"].idxmin(), "learning_rate"]) / BELOW
    assert math.isfinite(found)
    return found


def plot_rates(table: pd.DataFrame, best: float, path: Path) -> None:
    """The curve, with the suggestion marked."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.plot(table["learning_rate"], table["loss"], color="0.75", label="loss of a batch")
    axes.plot(table["learning_rate"], table["smoothed"], color="tab:blue", label="smoothed")
    axes.axvline(best, color="tab:orange", label=f"suggested: {best:.2g}")
    axes.set(xscale="log", xlabel="learning rate", ylabel="loss", ylim=(0, 2 * table["smoothed"].iloc[0]))
    axes.legend()
    figure.savefig(path, format="png", dpi=120, metadata={"Software": None})
