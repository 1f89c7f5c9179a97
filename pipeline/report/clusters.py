"""The page of clusters: what was grouped, how stable that is, what the clusters found, and pictures of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.core.estimate import Estimate
from pipeline.core.terminal import count_of
from pipeline.evaluation.cluster_findings import ClusterFinding
from pipeline.evaluation.cluster_report import Cluster, ClusterReport
from pipeline.features.cluster_stability import STABLE
from pipeline.media.reader import make_reader
from pipeline.media.thumbnails import load_thumbnails
from pipeline.report.formatting import DASH, plain, share
from pipeline.report.pictures import Picture, gallery, link_files, side_of
from pipeline.report.plots import Axis, Line, Tick, axis, line
from pipeline.report.rendering import page

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from pipeline.core.open_types import Params

MAX_BYTES = 3_000_000  # of all pictures together
MAX_SHOWN = 30  # clusters of which the page shows pictures
MAX_ROWS = 60  # of the table of what the clusters found
NUM_FIRST = 10  # of them that are shown at once
WEAK = 0.3  # a strength below is called weak in the sentence
FIGURES = {
    "matched_accuracy": ("Accuracy by the best matching", "each cluster stands for at most one label"),
    "normalised_mutual_information": ("Normalised mutual information", "0 by no relation, 1 where each follows"),
    "adjusted_rand": ("Adjusted Rand index", "0 by chance, 1 where clusters are the labels"),
    "purity": ("Purity", "share of the most frequent label of each cluster; more clusters raise it"),
}
PARTS = {"fitted": "{noun}s that were grouped", "val": "val, which was not", "test": "test, which was not"}


@dataclass(frozen=True, kw_only=True)
class StabilityPlot:
    """The curve of stability.

    Attributes:
        whiskers: Position from the left, and of both ends of the interval from the top, in percent.
        chosen: Position of the number of clusters from the left; None where the curve does not have it.
        limit: Position of the agreement that counts as stable, from the top.
    """

    line: Line
    whiskers: list[tuple[float, float, float]]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    chosen: float | None
    limit: float
    alt: str


@dataclass(frozen=True, kw_only=True)
class FigureRow:
    """A figure of the clusters against labels: of what was fitted, and of val."""

    name: str
    note: str
    cells: list[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class FindingRow:
    """What goes with the clusters, in words."""

    name: str
    kind: str
    strength: str
    measure: str
    adjusted_rand: str
    p: str
    state: str
    words: str
    n: int


@dataclass(frozen=True, kw_only=True)
class ClusterView:
    """A cluster with its pictures."""

    name: str
    anchor: str
    size: int
    share: str
    labels: str
    nearest: list[Picture]
    border: list[Picture]


def shown_samples(report: ClusterReport) -> list[str]:
    """The samples whose pictures the page shows."""
    clusters = report.clusters[:MAX_SHOWN]
    return list(dict.fromkeys(name for one in clusters for name in (*one.nearest, *one.border)))


def show_pictures(
    params: Params, report: ClusterReport, manifest: pd.DataFrame
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The pictures that the page shows by sample_id, and the addresses of their files as far as there are any."""
    shown, reader = shown_samples(report), make_reader(params, manifest)
    images = load_thumbnails(reader, manifest, shown, side_of(len(shown)))
    return images, link_files(reader.source, manifest, shown)


def clusters_page(
    report: ClusterReport, images: Mapping[str, np.ndarray], links: Mapping[str, str], media: str = "image"
) -> str:
    """The page; the same bytes for the same material, and it loads nothing from anywhere.

    Args:
        report: The clusters.
        images: sample_id to (H, W), (H, W, 1) or (H, W, 3) uint8, as far as available.
        links: sample_id to the address of its file, as far as there is one.
        media: Of the data set.
    """
    pictures = gallery(images, links, MAX_BYTES)
    parts = [part for part in PARTS if part in report.figures]
    content = {
        "name": report.source,
        "report": report,
        "claim": describe_findings(report),
        "lead": describe_stability(report, "{noun}"),
        "plot": _plot(report) if report.curve else None,
        "parts_of_figures": [f"{PARTS[part]} ({next(iter(report.figures[part].values())).n:,})" for part in parts],
        "figures": [_figure_row(key, [report.figures[part][key] for part in parts]) for key in FIGURES if parts],
        "findings": [_finding_row(one) for one in report.findings[:MAX_ROWS]],
        "num_findings": len(report.findings),
        "num_first": NUM_FIRST,
        "clusters": [_view(one, report.num_assigned, pictures) for one in report.clusters[:MAX_SHOWN]],
    }
    return page("clusters.html.jinja", content, media=media)


def describe_findings(report: ClusterReport) -> str:
    """One sentence: what the clusters go with most, and whether that is the label."""
    clusters = count_of(len(report.clusters), "cluster")
    beyond = [one for one in report.findings if one.beyond_chance]
    if not report.findings:
        return f"{clusters}; there is no attribute, property or label to compare them with."
    if not beyond and any(one.beyond_chance is None for one in report.findings):
        return f"{clusters}; whether anything goes with them cannot be judged: there are too few groups."
    if not beyond:
        return f"{clusters}; none of {count_of(len(report.findings), 'column')} goes with them beyond chance."
    first = beyond[0]
    weak = "only weakly " if first.strength < WEAK else ""
    sentence = f"{clusters}, which go {weak}with {_name_of(first)} ({_strength(first)})"
    label = next((one for one in report.findings if one.kind == "label"), None)
    if label is None or label is first:
        return f"{sentence}."
    if label.beyond_chance is None:
        return f"{sentence}; whether with the label too cannot be judged."
    with_label = f"with the label ({_strength(label)})" if label.beyond_chance else "not with the label beyond chance"
    return f"{sentence}, and {with_label}."


def describe_stability(report: ClusterReport, noun: str = "picture") -> str:
    """Whether halves of the samples, each called `noun`, find the same clusters."""
    number = len(report.clusters)
    found = report.stability
    if found is None or found.value is None:
        return f"The number of clusters, {number}, was given. How stable they are was not measured."
    chosen = "chosen as the most stable number" if report.is_chosen else "as was given"
    verdict = (
        "So they are no accident of the sample."
        if report.is_stable
        else f"That is below {STABLE}: other {noun}s would give other clusters, so they say little."
    )
    return (
        f"{number} clusters, {chosen}: models of two halves of the {noun}s agree on all of them with an adjusted Rand "
        f"index of {plain(found.value)} ({_between(found)}). {verdict}"
    )


def _name_of(one: ClusterFinding) -> str:
    return "the label" if one.kind == "label" else f"the {one.kind} {one.name}"


def _strength(one: ClusterFinding) -> str:
    if one.adjusted_rand is None:
        return f"{one.measure} {one.strength:.2f}"
    return f"adjusted Rand index {one.adjusted_rand:.2f}"


def _between(one: Estimate) -> str:
    return "no interval" if one.low is None or one.high is None else f"{plain(one.low)} to {plain(one.high)}"


def _figure_row(key: str, found: list[Estimate]) -> FigureRow:
    name, note = FIGURES[key]
    cells = [(DASH if one.value is None else plain(one.value), _between(one)) for one in found]
    return FigureRow(name=name, note=note, cells=cells)


def _finding_row(one: ClusterFinding) -> FindingRow:
    state = "cannot be judged" if one.beyond_chance is None else "warning" if one.beyond_chance else "passed"
    words = (
        "cannot be judged" if one.beyond_chance is None else "beyond chance" if one.beyond_chance else "as by chance"
    )
    return FindingRow(
        name=one.name,
        kind=one.kind,
        strength=plain(one.strength),
        measure=one.measure,
        adjusted_rand=DASH if one.adjusted_rand is None else plain(one.adjusted_rand),
        p=plain(one.p),
        state=state,
        words=words,
        n=one.n,
    )


def _view(one: Cluster, total: int, pictures: Mapping[str, Picture]) -> ClusterView:
    labels = ", ".join(f"{label}: {share(part)}" for label, part in one.labels.items())
    return ClusterView(
        name=one.name,
        anchor=one.name.replace(" ", "-"),
        size=one.size,
        share=share(one.size / max(1, total)),
        labels=labels or DASH,
        nearest=[pictures.get(name, Picture(sample_id=name)) for name in one.nearest],
        border=[pictures.get(name, Picture(sample_id=name)) for name in one.border],
    )


def _plot(report: ClusterReport) -> StabilityPlot:
    numbers = [float(one.num_clusters) for one in report.curve]
    found = [one.agreement for one in report.curve]
    values = [0.0 if one.value is None else one.value for one in found]
    lows = [value if one.low is None else one.low for one, value in zip(found, values, strict=True)]
    highs = [value if one.high is None else one.high for one, value in zip(found, values, strict=True)]
    x_axis, y_axis = axis(numbers, num_ticks=8, whole=True), axis([0.0, 1.0, *lows], num_ticks=5)
    y_axis = Axis(low=y_axis.low, high=1.0, ticks=[tick for tick in y_axis.ticks if tick <= 1.0])
    spans = zip(numbers, lows, highs, strict=True)
    own = float(len(report.clusters))
    said = "; ".join(f"{int(x)}: {value:.2f}" for x, value in zip(numbers, values, strict=True))
    return StabilityPlot(
        line=line("agreement", "first", numbers, values, x_axis, y_axis),
        whiskers=[(x_axis.across(x), y_axis.down(high), y_axis.down(low)) for x, low, high in spans],
        x_ticks=[Tick(x_axis.across(tick), f"{tick:g}") for tick in x_axis.ticks],
        y_ticks=[Tick(y_axis.down(tick), f"{tick:g}") for tick in y_axis.ticks],
        chosen=x_axis.across(own) if own in numbers else None,
        limit=y_axis.down(STABLE),
        alt=f"Agreement of two halves for each number of clusters: {said}",
    )
