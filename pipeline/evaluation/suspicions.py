"""The properties that the check `shortcut` suspects: beyond its limit, and beyond chance."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.core.results import StoredFinding


@dataclass(frozen=True, kw_only=True)
class Suspicion:
    """A property that predicts a label without a look at the content.

    Attributes:
        name: Of the property, without `prop_` or `attr_`.
        label: That it predicts.
        accuracy: Balanced accuracy of the property alone, 0.5 (chance) to 1.
    """

    name: str
    label: str
    accuracy: float

    @property
    def words(self) -> str:
        return self.name.replace("_", " ")


def find_suspicions(finding: StoredFinding, alpha: float) -> list[Suspicion]:
    """Those in the table of the finding, the best predictor first; also the accepted ones.

    Args:
        finding: Of the check `shortcut`.
        alpha: Of that check: the largest p-value that counts as beyond chance.
    """
    limit = 1.0 if finding.limit is None else finding.limit
    return [
        Suspicion(name=str(row["property"]), label=str(row["label"]), accuracy=float(str(row["balanced_accuracy"])))
        for row in finding.table
        if float(str(row["balanced_accuracy"])) > limit and float(str(row["p"])) <= alpha
    ]
