"""Thresholds by a function of the operating points, of one class or of each label."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from pipeline.core.decision_rule import Rule
from pipeline.core.errors import UserError
from pipeline.core.evaluation_contracts import Aim
from pipeline.core.suggestions import did_you_mean
from pipeline.statistics.operating_points import OperatingPoints

Choose = Callable[[OperatingPoints], tuple[float | None, str]]  # a threshold, or why there is none


def refuse_unfit_aim(aim: Aim, classes: Sequence[str], exclusive: bool) -> None:
    """Tries an aim on one picture of each class, so that what does not fit them is found long before `calibrate`.

    Raises:
        UserError: As the aim raises it: it names a class that does not exist, or is not for labels of this kind.
    """
    pictures = np.eye(len(classes))
    aim(pictures, pictures, list(classes), exclusive)


def choose_thresholds(
    choose: Choose, of: str | None, targets: np.ndarray, scores: np.ndarray, classes: list[str], exclusive: bool
) -> Rule:
    """The rule with a threshold for the class `of`, or for each label where labels are not exclusive and it is None.

    Args:
        choose: From operating points on val to a threshold, or None and the reason, a clause about the class.
        of: Name of a class. None: of two exclusive classes the rarer one in val.
        targets: (N, K) in {0, 1}.
        scores: (N, K) calibrated.
        classes: K names.
        exclusive: Whether each sample has exactly one label.

    Raises:
        UserError: There is no such class, or none is named of three or more exclusive ones.
    """
    if of is not None and of not in classes:
        similar = did_you_mean(of, classes) or f"; the classes are {', '.join(classes[:20])}"
        raise UserError(f"params.yaml: aim.of: there is no class {of!r}{similar}")
    if of is None and exclusive and len(classes) > 2:
        raise UserError(
            f"params.yaml: aim.of is null, but a threshold is of one class and there are {len(classes)}; set aim.of to "
            f"one of {', '.join(classes[:20])}"
        )
    if of is not None:
        columns = [classes.index(of)]
    else:
        columns = [int(targets.sum(axis=0).argmin())] if exclusive else list(range(len(classes)))
    thresholds: list[float | None] = [None] * len(classes)
    notes = []
    for column in columns:
        truth = targets[:, column]
        if 0 < truth.sum() < len(truth):
            thresholds[column], note = choose(OperatingPoints.of(truth, scores[:, column]))
        else:
            note = "cannot have a threshold: val has only one side of it"
        notes += [f"{classes[column]} {note}."] if note else []
    if exclusive and all(one is None for one in thresholds):
        return Rule(note=" ".join([*notes, "The class with the highest score is decided."]))
    return Rule(thresholds=tuple(thresholds), note=" ".join(notes))
