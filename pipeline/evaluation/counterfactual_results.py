"""The records of `reports/interventions.json`, and the table and the pictures that go with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.estimate import Estimate
from pipeline.core.open_types import JsonObject
from pipeline.evaluation.counterfactual_text import State, Verdict, describe_obstacle
from pipeline.evaluation.suspicions import Suspicion

COLUMNS = ["property", "label", "intervention", "state", "figure", "value", "low", "high", "n", "groups", "caveat"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Example:
    """A test picture before, after, and after the control.

    Attributes:
        sample_id: Of the sample.
        has: Whether it has the label; the model decides so before.
        after: Whether the model decides for the label after the change.
        control: Whether it does after the control.
        pictures: (3, H, W, C) uint8.
    """

    sample_id: str
    has: bool
    after: bool
    control: bool
    pictures: np.ndarray = field(repr=False)


@dataclass(frozen=True, kw_only=True, eq=False)
class CounterfactualResult:
    """What one intervention shows of one suspected property.

    Attributes:
        suspicion: The property and the label.
        intervention: Its name in params.yaml; empty where there is none.
        state: The verdict.
        sentence: The verdict in words.
        outer: The verdict on the outer part of the picture alone; None of a property without a place.
        reach: How far the property went, as a share of the way to the other class.
        figures: `flip_rate`, `control_flip_rate`, `difference` (paired), `crossed_accuracy`, `typical_accuracy`
            and `nuisance_accuracy`, of a property with a place also `isolated_accuracy` and `removed_accuracy`; empty
            where nothing was rendered.
        examples: Pictures before and after.
    """

    suspicion: Suspicion
    intervention: str = ""
    state: State = "cannot_be_judged"
    sentence: str
    outer: Verdict | None = None
    reach: float = 0.0
    figures: Mapping[str, Estimate] = field(default_factory=dict)
    examples: Sequence[Example] = ()

    @classmethod
    def without(cls, suspicion: Suspicion, obstacle: str) -> CounterfactualResult:
        """The result where nothing can be rendered."""
        return cls(suspicion=suspicion, sentence=describe_obstacle(suspicion, obstacle))

    def to_json(self) -> JsonObject:
        """The entry of the file, without pictures."""
        return {
            "property": self.suspicion.name,
            "label": self.suspicion.label,
            "balanced_accuracy": self.suspicion.accuracy,
            "intervention": self.intervention,
            "state": self.state,
            "sentence": self.sentence,
            "outer": self.outer and vars(self.outer),
            "reach": self.reach,
            "figures": {name: figure.to_json() for name, figure in self.figures.items()},
            "examples": [
                {"sample_id": one.sample_id, "has": one.has, "after": one.after, "control": one.control}
                for one in self.examples
            ],
        }

    @classmethod
    def from_json(cls, entry: JsonObject, pictures: np.ndarray) -> CounterfactualResult:
        """The result of an entry, with the (P, 3, H, W, C) pictures of its P examples.

        Raises:
            ValueError: A key is missing, or holds something else.
        """
        try:
            outer = entry["outer"] and Verdict(**entry["outer"])
            for state in (entry["state"], *([outer.state] if outer else [])):
                if state not in get_args(State):
                    raise ValueError(f"state must be one of {', '.join(get_args(State))}, got {state!r}")
            suspicion = Suspicion(
                name=entry["property"], label=entry["label"], accuracy=float(entry["balanced_accuracy"])
            )
            pairs = zip(entry["examples"], pictures, strict=True)
            return cls(
                suspicion=suspicion,
                intervention=entry["intervention"],
                state=entry["state"],
                sentence=entry["sentence"],
                outer=outer,
                reach=float(entry["reach"]),
                figures={name: Estimate.from_json(one) for name, one in entry["figures"].items()},
                examples=[Example(**one, pictures=triple) for one, triple in pairs],
            )
        except KeyError as missing:
            raise ValueError(f"a result needs the key {missing}") from None


@dataclass(frozen=True, kw_only=True, eq=False)
class Counterfactuals:
    """All results, and in one sentence what they are about.

    Attributes:
        note: What was suspected, or why nothing was tested.
        results: The best predictors first.
    """

    note: str
    results: Sequence[CounterfactualResult] = ()

    @property
    def pictures(self) -> np.ndarray:
        """(P, 3, H, W, C) uint8 of all examples, in the order of the results; (0, 3, 1, 1, 1) where there is none."""
        found = [example.pictures for one in self.results for example in one.examples]
        return np.stack(found) if found else np.zeros((0, 3, 1, 1, 1), dtype=np.uint8)

    @property
    def table(self) -> pd.DataFrame:
        """A row for each figure; a property without figures has one row without a figure."""
        rows = []
        for one in self.results:
            facts = [one.suspicion.name, one.suspicion.label, one.intervention, one.state]
            figures = one.figures or {"": Estimate(value=None, low=None, high=None, n=0, groups=0)}
            rows += [
                [*facts, name, each.value, each.low, each.high, each.n, each.groups, each.caveat]
                for name, each in figures.items()
            ]
        return pd.DataFrame(rows, columns=COLUMNS)

    def to_json(self) -> JsonObject:
        return {"note": self.note, "results": [one.to_json() for one in self.results]}

    @classmethod
    def from_json(cls, content: Mapping[str, Any], pictures: np.ndarray) -> Counterfactuals:
        """What `to_json` and `pictures` gave.

        Raises:
            ValueError: A key is missing, or there are more or fewer pictures than examples.
        """
        entries, start, results = content["results"], 0, []
        for entry in entries:
            end = start + len(entry["examples"])
            results.append(CounterfactualResult.from_json(entry, pictures[start:end]))
            start = end
        if start != len(pictures):
            raise ValueError(f"{len(pictures)} examples of pictures, expected {start}")
        return cls(note=content["note"], results=results)


def read_figures(path: Path) -> dict[str, Estimate]:
    """Each figure of `reports/interventions.json` as `property/intervention/figure`.

    Raises:
        UserError: The file is missing, or holds something else.
    """
    try:
        return {
            f"{entry['property']}/{entry['intervention']}/{name}": Estimate.from_json(figure)
            for entry in artifacts.read_json(path)["results"]
            for name, figure in entry["figures"].items()
        }
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: not the results of intervene ({error}); remove it and run dvc repro") from None
