"""A short run of benchmarks/faults.py: what is lost when a stage is killed or ended."""

from pathlib import Path

import pytest

from benchmarks import fault_kinds, faults

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults")]


def test_nothing_is_lost_when_ingest_is_killed_or_ended(tmp_path: Path) -> None:
    copy = fault_kinds.Copy(tmp_path / "project", last="ingest")
    assert "data/manifest.parquet" in copy.before
    left = copy.folder / "data/.quarantine.parquet.4194305.tmp"  # a number beyond those that Linux gives out
    left.write_text("half")
    assert copy.leftovers() == ["data/.quarantine.parquet.4194305.tmp"]
    lasts = fault_kinds.seconds(copy, "ingest")
    assert not copy.leftovers()
    for fault, share in (("kill", 0.5), ("kill", 0.8), ("orphan", 0.6), ("SIGTERM", 0.7)):
        found = faults.tried(copy, fault, "ingest", share * lasts)
        assert not any(found[name] for name in faults.MISSES), (fault, found)


def test_the_table_counts_misses() -> None:
    table = {"kill": dict.fromkeys(("tries", "late", *faults.MISSES), 0) | {"tries": 2, "leftovers": 1}}
    assert faults.lines(table)[-1] == "| kill | 2 | 0 | 0 | 1 | 0 | 0 |"
