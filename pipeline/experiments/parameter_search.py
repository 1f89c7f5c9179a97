"""Searches for the parameters with the best figure on val; an interrupted search resumes and has the same winner.

The values of a trial depend only on the seed and on the trials that ended before it. A trial that was running when the
search was killed counts as failed, and its values are sampled again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.core import config
from pipeline.core.errors import UserError
from pipeline.core.open_types import JsonObject, Params
from pipeline.experiments.space import make_distributions

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.trial import FrozenTrial

    from pipeline.experiments.space import Search

Report = Callable[[int, dict[str, float]], None]
Objective = Callable[[int, Params, Report], tuple[float, JsonObject]]
Tell = Callable[[str], None]
REASON = "reason"


class Stopped(Exception):
    """A trial ends early; the text is the reason."""


def open_study(search: Search, key: str, file: Path, where: str) -> Study:
    """The study of this key, new or resumed; trials that were running are marked as failed.

    Args:
        search: What is tried.
        key: Of everything that the figures depend on; another key is another study.
        file: An SQLite database, created where there is none.
        where: Place of the search, for messages; as for `core.nouns.describe_place`.

    Raises:
        UserError: The file is no such database, or the pruner refuses its arguments.
    """
    import optuna
    from optuna.pruners import MedianPruner, NopPruner
    from optuna.trial import TrialState

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    pruner = config.instantiate(MedianPruner, search.pruning, f"{where}.pruning") if search.pruning else NopPruner()
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        storage = optuna.storages.RDBStorage(f"sqlite:///{file}")
    except Exception as error:  # of SQLAlchemy or Alembic, by what the file is
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{file} is not a usable study ({reason}); remove it to start again") from None
    study = optuna.create_study(
        storage=storage, study_name=key, direction=search.direction, load_if_exists=True, pruner=pruner
    )
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)
    return study


def run(study: Study, search: Search, objective: Objective, tell: Tell) -> FrozenTrial:
    """The best trial after `search.trials` have ended, those of earlier runs of this study included.

    Args:
        study: As `open_study` gives it.
        search: What is tried.
        objective: Takes the trial's number, its values, and a function for the figures of each epoch; returns the
            figure and what is stored with it. May raise `Stopped`.
        tell: Called with a line per trial.

    Raises:
        UserError: No trial completed.
    """
    import optuna
    from optuna.trial import TrialState

    distributions = make_distributions(search.space)
    ended = finished_trials(study)
    while len(ended) < search.trials:
        study.sampler = optuna.samplers.TPESampler(
            seed=_seed(search.seed, len(ended)), n_startup_trials=search.random_trials
        )
        trial = study.ask(distributions)
        outcome = _try(study, trial, search.figure, objective)
        ended = finished_trials(study)
        shown = ", ".join(f"{name}={truncate_value(one)}" for name, one in trial.params.items())
        tell(f"trial {len(ended)} of {search.trials}: {shown}: {outcome}")
    if not study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        reasons = [trial.user_attrs.get(REASON, "") for trial in ended]
        raise UserError(f"none of {len(ended)} trials completed; the first: {reasons[0]}")
    return study.best_trial


def _try(study: Study, trial: Trial, figure: str, objective: Objective) -> str:
    """Runs a trial and records its result in the study; returns how it ended."""
    from optuna.trial import TrialState

    def report(epoch: int, figures: dict[str, float]) -> None:
        trial.report(figures[figure], epoch)
        if trial.should_prune():
            raise Stopped(f"behind the median at epoch {epoch}")

    try:
        value, attributes = objective(trial.number, trial.params, report)
    except Stopped as stopped:
        trial.set_user_attr(REASON, str(stopped))
        study.tell(trial, state=TrialState.PRUNED)
        return f"stopped: {stopped}"
    for name, attribute in attributes.items():
        trial.set_user_attr(name, attribute)
    study.tell(trial, value)
    return f"{figure} {value:.4f}"


def finished_trials(study: Study) -> list[FrozenTrial]:
    """The trials that ended by themselves, in their order."""
    from optuna.trial import TrialState

    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))


def truncate_value(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def trial_row(history: list[dict[str, float]]) -> Mapping[str, float]:
    """The figures of the epoch that training selects: the lowest loss on val."""
    return min(history, key=lambda row: row["val_loss"])


def _seed(seed: int, num_ended: int) -> int:
    return int(np.random.SeedSequence([seed, num_ended]).generate_state(1)[0])
