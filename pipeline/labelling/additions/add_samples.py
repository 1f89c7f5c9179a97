"""Copies new samples below the folder of a source: each once, whole or not at all, or refused with a reason."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, final

import pandas as pd

from pipeline.core import artifacts, config
from pipeline.core.errors import ItemRejected, UserError
from pipeline.core.output_lock import LOCKS, TEMPORARY
from pipeline.core.parallel import parallel_map
from pipeline.datasets.label_decisions import LabelDecision, append_decisions, load_decisions
from pipeline.datasets.label_review import combine_decisions
from pipeline.datasets.near_duplicates.groups import compared_bits, pairs_within_hamming
from pipeline.images.feedback_pictures import is_feedback
from pipeline.labelling.additions.added_samples import (
    AddedSample,
    AddedSamples,
    DuplicateSample,
    Labelling,
    RefusedSample,
)
from pipeline.labelling.additions.new_samples import Looked, NewSample, digest_of, look, with_safe_name
from pipeline.labelling.additions.sample_target import SampleTarget, join, read_manifest
from pipeline.media.reader import SampleReader, make_codec

if TYPE_CHECKING:
    from pipeline.core.open_types import Params
    from pipeline.core.sample_codec import SampleCodec

WHY = "added with this label"


@final
@dataclass
class _Outcome:
    """What has become of the samples so far.

    Attributes:
        known: The content of every sample that is there to its `sample_id`.
        hashes: The `sample_id` of each to its perceptual hash.
    """

    known: dict[str, str]
    hashes: dict[str, str]
    added: list[AddedSample] = field(default_factory=list)
    duplicates: list[DuplicateSample] = field(default_factory=list)
    refused: list[RefusedSample] = field(default_factory=list)


def add_samples(
    samples: Sequence[NewSample], target: SampleTarget, params: Params, labelling: Labelling | None = None
) -> AddedSamples:
    """Copies what is new; the next `ingest` finds it.

    A sample is compared by its pixels with the manifest, with what was added since, and with the others. Each is
    written under a hidden name and moved into place, so a call that is killed leaves whole files, and the next one
    passes them over. Where no folder gives the label, samples with a label get a line of `data/label_decisions/`, also
    those that are there already, without a label, and on which nobody has decided.

    Args:
        samples: Files, folders or bytes.
        target: Where they go.
        params: Of the project: `source`, `ingest`, `media` and `split`.
        labelling: None adds them without a label, or with that of their folder.

    Raises:
        UserError: The label is none, or the disk takes no more; what was copied before stays.
    """
    from filelock import FileLock

    if labelling is not None:
        target.check_label(labelling.label)
    manifest = read_manifest()
    codec = make_codec(params, pd.DataFrame() if manifest is None else manifest)
    looked = [*parallel_map(partial(look, codec), samples, len(samples), "look at new samples", killed=_reject_crash)]
    LOCKS.mkdir(parents=True, exist_ok=True)
    with FileLock(LOCKS / "add_samples.lock"):
        known, hashes = _read_known(target, codec, manifest)
        outcome = _Outcome(known=known, hashes=hashes)
        fault = _copy_all(samples, looked, target, labelling, outcome)
        num_labelled = _write_labels(target, outcome, labelling) if labelling is not None else 0
    if fault is not None:
        raise UserError(f"{fault}; {len(outcome.added):,} were added before, give the call again for the others")
    return AddedSamples(
        added=tuple(_with_near(outcome, params)),
        duplicates=tuple(outcome.duplicates),
        refused=tuple(outcome.refused),
        num_labelled=num_labelled,
    )


def _reject_crash(sample: NewSample) -> ItemRejected:
    return ItemRejected("crashed", "decoding it killed the process, usually for lack of memory")


def _read_known(
    target: SampleTarget, codec: SampleCodec, manifest: pd.DataFrame | None
) -> tuple[dict[str, str], dict[str, str]]:
    """Content to `sample_id`, and `sample_id` to perceptual hash: of the manifest, and of what was added since."""
    known = {} if manifest is None else dict(zip(manifest["content_hash"], manifest["sample_id"], strict=True))
    hashes = {} if manifest is None else dict(zip(manifest["sample_id"], manifest["perceptual_hash"], strict=True))
    try:
        rows = target.source.read()
    except UserError:  # an empty folder
        return known, hashes
    paths = rows["path"] if "refused" not in rows else rows.loc[rows["refused"].isna(), "path"]
    since = [one for one in paths if one not in hashes]
    if artifacts.QUARANTINE.exists() and since:
        refused = set(artifacts.read_table(artifacts.QUARANTINE)["path"])
        since = [path for path in since if path not in refused]
    if since:
        found = parallel_map(
            partial(_look_at, SampleReader(source=target.source, codec=codec)),
            since,
            len(since),
            "look at added samples",
            killed=_nothing,
        )
        for path, sample in zip(since, found, strict=True):
            if sample is not None:
                known |= {content: path for content in _contents(sample) if content not in known}
                hashes |= {path: sample.measured.perceptual_hash} if sample.measured else {}
    return known, hashes


def _nothing(path: str) -> None:
    return None


def _look_at(reader: SampleReader, path: str) -> Looked | None:
    file = reader.source.file_of(path)
    found = None if file is None else look(reader.codec, NewSample(name=file.name, data=file))
    return found if isinstance(found, Looked) else None


def _contents(sample: Looked) -> list[str]:
    """Two samples that have any of these in common are the same."""
    return [sample.digest, *([sample.measured.content_hash] if sample.measured is not None else [])]


def _copy_all(
    samples: Iterable[NewSample],
    looked: Iterable[Looked | ItemRejected],
    target: SampleTarget,
    labelling: Labelling | None,
    outcome: _Outcome,
) -> str | None:
    """Copies what is new; what is wrong with the disk, or None."""
    cleaned: set[Path] = set()
    label = None if labelling is None else labelling.label
    for sample, found in zip(samples, looked, strict=True):
        try:
            if isinstance(found, ItemRejected):
                raise found
            twin = next((outcome.known[one] for one in _contents(found) if one in outcome.known), None)
            if twin is not None:
                outcome.duplicates.append(DuplicateSample(name=sample.display_name, of=twin))
                continue
            named = with_safe_name(sample, target.suffixes)
            folder = target.folder_of(named.folders, label)
            path = _copy(named, found, target.root, folder, cleaned)
        except ItemRejected as refused:
            outcome.refused.append(
                RefusedSample(name=sample.display_name, reason=refused.reason, detail=refused.detail)
            )
            continue
        except OSError as error:
            return f"{target.root / sample.name} cannot be written: {error.strerror or error}"
        outcome.known |= dict.fromkeys(_contents(found), path)
        outcome.hashes |= {path: found.measured.perceptual_hash} if found.measured is not None else {}
        of_folder = path.partition("/")[0] if target.has_class_folders and "/" in path else None
        has_label = label or (of_folder if of_folder in target.known else None)
        outcome.added.append(AddedSample(name=sample.display_name, sample_id=path, label=has_label))
    return None


def _copy(sample: NewSample, found: Looked, root: Path, folder: str, cleaned: set[Path]) -> str:
    """Writes one sample; its path below the root."""
    place = root / folder
    if not place.resolve().is_relative_to(root.resolve()):
        raise ItemRejected("outside", "a link leads out of the source's folder")
    place.mkdir(parents=True, exist_ok=True)
    if place not in cleaned:
        _remove_torn(place)
        cleaned.add(place)
    data = sample.read()
    if digest_of(data) != found.digest:
        raise ItemRejected("unreadable", "it changed while it was added; add it again")
    name = sample.name
    if (place / name).exists() or (place / name).is_symlink():
        stem, dot, ending = name.partition(".")
        name = f"{stem}-{found.digest[:16]}{dot}{ending}"
    with artifacts.atomic_write(place / name) as temporary:
        if isinstance(data, bytes):
            _write(temporary, data)
        else:
            temporary.mkdir()
            for inner, content in data.files:
                _write(temporary / inner, content)
    return join(folder, name)


def _write(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _remove_torn(folder: Path) -> None:
    """Removes what a call that was killed left; the lock says that no other one is at work."""
    for path in folder.glob(".*.tmp"):
        if TEMPORARY.fullmatch(path.name):
            artifacts.remove(path)


def _write_labels(target: SampleTarget, outcome: _Outcome, labelling: Labelling) -> int:
    """Writes a line for each sample whose label no folder gives; their number."""
    if target.has_class_folders:
        return 0
    source = str(target.source.name)
    decided = combine_decisions(load_decisions(source))
    names = dict.fromkeys([*(one.sample_id for one in outcome.added), *(one.of for one in outcome.duplicates)])
    lines = [
        LabelDecision(
            sample_id=name,
            action="label",
            previous=[],
            labels=[labelling.label],
            who=labelling.who,
            when=labelling.when,
            why=WHY,
        )
        for name in names
        if name not in decided and not is_feedback(name)
    ]
    append_decisions(artifacts.decisions_file(source), lines)
    return len(lines)


def _with_near(outcome: _Outcome, params: Params) -> list[AddedSample]:
    """The samples that were added, each with one that looks almost the same."""
    names = [*outcome.hashes]
    if not outcome.added or len(names) < 2:
        return outcome.added
    bits = compared_bits(config.get_section(params, "split").get("near_duplicate_bits"))
    pairs = pairs_within_hamming(pd.Series([*outcome.hashes.values()]), bits)
    near: dict[str, str] = {}
    for pair in pairs.tolist():
        near.setdefault(names[max(pair)], names[min(pair)])
    return [replace(one, near=near.get(one.sample_id)) for one in outcome.added]
