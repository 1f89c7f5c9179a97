"""Views are a claim about what may not matter: which properties each changes, and what features keep of these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, final

import numpy as np

from pipeline.core.axes import to_array, to_tensor
from pipeline.core.batches import Change
from pipeline.core.results import StoredFinding
from pipeline.evaluation.property_probes import PropertyReading
from pipeline.evaluation.suspicions import Suspicion
from pipeline.images.properties import measure

MAX_MEASURED = 200  # pictures to which each view is applied
MOVES = 0.5  # of a property's spread; a view that changes it by less is not said to move it
HARDLY_LEFT = 0.5  # of the R^2 before; where less is left the property is said to be removed, else weakened
HARDLY_LESS = 0.9  # of the R^2 before; where more is left it is hardly weakened, however sure the small loss is
OF_THE_FILE = ("aspect_ratio", "num_pixels", "num_bytes", "jpeg_quality")  # not of what an encoder sees
Effect = Literal["removed", "weakened", "hardly_weakened", "not_shown", "not_moved", "cannot_be_judged"]


@final
@dataclass(frozen=True, kw_only=True)
class ViewEffect:
    """What a view does to a property, and what pretraining did to the probe for it.

    Attributes:
        view: Name in `views`.
        property: Without `prop_`.
        moved: Root mean square change of the property by the view, in standard deviations over the pictures.
        suspicion: How well the property alone predicts a label, balanced accuracy; None where it is not suspected.
        reading: The probes before and after pretraining; None where there is none.
        effect: `removed`: the view moves the property, pretraining made it worse to read by an interval below 0, and
            less than half of the R^2 is left. `weakened`: the same, with more left.
            `hardly_weakened`: the same, with more than
            nine tenths left. `not_shown`: the view moves it, and no loss was shown, or it was not shown to be readable
            before. `not_moved`. `cannot_be_judged`: no interval.
    """

    view: str
    property: str
    moved: float
    suspicion: float | None
    reading: PropertyReading | None
    effect: Effect

    def to_json(self) -> dict[str, object]:
        """As `reports/label_efficiency.json` holds it."""
        return {
            "view": self.view,
            "property": self.property,
            "moved": self.moved,
            "suspected": self.suspicion is not None,
            "balanced_accuracy_alone": self.suspicion,
            "probe": None if self.reading is None else self.reading.to_json(),
            "effect": self.effect,
        }


@final
@dataclass(frozen=True, kw_only=True)
class ViewSafety:
    """What the check `augmentation_safety` measured of augmentations that are of the same kind as a view.

    Attributes:
        choice: As the check names it.
        size: Of the strength, as text; empty where there is none.
        loss: Balanced accuracy that a probe lost under it.
        low: Lower end of its 95 % interval.
    """

    choice: str
    size: str
    loss: float
    low: float


def measure_pictures(pictures: np.ndarray) -> dict[str, np.ndarray]:
    """Property to (N,) values, without those of the file, of (N, H, W, C) uint8 pictures."""
    found = [measure(picture[..., 0] if picture.shape[-1] == 1 else picture, 0).properties for picture in pictures]
    return {name: np.array([one[name] for one in found]) for name in found[0] if name not in OF_THE_FILE}


def measure_moves(views: Mapping[str, Change], pictures: np.ndarray, seed: int) -> dict[str, dict[str, float]]:
    """View to property to how far the view moves it, in standard deviations over the pictures.

    The change is the root mean square over the pictures; a property that all pictures share is left out.

    Args:
        views: Name to view; each is applied alone.
        pictures: (N, H, W, C) uint8, at most `MAX_MEASURED` are taken, evenly spread.
        seed: Of what is random in a view.
    """
    import torch

    places = np.linspace(0, len(pictures) - 1, min(len(pictures), MAX_MEASURED)).round().astype(np.int64)
    chosen = np.array(pictures[places])
    before = measure_pictures(chosen)
    spread = {name: float(values.std()) for name, values in before.items()}
    moves: dict[str, dict[str, float]] = {}
    for name, view in views.items():
        after = measure_pictures(to_array(view(to_tensor(chosen.copy()), torch.Generator().manual_seed(seed))))
        moves[name] = {
            key: float(np.sqrt(np.mean((after[key] - before[key]) ** 2)) / spread[key])
            for key in before
            if spread[key] > 1e-9
        }
    return moves


def judge_views(
    moves: Mapping[str, Mapping[str, float]], readings: Sequence[PropertyReading], suspicions: Sequence[Suspicion]
) -> list[ViewEffect]:
    """Each view with each property that it moves or that is suspected, those that matter most first.

    Args:
        moves: As `measure_moves` returns them.
        readings: As `property_probes.read_properties` returns them.
        suspicions: Of the check `shortcut`; of several labels the best one of a property counts.
    """
    by_name = {reading.name: reading for reading in readings}
    accuracy = {suspicion.name: suspicion.accuracy for suspicion in reversed(suspicions)}
    found = [
        ViewEffect(
            view=view,
            property=name,
            moved=moved,
            suspicion=accuracy.get(name),
            reading=by_name.get(name),
            effect=_effect(moved, by_name.get(name)),
        )
        for view, sizes in moves.items()
        for name, moved in sizes.items()
        if moved >= MOVES or name in accuracy
    ]
    return sorted(found, key=lambda one: (list(moves).index(one.view), one.suspicion is None, -one.moved))


def _effect(moved: float, reading: PropertyReading | None) -> Effect:
    if moved < MOVES:
        return "not_moved"
    if reading is None or reading.change.high is None:
        return "cannot_be_judged"
    if reading.change.high >= 0:
        return "not_shown"
    if reading.before.low is None or reading.before.low <= 0:
        return "not_shown"  # it could not be read off before, so there was nothing to remove
    before, after = reading.before.value, reading.after.value
    assert before is not None
    assert after is not None
    if after > HARDLY_LESS * before:
        return "hardly_weakened"
    return "removed" if after < HARDLY_LEFT * before else "weakened"


def match_safety(
    views: Mapping[str, Mapping[str, object]], policy: Mapping[str, Mapping[str, object]], finding: StoredFinding | None
) -> dict[str, list[ViewSafety]]:
    """View to what `augmentation_safety` found of the augmentations of the same class, which may be weaker or stronger.

    Args:
        views: Name to node in the parameters.
        policy: The same of the augmentations of training, which the check measured.
        finding: Of the check; None where it did not run.
    """
    table = [] if finding is None else finding.table
    found: dict[str, list[ViewSafety]] = {}
    for name, node in views.items():
        alike = {other for other, tested in policy.items() if tested.get("_target_") == node.get("_target_")}
        found[name] = [
            ViewSafety(
                choice=str(row["choice"]),
                size="" if row["size"] is None else str(row["size"]),
                loss=float(str(row["loss"])),
                low=float(str(row["low"])),
            )
            for row in table
            if str(row["choice"]).partition(".")[0] in alike
        ]
    return found
