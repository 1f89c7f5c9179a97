"""What a search may choose: a range or a list of values for each parameter that training reads."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal

from annotated_types import Ge, MinLen

from pipeline.core.errors import UserError
from pipeline.core.ranges import PositiveInt, Seed

if TYPE_CHECKING:
    from optuna import Trial

    from pipeline.core.open_types import Params

Figure = Literal["val_loss", "val_accuracy", "val_f1_macro"]  # what every trainer tells of an epoch


@dataclass(frozen=True, kw_only=True)
class Range:
    """Values of one parameter.

    Args:
        low: Smallest; with `high` a whole number, only whole numbers are drawn.
        high: Largest.
        log: Whether 1 to 10 is as wide as 10 to 100.
        choices: Instead of low and high: the values themselves.
    """

    low: float | None = None
    high: float | None = None
    log: bool = False
    choices: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        if bool(self.choices) == (self.low is not None or self.high is not None):
            raise ValueError("either choices, or low and high")
        if not self.choices:
            if self.low is None or self.high is None or not self.low < self.high:
                raise ValueError(f"low must be below high, got {self.low} and {self.high}")
            if self.log and not self.low > 0:
                raise ValueError(f"low must be above 0 where log is true, got {self.low}")

    def suggest(self, trial: Trial, name: str) -> Any:
        """What the sampler suggests."""
        if self.choices:
            return trial.suggest_categorical(name, self.choices)
        assert self.low is not None
        assert self.high is not None
        if isinstance(self.low, int) and isinstance(self.high, int):
            return trial.suggest_int(name, self.low, self.high, log=self.log)
        return trial.suggest_float(name, self.low, self.high, log=self.log)


@dataclass(frozen=True, kw_only=True)
class Pruning:
    """When a trial is stopped early: worse than the median of the earlier ones at the same epoch.

    Args:
        startup_trials: So many trials end first, at least 1.
        warmup_epochs: In these none is stopped.

    Source: D. Golovin et al. 2017, Google Vizier, doi:10.1145/3097983.3098043 (the median stopping rule).
    """

    startup_trials: PositiveInt
    warmup_epochs: Annotated[int, Ge(0)]


@dataclass(frozen=True, kw_only=True)
class Search:
    """What is tried, how often, and by which figure of val it is chosen.

    Args:
        experiment: Of conf/experiment/, from which the search starts; null for conf/config.yaml as it is.
        trials: How many are tried in all, at least 1.
        random_trials: How many of the first are drawn at random, before the sampler learns from them.
        figure: Of the epoch that training keeps: `val_loss`, `val_accuracy` or `val_f1_macro`.
        direction: `minimize` or `maximize`.
        expect: The metric of conf/metric/ that is told of the winner, on val, with an interval.
        pruning: Or null: every trial runs to its end.
        seed: Of what is drawn.
        space: Dotted parameter to its values.
    """

    experiment: str | None
    trials: PositiveInt
    random_trials: PositiveInt
    figure: Figure
    direction: Literal["minimize", "maximize"]
    expect: str
    pruning: Pruning | None
    seed: Seed
    space: Annotated[dict[str, Range], MinLen(1)]


def with_values(nodes: Mapping[str, Any], values: Mapping[str, Any]) -> Params:
    """The parameters with some of them set to other values.

    Raises:
        UserError: A parameter is not there, or training does not read it.
    """
    result = deepcopy(dict(nodes))
    for key, value in values.items():
        *parents, last = key.split(".")
        inner: Any = result
        for parent in parents:
            inner = inner.get(parent) if isinstance(inner, dict) else None
        if not parents or not isinstance(inner, dict) or last not in inner:
            there = (
                ", ".join(name for name in inner if name != "_target_") if isinstance(inner, dict) else ", ".join(nodes)
            )
            raise UserError(f"tune.space: training reads no parameter {key!r}; there is {there}")
        inner[last] = value
    return result
