"""The records of `reports/explanations.json`, and the pictures and maps that go with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args
from zipfile import BadZipFile

import numpy as np

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.estimate import Estimate
from pipeline.core.open_types import JsonObject
from pipeline.evaluation.explained_cases import KINDS, Kind
from pipeline.evaluation.map_comparison import State

NONE_SHOWN = np.zeros((0, 1, 1, 1), dtype=np.uint8), np.zeros((0, 2, 1, 1), dtype=np.float16)


@dataclass(frozen=True, kw_only=True, eq=False)
class Example:
    """One explained decision.

    Attributes:
        sample_id: Of the sample.
        label: The class that is explained.
        kind: `wrong`, `missed`, `right` or `abstained`.
        labels: The true labels.
        score: Of the explained class, calibrated.
        correlation: Of the map with that of the randomised model, -1 to 1; None where one of the two is constant.
        picture: (H, W, C) uint8, what the model sees; of a clip or volume the frame or slice `frame`.
        maps: (2, H, W) float16 of the trained and of the randomised model, each with largest absolute value 1; of a
            clip or volume what that frame has of it.
        frame: Of a clip or volume the frame or slice, from 0, that has the largest value of the first map; None of a
            picture.
    """

    sample_id: str
    label: str
    kind: Kind
    labels: list[str]
    score: float
    correlation: float | None
    picture: np.ndarray = field(repr=False)
    maps: np.ndarray = field(repr=False)
    frame: int | None = None

    def to_json(self) -> JsonObject:
        """The entry of the file, without picture and maps."""
        names = ("sample_id", "label", "kind", "labels", "score", "correlation")
        shown = {} if self.frame is None else {"frame": self.frame}
        return {name: getattr(self, name) for name in names} | shown


@dataclass(frozen=True, kw_only=True, eq=False)
class Explanations:
    """All that the stage `explain` found.

    Attributes:
        note: What was explained, or why nothing was.
        method: Of the attribution, in words; empty where nothing was explained.
        state: Whether the maps depend on what was learned.
        reason: Why that cannot be decided, a clause; empty where it could.
        border_area: Share of the area near the border, 0 to 1.
        figures: Those of `MapComparison`, `border_share` and for each class `border_share/CLASS`.
        examples: By class, then by kind.
    """

    note: str
    method: str = ""
    state: State = "cannot_be_judged"
    reason: str = ""
    border_area: float = 0.0
    figures: Mapping[str, Estimate] = field(default_factory=dict)
    examples: Sequence[Example] = ()

    def to_json(self) -> JsonObject:
        """The content of the file, without pictures and maps."""
        return {
            "note": self.note,
            "method": self.method,
            "state": self.state,
            "reason": self.reason,
            "border_area": self.border_area,
            "figures": {name: one.to_json() for name, one in self.figures.items()},
            "examples": [one.to_json() for one in self.examples],
        }

    def write(self, path: Path = artifacts.EXPLANATIONS, maps: Path = artifacts.EXPLANATION_MAPS) -> None:
        """Writes both files."""
        pictures, drawings = NONE_SHOWN
        if self.examples:
            pictures = np.stack([one.picture for one in self.examples])
            drawings = np.stack([one.maps for one in self.examples])
        artifacts.write_json(path, self.to_json())
        with artifacts.atomic_write(maps) as temporary, temporary.open("wb") as stream:
            np.savez(stream, pictures=pictures, maps=drawings)

    @classmethod
    def from_json(cls, content: JsonObject, pictures: np.ndarray, maps: np.ndarray) -> Explanations:
        """What `to_json` gave, with (P, H, W, C) pictures and (P, 2, H, W) maps of its P examples.

        Raises:
            ValueError: A key is missing, or holds something else.
        """
        if content["state"] not in get_args(State):
            raise ValueError(f"state must be one of {', '.join(get_args(State))}, got {content['state']!r}")
        if not len(content["examples"]) == len(pictures) == len(maps):
            raise ValueError(f"{len(pictures)} pictures and {len(maps)} maps, expected {len(content['examples'])}")
        unknown = {one["kind"] for one in content["examples"]} - set(KINDS)
        if unknown:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {sorted(unknown)[0]!r}")
        return cls(
            note=content["note"],
            method=content["method"],
            state=content["state"],
            reason=content["reason"],
            border_area=float(content["border_area"]),
            figures={name: Estimate.from_json(one) for name, one in content["figures"].items()},
            examples=[
                Example(**one, picture=picture, maps=pair)
                for one, picture, pair in zip(content["examples"], pictures, maps, strict=True)
            ],
        )


def read_explanations(path: Path = artifacts.EXPLANATIONS, maps: Path = artifacts.EXPLANATION_MAPS) -> Explanations:
    """What the stage `explain` wrote.

    Raises:
        UserError: A file is missing, or holds something else.
    """
    content = artifacts.read_json(path)
    try:
        with maps.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            return Explanations.from_json(content, stored["pictures"], stored["maps"])
    except FileNotFoundError:
        raise UserError(f"{maps} does not exist; run dvc repro, which makes it") from None
    except (AttributeError, KeyError, TypeError, ValueError, EOFError, BadZipFile) as error:
        raise UserError(f"{path}: not the results of explain ({error}); remove it and run dvc repro") from None


def read_explanation_figures(path: Path = artifacts.EXPLANATIONS) -> dict[str, Estimate]:
    """The figures of `reports/explanations.json`.

    Raises:
        UserError: The file is missing, or holds something else.
    """
    try:
        return {name: Estimate.from_json(one) for name, one in artifacts.read_json(path)["figures"].items()}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: not the results of explain ({error}); remove it and run dvc repro") from None
