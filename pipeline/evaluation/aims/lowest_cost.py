"""Decisions with the lowest expected cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, final

import numpy as np
from annotated_types import Ge

from pipeline.core.decision_rule import Rule
from pipeline.core.errors import UserError
from pipeline.core.evaluation_contracts import Aim
from pipeline.core.suggestions import did_you_mean


@final
@dataclass(frozen=True, kw_only=True)
class LowestCost(Aim):
    """The class whose expected cost is lowest; with equal costs that with the highest score.

    It needs no threshold on val: expected costs follow from the calibrated scores, so they are right as far as these
    are. For exactly one label per sample.

    Args:
        costs: Actual class to decided class to the cost of that mistake, at least 0; a mistake that is not named costs
            1, a right decision 0.

    Source: Elkan 2001, The foundations of cost-sensitive learning, IJCAI.
    """

    costs: dict[str, dict[str, Annotated[float, Ge(0)]]]

    def __call__(self, targets: np.ndarray, scores: np.ndarray, classes: list[str], exclusive: bool) -> Rule:
        if not exclusive:
            raise UserError(
                "params.yaml: aim=lowest_cost is for exactly one label per sample; set aim=recall_at_least or "
                "precision_at_least, which choose a threshold for each label"
            )
        matrix = 1.0 - np.eye(len(classes))
        for actual, row in self.costs.items():
            for decided, cost in row.items():
                for name in (actual, decided):
                    if name not in classes:
                        similar = did_you_mean(name, classes) or f"; the classes are {', '.join(classes[:20])}"
                        raise UserError(f"params.yaml: aim.costs: there is no class {name!r}{similar}")
                matrix[classes.index(actual), classes.index(decided)] = cost
        return Rule(costs=tuple(map(tuple, matrix.tolist())))
