"""Did pretraining help? Compares the pretrained encoder with its initial weights, with few labels and with all.

A logistic regression is fitted to frozen features of 10, 20, 50 and 100 labels a class of train and of all, on several
random subsets, and measured on val; test is not read. It is compared with the initial weights, with the packaged
features of data/embeddings/ and with the measured properties alone, by paired intervals. It also says which suspected
properties the views of the pretraining took out of the features. Needs what colibri run objective=simclr makes.

It writes reports/label_efficiency.html, .json and .csv. In MLflow (colibri ui) the kinds of features stand under one
parent, with the number of labels as step.

Examples:
  colibri label-efficiency                              frozen features: a minute or so
  colibri label-efficiency --labels 5 25 --draws 20     other sizes, more subsets of each
  colibri label-efficiency --finetune 3                 whole networks too, on 3 subsets of each size: it takes long
"""

from __future__ import annotations

from argparse import ArgumentParser
from typing import TYPE_CHECKING

from pipeline.core.errors import UserError
from pipeline.core.terminal import say

if TYPE_CHECKING:
    from collections.abc import Sequence

SIZES = (10, 20, 50, 100)


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--labels", type=int, nargs="+", default=SIZES, metavar="N", help="labels a class (default: 10 20 50 100)"
    )
    parser.add_argument("--draws", type=int, default=10, help="random subsets of each size (default: 10)")
    parser.add_argument(
        "--finetune",
        type=int,
        default=0,
        metavar="DRAWS",
        help="fine-tune too, on the first DRAWS subsets of each size, at least 2 (default: 0, none)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the subsets (default: 0)")
    parser.add_argument("--no-mlflow", action="store_true", help="record nothing in MLflow")


def main(
    labels: Sequence[int] = SIZES, draws: int = 10, finetune: int = 0, seed: int = 0, no_mlflow: bool = False
) -> None:
    if min(labels) < 1 or draws < 2 or seed < 0 or finetune == 1 or not 0 <= finetune <= draws:
        raise UserError(
            "--labels must be at least 1, --draws at least 2, --seed at least 0, and --finetune takes 0, or 2 to "
            f"--draws; got {' '.join(map(str, labels))}, {draws}, {seed} and {finetune}"
        )
    from pipeline.core import config
    from pipeline.core.choices import refuse_without_labels
    from pipeline.experiments import label_efficiency as measuring
    from pipeline.media.choice import media_of_params
    from pipeline.report.label_efficiency_text import describe_label_efficiency

    params = config.load_params()
    refuse_without_labels(params, "label-efficiency")
    sizes = tuple(sorted(set(labels)))
    request = measuring.Request(sizes=sizes, num_draws=draws, num_fine_tuned=finetune, seed=seed)
    found = measuring.measure_label_efficiency(params, request)
    measuring.write_label_efficiency(found, media_of_params(params))
    runs = []
    if not no_mlflow:
        measuring.record_label_efficiency(params, request, found)
        runs = ["Runs:  colibri ui, under one parent"]
    say("", *describe_label_efficiency(found), "", f"Page:  {measuring.PAGE}", f"Table: {measuring.TABLE}", *runs)
