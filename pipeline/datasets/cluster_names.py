"""Names that a person gave to clusters, as decisions about the labels of their pictures."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pipeline.core import artifacts
from pipeline.core.delimited_text import decode_text, split_rows
from pipeline.core.errors import UserError
from pipeline.core.labels import labels_to_text
from pipeline.core.suggestions import did_you_mean
from pipeline.core.terminal import count_of
from pipeline.datasets.label_review import COLUMNS, load_decisions, read_decisions

NAMES = ("cluster", "name")  # columns that must be there


@dataclass(frozen=True, kw_only=True)
class NamedPictures:
    """Decisions, and what was left out.

    Attributes:
        rows: Cells of each line, in the order of `label_review.COLUMNS`.
        notes: A sentence for each reason why pictures of named clusters have none.
    """

    rows: list[list[str]]
    notes: list[str]


def read_names(path: Path) -> dict[str, str]:
    """Cluster to its name, of the lines that have one.

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
    for row, line in zip(rows, lines, strict=True):
        cluster, name = row["cluster"].strip(), row["name"].strip()
        if cluster in found:
            raise UserError(f"{path}: line {line} names {cluster!r} again; leave one of the lines")
        found[cluster] = name
    named = {cluster: name for cluster, name in found.items() if name}
    if not named:
        raise UserError(f"{path}: no cluster has a name; write one into the column name of each that deserves one")
    return named


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
        samples: `sample_id`, `labels`, `cluster` and `score`.
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
    known = sorted({name for labels in samples["labels"] for name in labels})
    new_names = sorted(set(names.values()) - set(known))
    if known and new_names:
        similar = did_you_mean(new_names[0], known)
        raise UserError(
            f"{artifacts.CLUSTER_NAMES}: no sample of the source is labelled {new_names[0]!r}{similar}; correct the "
            "name, or add the class to the source first"
        )
    before = {one.sample_id for one in load_decisions(source)}
    rows: list[list[str]] = []
    counts = dict.fromkeys(("decided", "unsure", "same", "labelled"), 0)
    columns = (samples[name] for name in ("sample_id", "labels", "cluster", "score"))
    for sample_id, labels, cluster, score in zip(*columns, strict=True):
        if cluster not in names:
            continue
        old, new = sorted(labels), [names[cluster]]
        reason = (
            "decided"
            if sample_id in before
            else "unsure"
            if score < min_score
            else "same"
            if old == new
            else "labelled"
            if old and not relabel
            else ""
        )
        if reason:
            counts[reason] += 1
            continue
        why = f"{cluster} was named {names[cluster]}"
        rows.append([sample_id, "relabel", labels_to_text(old), labels_to_text(new), who, when, why])
    return NamedPictures(rows=rows, notes=_notes(counts, min_score))


def _notes(counts: dict[str, int], min_score: float) -> list[str]:
    texts = {
        "decided": "stay as somebody has decided on them before",
        "unsure": f"stay as they are: their cluster has a probability below {min_score:g}",
        "same": "have the label already",
        "labelled": "have another label, and stay; --relabel changes them",
    }
    return [f"{count_of(counts[reason], 'picture')}: {text}" for reason, text in texts.items() if counts[reason]]


def append_decisions(path: Path, rows: list[list[str]]) -> None:
    """Adds lines to a file of decisions, which is made where there is none; what it holds stays as it is.

    Raises:
        UserError: The file cannot be read, or would not be readable with the new lines.
    """
    if not rows:
        return
    read_decisions(path)
    text = path.read_text(encoding="utf-8-sig") if path.exists() else ",".join(COLUMNS)
    columns = next(csv.reader([text.splitlines()[0]]))
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns, restval="", lineterminator="\n")
    writer.writerows(dict(zip(COLUMNS, row, strict=True)) for row in rows)
    with artifacts.atomic_write(path) as temporary:
        temporary.write_text(text.rstrip("\n") + "\n" + buffer.getvalue(), encoding="utf-8", newline="\n")
        read_decisions(temporary)
