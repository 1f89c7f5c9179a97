"""What has changed in the data since the last finished run, found by ingest alone: nothing is written but its cache."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from pipeline.core import artifacts, config
from pipeline.core.errors import UserError
from pipeline.core.retrain_contracts import DataChanges
from pipeline.core.terminal import warn
from pipeline.datasets.ingestion import Limits, check_quarantine, ingest_pictures
from pipeline.experiments.recorded_run import digest_file
from pipeline.experiments.stale_stages import read_lock
from pipeline.images.feedback_pictures import is_feedback
from pipeline.media.choice import build_media

if TYPE_CHECKING:
    from pipeline.core.contracts import Source
    from pipeline.core.open_types import Params

LAST_STAGE = "register"  # a run is finished when this has read its manifest
COLUMNS = ["sample_id", "labels", "content_hash"]


class DataRefused(UserError):
    """The data are not what the pipeline accepts."""


def ingest_now(params: Params, feedback: Path = artifacts.FEEDBACK) -> pd.DataFrame:
    """The manifest that the stage `ingest` would write now.

    Args:
        params: As conf/ composes them.
        feedback: The folder that holds what people corrected, for each data set.

    Raises:
        DataRefused: Too many of its items are refused, or what is left has no two classes.
        UserError: The source cannot be read.
    """
    limits = config.instantiate(Limits, config.get_section(params, "ingest"), "ingest")
    source: Source = config.build(config.get_section(params, "source"), "source")
    manifest, quarantine = ingest_pictures(source, limits, build_media(params), feedback)
    try:
        check_quarantine(manifest, quarantine, limits)
    except UserError as error:
        raise DataRefused(f"ingest: {error}", *error.details) from None
    return manifest


def read_reference() -> pd.DataFrame | None:
    """The manifest of the last run that came to its end, by dvc.lock; None where none is recorded or it is gone.

    A run that a check stopped leaves a newer data/manifest.parquet, which is not the one that the model knows.

    Raises:
        UserError: dvc.lock is damaged.
    """
    digest = _finished_digest(artifacts.MANIFEST)
    if digest is None:
        return None
    if artifacts.MANIFEST.exists() and digest_file(artifacts.MANIFEST) == digest:
        return artifacts.read_table(artifacts.MANIFEST, columns=COLUMNS)
    cached = _cached_file(digest)
    if cached is None:
        warn(
            "retrain: the manifest of the last finished run is not in DVC's cache, so all samples count as new; dvc "
            "pull may have it"
        )
        return None
    return artifacts.read_table(cached, columns=COLUMNS)


def compare_manifests(before: pd.DataFrame | None, now: pd.DataFrame, supervised: bool = True) -> DataChanges:
    """How samples differ between two manifests.

    Args:
        before: Columns `sample_id`, `labels` (lists of text) and `content_hash`; None where there is none.
        now: The same columns.
        supervised: Whether the task has labels; else no label counts, and every sample does.
    """
    after = _by_name(now, supervised)
    num_now = sum(bool(labels) for labels, _ in after.values())
    unlabelled = len(after) - num_now
    known = {} if before is None else _by_name(before, supervised)
    from_feedback = sum(bool(one[0]) and name not in known and is_feedback(name) for name, one in after.items())
    if before is None:
        return DataChanges(
            num_before=None, num_now=num_now, new=num_now, labelled=0, relabelled=0, altered=0, removed=0,
            unlabelled=unlabelled, from_feedback=from_feedback, supervised=supervised,
        )  # fmt: skip
    counts = dict.fromkeys(("new", "labelled", "relabelled", "altered", "removed"), 0)
    for name in known.keys() | after.keys():
        if kind := _kind_of_change(known.get(name), after.get(name)):
            counts[kind] += 1
    num_before = sum(bool(labels) for labels, _ in known.values())
    return DataChanges(
        num_before=num_before,
        num_now=num_now,
        unlabelled=unlabelled,
        from_feedback=from_feedback,
        supervised=supervised,
        **counts,
    )


Sample = tuple[tuple[str, ...], str]  # labels, digest of the bytes


def _kind_of_change(before: Sample | None, now: Sample | None) -> str:
    had, has = bool(before and before[0]), bool(now and now[0])
    if not has:
        return "removed" if had else ""
    if not had:
        return "new" if before is None else "labelled"
    assert before is not None
    assert now is not None
    if before[0] != now[0]:
        return "relabelled"
    return "altered" if before[1] != now[1] else ""


def _by_name(manifest: pd.DataFrame, supervised: bool) -> dict[str, Sample]:
    if not supervised:
        manifest = manifest.assign(labels=[["any"]] * len(manifest))
    rows = zip(manifest["sample_id"], manifest["labels"], manifest["content_hash"], strict=True)
    return {str(name): (tuple(sorted(map(str, labels))), str(digest)) for name, labels, digest in rows}


def is_of_finished_run(path: Path) -> bool:
    """Whether a file is the one that the last finished run read at its end."""
    return path.exists() and digest_file(path) == _finished_digest(path)


def _finished_digest(path: Path) -> str | None:
    """The MD5 of a file that the last stage read when it ended last."""
    stages = read_lock().get("stages") or {}
    read = stages.get(LAST_STAGE, {}).get("deps", [])
    return next((str(entry["md5"]) for entry in read if entry["path"] == path.as_posix()), None)


def _cached_file(digest: str) -> Path | None:
    from dvc.repo import Repo

    with Repo(".") as repo:
        found = Path(repo.cache.local.oid_to_path(digest))
    return found if found.exists() else None
