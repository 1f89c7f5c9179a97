"""Measures how good features are with few labels: pretrained against not, and against packaged ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, final

import numpy as np

from pipeline.core import artifacts, config, progress
from pipeline.core.contracts import Augmentation
from pipeline.core.page_inputs import digest_inputs
from pipeline.core.results import StoredFinding, read_findings
from pipeline.evaluation.label_draws import draw_subsets, find_shortage
from pipeline.evaluation.label_efficiency import (
    ALL,
    LEADING,
    MEAN,
    Measured,
    ValSamples,
    average_sizes,
    estimate_draws,
    measure_hits,
)
from pipeline.evaluation.label_efficiency_results import (
    EMBEDDED,
    FINE_TUNED,
    INITIAL,
    PRETRAINED,
    PROPERTIES,
    LabelEfficiency,
    SizePoint,
    ViewClaims,
)
from pipeline.evaluation.property_probes import read_properties
from pipeline.evaluation.split_evaluation import Options
from pipeline.evaluation.suspicions import Suspicion, find_suspicions
from pipeline.evaluation.view_effects import judge_views, match_safety, measure_moves
from pipeline.experiments.label_fits import FineTuning, probe_hits
from pipeline.experiments.label_pictures import (
    LabelledPictures,
    extract_features,
    read_card,
    read_pictures,
    varied_properties,
)
from pipeline.report.command_pages import ANSWER, MADE_OF, write_commands_page
from pipeline.report.label_efficiency import label_efficiency_page
from pipeline.report.label_efficiency_text import describe_gains, describe_views
from pipeline.training.pretrained_encoder import refuse_stale

if TYPE_CHECKING:
    from pipeline.core.estimate import Estimate
    from pipeline.core.open_types import Params
    from pipeline.statistics.bootstrap import Bootstrap

PAGE, FIGURES = Path("reports/label_efficiency.html"), Path("reports/label_efficiency.json")
TABLE = Path("reports/label_efficiency.csv")
INPUTS = (  # pictures and labels are in these two of data/packed/, and the options of embed in its card
    *(artifacts.ENCODER, artifacts.PACKED / "card.json", artifacts.PACKED / "index.parquet"),
    *(artifacts.EMBEDDINGS / "card.json", artifacts.CHECKS, artifacts.CURATION),
)
MAX_PROBED = 5000  # pictures of train to which probes for properties are fitted
PAIRS = ((PRETRAINED, INITIAL), (PRETRAINED, EMBEDDED), (PRETRAINED, PROPERTIES))


@final
@dataclass(frozen=True, kw_only=True)
class Request:
    """What is measured.

    Attributes:
        sizes: Labels a class, ascending; all labels are measured too.
        num_draws: Random subsets of each size.
        num_fine_tuned: Of them, those to which whole networks are fitted too; 0 for none.
        seed: Of the subsets.
    """

    sizes: tuple[int, ...]
    num_draws: int
    num_fine_tuned: int
    seed: int


def measure_label_efficiency(params: Params, request: Request) -> LabelEfficiency:
    """All figures; val alone is measured, and test is not read.

    Raises:
        UserError: Nothing was pretrained, or by other choices than these, or the data set does not allow it.
    """
    card = read_card()
    refuse_stale(params)
    pictures = read_pictures(params, request.seed)
    bootstrap, num_train = Options.of(params).bootstrap, pictures.num_train
    tuning = FineTuning.of(params, pictures) if request.num_fine_tuned else None
    with progress.show("label-efficiency: features", 2 * len(pictures.index), "pictures") as bar:
        features, words, missing = extract_features(params, pictures, bar.advance if bar else lambda number: None)
    subsets, obstacles = make_subsets(pictures, request)
    hits = fit_probes(features, pictures, subsets)
    if tuning is not None:
        hits |= fine_tune(tuning, subsets, request.num_fine_tuned)
        words |= {f"{FINE_TUNED}{kind}": f"fine-tuned from {words[kind]}" for kind in (INITIAL, PRETRAINED)}
    val = ValSamples(codes=pictures.codes[num_train:], groups=pictures.groups[num_train:], bootstrap=bootstrap)
    points = list_points(hits, subsets, val)
    return LabelEfficiency(
        source=str(params["source"]["name"]),
        kinds=words,
        points=points,
        obstacles=obstacles,
        missing=missing,
        num_train=num_train,
        num_val=len(val.codes),
        num_groups=val.weights.num_groups,
        num_labelled={split: len(codes) for split, codes in pictures.labelled.items()},
        card={
            "objective": str(card["objective"]["_target_"]).rpartition(".")[2],
            "views": list(card["views"] or {}),
            "epochs": card.get("epoch"),
            "num_samples": card.get("num_samples"),
        },
        views=examine_views(params, pictures, features, bootstrap),
    )


def make_subsets(pictures: LabelledPictures, request: Request) -> tuple[dict[str, list[np.ndarray]], dict[str, str]]:
    """Size to rows of train of each draw, and size to why it cannot be judged."""
    num = pictures.num_train
    codes, groups = pictures.codes[:num], pictures.groups[:num]
    used = f"the {num:,} pictures of train that are used"
    reasons = {
        size: find_shortage(pictures.labelled["train"], pictures.packed.classes, size)
        or find_shortage(codes, pictures.packed.classes, size, used)
        for size in request.sizes
    }
    sizes = [size for size in request.sizes if not reasons[size]]
    found = draw_subsets(codes, groups, sizes, request.num_draws, request.seed)
    subsets = {str(size): rows for size, rows in found.items()} | {ALL: [np.arange(num)]}
    return subsets, {str(size): reason for size, reason in reasons.items() if reason}


def fit_probes(
    features: Mapping[str, np.ndarray], pictures: LabelledPictures, subsets: Mapping[str, Sequence[np.ndarray]]
) -> dict[tuple[str, str], np.ndarray]:
    """Kind and size to (D, M) bool hits on val."""
    tasks = [(kind, size) for size in subsets for kind in features]
    total = len(features) * sum(map(len, subsets.values()))
    hits = {}
    with progress.show("label-efficiency: probes", total, "fits") as bar:
        for kind, size in tasks:
            hits[kind, size] = probe_hits(features[kind], pictures.codes, pictures.num_train, subsets[size])
            if bar:
                bar.advance(len(subsets[size]))
    return hits


def fine_tune(
    tuning: FineTuning, subsets: Mapping[str, Sequence[np.ndarray]], num_draws: int
) -> dict[tuple[str, str], np.ndarray]:
    """The same of fine-tuned networks, on the first draws."""
    hits = {}
    total = 2 * sum(len(rows[:num_draws]) for rows in subsets.values())
    with progress.show("label-efficiency: fine-tuning", total, "networks") as bar:
        for size, draws in subsets.items():
            for kind in (INITIAL, PRETRAINED):
                found = []
                for rows in draws[:num_draws]:
                    found.append(tuning.hits(rows, kind == PRETRAINED))
                    if bar:
                        bar.advance()
                hits[f"{FINE_TUNED}{kind}", size] = np.stack(found)
    return hits


def list_points(
    hits: Mapping[tuple[str, str], np.ndarray], subsets: Mapping[str, Sequence[np.ndarray]], val: ValSamples
) -> list[SizePoint]:
    """The figures of each kind at each size, the paired differences, and their means over sizes."""
    names = {f"{kind} {size}": (kind, size) for kind, size in hits}
    measured = {names[name]: found for name, found in measure_hits({n: hits[k] for n, k in names.items()}, val).items()}
    make = partial(_make_point, subsets, val)
    kinds = list(dict.fromkeys(kind for kind, _ in hits))
    points = [make(kind, "", size, found) for (kind, size), found in measured.items()]
    pairs = [*PAIRS, (FINE_TUNED + PRETRAINED, FINE_TUNED + INITIAL), (FINE_TUNED + PRETRAINED, PRETRAINED)]
    for later, earlier in pairs:
        if later in kinds and earlier in kinds:
            gains = {size: measured[later, size].minus(measured[earlier, size]) for size in subsets}
            points += [make(later, earlier, size, gain) for size, gain in gains.items()]
            points.append(make(later, earlier, MEAN, average_sizes(list(gains.values()))))
    return points


def _make_point(
    subsets: Mapping[str, Sequence[np.ndarray]], val: ValSamples, kind: str, minus: str, size: str, found: Measured
) -> SizePoint:
    return SizePoint(
        kind=kind,
        minus=minus,
        size=size,
        num_labels=len(subsets[size][0]) if size in subsets else 0,
        num_draws=len(found.draws[LEADING]),
        figures=estimate_draws(found, val, bool(minus)),
    )


def examine_views(
    params: Params, pictures: LabelledPictures, features: Mapping[str, np.ndarray], bootstrap: Bootstrap
) -> ViewClaims:
    """What the views of the pretraining change, and how the probes for these properties changed."""
    notes: list[str] = []
    checks, curation = (_read(path, notes) for path in (artifacts.CHECKS, artifacts.CURATION))
    suspicions: list[Suspicion] = []
    if "shortcut" in checks:
        alpha = float(params.get("check", {}).get("shortcut", {}).get("alpha", 0.05))
        suspicions = find_suspicions(checks["shortcut"], alpha)
    elif checks:
        notes.append("The check shortcut did not run, so no property is known to be suspected.")
    rows = _spread(np.arange(len(pictures.index)), MAX_PROBED)
    table = varied_properties(pictures.index.iloc[rows])  # of these rows: what varies elsewhere has no R^2 here
    readings = read_properties(
        features[INITIAL][rows],
        features[PRETRAINED][rows],
        table.to_numpy(),
        list(table.columns),
        pictures.codes[rows],
        pictures.groups[rows],
        bootstrap,
    )
    if not readings:
        notes.append("No probe for a property was fitted: all pictures are of one group, or no property varies.")
    views: dict[str, Augmentation] = config.build_all(params, "views")
    moves: dict[str, dict[str, float]] = {}
    if pictures.packed.images.ndim == 4:
        train = pictures.index["row"].to_numpy()[: pictures.num_train]
        moves = measure_moves(views, pictures.packed.images[_spread(train)], bootstrap.seed)
    else:
        notes.append("Properties are measured on pictures, and these samples have more axes.")
    return ViewClaims(
        moves=moves,
        readings=readings,
        effects=judge_views(moves, readings, suspicions),
        safety=match_safety(
            params["views"] or {}, params.get("augmentation") or {}, curation.get("augmentation_safety")
        ),
        notes=notes,
    )


def _spread(rows: np.ndarray, most: int = 200) -> np.ndarray:
    """At most `most` of the rows, evenly spread, ascending."""
    return np.unique(rows[np.linspace(0, len(rows) - 1, min(len(rows), most)).round().astype(np.int64)])


def _read(path: Path, notes: list[str]) -> dict[str, StoredFinding]:
    if path.is_file():
        return read_findings(path)
    notes.append(f"{path} does not exist, so what it says of shortcuts and augmentations is unknown; run dvc repro.")
    return {}


def write_label_efficiency(found: LabelEfficiency, media: str = "image") -> None:
    """Writes the figures, the table, the page, and what the page of all commands says of it."""
    sentences = {ANSWER: describe_gains(found), "views_removed": describe_views(found.views)}
    artifacts.write_json(FIGURES, {**sentences, MADE_OF: digest_inputs(INPUTS), **found.to_json()})
    artifacts.write_csv(TABLE, found.to_table())
    artifacts.write_text(PAGE, label_efficiency_page(found, media))
    write_commands_page(found.source)


def record_label_efficiency(params: Params, request: Request, found: LabelEfficiency) -> str:
    """The id of MLflow's parent run of this comparison; the runs under it have the number of labels as step."""
    from pipeline.tracking.comparison_runs import label_efficiency_run
    from pipeline.training.pretrained_encoder import encoder_digest

    request_text = artifacts.canonical_json([request.sizes, request.num_draws, request.num_fine_tuned, request.seed])
    data = (artifacts.PACKED / "index.parquet").read_bytes()
    key = artifacts.content_digest(request_text, encoder_digest(), artifacts.canonical_json(params), data)
    curves: dict[str, dict[int, dict[str, float]]] = {}
    gains: dict[str, dict[str, Estimate]] = {}
    for point in found.points:
        figures = {name: one.estimate for name, one in point.figures.items()}
        if point.minus:
            group = f"{point.kind}_minus_{point.minus}"
            gains.setdefault(group, {}).update({f"{name}_{point.size}": one for name, one in figures.items()})
        else:
            values = {name: one.value for name, one in figures.items() if one.value is not None}
            curves.setdefault(found.kinds[point.kind], {})[point.num_labels] = values
    return label_efficiency_run(key, params, curves, gains, [FIGURES, TABLE, PAGE])
