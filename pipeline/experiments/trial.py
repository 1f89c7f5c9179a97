"""One trial of a search, on train and val alone, and whether the best of them is better than the start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
import pandas as pd

from pipeline.core import artifacts
from pipeline.core.contracts import Metric
from pipeline.core.errors import UserError
from pipeline.core.labels import to_matrix
from pipeline.datasets.packed import PackedDataset
from pipeline.evaluation.estimates import estimate_metrics
from pipeline.experiments.evidence import Evidence
from pipeline.experiments.parameter_search import Report, Stopped, trial_row
from pipeline.experiments.results import make_scorer
from pipeline.experiments.space import Search, as_overrides, compose_nodes, get_value
from pipeline.tracking.parent_runs import trial_run
from pipeline.training.recipe import select_recipe

EXPECTED = "expected"
START = "start"  # what the search begins with, beside the numbers of its trials
MIN_STEPS = "train.min_steps"


@final
@dataclass(frozen=True, eq=False)
class Trial:
    """Trains and judges on val; an objective of `parameter_search.run`.

    Attributes:
        start: Overrides that the search begins with.
        nodes: What training reads of them, before the trial's values.
        packed: As `without_test` leaves it.
        search: What is chosen by.
        metrics: Of one number each.
        evaluate: `num_resamples` and `seed` of the intervals.
        parent: The MLflow run of the search.
        folder: Where predictions on val are kept, a file for each trial that came to its end.
    """

    start: list[str]
    nodes: dict[str, Any]
    packed: PackedDataset
    search: Search
    metrics: dict[str, Metric]
    evaluate: dict[str, Any]
    parent: str
    folder: Path

    def __call__(self, number: int, values: dict[str, Any], report: Report) -> tuple[float, dict[str, Any]]:
        row, expected = self._train(str(number), self.values(values), report)
        return float(row[self.search.figure]), {EXPECTED: expected[self.search.expect]}

    def values(self, drawn: Mapping[str, Any]) -> dict[str, Any]:
        """What is changed for a trial: `train.epochs` is as many as it says, whatever `train.min_steps` is."""
        exact = "train.epochs" in drawn and "min_steps" in self.nodes["train"] and MIN_STEPS not in drawn
        return {**drawn, MIN_STEPS: 0} if exact else dict(drawn)

    def evidence(self, best: Any) -> Evidence:
        """Whether the best trial is better than what the search began with, which is trained once for that."""
        start = self._predictions(START, {key: get_value(self.nodes, key) for key in self.search.space})
        found = self._predictions(str(best.number), self.values(best.params))
        if isinstance(found, str):
            raise UserError(f"trial {best.number}, trained again: {found}")
        name = self.search.expect
        return Evidence.of(name, self.metrics[name], found, start, **self._resamples)

    @property
    def _resamples(self) -> dict[str, int]:
        return {name: self.evaluate[name] for name in ("num_resamples", "seed")}

    def keep_only(self, best: Any) -> None:
        """Removes the predictions of all trials but the best and the start."""
        for path in self.folder.glob("*.parquet"):
            if path.stem not in (START, str(best.number)):
                path.unlink()

    def _predictions(self, name: str, values: dict[str, Any]) -> pd.DataFrame | str:
        """Those that were kept, else of another training; or why that failed."""
        if not self._file(name).exists():
            try:
                self._train(name, values, lambda *_: None)
            except Stopped as stopped:
                return str(stopped)
        return artifacts.read_table(self._file(name))

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.parquet"

    def _train(
        self, name: str, values: dict[str, Any], report: Report
    ) -> tuple[Mapping[str, float], dict[str, dict[str, Any]]]:
        """The row of the epoch that was kept, and the metrics on val."""
        changed = [] if name == START else as_overrides(values)
        recipe, _ = select_recipe(compose_nodes([*self.start, *changed]), self.packed)
        stopped = None
        with trial_run(self.parent, name, values) as log:

            def heard(epoch: int, figures: dict[str, float]) -> None:
                log(epoch, figures)
                report(epoch, figures)

            try:
                predictor, history = recipe.fit(self.packed, heard)
                table = self._predict_val(predictor)
                expected = self._measure(table)
                log(
                    len(history),
                    {f"val_{name}": one["value"] for name, one in expected.items() if one["value"] is not None},
                )
            except Stopped as early:
                stopped = early
            except UserError as error:  # a learning rate that diverges is a bad trial, not the end of the search
                stopped = Stopped(str(error))
        if stopped is not None:
            raise stopped
        self.folder.mkdir(parents=True, exist_ok=True)
        artifacts.write_table(self._file(name), table)
        return trial_row(history), expected

    def _predict_val(self, predictor: Any) -> pd.DataFrame:
        """`sample_id`, `group`, `targets`, `decided` and `scores` of val, as `PairedPredictions` takes them."""
        val = self.packed.index[self.packed.index["split"] == "val"]
        scores = make_scorer(predictor, val)(self.packed.images[val.index.to_numpy()])
        return pd.DataFrame(
            {
                "sample_id": val["sample_id"].to_numpy(),
                "group": val["group"].to_numpy(dtype=str),
                "targets": list(to_matrix(val["labels"].tolist(), self.packed.classes)),
                "decided": list(predictor.task.decide(scores)),
                "scores": list(scores),
            }
        )

    def _measure(self, table: pd.DataFrame) -> dict[str, dict[str, Any]]:
        """The metrics on val."""
        targets, decided, scores = (np.stack(table[name].to_numpy()) for name in ("targets", "decided", "scores"))
        groups = table["group"].to_numpy(dtype=str)
        found = estimate_metrics(self.metrics, targets, decided, scores, groups, self.packed.classes, **self._resamples)
        return {name: entry.as_json() for name, entry in found.items()}
