"""No pretraining: the encoder is handed through as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn, final

from pipeline.core.objective_contracts import Pretext


@final
@dataclass(frozen=True, kw_only=True)
class Unchanged(Pretext):
    """The encoder keeps its initial weights, random ones or those of its file or package."""

    trains = False

    def objective(self, *data: object) -> NoReturn:
        raise ValueError("objective=none has no loss")

    def make_rows(self, *data: object) -> NoReturn:
        raise ValueError("objective=none takes no pictures")
