"""Did pretraining help, and what did its views remove? In sentences."""

from __future__ import annotations

from pipeline.evaluation.label_efficiency import ALL, LEADING, MEAN
from pipeline.evaluation.label_efficiency_results import (
    EMBEDDED,
    FINE_TUNED,
    INITIAL,
    PRETRAINED,
    LabelEfficiency,
    SizePoint,
    ViewClaims,
)
from pipeline.report.formatting import DASH, format_signed, join_names, whole


def describe_answer(found: LabelEfficiency) -> tuple[str, str]:
    """Did it help? In a few words, and the interval; of frozen features, against the initial weights."""
    point = found.find(PRETRAINED, MEAN, INITIAL)
    if point is None or point.figures[LEADING].estimate.value is None:
        return "Whether pretraining helped cannot be judged", ""
    mean = point.figures[LEADING].estimate
    assert mean.value is not None
    gain = f"{format_points(mean.value)} of balanced accuracy"
    if mean.interval is None:
        return f"Whether pretraining helped cannot be judged: {gain}", mean.caveat or "no interval"
    low, high = mean.interval
    verdict = "helped" if low > 0 else "made it worse" if high < 0 else ""
    begin = f"Pretraining {verdict}" if verdict else "Whether pretraining helped cannot be judged"
    return f"{begin}: {gain}", f"{format_signed(low)} to {format_signed(high)}"


def describe_gains(found: LabelEfficiency) -> list[str]:
    """Did it help? A sentence for each comparison of the pretrained encoder."""
    against = {INITIAL: "the same encoder with its initial weights", EMBEDDED: found.kinds.get(EMBEDDED, "")}
    lines = []
    for begin, what in (("", "frozen"), (FINE_TUNED, "fine-tuned")):
        for other, words in against.items():
            point = found.find(begin + PRETRAINED, MEAN, begin + other)
            if point is not None:
                lines.append(_describe_gain(found, point, f"{what}, against {words}"))
    return lines


def _describe_gain(found: LabelEfficiency, point: SizePoint, against: str) -> str:
    mean = point.figures[LEADING].estimate
    assert mean.value is not None
    if mean.interval is None:
        return f"Whether pretraining helped cannot be judged ({against}): {mean.caveat or 'there is no interval'}."
    low, high = mean.interval
    interval = f"95 % interval {format_signed(low)} to {format_points(high)}"
    gain = f"{format_points(mean.value)} of balanced accuracy on val ({interval})"
    sizes = [one for size in found.sizes if (one := found.find(point.kind, size, point.minus)) is not None]
    ends = [f"{_value(one)} {size_words(one.size)}" for one in (sizes[0], sizes[-1])] if len(sizes) > 1 else []
    parts = f": {' and '.join(ends)}" if ends else ""
    over = f", mean over {join_names(one.size for one in sizes)} labels a class" if len(sizes) > 1 else ""
    if low > 0:
        return f"Pretraining helped ({against}) by {gain}{over}{parts}."
    if high < 0:
        return f"Pretraining made it worse ({against}) by {gain}{over}{parts}."
    return f"Whether pretraining helped cannot be judged ({against}): {gain}{over}, and the interval includes 0{parts}."


def _value(point: SizePoint) -> str:
    value = point.figures[LEADING].estimate.value
    return DASH if value is None else format_points(value)


def size_words(size: str) -> str:
    """`at 10`, or `with all labels`."""
    return "with all labels" if size == ALL else f"at {size}"


def format_points(value: float) -> str:
    """+1.2 points for 0.012."""
    return f"{format_signed(value)} points"


def describe_views(claims: ViewClaims) -> list[str]:
    """What the views removed that is suspected as a shortcut, a sentence for each; and what of it cannot be judged."""
    lines = []
    for one in claims.effects:
        if one.suspicion is None or one.reading is None:
            continue
        reading, name = one.reading, one.property.replace("_", " ")
        suspected = f"which alone predicts a label with a balanced accuracy of {100 * one.suspicion:.0f} %"
        fell = f"the R² of its probe went from {reading.before.value:.2f} to {reading.after.value:.2f}"
        if one.effect in ("removed", "weakened"):
            what = f"takes {name} out of the features" if one.effect == "removed" else f"weakens {name} in the features"
            lines.append(f"The view {one.view} {what}, {suspected}: {fell}.")
        elif one.effect == "hardly_weakened":
            fell = f"the R² of its probe is {reading.before.value:.2f} before and {reading.after.value:.2f} after"
            lines.append(f"The view {one.view} changes {name}, {suspected}, and the features still hold it: {fell}.")
        elif one.effect == "cannot_be_judged":
            lines.append(f"Whether the view {one.view} takes {name} out of the features cannot be judged: {fell}.")
    return lines or ["No view was shown to take a suspected property out of the features, or to weaken it."]


def describe_label_efficiency(found: LabelEfficiency) -> list[str]:
    """The result for a terminal."""
    shown = [f"{size:>7s}" for size in found.sizes]
    width = min(60, max(map(len, found.kinds.values())))
    lines = [
        f"Balanced accuracy on {whole(found.num_val)} pictures of val ({found.num_groups} groups), by labels a class:",
        f"  {'':{width}s} {'  '.join(shown)}",
    ]
    for kind, words in found.kinds.items():
        values = [found.find(kind, size) for size in found.sizes]
        cells = [
            f"{'-' if one is None else f'{one.figures[LEADING].estimate.value:.3f}':>{max(7, len(size))}s}"
            for one, size in zip(values, found.sizes, strict=True)
        ]
        lines.append(f"  {words[:width]:{width}s} {'  '.join(cells)}")
    lines += [f"  {size_words(size)}: cannot be judged, {reason}" for size, reason in found.obstacles.items()]
    lines += [f"  {kind.replace('_', ' ')}: not measured, {reason}" for kind, reason in found.missing.items()]
    return [*lines, *describe_gains(found), *describe_views(found.views), *found.views.notes]
