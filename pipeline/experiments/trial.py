"""One trial of a search, on train and val alone, and whether the best of them is better than the start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np
import pandas as pd

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.estimate import Estimate
from pipeline.core.evaluation_contracts import Metric
from pipeline.core.labels import to_matrix
from pipeline.core.predictions import Predictions
from pipeline.datasets.packed import PackedDataset
from pipeline.evaluation.estimates import estimate_metrics
from pipeline.experiments.evidence import Evidence
from pipeline.experiments.parameter_search import Report, Stopped, trial_row
from pipeline.experiments.results import make_scorer
from pipeline.experiments.space import Search, as_overrides, compose_nodes, get_value
from pipeline.statistics.bootstrap import Bootstrap
from pipeline.tracking.parent_runs import trial_run
from pipeline.training.recipe import select_recipe

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject, Params

EXPECTED = "expected"
START = "start"  # name of the training of the start; the trials have numbers
MIN_STEPS = "train.min_steps"


@final
@dataclass(frozen=True, eq=False)
class Trial:
    """Trains, and evaluates on val; an objective of `parameter_search.run`.

    Attributes:
        start: Overrides of the start of the search.
        nodes: What training reads of them, before the trial's values.
        packed: As `tuning.drop_test` returns it.
        search: Its figure and its metric are used.
        metrics: Of one number each.
        bootstrap: Behind the intervals.
        parent: The MLflow run of the search.
        folder: Where predictions on val are kept, a file for each trial that came to its end.
    """

    start: list[str]
    nodes: Params
    packed: PackedDataset
    search: Search
    metrics: dict[str, Metric]
    bootstrap: Bootstrap
    parent: str
    folder: Path

    def __call__(self, number: int, values: Params, report: Report) -> tuple[float, JsonObject]:
        row, expected = self._train(str(number), self.values(values), report)
        return float(row[self.search.figure]), {EXPECTED: expected[self.search.expect].to_json()}

    def values(self, sampled: Mapping[str, Any]) -> Params:
        """The changed parameters of a trial; a sampled `train.epochs` is exact, whatever `train.min_steps` is."""
        is_exact = "train.epochs" in sampled and "min_steps" in self.nodes["train"] and MIN_STEPS not in sampled
        return {**sampled, MIN_STEPS: 0} if is_exact else dict(sampled)

    def evidence(self, best: Any) -> Evidence:
        """Whether the best trial is better than the start of the search, which is trained once for that."""
        start = self._predictions(START, {key: get_value(self.nodes, key) for key in self.search.space})
        winner = self._predictions(str(best.number), self.values(best.params))
        if isinstance(winner, str):
            raise UserError(f"trial {best.number}, trained again: {winner}")
        name = self.search.expect
        return Evidence.of(name, self.metrics[name], winner, start, self.bootstrap)

    def keep_only(self, best: Any) -> None:
        """Removes the predictions of all trials but the best and the start."""
        for path in self.folder.glob("*.parquet"):
            if path.stem not in (START, str(best.number)):
                path.unlink()

    def _predictions(self, name: str, values: Params) -> Predictions | str:
        """The stored predictions, else those of another training; or the reason why that failed."""
        if not self._file(name).exists():
            try:
                self._train(name, values, lambda *_: None)
            except Stopped as stopped:
                return str(stopped)
        return _from_table(artifacts.read_table(self._file(name)), self.packed.classes)

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.parquet"

    def _train(self, name: str, values: Params, report: Report) -> tuple[Mapping[str, float], dict[str, Estimate]]:
        """The row of the selected epoch, and the metrics on val."""
        changed = [] if name == START else as_overrides(values)
        stopped = None
        with trial_run(self.parent, name, values) as log:

            def report_epoch(epoch: int, figures: dict[str, float]) -> None:
                log(epoch, figures)
                report(epoch, figures)

            try:
                recipe, _ = select_recipe(compose_nodes([*self.start, *changed]), self.packed)
                predictor, history = recipe.fit(self.packed, report_epoch)
                predictions = self._predict_val(predictor)
                expected = estimate_metrics(self.metrics, predictions, self.bootstrap)
                defined = {name: one.value for name, one in expected.items() if one.value is not None}
                log(len(history), {f"val_{name}": value for name, value in defined.items()})
            except Stopped as early:
                stopped = early
            except UserError as error:  # a learning rate that diverges or a refused value is a bad trial, not the end
                stopped = Stopped(str(error))
        if stopped is not None:
            raise stopped
        self.folder.mkdir(parents=True, exist_ok=True)
        artifacts.write_table(self._file(name), _to_table(predictions))
        return trial_row(history), expected

    def _predict_val(self, predictor: Any) -> Predictions:
        val = self.packed.index[self.packed.index["split"] == "val"]
        scores = make_scorer(predictor, val)(self.packed.images[val.index.to_numpy()])
        return Predictions(
            sample_ids=val["sample_id"].to_numpy(),
            groups=val["group"].to_numpy(dtype=str),
            targets=to_matrix(val["labels"].tolist(), self.packed.classes),
            decided=predictor.task.decide(scores),
            scores=scores,
            classes=self.packed.classes,
        )


def _to_table(predictions: Predictions) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "sample_id": predictions.sample_ids,
            "group": predictions.groups,
            "targets": list(predictions.targets),
            "decided": list(predictions.decided),
            "scores": list(predictions.scores),
        }
    )


def _from_table(table: pd.DataFrame, classes: list[str]) -> Predictions:
    targets, decided, scores = (np.stack(table[name].to_numpy()) for name in ("targets", "decided", "scores"))
    return Predictions(
        sample_ids=table["sample_id"].to_numpy(),
        groups=table["group"].to_numpy(dtype=str),
        targets=targets,
        decided=decided,
        scores=scores,
        classes=classes,
    )
