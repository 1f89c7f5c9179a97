"""The folds of a cross-validation as experiments of DVC, and what is read of them when they have ended."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from pipeline.core import artifacts, config
from pipeline.core.contracts import Task
from pipeline.core.errors import UserError
from pipeline.core.estimate import Estimate, read_estimates
from pipeline.core.predictions import Predictions
from pipeline.datasets.splits.fold import Fold
from pipeline.evaluation.baseline_margin import decide_by_properties
from pipeline.evaluation.out_of_fold import Repeat
from pipeline.experiments.results import INDEX
from pipeline.training.model_card import CARD

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from pipeline.core.open_types import Params

LAST_STAGE = "evaluate"  # nothing is registered: a model of a fold replaces no model in use
INSPECTIONS_OFF = ("corruption=[]", "intervention=[]", "attribution=none")  # minutes per fold, and no figure uses them
LEAKAGE = "split_leakage"  # the one check that a fold could fail and the data not
CARD_FILE = artifacts.PREDICTOR / CARD
SHARED = ("max_attribute_values", "near_duplicate_bits", "seed")  # of the split of the recipe


@dataclass(frozen=True, kw_only=True, eq=False)
class FoldResult:
    """What one fold gave.

    Attributes:
        name: As people read it: `fold 2`, or `repeat 1 fold 2`.
        repeat: From 0.
        fold: From 0.
        params: All parameters.
        training_key: Of its training.
        num_train: Samples of train, copies not counted.
        num_val: Samples of val.
        estimates: Figures on its test part.
        predictions: Of its test part.
        by_properties: (n, K) bool, by a forest on the properties of its train part.
        rows: Its rows of `data/predictions.parquet`.
    """

    name: str
    repeat: int
    fold: int
    params: Params
    training_key: str
    num_train: int
    num_val: int
    estimates: dict[str, Estimate]
    predictions: Predictions
    by_properties: np.ndarray
    rows: pd.DataFrame


def fold_names(num_folds: int, num_repeats: int) -> dict[str, tuple[int, int]]:
    """Name of each fold in DVC to its repeat and its number, both from 0."""
    prefix = "cv{}-fold{}" if num_repeats > 1 else "cv-fold{1}"
    return {
        prefix.format(repeat + 1, fold + 1): (repeat, fold)
        for repeat in range(num_repeats)
        for fold in range(num_folds)
    }


def fold_overrides(num_folds: int, num_repeats: int, overrides: Sequence[str]) -> dict[str, list[str]]:
    """Name of each fold to the overrides that make it: the recipe, the fold, and no check but that of leakage.

    The other checks describe the data, which an ordinary run has checked, and a class that is missing in test of one
    fold is in test of another. Corruptions, interventions and attribution
    maps are off unless the recipe chooses some.

    Args:
        num_folds: At least 2.
        num_repeats: At least 1.
        overrides: Of the recipe.

    Raises:
        UserError: They choose a split, or do not compose.
    """
    for override in overrides:
        if override.lstrip("+~").partition("=")[0].split(".")[0] == "split":
            raise UserError(f"cross-validate makes the split of each fold itself; leave out {override}")
    recipe: Params = yaml.safe_load(config.compose(overrides=[*overrides]))
    split = recipe["split"]
    shared = [f"split.{key}={_text(split[key])}" for key in SHARED if key in split]
    shared += [f"split.num_folds={num_folds}", "evaluate.cross_validation=never"]
    shared += [
        f"{section}.{name}=null"
        for section in ("check", "curate")
        for name, node in recipe[section].items()
        if node is not None and name != LEAKAGE
    ]
    composed: Params = yaml.safe_load(config.compose(overrides=[*overrides, "split=fold"]))
    known = {"_target_", *(field.name for field in fields(Fold))}
    shared += [f"~split.{key}" for key in composed["split"] if key not in known]  # of the data set's own split
    return {
        name: [*INSPECTIONS_OFF, *overrides, "split=fold", *shared, f"split.repeat={repeat}", f"split.fold={fold}"]
        for name, (repeat, fold) in fold_names(num_folds, num_repeats).items()
    }


def _text(value: object) -> str:
    return "null" if value is None else str(value)


def read_fold(name: str, place: tuple[int, int], num_repeats: int, revision: str) -> FoldResult:
    """What a fold gave, from its commit and DVC's cache.

    Args:
        name: In DVC.
        place: Its repeat and its number, from 0.
        num_repeats: Of the cross-validation.
        revision: By which DVC finds its results.

    Raises:
        UserError: An output is neither in the cache nor at the remote.
    """
    from dvc.api import DVCFileSystem
    from dvc.exceptions import DvcException

    with tempfile.TemporaryDirectory() as place_of_files:
        folder = Path(place_of_files)
        try:
            system = DVCFileSystem(repo=".", rev=revision)
            for path in (config.PARAMS, artifacts.TEST_METRICS, artifacts.PREDICTIONS, CARD_FILE, INDEX):
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                system.get(path.as_posix(), str(folder / path))
        except (DvcException, OSError) as error:
            reason = " ".join(str(error).split())
            raise UserError(
                f"{name}: its outputs are not in DVC's cache ({reason}); dvc exp remove {revision} and run this again"
            ) from None
        return _read(folder, place, num_repeats)


def _read(folder: Path, place: tuple[int, int], num_repeats: int) -> FoldResult:
    params: Params = yaml.safe_load((folder / config.PARAMS).read_text(encoding="utf-8"))
    card = artifacts.read_json(folder / CARD_FILE)
    index = artifacts.read_table(folder / INDEX)
    rows = artifacts.read_table(folder / artifacts.PREDICTIONS)
    rows = rows[rows["split"] == "test"].reset_index(drop=True)
    task: Task = config.build(params["task"], "task")
    train = index[index["split"] == "train"]
    classes = list(card["classes"])
    repeat, fold = place
    return FoldResult(
        name=f"repeat {repeat + 1} fold {fold + 1}" if num_repeats > 1 else f"fold {fold + 1}",
        repeat=repeat,
        fold=fold,
        params=params,
        training_key=card["training_key"],
        num_train=int((train["origin"] == train["sample_id"]).sum()),
        num_val=int((index["split"] == "val").sum()),
        estimates=read_estimates(folder / artifacts.TEST_METRICS),
        predictions=Predictions.of(rows, classes),
        by_properties=decide_by_properties(
            train,
            task.targets(train["labels"].tolist(), classes),
            rows,
            task.exclusive,
            params["evaluate"]["seed"],
        ),
        rows=rows.assign(repeat=repeat + 1, fold=fold + 1),
    )


def pool(results: Sequence[FoldResult]) -> list[Repeat]:
    """The out-of-fold predictions of each repeat.

    Raises:
        UserError: The folds of a repeat know other classes.
    """
    import numpy as np

    repeats = []
    for number in sorted({result.repeat for result in results}):
        own = [result for result in results if result.repeat == number]
        parts = [result.predictions for result in own]
        if any(part.classes != parts[0].classes for part in parts):
            raise UserError("the folds have other classes; the data changed in between, run this again")
        repeats.append(
            Repeat(
                predictions=Predictions(
                    sample_ids=np.concatenate([part.sample_ids for part in parts]),
                    groups=np.concatenate([part.groups for part in parts]),
                    targets=np.concatenate([part.targets for part in parts]),
                    decided=np.concatenate([part.decided for part in parts]),
                    scores=np.concatenate([part.scores for part in parts]),
                    classes=parts[0].classes,
                ),
                by_properties=np.concatenate([result.by_properties for result in own]),
                folds=np.concatenate([np.full(len(result.predictions), result.fold) for result in own]),
            )
        )
    return repeats


def is_exclusive(params: Params) -> bool:
    """Whether each sample has exactly one label."""
    task: Task = config.build(params["task"], "task")
    return task.exclusive
