"""What a search may choose: a sweep of Hydra for each parameter that training reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, final

import yaml
from annotated_types import MinLen

from pipeline.core import config
from pipeline.core.errors import UserError
from pipeline.core.ranges import PositiveInt, Seed
from pipeline.training.recipe import SECTIONS

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

    from pipeline.core.open_types import Params


Figure = Literal["val_loss", "val_accuracy", "val_f1_macro"]  # what every trainer reports of an epoch


@final
@dataclass(frozen=True, kw_only=True)
class Search:
    """What is tried, how often, and by which figure of val it is chosen.

    Args:
        experiment: Of conf/experiment/, from which the search starts; null for conf/config.yaml as it is.
        trials: How many are tried in all, at least 1.
        random_trials: How many of the first are sampled at random, before the sampler uses their results.
        figure: Of the epoch that training selects: `val_loss`, `val_accuracy` or `val_f1_macro`.
        direction: `minimize` or `maximize`.
        expect: The metric of conf/metric/ that is reported for the winner, on val, with an interval.
        pruning: Arguments of Optuna's `MedianPruner`, which stops a trial that is worse than the median of the earlier
            ones at the same epoch; or null: every trial runs to its end.
        seed: Of the sampler.
        space: Override to its sweep, as Hydra writes both: `train.dropout: interval(0, 0.5)`, `encoder: choice(a, b)`.
    """

    experiment: str | None
    trials: PositiveInt
    random_trials: PositiveInt
    figure: Figure
    direction: Literal["minimize", "maximize"]
    expect: str
    pruning: dict[str, Any] | None
    seed: Seed
    space: Annotated[dict[str, str], MinLen(1)]

    def __post_init__(self) -> None:
        if self.pruning == {}:
            raise ValueError("pruning must have at least 1 argument, got {}; null means that none is stopped")
        startup = (self.pruning or {}).get("n_startup_trials", 1)
        if isinstance(startup, int) and startup < 1:
            raise ValueError(f"pruning.n_startup_trials must be at least 1, got {startup}")


def make_distributions(space: Mapping[str, str]) -> dict[str, BaseDistribution]:
    """Optuna's distribution of each parameter; a choice is a text that an override takes.

    Raises:
        UserError: A text is not a sweep, or Optuna refuses it.
    """
    return {key: _make_distribution(key, text) for key, text in space.items()}


def _make_distribution(key: str, text: str) -> BaseDistribution:
    from optuna import distributions

    sweep = config.parse_sweep(f"tune.space.{key}", text)
    if sweep.choices:
        return distributions.CategoricalDistribution(sweep.choices)
    step: dict[str, Any] = {} if sweep.step is None else {"step": sweep.step}
    try:
        if isinstance(sweep.low, int) and isinstance(sweep.high, int):
            return distributions.IntDistribution(sweep.low, sweep.high, log=sweep.log, **step)
        return distributions.FloatDistribution(sweep.low, sweep.high, log=sweep.log, **step)
    except ValueError as error:
        raise UserError(f"tune.space.{key}: {text!r}: {' '.join(str(error).split())}") from None


def refuse_fractions(search: Search, nodes: Mapping[str, Any]) -> None:
    """Refuses a space that draws fractions for what is a whole number now; `interval(5, 20)` does so in Hydra.

    Args:
        search: Of which all parameters exist.
        nodes: What training reads without a trial's values.

    Raises:
        UserError: Naming the first such parameter.
    """
    from optuna.distributions import FloatDistribution

    for key, distribution in make_distributions(search.space).items():
        present = get_value(nodes, key)
        if isinstance(distribution, FloatDistribution) and type(present) is int:
            raise UserError(
                f"tune.space.{key}: {search.space[key]!r} samples fractions, and the value now is the whole number "
                f"{present}; write int(interval(5, 20)) for whole numbers, or start from {float(present)}"
            )


def as_overrides(values: Mapping[str, Any]) -> list[str]:
    """Sampled values as overrides for Hydra's command line."""
    return [f"{key}={value}" for key, value in values.items()]


def compose_nodes(overrides: list[str]) -> Params:
    """What one training reads of the parameters that these overrides compose to."""
    return select_nodes(yaml.safe_load(config.compose(overrides=overrides)))


def select_nodes(params: Params) -> Params:
    """What one training reads of all parameters."""
    return {name: params[name] for name in SECTIONS}


def get_value(nodes: Mapping[str, Any], key: str) -> Any:
    """The value of a dotted parameter of a training.

    Raises:
        UserError: A training reads no such parameter.
    """
    inner: Any = nodes
    for part in key.split("."):
        if not isinstance(inner, Mapping) or part not in inner:
            known = inner if isinstance(inner, Mapping) else nodes
            names = ", ".join(name for name in known if name != "_target_")
            raise UserError(f"tune.space: training reads no parameter {key!r}; expected one of {names}")
        inner = inner[part]
    return inner
