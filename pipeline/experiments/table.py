"""Experiments side by side: each figure with its interval, the paired difference to the best, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.evaluation.paired_comparison import PairedPredictions

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.core.estimate import Estimate
    from pipeline.core.evaluation_contracts import Metric
    from pipeline.core.predictions import Predictions
    from pipeline.experiments.listing import Published
    from pipeline.statistics.bootstrap import Bootstrap

COLUMNS = (
    *("name", "kind", "metric", "value", "low", "high", "n", "groups", "caveat"),
    *("difference", "difference_low", "difference_high", "standing", "best", "smallest"),
    *("train_seconds", "images_per_second", "num_bytes", "note"),
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """The results of one experiment.

    Attributes:
        name: Of the experiment.
        estimate: Of the metric, from its own `reports/test_metrics.json`.
        test: Of the test split.
        num_bytes: Of `data/predictor/` on disk.
        train_seconds: From the start of training to the end of its last epoch; None where no run recorded it.
        images_per_second: At inference; None where not measured.
    """

    name: str
    estimate: Estimate
    test: Predictions
    num_bytes: int
    train_seconds: float | None = None
    images_per_second: float | None = None


def make_board(
    metric_name: str,
    metric: Metric,
    outcomes: Sequence[Outcome],
    failed: Mapping[str, str],
    published: Sequence[Published],
    margin: float,
    bootstrap: Bootstrap,
) -> pd.DataFrame:
    """One row per experiment and per published figure, best first, then what failed.

    `best` is the row with the best figure (of several, the smallest on disk). `difference` is how far a row is from
    it on the same test samples, at most 0, with a 95 % interval in which both are varied by the same replicate weights
    over groups, and `standing` says what that shows. `smallest` marks the model of the fewest bytes among the best and
    those that are shown to be less than `margin` below it. An experiment evaluated on other test samples, labels
    or classes than most cannot be compared and counts as failed.

    Args:
        metric_name: Its name in conf/metric/.
        metric: One number for all classes.
        outcomes: In the order of the list.
        failed: Experiment to its reason.
        published: Shown as well, never compared.
        margin: How far below the best is as good, above 0.
        bootstrap: Behind each interval of a difference.
    """
    import pandas as pd

    comparable, others = _comparable(outcomes)
    rows = _measured_rows(metric_name, metric, comparable, margin, bootstrap)
    rows += [_published_row(metric_name, one) for one in published]
    sign = -1.0 if metric.larger_is_better else 1.0
    rows.sort(key=lambda row: sign * row["value"])
    reasons = {**others, **failed}
    rows += [{"name": name, "kind": "failed", "metric": metric_name, "note": note} for name, note in reasons.items()]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    for name in ("n", "num_bytes"):
        table[name] = table[name].astype("Int64")
    for name in ("best", "smallest"):
        table[name] = table[name].eq(True)
    return table


def _measured_rows(
    metric_name: str, metric: Metric, outcomes: Sequence[Outcome], margin: float, bootstrap: Bootstrap
) -> list[dict[str, Any]]:
    if not outcomes:
        return []
    sign = -1.0 if metric.larger_is_better else 1.0
    best = min(outcomes, key=lambda one: (sign * (one.estimate.value or 0.0), one.num_bytes))
    rows = []
    for outcome in outcomes:
        compared = PairedPredictions.match(outcome.test, best.test)
        assert compared is not None
        gain = compared.paired_differences({metric_name: metric}, bootstrap)[metric_name].gain
        rows.append(
            {
                "name": outcome.name,
                "kind": "run",
                "metric": metric_name,
                **asdict(outcome.estimate),
                "difference": gain.value,
                "difference_low": 0.0 if outcome is best else gain.low,  # the best is itself
                "difference_high": 0.0 if outcome is best else gain.high,
                "standing": "best" if outcome is best else rank_outcome(gain.low, gain.high, margin),
                "best": outcome is best,
                "train_seconds": outcome.train_seconds,
                "images_per_second": outcome.images_per_second,
                "num_bytes": outcome.num_bytes,
            }
        )
    as_good = [row for row in rows if row["standing"] in ("best", "as_good")]
    min(as_good, key=lambda row: (row["num_bytes"], -row["difference"]))["smallest"] = True
    return rows


def rank_outcome(low: float | None, high: float | None, margin: float) -> str:
    """What the interval of a difference to the best shows.

    Returns:
        `as_good` (less than the margin below it), `behind`, or `inconclusive`: too few test samples to say either.
    """
    if low is None or high is None:
        return "inconclusive"
    if low > -margin:
        return "as_good"
    return "behind" if high < 0 else "inconclusive"


def _comparable(outcomes: Sequence[Outcome]) -> tuple[list[Outcome], dict[str, str]]:
    """The outcomes with the most common test set (the first of equally common), and what is wrong with the others."""
    digests = {one.name: _digest_test(one) for one in outcomes}
    counts = {key: [*digests.values()].count(key) for key in digests.values()}
    usual = max(counts, key=lambda key: counts[key], default=None)
    comparable, others = [], {}
    for outcome in outcomes:
        if digests[outcome.name] != usual:
            others[outcome.name] = "evaluated on other test pictures, labels or classes than the other rows"
        elif outcome.estimate.value is None:
            others[outcome.name] = "its figure is undefined on the test pictures"
        else:
            comparable.append(outcome)
    return comparable, others


def _digest_test(outcome: Outcome) -> str:
    """Of the test samples, their labels and the classes."""
    rows = zip(outcome.test.sample_ids, outcome.test.targets, strict=True)
    return artifacts.content_digest(
        artifacts.canonical_json([outcome.test.classes, sorted((str(name), target.tolist()) for name, target in rows)])
    )


def _published_row(metric_name: str, published: Published) -> dict[str, Any]:
    """A row whose interval is Wilson's, where the number of samples is known."""
    row: dict[str, Any] = {"name": published.name, "kind": "published"}
    row |= {"metric": metric_name, "value": published.value}
    if published.n is not None:
        if metric_name != "accuracy":
            raise UserError(
                f"leaderboard.published: {published.name} has n, but only accuracy has Wilson's interval; set n: null"
            )
        from scipy.stats import binomtest

        between = binomtest(round(published.value * published.n), published.n).proportion_ci(method="wilson")
        row |= {"low": float(between.low), "high": float(between.high), "n": published.n}
    return {**row, "note": f"published, not run here: {published.source}"}
