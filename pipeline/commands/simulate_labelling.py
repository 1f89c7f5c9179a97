"""Is it worth it to choose what is labelled? Plays labelling on the labelled samples, each strategy against random.

Train acts as if it had no labels. Each strategy of conf/query/ chooses batches up to each number of labels; a
classifier on the features of data/embeddings/ is fitted to the labels known so far, and measured on val. Test is not
read. All strategies begin with the same random samples where they need some, so that differences from random labels
are paired; intervals cover other repeats and other samples than those of val. "Labels saved" says how many random
labels give the same.

Writes reports/simulate_labelling.html, .json and .csv. Runs no stage, and labels nothing.

Examples:
  colibri simulate-labelling                                   20, 50, 100 and 200 labels: minutes
  colibri simulate-labelling --budgets 50 300 --repeats 20     other numbers of labels, more repeats
  colibri simulate-labelling --strategies margin coreset       these alone: some seconds
"""

from __future__ import annotations

from argparse import ArgumentParser
from typing import TYPE_CHECKING

from pipeline.core.errors import UserError
from pipeline.core.terminal import say

if TYPE_CHECKING:
    from collections.abc import Sequence

BUDGETS = (20, 50, 100, 200)


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--budgets", type=int, nargs="+", default=BUDGETS, metavar="N", help="labels in all (default: 20 50 100 200)"
    )
    parser.add_argument("--repeats", type=int, default=10, help="of each curve (default: 10)")
    parser.add_argument("--strategies", nargs="+", default=(), metavar="NAME", help="of conf/query/ (default: all)")
    parser.add_argument("--seed", type=int, default=0, help="of all that is random (default: 0)")


def main(budgets: Sequence[int] = BUDGETS, repeats: int = 10, strategies: Sequence[str] = (), seed: int = 0) -> None:
    if min(budgets) < 2 or repeats < 2 or seed < 0:
        raise UserError(
            "--budgets and --repeats must be at least 2, and --seed at least 0; got "
            f"{' '.join(map(str, budgets))}, {repeats} and {seed}"
        )
    from pipeline.core import config
    from pipeline.core.choices import refuse_without_labels
    from pipeline.experiments import labelling_curves as measuring
    from pipeline.report.labelling_curves import describe_savings

    params = config.load_params()
    refuse_without_labels(params, "simulate-labelling")
    request = measuring.Request(
        budgets=tuple(sorted(set(budgets))), num_repeats=repeats, strategies=tuple(strategies), seed=seed
    )
    found = measuring.measure_labelling(params, request)
    measuring.write_labelling(found)
    say("", *describe_savings(found), "", f"Page:  {measuring.PAGE}", f"Table: {measuring.TABLE}")
