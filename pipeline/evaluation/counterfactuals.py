"""What a trained model decides about test pictures whose suspected property is that of another class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

import numpy as np
import pandas as pd
from annotated_types import Ge, Interval

from pipeline.core.contracts import Predictor
from pipeline.core.errors import UserError
from pipeline.core.estimate import Estimate
from pipeline.core.evaluation_contracts import Intervention
from pipeline.core.manifest_schema import property_column
from pipeline.core.ranges import Count, PositiveInt, Seed
from pipeline.datasets.packed import PackedDataset
from pipeline.evaluation import counterfactual_text as text
from pipeline.evaluation.counterfactual_results import CounterfactualResult, Example
from pipeline.evaluation.counterfactual_samples import ROW, Subjects, Values, has_label, pick_carriers, sample_sides
from pipeline.evaluation.interventions.matching import measure_property
from pipeline.evaluation.share_estimates import estimate_difference, estimate_share
from pipeline.evaluation.suspicions import Suspicion
from pipeline.statistics.bootstrap import Bootstrap

MIN_REACH = 0.5  # of the way to the other class; a change that goes less far proves nothing


@dataclass(frozen=True, kw_only=True)
class Options:
    """How much is rendered and predicted, and when the model follows a property.

    Args:
        max_predictions: Test pictures that are predicted as they are, for the accuracy in the crossed cells; of more,
            whole groups are sampled so that both sides of the label have about half.
        max_renders: Those of them that are rendered again, three times for each intervention.
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
    """

    packed: PackedDataset
    predictor: Predictor
    interventions: Mapping[str, Intervention]
    options: Options
    _subjects: dict[str, Subjects] = field(default_factory=dict)

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
        subjects, measured = subjects.take(known), measured[known]
        for name, one in able.items():
            yield self._render(suspicion, name, one, values, subjects, measured)

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
            chosen = sample_sides(test, label, self.options.max_predictions, self.options.seed)
            rows = chosen[ROW].to_numpy()
            self._subjects[label] = Subjects(
                rows=rows,
                sample_ids=chosen["sample_id"].to_numpy(),
                has=has_label(chosen, label),
                decided=self._decide(self.packed.images[rows], label),
                groups=chosen["group"].to_numpy(dtype=str),
            )
        return self._subjects[label]

    def _decide(self, pictures: np.ndarray, label: str) -> np.ndarray:
        """(N,) bool: whether the model decides for the label."""
        if not len(pictures):
            return np.zeros(0, dtype=bool)
        scores = self.predictor.predict(pictures)
        return np.asarray(self.predictor.task.decide(scores)[:, self.packed.classes.index(label)])

    def _render(
        self,
        suspicion: Suspicion,
        name: str,
        intervention: Intervention,
        values: Values,
        everyone: Subjects,
        measured: np.ndarray,
    ) -> CounterfactualResult:
        options, images = self.options, self.packed.images
        crossed = values.are_crossed(measured, everyone.has)
        right = everyone.decided == everyone.has
        table = pd.DataFrame({"has": everyone.has, "group": everyone.groups, ROW: np.arange(len(right))})
        chosen = sample_sides(table, None, options.max_renders, options.seed)[ROW].to_numpy()
        subjects, typical = everyone.take(chosen), (right & ~crossed)[chosen]
        generator = np.random.default_rng(options.seed)
        own, other = values.donors(measured[chosen], subjects.has, generator)
        before = images[subjects.rows]
        after, control = intervention(before, images[own], images[other], suspicion.name)
        decided, decided_control = (self._decide(one, suspicion.label) for one in (after, control))
        flips, control_flips = (one[typical] != subjects.has[typical] for one in (decided, decided_control))
        toward = np.where(subjects.has, -values.direction, values.direction)
        reach = _reach([one[typical] for one in (before, after, images[other])], suspicion.name, toward[typical])
        figures = {
            **self._flip_rates(flips, control_flips, subjects.groups[typical]),
            "crossed_accuracy": self._accuracy(right, everyone.groups, crossed[:, None]),
            "typical_accuracy": self._accuracy(right, everyone.groups, ~crossed[:, None]),
            **self._accuracies(suspicion, intervention, before, subjects, generator),
        }
        state = decide_state(figures["difference"], reach, options.min_difference)
        examples = _pick_examples(
            subjects, typical, decided, decided_control, (before, after, control), options.num_examples
        )
        return CounterfactualResult(
            suspicion=suspicion,
            intervention=name,
            state=state,
            sentence=text.describe(suspicion, name, state, figures, reach, options.min_difference),
            reach=reach,
            figures=figures,
            examples=examples,
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
        intervention: Intervention,
        pictures: np.ndarray,
        subjects: Subjects,
        generator: np.random.Generator,
    ) -> dict[str, Estimate]:
        """Balanced over both sides: by the property alone, and by its place alone and without it, where it has one."""
        carriers = pictures[pick_carriers(subjects.has, generator)]
        nuisance, _ = intervention(carriers, carriers, pictures, suspicion.name)
        shown = {
            "nuisance_accuracy": nuisance,
            "isolated_accuracy": intervention.isolate(pictures),
            "removed_accuracy": intervention.remove(pictures),
        }
        sides = np.stack([subjects.has, ~subjects.has], axis=1)
        return {
            name: self._accuracy(self._decide(one, suspicion.label) == subjects.has, subjects.groups, sides)
            for name, one in shown.items()
            if one is not None
        }

    def _accuracy(self, hits: np.ndarray, groups: np.ndarray, parts: np.ndarray | None = None) -> Estimate:
        every = np.ones((len(hits), 1), dtype=bool)
        return estimate_share(hits, every if parts is None else parts, groups, self.options.bootstrap)


def decide_state(difference: Estimate, reach: float, min_difference: float) -> text.State:
    """`follows` where the whole interval of the difference of the flip rates is above 0, and it is large."""
    if not reach >= MIN_REACH or difference.value is None or difference.low is None:
        return "cannot_be_judged"
    if difference.low <= 0:
        return "not_shown"
    return "follows" if difference.value >= min_difference else "slight"


def _reach(pictures: Sequence[np.ndarray], name: str, toward: np.ndarray) -> float:
    """How far the property went on average, as a share of the way to the other class; 0 where there is no way.

    Args:
        pictures: Before, after, and those of the other class, (N, H, W, C) each.
        name: Of the property.
        toward: (N,) 1 where the other class has more of it, -1 where less.
    """
    if not len(toward):
        return 0.0
    now, then, wanted = (measure_property(one, name) for one in pictures)
    way = float(((wanted - now) * toward).mean())
    return float(((then - now) * toward).mean()) / way if way > 0 else 0.0


def _pick_examples(
    subjects: Subjects,
    typical: np.ndarray,
    decided: np.ndarray,
    decided_control: np.ndarray,
    pictures: tuple[np.ndarray, np.ndarray, np.ndarray],
    most: int,
) -> list[Example]:
    """The first pictures whose decision moved, then others, both sides in turn."""
    moved = decided != subjects.has
    turn = pd.Series(subjects.has).groupby([subjects.has, moved]).cumcount().to_numpy()
    order = [one for one in np.lexsort((turn, ~moved)) if typical[one]][:most]
    return [
        Example(
            sample_id=str(subjects.sample_ids[row]),
            has=bool(subjects.has[row]),
            after=bool(decided[row]),
            control=bool(decided_control[row]),
            pictures=np.stack([one[row] for one in pictures]),
        )
        for row in order
    ]
