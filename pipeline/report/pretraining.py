"""The section on the pretraining: what the encoder learned from before training, and how that went, epoch by epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from pipeline.core.manifest_schema import POOL, SPLITS
from pipeline.core.terminal import count_of
from pipeline.report.curves import Curves, Panels, curves

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject, Params

PANELS: Panels = (  # as those of curves.py
    (
        "Loss",
        "What the objective makes small; its size alone says little, its fall says that it learns.",
        False,
        (("loss", "loss"),),
    ),
    (
        "Effective rank",
        "In how many directions features vary; near 1 all {noun}s look alike to the encoder.",
        False,
        (("effective_rank", "effective rank"),),
    ),
    (
        "Nearest neighbours",
        "Share of val whose neighbours in train are mostly of its class (mean balanced accuracy of several labels).",
        True,
        (("neighbour_accuracy", "nearest neighbours"),),
    ),
)
BELONGS = {"view": "views of one {noun}", "group": "{noun}s of one group", "class": "{noun}s of one class"}
PURPOSE = {"train": "with a label, of which the pretraining saw the {noun} alone", POOL: "without a label"}
NEVER = "never part of a pretraining"  # the other splits
OF_CLASS = "with a label, which said what belongs together"


@dataclass(frozen=True, kw_only=True)
class PartOfPretraining:
    """One split, and how many of its pictures the encoder learned from."""

    name: str
    purpose: str
    num_samples: int


@dataclass(frozen=True, kw_only=True)
class Pretraining:
    """What the section shows.

    Attributes:
        sentence: What the encoder learned from.
        views: Names and options of the random changes; empty where there are none.
        belongs: What the objective takes to belong together, in words.
        parts: Pictures of each split.
        curves: Of each epoch.
    """

    sentence: str
    views: list[tuple[str, str]]
    belongs: str
    parts: list[PartOfPretraining]
    curves: Curves


def pretraining(card: JsonObject, table: pd.DataFrame) -> Pretraining | None:
    """The section; None where the encoder was not pretrained.

    Args:
        card: Of the predictor.
        table: `reports/pretrain.csv`.
    """
    found = card.get("pretraining")
    if not found:
        return None
    by_class = found["objective"].get("positives") == "class"
    samples = found["num_samples"]
    return Pretraining(
        sentence=describe_pretraining(found),
        views=[
            (str(name), describe_options(node)) for name, node in (found["views"] or {}).items() if node is not None
        ],
        belongs=BELONGS.get(str(found["objective"].get("positives")), ""),
        parts=[
            PartOfPretraining(
                name=name,
                purpose=OF_CLASS if by_class and name == "train" else PURPOSE.get(name, NEVER),
                num_samples=int(samples.get(name, 0)),
            )
            for name in (*SPLITS, POOL)
        ],
        curves=curves(table, PANELS),
    )


def describe_pretraining(found: JsonObject, noun: str = "{noun}") -> str:
    """What the encoder learned from, in a sentence that names the objective and says that val and test took no part."""
    samples = found["num_samples"]
    parts = [count_of(samples["train"], noun) + " of train"] if samples["train"] else []
    parts += [f"{samples[POOL]:,} without a label"] if samples.get(POOL) else []
    assert not any(samples[name] for name in SPLITS if name not in PURPOSE), (
        "pictures of val or test took part in a pretraining"
    )
    return (
        f"Before training, the encoder was pretrained by the objective {describe_objective(found['objective'])} for "
        f"{count_of(int(found['epoch']), 'epoch')} on {' and '.join(parts)}. No {noun} of val or test took part."
    )


def describe_objective(node: Params) -> str:
    """The module of its class, which is its name in conf/objective/ in most cases."""
    return str(node.get("_target_", "")).split(".")[-2]


def describe_options(node: Params) -> str:
    """The options of a view as people read them: min area 0.3, max stretch 1.33; of a switch that is on its name."""
    chosen = [(str(key).replace("_", " "), value) for key, value in node.items() if key != "_target_"]
    return ", ".join(
        name if value is True else f"{name} {value}"
        for name, value in chosen
        if value is not None and value is not False
    )
