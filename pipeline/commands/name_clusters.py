"""Turns the names of clusters into labels of their pictures, all of a cluster at once.

colibri clusters writes reports/cluster_names.csv, a line for each cluster. Write a name after each that deserves one;
clusters without a name change nothing, and two clusters may have the same name. Each picture of a named cluster gets a
line in data/label_decisions/, which the next colibri run applies; look at the file before, git diff shows it.

Pictures that have a label already stay as they are, and so do those on which somebody has decided and those of test.

Examples:
  colibri name-clusters --who Ada                     the names become labels of pictures without one
  colibri name-clusters --who Ada --min-score 0.9     only where the cluster is that probable
  colibri name-clusters --who Ada --relabel           also of pictures that have another label
"""

from __future__ import annotations

from argparse import ArgumentParser
from typing import TYPE_CHECKING

from pipeline.core import artifacts, config
from pipeline.core.errors import UserError
from pipeline.core.terminal import count_of, say

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--who", metavar="NAME", required=True, help="who named the clusters")
    parser.add_argument("--when", metavar="DATE", help="as 2026-11-29 (default: today)")
    parser.add_argument(
        "--min-score",
        metavar="P",
        type=float,
        default=0.0,
        help="least probability of the cluster, 0 to 1 (default: 0)",
    )
    parser.add_argument("--relabel", action="store_true", help="also pictures that have another label")


def main(who: str, when: str | None = None, min_score: float = 0.0, relabel: bool = False) -> None:
    from datetime import date, datetime

    from pipeline.datasets.cluster_names import decide, read_names
    from pipeline.datasets.label_decisions import append_decisions

    if not 0 <= min_score <= 1:
        raise UserError(f"--min-score must be from 0 to 1, got {min_score}")
    if not who.strip():
        raise UserError("--who is empty; a decision must say who made it")
    source = str(config.get_section(config.load_params(), "source")["name"])
    day = date.today().isoformat() if when is None else when
    try:
        datetime.fromisoformat(day)
    except ValueError:
        raise UserError(f"--when must be a date like 2026-11-29, found {day!r}") from None
    found = read_names(artifacts.CLUSTER_NAMES)
    names, samples = found.names, read_assigned(found.sizes)
    decided = decide(samples, names, source, who=who, when=day, min_score=min_score, relabel=relabel)
    file = artifacts.decisions_file(source)
    append_decisions(file, decided.decisions)
    said = f"{count_of(len(decided.decisions), 'picture')} of {count_of(len(names), 'named cluster')} to {file}"
    say(said, *decided.notes, "apply them: colibri run")


def read_assigned(sizes: Mapping[str, int]) -> pd.DataFrame:
    """The manifest with the `split`, the `cluster` and the `score` of each sample.

    Args:
        sizes: Cluster to the number of pictures that it had when it was named.

    Raises:
        UserError: `colibri clusters` did not run, the pictures have changed since, or other clusters were named.
    """
    import pandas as pd

    if not artifacts.CLUSTERS_TABLE.exists():
        raise UserError(f"{artifacts.CLUSTERS_TABLE} does not exist; run colibri clusters, which makes it")
    assigned = pd.read_csv(artifacts.CLUSTERS_TABLE, dtype={"sample_id": str, "split": str, "cluster": str})
    counts = assigned["cluster"].value_counts()
    other = next((name for name, size in sizes.items() if counts.get(name, 0) != size), None)
    if other is not None:
        raise UserError(
            f"{artifacts.CLUSTER_NAMES}: names are of other clusters: {other!r} has {sizes[other]:,} pictures "
            f"in it and {counts.get(other, 0):,} in {artifacts.CLUSTERS_TABLE}; move it away, and run "
            "colibri clusters again"
        )
    manifest = artifacts.read_table(artifacts.MANIFEST)
    gone = assigned["sample_id"][~assigned["sample_id"].isin(manifest["sample_id"])]
    if len(gone):
        raise UserError(
            f"{artifacts.CLUSTERS_TABLE} names {gone.iloc[0]!r}, which {artifacts.MANIFEST} does not have; run colibri "
            "clusters again"
        )
    return manifest.merge(assigned[["sample_id", "split", "cluster", "score"]], on="sample_id")
