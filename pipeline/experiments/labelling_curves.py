"""Measures on the labelled samples of a project what each strategy of conf/query/ would have been worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, final

import numpy as np

from pipeline.core import artifacts, config, progress
from pipeline.core.choices import is_exclusive
from pipeline.core.errors import UserError
from pipeline.core.labels import to_matrix
from pipeline.core.page_inputs import digest_inputs
from pipeline.core.terminal import count_of
from pipeline.evaluation.label_efficiency import ValSamples
from pipeline.evaluation.labelling_curves import RANDOM, LabellingCurves, list_points, random_sizes
from pipeline.evaluation.split_evaluation import Options
from pipeline.features.linear_probe import pca_directions
from pipeline.labelling.pool import SamplePool, duplicate_groups, read_pool
from pipeline.labelling.queries.probes import has_two_classes
from pipeline.labelling.queries.query import build_strategy
from pipeline.labelling.queries.simulation import LabelledSamples, label_in_rounds
from pipeline.report.command_pages import ANSWER, MADE_OF, write_commands_page
from pipeline.report.labelling_curves import describe_savings, labelling_page

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pipeline.core.labelling_contracts import QueryStrategy
    from pipeline.core.open_types import Params

PAGE, FIGURES = Path("reports/simulate_labelling.html"), Path("reports/simulate_labelling.json")
TABLE = Path("reports/simulate_labelling.csv")
INPUTS = (artifacts.EMBEDDINGS / "card.json", artifacts.MANIFEST, artifacts.SPLITS)
MAX_TRAIN, MAX_VAL = 5000, 2000  # samples; of more, as many are picked at random
RANDOM_STREAM, STRATEGY_STREAM = 0, 1  # of the seeds of a repeat


@final
@dataclass(frozen=True, kw_only=True)
class Request:
    """What is measured.

    Attributes:
        budgets: Labels in all, ascending.
        num_repeats: Of each curve, at least 2.
        strategies: Names of files of conf/query/; none for all that choose samples without a label.
        seed: Of all that is random.
    """

    budgets: tuple[int, ...]
    num_repeats: int
    strategies: tuple[str, ...]
    seed: int


def build_strategies(names: Sequence[str]) -> dict[str, QueryStrategy]:
    """Name to strategy, without the random one.

    Raises:
        UserError: A name is of no file, or of a strategy that chooses labelled samples.
    """
    found = {name: build_strategy(name) for name in names or config.list_targets("query")}
    for name, strategy in found.items():
        if names and strategy.of_labelled:
            raise UserError(f"strategy {name} chooses labelled samples, so its curve would be that of all labels")
    return {name: strategy for name, strategy in found.items() if name != RANDOM and not strategy.of_labelled}


def measure_labelling(params: Params, request: Request) -> LabellingCurves:
    """All curves; train acts as the pool, val measures, and test is not read.

    Raises:
        UserError: There are too few labelled samples, or their classes are too few.
    """
    strategies = build_strategies(request.strategies)
    pool = read_pool(params)
    samples = take_labelled(pool, is_exclusive(params), request.seed)
    if request.budgets[-1] > samples.num_train:
        raise UserError(
            f"--budgets goes up to {request.budgets[-1]:,} labels, and train has "
            f"{count_of(samples.num_train, 'labelled sample')} that act as the pool; give smaller ones"
        )
    sizes = random_sizes(request.budgets, samples.num_train)
    total = request.num_repeats * (len(sizes) + len(strategies) * len(request.budgets))
    with progress.show("simulate-labelling", total, "batches") as bar:
        hits = run_repeats(samples, strategies, request, sizes, bar.advance if bar else lambda number: None)
    val = ValSamples(codes=samples.codes, groups=samples.val_groups, bootstrap=Options.of(params).bootstrap)
    points, saved = list_points(hits, request.budgets, val)
    return LabellingCurves(
        source=pool.source,
        budgets=request.budgets,
        strategies=list(strategies),
        points=points,
        saved=saved,
        num_repeats=request.num_repeats,
        num_train=samples.num_train,
        num_val=len(samples.labels) - samples.num_train,
        num_groups=val.weights.num_groups,
    )


def take_labelled(pool: SamplePool, exclusive: bool, seed: int) -> LabelledSamples:
    """The labelled samples of train, then those of val, with the directions of their features.

    Args:
        pool: All samples.
        exclusive: Whether each has exactly one label.
        seed: Of the samples that are picked where there are many, and of the principal components.

    Raises:
        UserError: Train or val has no labelled sample, or they have one class.
    """
    labelled = pool.samples["is_labelled"] & ~pool.samples["is_dropped"]
    if exclusive:
        labelled &= pool.samples["labels"].map(len) == 1
    generator, parts = np.random.default_rng(seed), []
    for part, most in (("train", MAX_TRAIN), ("val", MAX_VAL)):
        found = np.flatnonzero((labelled & (pool.samples["split"] == part)).to_numpy(dtype=bool))
        if not len(found):
            raise UserError(
                f"{part} has no labelled sample, and colibri simulate-labelling plays on labelled ones; label some, "
                "as of colibri query --random-share 1, and type colibri run"
            )
        parts.append(np.sort(generator.permutation(found)[:most]))
    rows = np.concatenate(parts)
    given = [list(names) for names in pool.samples["labels"].iloc[rows]]
    labels = to_matrix(given, sorted({name for names in given for name in names}))
    if not has_two_classes(labels[: len(parts[0])], exclusive):
        raise UserError("all labels of train are of one class, so there is nothing to tell apart; label others too")
    return LabelledSamples(
        features=pca_directions(pool.features[rows], seed),
        labels=labels,
        groups=duplicate_groups(pool.samples)[rows],
        num_train=len(parts[0]),
        is_exclusive=exclusive,
    )


def run_repeats(
    samples: LabelledSamples,
    strategies: Mapping[str, QueryStrategy],
    request: Request,
    sizes: Sequence[int],
    advance: Callable[[int], None],
) -> dict[tuple[str, int], np.ndarray]:
    """Strategy and number of labels to (D, M) hits on val; in each repeat all begin with the same random order.

    Args:
        samples: The labelled ones.
        strategies: That are compared with random labels.
        request: Budgets, repeats and seed.
        sizes: Numbers of random labels.
        advance: Called with the number of batches that were measured.
    """
    hits: dict[tuple[str, int], list[np.ndarray]] = {}
    for repeat in range(request.num_repeats):
        order = np.random.default_rng([request.seed, RANDOM_STREAM, repeat]).permutation(samples.num_train)
        curves = {RANDOM: (sizes, [order[:size] for size in sizes])}
        for name, strategy in strategies.items():
            rng = np.random.default_rng([request.seed, STRATEGY_STREAM, repeat])
            curves[name] = (request.budgets, label_in_rounds(strategy, samples, request.budgets, order, rng))
            advance(len(request.budgets))
        for name, (numbers, chosen) in curves.items():
            for number, rows in zip(numbers, chosen, strict=True):
                hits.setdefault((name, number), []).append(samples.measure(rows))
        advance(len(sizes))
    return {key: np.stack(found) for key, found in hits.items()}


def write_labelling(found: LabellingCurves) -> None:
    """Writes the figures, the table, the page, and what the page of all commands says of it."""
    figures = {ANSWER: describe_savings(found), MADE_OF: digest_inputs(INPUTS), **found.to_json()}
    artifacts.write_json(FIGURES, figures)
    artifacts.write_csv(TABLE, found.to_table())
    artifacts.write_text(PAGE, labelling_page(found))
    write_commands_page(found.source)
