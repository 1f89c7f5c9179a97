"""The section on suspected properties: what the model decides when a property is that of another class."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.evaluation.counterfactual_results import CounterfactualResult, Counterfactuals, Example
from pipeline.evaluation.counterfactual_text import Verdict
from pipeline.report.formatting import Figure, figure
from pipeline.report.pictures import Picture, gallery

ORDER = ("follows", "slight", "not_shown", "cannot_be_judged")
TITLES = {  # figure to its name and its meaning
    "flip_rate": ("lost with the property of the other class", "correct decisions that are then wrong"),
    "control_flip_rate": ("lost after the control", "a change as large that keeps to the own class"),
    "difference": ("difference", "of the two shares, on the same pictures"),
    "crossed_accuracy": (
        "correct in the crossed cells",
        "unchanged pictures that have the property of the other class",
    ),
    "typical_accuracy": ("correct elsewhere", "unchanged pictures that have the property of their own class"),
    "nuisance_accuracy": (
        "correct by the property alone",
        "the property of a test picture on the content of another; balanced, 50 % is chance",
    ),
    "isolated_accuracy": ("correct by the outer part alone", "the middle is grey; balanced, 50 % is chance"),
    "removed_accuracy": ("correct without the outer part", "which is blurred; balanced, 50 % is chance; no verdict"),
}
VIEWS = ("before", "after", "control")
MAX_BYTES = 1_200_000  # of all pictures of the section together


@dataclass(frozen=True, kw_only=True)
class View:
    """One of the three pictures of an example, and what the model decides about it."""

    title: str
    picture: Picture
    decided: bool
    moved: bool


@dataclass(frozen=True, kw_only=True)
class Tested:
    """One property with one intervention.

    Attributes:
        title: The property, in words.
        label: That the property predicts.
        alone: Balanced accuracy of the property alone, in percent.
        intervention: Its name; empty where there is none.
        state: Of the verdict, in words.
        sentence: The verdict.
        outer: The verdict on the outer part alone; None of a property without a place.
        figures: Those that were measured.
        examples: Three views each.
    """

    title: str
    label: str
    alone: str
    intervention: str
    state: str
    sentence: str
    outer: Verdict | None
    figures: list[Figure]
    examples: list[list[View]]


@dataclass(frozen=True, kw_only=True)
class Interventions:
    """What the section shows; `rendered` has figures, `others` say why they have none."""

    note: str
    rendered: list[Tested]
    others: list[Tested]

    @property
    def followed_properties(self) -> list[str]:
        """Properties that the model follows, each once, and the outer parts that it decides by."""
        outer = [one for one in self.rendered if one.outer is not None and one.outer.state == "follows"]
        return list(
            dict.fromkeys(
                [
                    *(one.title for one in self.rendered if one.state == "follows"),
                    *(f"the outer part alone ({one.intervention})" for one in outer),
                ]
            )
        )

    @property
    def num_tests(self) -> int:
        return len(self.rendered)


def read_counterfactuals(
    path: Path = artifacts.INTERVENTIONS, pictures: Path = artifacts.INTERVENTION_PICTURES
) -> Counterfactuals:
    """What the stage `intervene` wrote.

    Raises:
        UserError: A file is missing, or holds something else.
    """
    try:
        return Counterfactuals.from_json(artifacts.read_json(path), np.load(pictures, allow_pickle=False))
    except FileNotFoundError:
        raise UserError(f"{pictures} does not exist; run dvc repro, which makes it") from None
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: not the results of intervene ({error}); remove it and run dvc repro") from None


def interventions(found: Counterfactuals) -> Interventions:
    """The results, those that the model follows first."""
    views = {
        f"{row}/{number}/{view}": picture
        for row, result in enumerate(found.results)
        for number, example in enumerate(result.examples)
        for view, picture in zip(VIEWS, example.pictures, strict=True)
    }
    encoded = gallery(views, max_bytes=MAX_BYTES)
    entries = [_entry(row, result, encoded) for row, result in enumerate(found.results)]
    entries.sort(key=lambda entry: ORDER.index(entry.state.replace(" ", "_")))  # stable: the best predictors first
    return Interventions(
        note=found.note,
        rendered=[entry for entry in entries if entry.figures],
        others=[entry for entry in entries if not entry.figures],
    )


def _entry(row: int, result: CounterfactualResult, pictures: dict[str, Picture]) -> Tested:
    return Tested(
        title=result.suspicion.words,
        label=result.suspicion.label,
        alone=f"{100 * result.suspicion.accuracy:.0f}",
        intervention=result.intervention.replace("_", " "),
        state=result.state.replace("_", " "),
        sentence=result.sentence,
        outer=result.outer,
        figures=[_figure(name, result) for name in TITLES if name in result.figures],
        examples=[
            _views(example, [pictures[f"{row}/{number}/{view}"] for view in VIEWS])
            for number, example in enumerate(result.examples)
        ],
    )


def _figure(name: str, result: CounterfactualResult) -> Figure:
    shown = figure(name, result.figures[name], reason="no such picture")
    title, note = TITLES[name]
    values = {**vars(shown), "name": title, "note": note, "is_difference": name == "difference"}
    return Figure(**values)


def _views(example: Example, pictures: list[Picture]) -> list[View]:
    decisions = (example.has, example.after, example.control)
    return [
        View(
            title=title,
            picture=Picture(sample_id=f"{example.sample_id}, {title}", uri=picture.uri, tiny=picture.tiny),
            decided=decided,
            moved=decided != example.has,
        )
        for title, picture, decided in zip(VIEWS, pictures, decisions, strict=True)
    ]
