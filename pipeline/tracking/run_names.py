"""Names of runs that say what differs: `elpv · lite0 fine-tuned · 5 epochs · a1b2c3`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pipeline.tracking.experiments import dataset_of
from pipeline.tracking.parameters import changes, encoder_name, learner_name

if TYPE_CHECKING:
    from pipeline.core.open_types import Params

SHOWN_ANYWAY = ("train.epochs", "train", "encoder", "encoder.architecture")
MAX_CHANGES = 3
SEPARATOR = " · "


def run_name(params: Params, key: str) -> str | None:
    """Data set, encoder and learner, epochs, what differs from the data set's defaults, and six digits of the key.

    None where the parameters name no data set, so that MLflow makes up a name.

    Args:
        params: All choices.
        key: Of data and choices: other pictures or labels give other digits.
    """
    dataset = dataset_of(params)
    if dataset is None:
        return None
    parts = [dataset, _model(params)]
    epochs = params.get("train", {}).get("epochs")
    parts += [] if epochs is None else ["1 epoch" if epochs == 1 else f"{epochs} epochs"]
    parts += [describe({key: text for key, text in changes(params).items() if key not in SHOWN_ANYWAY})]
    parts += [key[:6]]
    return SEPARATOR.join(part for part in parts if part)


def trial_name(name: int | str, values: Mapping[str, object]) -> str:
    """`trial 3 · dropout 0.25, learning_rate 0.001`."""
    return SEPARATOR.join(part for part in (f"trial {name}", describe(values)) if part)


def describe(values: Mapping[str, object]) -> str:
    """The first choices of several in words; numbers with at most four digits."""
    shown = [f"{short_key(key)} {_text(value)}" for key, value in values.items()]
    more = f" and {len(shown) - MAX_CHANGES} more" if len(shown) > MAX_CHANGES else ""
    return ", ".join(shown[:MAX_CHANGES]) + more


def short_key(key: str) -> str:
    """A choice as parameters of runs name it: those of train without the section."""
    return key.removeprefix("train.")


def _text(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _model(params: Params) -> str:
    if "encoder" not in params or "train" not in params:
        return ""
    encoder, learner = encoder_name(params["encoder"]), learner_name(params["train"])
    return f"{encoder} {learner}" if learner == "fine-tuned" else f"{learner} on {encoder}"
