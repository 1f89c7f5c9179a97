"""What a trained model decides about test pictures whose suspected property is that of another class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

import numpy as np
from annotated_types import Ge, Interval

from pipeline.core.contracts import Predictor
from pipeline.core.errors import UserError
from pipeline.core.estimate import Estimate
from pipeline.core.evaluation_contracts import Intervention
from pipeline.core.manifest_schema import property_column
from pipeline.core.progress import Bar
from pipeline.core.ranges import Count, PositiveInt, Seed
from pipeline.datasets.packed import PackedDataset
from pipeline.evaluation import counterfactual_text as text
from pipeline.evaluation.counterfactual_results import CounterfactualResult
from pipeline.evaluation.counterfactual_rules import decide_outer, decide_state, measure_reach, pick_examples
from pipeline.evaluation.counterfactual_samples import ROW, Subjects, Values, has_label, pick_carriers, sample_sides
from pipeline.evaluation.share_estimates import estimate_difference, estimate_share
from pipeline.evaluation.suspicions import Suspicion
from pipeline.statistics.bootstrap import Bootstrap

CHUNK = 64  # pictures predicted at once


@dataclass(frozen=True, kw_only=True)
class Options:
    """How much is rendered and predicted, and when the model follows a property.

    Args:
        max_predictions: Test pictures that are predicted as they are, for the accuracy in the crossed cells; of more,
            both sides of the label have half, spread over their groups.
        max_renders: Those of them that are rendered again for each intervention, likewise.
        max_properties: Suspected properties that are tested, the best predictors first.
        min_difference: Smallest difference of the two flip rates with which the model is said to follow a property.
        num_examples: Pictures before and after that are kept of each intervention.
        num_resamples: Bootstrap resamples behind each interval of more than 100 groups, at least 100.
        seed: Seed of the samples and the resamples.
    """

    max_predictions: PositiveInt
    max_renders: PositiveInt
    max_properties: Count
    min_difference: Annotated[float, Interval(ge=0, le=1)]
    num_examples: Count
    num_resamples: Annotated[int, Ge(100)]
    seed: Seed

    @property
    def bootstrap(self) -> Bootstrap:
        return Bootstrap(num_resamples=self.num_resamples, seed=self.seed)


@dataclass(frozen=True, kw_only=True, eq=False)
class CounterfactualTest:
    """Tests a model with suspected properties.

    Args:
        packed: Pictures as the model takes them.
        predictor: The model.
        interventions: Name to intervention.
        options: How much, and the rule.
        bar: Counts the pictures that are predicted; None where no person looks.
    """

    packed: PackedDataset
    predictor: Predictor
    interventions: Mapping[str, Intervention]
    options: Options
    bar: Bar | None = None
    _subjects: dict[str, Subjects] = field(default_factory=dict)
    _by_place: dict[tuple[str, str, bytes], Mapping[str, np.ndarray]] = field(default_factory=dict)

    def __call__(self, suspicion: Suspicion) -> Iterator[CounterfactualResult]:
        """A result for each intervention that can change the property; one that says why not where there is none."""
        able = {name: one for name, one in self.interventions.items() if suspicion.name in one.properties}
        obstacle = self._find_obstacle(suspicion, able)
        if obstacle:
            yield CounterfactualResult.without(suspicion, obstacle)
            return
        values = self._values(suspicion)
        try:
            subjects = self._subjects_of(suspicion.label)
        except UserError as error:  # a model of the properties does not look at pictures
            yield CounterfactualResult.without(suspicion, f"the model cannot be run on pictures alone ({error})")
            return
        measured = self._column(suspicion)[subjects.rows]
        known = ~np.isnan(measured)
        if not known.any():
            yield CounterfactualResult.without(suspicion, text.NOT_MEASURED)
            return
        subjects, measured = subjects.take(known), measured[known]
        chosen = sample_sides(subjects.has, subjects.groups, self.options.max_renders, self.options.seed)
        for name, one in able.items():
            if self.bar is not None:
                self.bar.advance(0, what=f"intervene: {suspicion.words}, {name.replace('_', ' ')}")
            yield self._render(suspicion, name, one, values, subjects, measured, chosen)

    def count_predictions(self, suspicions: Sequence[Suspicion]) -> int:
        """About how many pictures are predicted to test them, for the bar."""
        number = int((self.packed.index["split"] == "test").sum())
        interventions = [
            one
            for suspicion in suspicions
            for one in self.interventions.values()
            if suspicion.name in one.properties and self.packed.images.ndim == 4
        ]
        few = self.packed.images[:1]
        places = [sum(view is not None for view in (one.isolate(few), one.remove(few))) for one in interventions]
        labels = {suspicion.label for suspicion in suspicions}
        renders = min(number, self.options.max_renders) * (3 * len(places) + sum(places))
        return renders + len(labels) * min(number, self.options.max_predictions)

    def _find_obstacle(self, suspicion: Suspicion, able: Mapping[str, Intervention]) -> str:
        if not able:
            return text.NO_INTERVENTION
        if self.packed.images.ndim != 4:
            return text.NO_PICTURES
        if suspicion.label not in self.packed.classes or property_column(suspicion.name) not in self.packed.index:
            return text.NOT_PACKED
        return "" if self._values(suspicion).direction else text.NO_DIRECTION

    def _column(self, suspicion: Suspicion) -> np.ndarray:
        return self.packed.index[property_column(suspicion.name)].to_numpy(dtype=np.float64)

    def _values(self, suspicion: Suspicion) -> Values:
        index = self.packed.index
        originals = index["origin"] == index["sample_id"] if "origin" in index else True
        train = index.assign(**{ROW: np.arange(len(index))})[(index["split"] == "train") & originals]
        return Values.of(train, suspicion.label, property_column(suspicion.name))

    def _subjects_of(self, label: str) -> Subjects:
        if label not in self._subjects:
            index = self.packed.index
            test = index.assign(**{ROW: np.arange(len(index))})[index["split"] == "test"]
            has, groups = has_label(test, label), test["group"].to_numpy(dtype=str)
            chosen = test.iloc[sample_sides(has, groups, self.options.max_predictions, self.options.seed)]
            rows = chosen[ROW].to_numpy()
            self._subjects[label] = Subjects(
                rows=rows,
                sample_ids=chosen["sample_id"].to_numpy(),
                has=has_label(chosen, label),
                decided=self._decide(self.packed.images[rows], label),
                groups=chosen["group"].to_numpy(dtype=str),
            )
        return self._subjects[label]

    def _decide(self, pictures: np.ndarray, label: str, counted: int | None = None) -> np.ndarray:
        """(N,) bool: whether the model decides for the label.

        Args:
            pictures: (N, H, W, C) uint8.
            label: One of the classes.
            counted: Pictures that the bar expected in their place.
        """
        parts = [pictures[start : start + CHUNK] for start in range(0, len(pictures), CHUNK)]
        left = len(pictures) if counted is None else counted
        decided = [np.zeros(0, dtype=bool)]
        for number, part in enumerate(parts, start=1):
            scores = self.predictor.predict(part)
            decided.append(self.predictor.task.decide(scores)[:, self.packed.classes.index(label)])
            self._advance(left * number // len(parts) - left * (number - 1) // len(parts))
        return np.concatenate(decided)

    def _advance(self, number: int) -> None:
        if self.bar is not None:
            self.bar.advance(number)

    def _render(
        self,
        suspicion: Suspicion,
        name: str,
        intervention: Intervention,
        values: Values,
        everyone: Subjects,
        measured: np.ndarray,
        chosen: np.ndarray,
    ) -> CounterfactualResult:
        options, images = self.options, self.packed.images
        crossed = values.are_crossed(measured, everyone.has)
        right = everyone.decided == everyone.has
        generator = np.random.default_rng(options.seed)
        everything, typical = everyone.take(chosen), (right & ~crossed)[chosen]
        own, other = (rows[typical] for rows in values.donors(measured[chosen], everything.has, generator))
        subjects, pictures = everything.take(typical), images[everything.rows]
        before, wanted = pictures[typical], images[other]
        after, control = before, before
        if typical.any():
            after, control = intervention(before, images[own], wanted, suspicion.name)
        decided, decided_control = (self._decide(one, suspicion.label, len(chosen)) for one in (after, control))
        flips, control_flips = (one != subjects.has for one in (decided, decided_control))
        toward = np.where(subjects.has, -values.direction, values.direction)
        reach = measure_reach((before, after, wanted), suspicion.name, toward)
        figures = {
            **self._flip_rates(flips, control_flips, subjects.groups),
            "crossed_accuracy": self._accuracy(right, everyone.groups, crossed[:, None]),
            "typical_accuracy": self._accuracy(right, everyone.groups, ~crossed[:, None]),
            **self._accuracies(suspicion, name, pictures, everything, generator),
        }
        state = decide_state(figures["difference"], reach, options.min_difference)
        outer = figures.get("isolated_accuracy")
        return CounterfactualResult(
            suspicion=suspicion,
            intervention=name,
            state=state,
            sentence=text.describe(suspicion, name, state, figures, reach, options.min_difference),
            outer=None if outer is None else decide_outer(suspicion.label, name, outer, options.min_difference),
            reach=reach,
            figures=figures,
            examples=pick_examples(subjects, decided, decided_control, (before, after, control), options.num_examples),
        )

    def _flip_rates(self, flips: np.ndarray, control_flips: np.ndarray, groups: np.ndarray) -> dict[str, Estimate]:
        return {
            "flip_rate": self._accuracy(flips, groups),
            "control_flip_rate": self._accuracy(control_flips, groups),
            "difference": estimate_difference(flips, control_flips, groups, self.options.bootstrap),
        }

    def _accuracies(
        self,
        suspicion: Suspicion,
        name: str,
        pictures: np.ndarray,
        subjects: Subjects,
        generator: np.random.Generator,
    ) -> dict[str, Estimate]:
        """Balanced over both sides: by the property alone, and by its place alone and without it, where it has one."""
        carriers = pictures[pick_carriers(subjects.has, generator)]
        nuisance, _ = self.interventions[name](carriers, carriers, pictures, suspicion.name)
        decisions = {
            "nuisance_accuracy": self._decide(nuisance, suspicion.label),
            **self._decide_by_place(suspicion.label, name, pictures, subjects.rows),
        }
        sides = np.stack([subjects.has, ~subjects.has], axis=1)
        return {
            figure: self._accuracy(decided == subjects.has, subjects.groups, sides)
            for figure, decided in decisions.items()
        }

    def _decide_by_place(
        self, label: str, name: str, pictures: np.ndarray, rows: np.ndarray
    ) -> Mapping[str, np.ndarray]:
        """Figure to (N,) bool; the same for all properties of one place."""
        key, intervention = (label, name, rows.tobytes()), self.interventions[name]
        if key in self._by_place:
            self._advance(len(self._by_place[key]) * len(rows))
            return self._by_place[key]
        views = {"isolated_accuracy": intervention.isolate(pictures), "removed_accuracy": intervention.remove(pictures)}
        self._by_place[key] = {figure: self._decide(view, label) for figure, view in views.items() if view is not None}
        return self._by_place[key]

    def _accuracy(self, hits: np.ndarray, groups: np.ndarray, parts: np.ndarray | None = None) -> Estimate:
        every = np.ones((len(hits), 1), dtype=bool)
        return estimate_share(hits, every if parts is None else parts, groups, self.options.bootstrap)
