"""How often the test part was read, in words, and the warning where that is too often."""

from __future__ import annotations

from pipeline.core import artifacts, config
from pipeline.core.terminal import count_of
from pipeline.core.test_ledger import Uses, count_uses, digest_samples

PAGE = "docs/evaluation.md#how-often-test-was-read"
REASON = "Dwork et al. 2015, doi:10.1126/science.aaa9375"


def read_uses() -> Uses | None:
    """How often the test part of `data/predictions.parquet` was read; None where there is no such file."""
    if not artifacts.PREDICTIONS.exists():
        return None
    table = artifacts.read_table(artifacts.PREDICTIONS, columns=["sample_id", "split"])
    return count_uses(digest_samples(table.loc[table["split"] == "test", "sample_id"]))


def read_limit() -> int | None:
    """`register.max_test_readings` of params.yaml; None where that says nothing."""
    if not config.PARAMS.exists():
        return None
    limit = config.load_params().get("register", {}).get("max_test_readings")
    return limit if isinstance(limit, int) else None


def describe_uses(num_versions: int, uses: Uses | None, limit: int | None) -> list[str]:
    """One line, or where the limit is exceeded two: the finding, then what to do and the page.

    Args:
        num_versions: Registered versions that were evaluated on this test part.
        uses: How often it was read; None where that is not known.
        limit: Different results above which this is a warning; None for no limit.
    """
    total = max(num_versions, uses.total if uses else 0)  # a store that several machines share knows more versions
    if limit is not None and total > limit:
        from pipeline.statistics.selection import expected_maximum

        excess = f"{expected_maximum(total):.1f} standard errors"
        finding = f"warning: {describe_count(uses, total)}, more than register.max_test_readings ({limit})"
        return [
            f"{finding}: the best of {total} equal models looks up to {excess} better than it is",
            f"report its figures on new test pictures; {PAGE} ({REASON})",
        ]
    versions = "1 version is" if num_versions == 1 else f"{num_versions} versions are"
    return [f"{describe_count(uses, total)}, {versions} registered; choosing by them makes the best figure too good"]


def describe_count(uses: Uses | None, total: int) -> str:
    """`3 results were read from these test pictures (2 by evaluate, 1 by compare)`."""
    by = ", ".join(f"{count} by {what}" for what, count in uses.results.items()) if uses else ""
    shown = f" ({by})" if uses and len(uses.results) > 1 else ""
    return f"{count_of(total, 'result was', 'results were')} read from these test pictures{shown}"
