"""Names that a person gave to clusters, as decisions about the labels of their pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pipeline.core import artifacts
from pipeline.core.delimited_text import decode_text, split_rows
from pipeline.core.errors import UserError
from pipeline.core.suggestions import did_you_mean
from pipeline.core.terminal import count_of
from pipeline.datasets.label_decisions import LabelDecision, load_decisions

NAMES = ("cluster", "pictures", "name")  # columns that must be there


@dataclass(frozen=True, kw_only=True)
class NamedPictures:
    """Decisions, and what was left out.

    Attributes:
        decisions: In the order of the samples.
        notes: A sentence for each reason why pictures of named clusters have none.
    """

    decisions: list[LabelDecision]
    notes: list[str]


@dataclass(frozen=True, kw_only=True)
class ClusterNames:
    """What `reports/cluster_names.csv` holds.

    Attributes:
        names: Cluster to its name, of the lines that have one.
        sizes: Cluster to its number of pictures, of all lines.
    """

    names: dict[str, str]
    sizes: dict[str, int]


def refuse_named(path: Path) -> None:
    """Refuses a file in which a person has named clusters, so that no new clusters replace it.

    Raises:
        UserError: A line has a name, or the file cannot be read.
    """
    if not path.exists():
        return
    _, rows, _ = split_rows(path, decode_text(path.read_bytes(), path))
    if any(row.get("name", "").strip() for row in rows):
        raise UserError(
            f"{path} holds names, which new clusters would replace; run colibri name-clusters, then move it away"
        )


def read_names(path: Path) -> ClusterNames:
    """The clusters that a person named, and the size of each cluster.

    Raises:
        UserError: The file is missing, has other columns, names a cluster twice, or no line has a name.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path} does not exist; run colibri clusters, which makes it") from None
    columns, rows, lines = split_rows(path, decode_text(data, path))
    missing = [name for name in NAMES if name not in columns]
    if missing:
        raise UserError(f"{path}: line 1 names no column {missing[0]!r}; it must name {','.join(NAMES)}")
    found: dict[str, str] = {}
    sizes: dict[str, int] = {}
    for row, line in zip(rows, lines, strict=True):
        cluster, name = row["cluster"].strip(), row["name"].strip()
        if cluster in found:
            raise UserError(f"{path}: line {line} names {cluster!r} again; leave one of the lines")
        if not row["pictures"].strip().isdecimal():
            raise UserError(f"{path}: line {line}: pictures must be a whole number, found {row['pictures']!r}")
        found[cluster], sizes[cluster] = name, int(row["pictures"])
    named = {cluster: name for cluster, name in found.items() if name}
    if not named:
        raise UserError(f"{path}: no cluster has a name; write one into the column name of each that deserves one")
    return ClusterNames(names=named, sizes=sizes)


def decide(
    samples: pd.DataFrame,
    names: dict[str, str],
    source: str,
    *,
    who: str,
    when: str,
    min_score: float,
    relabel: bool,
) -> NamedPictures:
    """A decision for each picture of a named cluster, but for those that are left out.

    Args:
        samples: `sample_id`, `labels`, `split`, `cluster` and `score`, and `negative` where some show none of the
            labels, which is a label too. Those of test are left out: its labels must not come from features.
        names: Cluster to name.
        source: Name of the data set, whose earlier decisions stay.
        who: Who named the clusters.
        when: A date like 2026-11-29.
        min_score: Least score of the cluster.
        relabel: Whether pictures with another label get the new one.

    Raises:
        UserError: A name is of no cluster, or is a new class of a source that has labels.
    """
    unknown = sorted(set(names) - set(samples["cluster"]))
    if unknown:
        raise UserError(
            f"{artifacts.CLUSTER_NAMES} names {unknown[0]!r}, and no picture is in such a cluster; found "
            f"{', '.join(sorted(set(samples['cluster'])))}"
        )
    earlier = load_decisions(source)
    before = {one.sample_id for one in earlier}
    known = _own_labels(samples, earlier)
    new_names = sorted(set(names.values()) - set(known))
    if known and new_names:
        similar = did_you_mean(new_names[0], known)
        raise UserError(
            f"{artifacts.CLUSTER_NAMES}: no sample of the source is labelled {new_names[0]!r}{similar}; correct the "
            "name, or add the class to the source first"
        )
    decided: list[LabelDecision] = []
    counts = dict.fromkeys(("test", "decided", "unsure", "same", "labelled"), 0)
    table = samples if "negative" in samples else samples.assign(negative=False)
    columns = (table[name] for name in ("sample_id", "labels", "negative", "split", "cluster", "score"))
    for sample_id, labels, is_negative, split, cluster, score in zip(*columns, strict=True):
        if cluster not in names:
            continue
        old, new = sorted(labels), [names[cluster]]
        reason = (
            "test"
            if split == "test"
            else "decided"
            if sample_id in before
            else "unsure"
            if score < min_score
            else "same"
            if old == new
            else "labelled"
            if (old or is_negative) and not relabel
            else ""
        )
        if reason:
            counts[reason] += 1
            continue
        decided.append(
            LabelDecision(
                sample_id=sample_id,
                action="relabel" if old else "label",
                previous=old,
                labels=new,
                who=who,
                when=when,
                why=f"{cluster} was named {names[cluster]}",
            )
        )
    return NamedPictures(decisions=decided, notes=_notes(counts, min_score))


def _own_labels(samples: pd.DataFrame, earlier: Sequence[LabelDecision]) -> list[str]:
    """The labels of the source itself, without those that decisions gave."""
    before = {one.sample_id for one in earlier}
    pairs = zip(samples["sample_id"], samples["labels"], strict=True)
    found = {name for sample_id, labels in pairs if sample_id not in before for name in labels}
    return sorted(found | {name for one in earlier for name in one.previous})


def _notes(counts: dict[str, int], min_score: float) -> list[str]:
    texts = {
        "test": "are of test, which is not labelled from clusters: label them by hand to measure a classifier",
        "decided": "stay as somebody has decided on them before",
        "unsure": f"stay as they are: their cluster has a probability below {min_score:g}",
        "same": "have the label already",
        "labelled": "have another label, or show none of them, and stay; --relabel changes them",
    }
    return [f"{count_of(counts[reason], 'picture')}: {text}" for reason, text in texts.items() if counts[reason]]
