"""The section on attribution maps: whether they may be read as evidence, and the maps of some decisions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
from PIL import Image

from pipeline.core.estimate import Estimate
from pipeline.evaluation.explanation_results import Example, Explanations
from pipeline.evaluation.map_comparison import BORDER, OTHER, RANDOMISED, REPRODUCED
from pipeline.report.formatting import Figure, figure, join_names, share
from pipeline.report.pictures import Picture, gallery

TITLES = {  # figure to its name and its meaning
    RANDOMISED: ("the same {noun} with random weights", "mean rank correlation with the map of the trained model"),
    OTHER: ("another {noun} with the trained model", "mean rank correlation of the maps of different {noun}s"),
    REPRODUCED: (
        "reproduced by random weights",
        "how far the first lies on the way from the second to 1; 0 or less: nothing",
    ),
}
KINDS = {  # kind to its title
    "wrong": "predicted, and wrong",
    "missed": "missed",
    "right": "predicted, and right",
    "abstained": "left to a person",
}
FOR, AGAINST = (235, 110, 20), (40, 110, 220)  # colours of what speaks for the class and against it
MAX_BYTES = 1_500_000  # of all pictures of the section together
STRONGEST = 0.75  # opacity of the largest attribution
VIEWS = ("picture", "map", "random weights")


@dataclass(frozen=True, kw_only=True)
class ExplainedDecision:
    """One decision: the picture, its map, and the map with random weights."""

    views: list[Picture]
    actual: str
    score: str
    correlation: str


@dataclass(frozen=True, kw_only=True)
class ExplainedKind:
    """The decisions of one class and kind."""

    title: str
    decisions: list[ExplainedDecision]


@dataclass(frozen=True, kw_only=True)
class ExplainedClass:
    """The decisions of one class."""

    label: str
    kinds: list[ExplainedKind]


@dataclass(frozen=True, kw_only=True)
class ExplanationsSection:
    """What the section shows.

    Attributes:
        note: What was explained, or why nothing was.
        method: In words; empty where nothing was explained.
        state: Of the verdict.
        verdict: In one sentence.
        correlations: The figures behind it.
        borders: Of all pictures and of each class, the share of the attribution near the border.
        border_area: Share of the area near the border, 0 to 1.
        border_sentence: Where the model looks at the border more than its area, in one sentence.
        classes: With maps.
    """

    note: str
    method: str
    state: str
    verdict: str
    correlations: list[Figure]
    borders: list[Figure]
    border_area: float
    border_sentence: str
    classes: list[ExplainedClass]


def explanations(found: Explanations) -> ExplanationsSection:
    """The verdict, the figures, and the maps by class and kind."""
    encoded = gallery(
        {
            f"{row}/{view}": one
            for row, example in enumerate(found.examples)
            for view, one in enumerate(_views(example))
        },
        max_bytes=MAX_BYTES,
    )
    numbered = list(enumerate(found.examples))
    classes = [
        ExplainedClass(
            label=label,
            kinds=[
                ExplainedKind(title=KINDS[kind], decisions=[_decision(row, one, encoded) for row, one in inner])
                for kind, inner in groupby(rows, key=lambda pair: pair[1].kind)
            ],
        )
        for label, rows in groupby(numbered, key=lambda pair: pair[1].label)
    ]
    borders = {name: one for name, one in found.figures.items() if name.partition("/")[0] == BORDER}
    return ExplanationsSection(
        note=found.note,
        method=found.method,
        state=found.state,
        verdict=_verdict(found),
        correlations=[_correlation(name, found.figures[name]) for name in TITLES if name in found.figures],
        borders=[_border(name, one) for name, one in borders.items()],
        border_area=found.border_area,
        border_sentence=_describe_border(borders, found.border_area) if found.method else "",
        classes=classes,
    )


def _verdict(found: Explanations) -> str:
    if found.state == "depend":
        return "The maps depend on what the model learned: random weights give others."
    if found.state == "do_not_depend":
        return (
            "The maps do not depend on what the model learned: random weights give much the same. Do not read them as "
            "evidence of what the model looks at."
        )
    open_question = "Whether the maps depend on what the model learned cannot be judged"
    return f"{open_question}: {found.reason}. Do not read them as evidence."


def _describe_border(figures: dict[str, Estimate], area: float) -> str:
    """The classes whose whole interval is above the share of the area."""
    compared = {name: one.low for name, one in figures.items() if "/" in name and one.low is not None}
    above = [name.partition("/")[2] for name, low in compared.items() if low > area]
    if above:
        chance = (
            f" Of forty classes about one is named by chance; here are {len(compared)}." if len(compared) > 1 else ""
        )
        return (
            f"For {join_names(above)} the border has more of the attribution than of the area: look for something "
            f"there that gives the class away.{chance}"
        )
    return "For no class is the border shown to have more of the attribution than of the area."


def _correlation(name: str, estimate: Estimate) -> Figure:
    title, note = TITLES[name]
    return replace(figure(name, estimate, reason="undefined on these maps"), name=title, note=note, is_number=True)


def _border(name: str, estimate: Estimate) -> Figure:
    label = name.partition("/")[2]
    shown = figure(name, estimate, reason="no map that is not zero")
    return replace(shown, name=label or "all explained decisions", note=f"{estimate.n} maps" if estimate.n else "")


def _decision(row: int, example: Example, pictures: dict[str, Picture]) -> ExplainedDecision:
    place = "" if example.frame is None else f"frame or slice {example.frame + 1}, "
    return ExplainedDecision(
        views=[
            replace(pictures[f"{row}/{view}"], sample_id=f"{example.sample_id}, {place}{title}")
            for view, title in enumerate(VIEWS)
        ],
        actual=join_names(example.labels) if example.labels else "none",
        score=share(example.score),
        correlation="" if example.correlation is None else f"{example.correlation:.2f}",
    )


def _views(example: Example) -> list[np.ndarray]:
    """The picture, and both maps over it."""
    return [example.picture, *(overlay(example.picture, one) for one in example.maps)]


def overlay(picture: np.ndarray, attribution: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8: a pale grey picture, orange where it speaks for the class, blue where against it.

    Args:
        picture: (H, W, 1) or (H, W, 3) uint8.
        attribution: (H, W), -1 to 1; the opacity of the colour is its absolute value.
    """
    grey = np.asarray(Image.fromarray(picture[..., 0] if picture.shape[2] == 1 else picture).convert("L"))
    under = np.repeat(grey[..., None].astype(np.float32), 3, axis=2)
    values = attribution.astype(np.float32)[..., None]
    colour = np.where(values > 0, np.array(FOR, np.float32), np.array(AGAINST, np.float32))
    opacity = STRONGEST * np.clip(np.abs(values), 0, 1)
    return np.asarray(np.clip(under * (1 - opacity) + colour * opacity, 0, 255).round(), dtype=np.uint8)
