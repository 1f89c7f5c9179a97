"""Which classes a file may name: parameters and cards may come from strangers, so nothing else is ever built.

A name is checked before anything is imported, and the class after it: it must be a final class of this project that
derives from the contract of its kind and is defined where its path leads, in the package of that kind. Of scikit-learn
only the classifiers listed here are taken, whose constructors do nothing but keep their arguments.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import import_module
from reprlib import Repr
from typing import Any, final

from pipeline.core import (
    contracts,
    engine_contract,
    evaluation_contracts,
    labelling_contracts,
    objective_contracts,
    retrain_contracts,
    sample_codec,
)
from pipeline.core.errors import UserError

PARAMS, CARD = "params.yaml", "card.json"
MAX_SHOWN = 200  # characters
PLAIN = r"[a-z][a-z0-9_]*\.[A-Z][A-Za-z0-9]*"  # module and class below a folder
ESTIMATORS = (
    "sklearn.dummy.DummyClassifier",
    "sklearn.ensemble.ExtraTreesClassifier",
    "sklearn.ensemble.RandomForestClassifier",
    "sklearn.linear_model.LogisticRegression",
    "sklearn.neighbors.KNeighborsClassifier",
    "sklearn.svm.LinearSVC",
    "sklearn.svm.SVC",
    "sklearn.tree.DecisionTreeClassifier",
)


@final
@dataclass(frozen=True)
class Kind:
    """What stands under a key: a class of this contract, in this package of `pipeline`."""

    contract: type
    package: str


KINDS = {  # by key of params.yaml, of a card, or of a parameter of another noun
    "aim": Kind(evaluation_contracts.Aim, "evaluation.aims"),
    "attribution": Kind(evaluation_contracts.Attribution, "evaluation.attributions"),
    "augmentation": Kind(contracts.Augmentation, "training.augmentations"),
    "check": Kind(contracts.Check, "checks"),
    "corruption": Kind(evaluation_contracts.Corruption, "evaluation.corruptions"),
    "curate": Kind(contracts.FeatureCheck, "checks"),
    "encoder": Kind(contracts.Encoder, "models.encoders"),
    "engine": Kind(engine_contract.Engine, "engines"),
    "feature_distance": Kind(evaluation_contracts.FeatureDistance, "training.distances"),
    "frame_encoder": Kind(contracts.Encoder, "models.encoders"),
    "gate": Kind(evaluation_contracts.Gate, "evaluation.gates"),
    "inner": Kind(contracts.Source, "datasets.sources"),
    "intervention": Kind(evaluation_contracts.Intervention, "evaluation.interventions"),
    "media": Kind(sample_codec.Media, "media"),
    "metric": Kind(evaluation_contracts.Metric, "evaluation.metrics"),
    "mix": Kind(contracts.BatchMix, "training.mixes"),
    "monitor": Kind(evaluation_contracts.DriftTest, "monitoring.drift_tests"),
    "objective": Kind(objective_contracts.Pretext, "training.objectives"),
    "predictor": Kind(contracts.Predictor, "training.trainers"),
    "query": Kind(labelling_contracts.QueryStrategy, "labelling.strategies"),
    "retrain": Kind(retrain_contracts.RetrainRule, "retraining.rules"),
    "risk": Kind(contracts.Risk, "training.risks"),
    "sampling": Kind(contracts.Sampling, "training.samplings"),
    "source": Kind(contracts.Source, "datasets.sources"),
    "split": Kind(contracts.Split, "datasets.splits"),
    "task": Kind(contracts.Task, "training.tasks"),
    "train": Kind(contracts.Trainer, "training.trainers"),
    "transform": Kind(contracts.Transform, "models.transforms"),
    "views": Kind(contracts.Augmentation, "training.augmentations"),
}


def import_target(target: Any, where: str, kind: str) -> Any:
    """The class that a file names under a key.

    Args:
        target: Dotted path.
        where: As for `describe_place`, for messages.
        kind: Key of `KINDS`, or `estimator`.

    Raises:
        UserError: There is no such class, or the key asks for another kind.
    """
    if kind == "estimator":
        return _estimator(target, where)
    if kind not in KINDS:
        raise UserError(f"{describe_place(where)} takes a plain value, found _target_ {show_value(target)}")
    required = KINDS[kind]
    expected = f"a class of pipeline.{required.package} that is a {required.contract.__name__}"
    refusal = UserError(f"{describe_place(where)}._target_ must name {expected}, got {show_value(target)}")
    if not isinstance(target, str) or not re.fullmatch(rf"pipeline\.{re.escape(required.package)}\.{PLAIN}", target):
        raise refusal
    module, _, name = target.rpartition(".")
    try:
        found = getattr(import_module(module), name)
    except Exception as error:  # whatever an edited module raises
        reason = re.sub(r"\s*\n\s*", "; ", str(error).strip()) or type(error).__name__
        raise UserError(f"{describe_place(where)}._target_ {show_value(target)} cannot be loaded: {reason}") from None
    if not isinstance(found, type) or f"{found.__module__}.{found.__qualname__}" != target:
        raise refusal
    if not issubclass(found, required.contract) or not vars(found).get("__final__"):
        raise refusal
    return found


def describe_place(where: str) -> str:
    """The file and the key, with which messages begin: `params.yaml: train`, `conf/tune/svm.yaml: pruning`.

    Args:
        where: Key in params.yaml; in a card after `card.`; in a file that only a command reads after its path in conf/.
    """
    if where.startswith("card."):
        return f"{CARD}: {where.removeprefix('card.')}"
    if where.startswith("conf/"):
        return where.replace(".yaml.", ".yaml: ", 1)
    return f"{PARAMS}: {where}"


def show_value(value: Any) -> str:
    """A value of a file as code would write it, on one line and cut: a small file can hold a very large one."""
    short = Repr()
    short.maxstring, short.maxlevel = MAX_SHOWN, 2
    text = short.repr(value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."


def _estimator(target: Any, where: str) -> Any:
    if target not in ESTIMATORS:
        raise UserError(
            f"{describe_place(where)}._target_ must be one of {', '.join(ESTIMATORS)}, got {show_value(target)}"
        )
    module, _, name = target.rpartition(".")
    return getattr(import_module(module), name)
