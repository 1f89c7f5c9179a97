"""Whether the winner of a search is better on val than the start of the search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from pipeline.evaluation.paired_comparison import PairedPredictions

if TYPE_CHECKING:
    from pipeline.core.evaluation_contracts import Metric
    from pipeline.core.predictions import Predictions
    from pipeline.statistics.bootstrap import Bootstrap


@final
@dataclass(frozen=True, kw_only=True)
class Evidence:
    """How much better the winner does than the start, on the same pictures of val.

    Attributes:
        metric: Name of the metric.
        gain: Positive is better, whatever the metric; None where it is undefined.
        low: Lower end of its paired 95 % interval; None where no interval can be given.
        high: Upper end.
        caveat: Why the interval says less than it seems, or an empty text.
        failure: Why the start could not be trained, or None.
    """

    metric: str
    gain: float | None = None
    low: float | None = None
    high: float | None = None
    caveat: str = ""
    failure: str | None = None

    @classmethod
    def of(
        cls,
        name: str,
        metric: Metric,
        best: Predictions,
        start: Predictions | str,
        bootstrap: Bootstrap,
    ) -> Evidence:
        """Compares both on the pictures of val.

        Args:
            name: Of the metric.
            metric: One number for all classes.
            best: Of the winner.
            start: Of the start of the search, or why that could not be trained.
            bootstrap: How groups are resampled, where there are more than 100.
        """
        if isinstance(start, str):
            return cls(metric=name, failure=start)
        compared = PairedPredictions.match(best, start)
        assert compared is not None
        gain = compared.paired_differences({name: metric}, bootstrap)[name].gain
        return cls(metric=name, gain=gain.value, low=gain.low, high=gain.high, caveat=gain.caveat)

    @property
    def is_better(self) -> bool:
        """The lower end of the paired interval is above 0, or there is no start to compare with."""
        return self.failure is not None or (self.low is not None and self.low > 0)

    def figures(self) -> dict[str, float]:
        """For the tracking server: the gain and the ends of its interval, those that are known."""
        known = {"": self.gain, "_low": self.low, "_high": self.high}
        return {f"gain_{self.metric}{end}": value for end, value in known.items() if value is not None}

    def lines(self) -> list[str]:
        """The result in one or two sentences."""
        if self.failure is not None:
            return [f"The start of the search could not be trained ({self.failure})."]
        gain = "an undefined gain" if self.gain is None else f"{self.gain:+z.3f}"
        interval = " without an interval" if self.low is None else f" [{self.low:+z.3f}, {self.high:+z.3f}]"
        caveat = f" ({self.caveat})" if self.caveat else ""
        figures = f"{self.metric} {gain}{interval} on the same pictures{caveat}"
        if self.is_better:
            return [f"Better than the start of the search: {figures}."]
        return [f"No significant difference from the start of the search: {figures}.", "Keep the start."]
