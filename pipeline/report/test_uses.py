"""How often the test part was read, in words, and the warning where that is too often."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.core import artifacts, config
from pipeline.core.terminal import count_of
from pipeline.core.test_ledger import Uses, count_uses, digest_samples, read_history

PAGE = "docs/evaluation.md#how-often-test-was-read"
REASON = "Dwork et al. 2015, doi:10.1126/science.aaa9375"


def read_test_samples() -> list[str]:
    """The names of the test samples of `data/predictions.parquet`; none where there is no such file."""
    if not artifacts.PREDICTIONS.exists():
        return []
    table = artifacts.read_table(artifacts.PREDICTIONS, columns=["sample_id", "split"])
    return [*map(str, table.loc[table["split"] == "test", "sample_id"])]


def read_uses() -> Uses | None:
    """How often the test part of `data/predictions.parquet` was read until now; None where there is no such file."""
    return count_uses(digest_samples(read_test_samples())) if artifacts.PREDICTIONS.exists() else None


def read_limit() -> int | None:
    """`register.max_test_readings` of params.yaml; None where that says nothing."""
    if not config.PARAMS.exists():
        return None
    limit = config.load_params().get("register", {}).get("max_test_readings")
    return limit if isinstance(limit, int) else None


@dataclass(frozen=True, kw_only=True)
class UseNote:
    """What a page or a terminal says of the readings.

    Attributes:
        finding: How many there were, and what follows.
        advice: What to do; empty within the limit.
    """

    finding: str
    advice: str = ""

    @property
    def lines(self) -> list[str]:
        """One line, or above the limit two: the finding, then what to do and the page."""
        return [f"warning: {self.finding}", self.advice] if self.advice else [self.finding]


def read_evaluation_note(num_versions: int | None = None, noun: str = "picture") -> UseNote:
    """What pages say of the readings until the evaluation whose artifacts are here; the same on every later day.

    Args:
        num_versions: Registered versions that were evaluated on this test part; None where that is not known.
        noun: What a sample is called.
    """
    return note_uses(num_versions, Uses.of(read_history()), read_limit(), " until this evaluation", noun)


def describe_uses(num_versions: int, uses: Uses | None, limit: int | None, noun: str = "picture") -> list[str]:
    """The lines about all readings until now.

    Args:
        num_versions: Registered versions that were evaluated on this test part.
        uses: How often it was read; None where that is not known.
        limit: Different results above which this is a warning; None for no limit.
        noun: What a sample is called.
    """
    return note_uses(num_versions, uses, limit, noun=noun).lines


def note_uses(
    num_versions: int | None, uses: Uses | None, limit: int | None, until: str = "", noun: str = "picture"
) -> UseNote:
    """What is said of the readings; see `describe_uses`.

    Args:
        num_versions: None leaves them out.
        uses: How often test was read.
        limit: Above which this is a warning.
        until: Words that say when the count ended.
        noun: What a sample is called.
    """
    total = max(num_versions or 0, uses.total if uses else 0)  # a store of several machines knows more versions
    count = describe_count(uses, total, noun) + until
    if limit is not None and total > limit:
        from pipeline.statistics.selection import expected_maximum

        excess = f"{expected_maximum(total):.1f} standard errors"
        return UseNote(
            finding=f"{count}, more than register.max_test_readings ({limit}): the best of {total} equal models looks "
            f"up to {excess} better than it is",
            advice=f"report its figures on new test {noun}s; {PAGE} ({REASON})",
        )
    versions = "" if num_versions is None else f", {count_of(num_versions, 'version is', 'versions are')} registered"
    return UseNote(finding=f"{count}{versions}; choosing by them makes the best figure too good")


def describe_count(uses: Uses | None, total: int, noun: str = "picture") -> str:
    """`3 results were read from these test pictures (2 by evaluate, 1 by compare)`."""
    by = ", ".join(f"{count} by {what}" for what, count in uses.results.items()) if uses else ""
    shown = f" ({by})" if uses and len(uses.results) > 1 else ""
    return f"{count_of(total, 'result was', 'results were')} read from these test {noun}s{shown}"
