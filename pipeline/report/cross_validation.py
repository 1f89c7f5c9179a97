"""The page of a cross-validation: figures over all groups, each fold, and the single test figure for comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.core.estimate import Estimate
from pipeline.core.terminal import count_of
from pipeline.evaluation.margin_text import BEYOND, describe_margin
from pipeline.report.formatting import DASH, SPACE, Figure, figure, share
from pipeline.report.headline import leading_metric
from pipeline.report.rendering import page

MAX_CLASSES = 50  # whose figures the page shows; the JSON has all
SHOWN = ("accuracy", "balanced_accuracy", "f1_macro", "auroc_macro")  # of each fold, as far as it is measured


@dataclass(frozen=True, kw_only=True)
class FoldRow:
    """One fold.

    Attributes:
        name: `fold 2`.
        num_train: Samples of train.
        num_val: Samples of val.
        num_test: Samples of test.
        num_groups: Groups of test.
        estimates: Figures on its test part.
    """

    name: str
    num_train: int
    num_val: int
    num_test: int
    num_groups: int
    estimates: Mapping[str, Estimate]


@dataclass(frozen=True, kw_only=True)
class CrossValidation:
    """What a cross-validation measured.

    Attributes:
        source: Name of the data set.
        recipe: Overrides of the recipe, as one text; empty for conf/ as it is.
        num_folds: Folds of each repeat.
        num_repeats: Divisions into folds.
        num_samples: Samples, each tested once in each repeat.
        num_groups: Groups of these.
        estimates: Figures over all groups, with `baseline_margin`.
        by_properties: Figures of the properties alone on the same folds.
        folds: All folds of all repeats.
        lower_is_better: Metrics that count mistakes.
        single: Figures of the single test split of the last ordinary run; None where there is none of this data set.
    """

    source: str
    recipe: str
    num_folds: int
    num_repeats: int
    num_samples: int
    num_groups: int
    estimates: Mapping[str, Estimate]
    by_properties: Mapping[str, Estimate]
    folds: Sequence[FoldRow]
    lower_is_better: frozenset[str] = frozenset()
    single: Mapping[str, Estimate] | None = None

    def to_json(self) -> dict[str, object]:
        """As `reports/cross_validation.json` holds it."""
        return {
            "source": self.source,
            "recipe": self.recipe,
            "num_folds": self.num_folds,
            "num_repeats": self.num_repeats,
            "num_samples": self.num_samples,
            "num_groups": self.num_groups,
            "figures": _to_json(self.estimates),
            "by_properties": _to_json(self.by_properties),
            "folds": [
                {
                    "name": row.name,
                    "num_train": row.num_train,
                    "num_val": row.num_val,
                    "num_test": row.num_test,
                    "num_groups": row.num_groups,
                    "figures": _to_json(row.estimates),
                }
                for row in self.folds
            ],
        }


def _to_json(estimates: Mapping[str, Estimate]) -> dict[str, object]:
    return {name: estimate.to_json() for name, estimate in estimates.items()}


def cross_validation_page(found: CrossValidation, media: str = "image") -> str:
    """The page of samples of a media; it loads nothing from anywhere."""
    leading = leading_metric(found.estimates, found.lower_is_better)
    overall = [name for name in found.estimates if "/" not in name and name != BEYOND]
    per_class = [name for name in found.estimates if "/" in name]
    columns = [name for name in SHOWN if name in found.estimates] or overall[:3]
    single = found.single or {}
    content = {
        "name": found.source,
        "recipe": found.recipe,
        "num_folds": found.num_folds,
        "num_repeats": found.num_repeats,
        "num_samples": found.num_samples,
        "num_groups": found.num_groups,
        "leading": None if leading is None else _figure(leading, found),
        "single": _figure(leading, found, single) if leading in single else None,
        "single_groups": single[leading].groups if leading is not None and leading in single else 0,
        "figures": [_figure(name, found) for name in overall],
        "properties": [_figure(name, found, found.by_properties) for name in columns if name in found.by_properties],
        "beyond": describe_margin(found.estimates.get(BEYOND), "The balanced accuracy", "{noun}"),
        "per_class": [
            (
                name.partition("/")[2],
                _figure(name.partition("/")[0], found, {name.partition("/")[0]: found.estimates[name]}),
            )
            for name in per_class[:MAX_CLASSES]
        ],
        "num_left_out": max(0, len(per_class) - MAX_CLASSES),
        "columns": [figure(name, found.estimates[name]).name for name in columns],
        "rows": [(row, [_value(row.estimates.get(name)) for name in columns]) for row in found.folds],
        "extremes": _extremes(found, leading),
    }
    return page("cross_validation.html.jinja", content, media=media)


def _figure(name: str | None, found: CrossValidation, estimates: Mapping[str, Estimate] | None = None) -> Figure:
    assert name is not None
    chosen = found.estimates if estimates is None else estimates
    return figure(name, chosen[name], lower_is_better=name in found.lower_is_better)


def _value(estimate: Estimate | None) -> str:
    return DASH if estimate is None or estimate.value is None else share(estimate.value)


def _extremes(found: CrossValidation, leading: str | None) -> tuple[str, str] | None:
    """The lowest and the highest fold's leading figure."""
    known = [row.estimates[leading].value for row in found.folds if leading is not None and leading in row.estimates]
    values = [value for value in known if value is not None]
    return (share(min(values)), share(max(values))) if len(values) > 1 else None


def describe_leading(found: CrossValidation) -> list[str]:
    """The figure that leads the page, in a sentence; none where no metric has a value."""
    leading = leading_metric(found.estimates, found.lower_is_better)
    if leading is None or found.estimates[leading].value is None:
        return []
    shown = figure(leading, found.estimates[leading])
    over = f"over all {count_of(found.num_groups, 'group')}, in {count_of(found.num_folds, 'fold')}"
    return [f"{shown.text} {shown.name} ({shown.between}) {over}.".replace(SPACE, " ")]


def describe_cross_validation(found: CrossValidation) -> list[str]:
    """The result for a terminal."""
    times = "once" if found.num_repeats == 1 else f"{found.num_repeats} times"
    lines = [
        f"Cross-validated: {found.num_samples:,} pictures of {found.num_groups:,} groups, each tested {times}",
        "by a model that had not seen its group (95 % interval over groups, widened since folds share training data):",
        f"  {'':20s} {'figure':>8s}  {'95 % interval':16s}  properties alone",
    ]
    for name, estimate in found.estimates.items():
        if "/" in name or name == BEYOND or estimate.value is None:
            continue
        interval = "" if estimate.interval is None else "[{:.3f}, {:.3f}]".format(*estimate.interval)
        alone = found.by_properties.get(name)
        baseline = "" if alone is None or alone.value is None else f"{alone.value:.3f}"
        lines.append(f"  {name:20s} {estimate.value:8.3f}  {interval:16s}  {baseline}".rstrip())
    caveats = dict.fromkeys(
        estimate.caveat for name, estimate in found.estimates.items() if "/" not in name and estimate.caveat
    )
    lines += [f"  {caveat}" for caveat in caveats]
    margin = describe_margin(found.estimates.get(BEYOND))
    lines += [f"  {margin}"] if margin else []
    columns = [name for name in SHOWN if name in found.estimates]
    lines.append(f"  {'':16s} {'train':>6s} {'val':>6s} {'test':>6s} {'groups':>6s}  " + "  ".join(columns))
    for row in found.folds:
        sizes = " ".join(f"{size:6,d}" for size in (row.num_train, row.num_val, row.num_test, row.num_groups))
        values = [row.estimates[name].value if name in row.estimates else None for name in columns]
        shown = "  ".join(
            f"{'-' if value is None else f'{value:.3f}':>{len(name)}s}"
            for name, value in zip(columns, values, strict=True)
        )
        lines.append(f"  {row.name:16s} {sizes}  {shown}")
    leading = leading_metric(found.estimates, found.lower_is_better)
    single = (found.single or {}).get(leading or "")
    if single is not None and single.value is not None:
        interval = "" if single.interval is None else " [{:.3f}, {:.3f}]".format(*single.interval)
        lines.append(
            f"For comparison, test of the last run: {leading} {single.value:.3f}{interval} on {single.groups:,} groups"
        )
    return lines
