"""New pictures as drift is measured on them: files, samples of the manifest, logged predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal, final

import numpy as np
import pandas as pd
from PIL import Image

from pipeline.core import artifacts, config
from pipeline.core.errors import ItemRejected, UserError
from pipeline.core.labels import parse_labels
from pipeline.core.manifest_schema import PROPERTY, property_columns
from pipeline.core.observations import Observations
from pipeline.core.parallel import parallel_map
from pipeline.core.sample_codec import noun_of
from pipeline.core.terminal import count_of
from pipeline.features.extractor import FeatureExtractor, FeatureOptions
from pipeline.media.reader import SampleReader, make_codec, make_reader
from pipeline.media.thumbnails import load_thumbnails
from pipeline.monitoring.picture_stream import measure_files
from pipeline.monitoring.reference import stored_features
from pipeline.prediction.classifier import PictureClassifier
from pipeline.prediction.picture_files import list_pictures, read_file
from pipeline.prediction.sample_names import SampleNames
from pipeline.prediction.tables import BATCH, SCORE, predict_files

if TYPE_CHECKING:
    from pipeline.core.open_types import Params
    from pipeline.core.sample_codec import SampleCodec

Grouping = Literal["picture", "folder", "one"]
SIDE = 160  # pixels of the pictures on the page
LOCATED = ["sample_id", "path", "content_hash"]  # columns of a manifest by which a picture is read


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class NewPictures:
    """New pictures, and what is said of them.

    Attributes:
        observed: What drift is measured on.
        what: Where they are from, in words.
        notes: What was left out and why, as sentences.
    """

    observed: Observations
    what: str
    notes: tuple[str, ...] = ()


def observe_files(
    names: Sequence[str],
    params: Params,
    reference: Observations,
    most: int,
    seed: int,
    grouping: Grouping | None = None,
) -> NewPictures:
    """Files that names of files, folders and patterns stand for: measured, embedded, classified by `data/predictor`.

    Of more than `most` as many random ones are decoded. Copies of pictures of the manifest are left out.

    Args:
        names: As `list_pictures` takes them.
        params: All parameters.
        reference: What they will be compared with.
        most: Largest number of files.
        seed: Of the random ones.
        grouping: Which pictures belong together: those of a folder, all or none; None where nobody knows.

    Raises:
        UserError: A name does not exist, or no file could be read.
    """
    manifest = artifacts.read_table(artifacts.MANIFEST)
    codec = make_codec(params, manifest)
    noun = noun_of(codec.media)
    listed = list_pictures(names, SampleNames(codec.media)).paths
    picked = np.sort(np.random.default_rng(seed).permutation(len(listed))[:most])
    paths = [listed[row] for row in picked]
    options, extractor = make_extractor(params)
    storage = codec.storage(options.image_size, options.fit, int(manifest["channels"].max()))
    found = measure_files(paths, read_file, codec, storage, extractor)
    if not len(found.table):
        path, reason = next(iter(found.refused.items()))
        raise UserError(f"none of the {len(paths):,} files could be read, {path}: {reason}; name a folder with {noun}s")
    is_copy = found.table["content_hash"].isin(set(manifest["content_hash"])).to_numpy()
    if is_copy.all():
        raise UserError(f"all {len(is_copy):,} {noun}s are in the manifest already; name a folder with new ones")
    table = found.table[~is_copy].reset_index(drop=True)
    table, problem = _decide_on_files(table)
    if grouping is not None:
        table["group"] = _group(table["sample_id"], grouping)
    observed = Observations.of_table(table, reference.classes, found.features[~is_copy], reference.exclusive)
    notes = [
        *([f"Of {len(listed):,} files {len(paths):,} random ones were taken."] if len(paths) < len(listed) else []),
        *([f"{count_of(len(found.refused), 'file')} could not be read."] if found.refused else []),
        *([f"{is_copy.sum():,} {noun}s are in the manifest already and were left out."] if is_copy.any() else []),
        *_about(problem),
    ]
    return NewPictures(observed=observed, what=f"files of {', '.join(names)}", notes=tuple(notes))


def observe_samples(rows: pd.DataFrame, params: Params, reference: Observations, most: int, seed: int) -> NewPictures:
    """Samples of the manifest, with their labels and groups; classified by `data/predictor`.

    Args:
        rows: Of the manifest.
        params: All parameters.
        reference: What they will be compared with.
        most: Largest number of samples; of more, as many are picked at random.
        seed: Of the random ones.
    """
    picked = np.sort(np.random.default_rng(seed).permutation(len(rows))[:most])
    table = rows.iloc[picked].reset_index(drop=True)
    manifest = artifacts.read_table(artifacts.MANIFEST)
    reader = make_reader(params, manifest)
    features = stored_features(table["sample_id"])
    if features is None and reference.features is not None:
        options, extractor = make_extractor(params)
        storage = reader.storage(options.image_size, options.fit, int(manifest["channels"].max()))
        items = zip(table["path"], table["content_hash"], strict=True)
        pictures = parallel_map(partial(reader.load_stored, storage=storage), items, len(table), "monitor")
        features = np.stack([np.zeros(extractor.feature_dim, np.float32), *extractor.stream(pictures)])[1:]
    table, problem = _decide_on_samples(table, reader)
    if "group" in table and table["group"].isna().all():
        table = table.drop(columns="group")
    elif "group" in table:
        table["group"] = table["group"].fillna(table["sample_id"])
    observed = Observations.of_table(table, reference.classes, features, reference.exclusive)
    return NewPictures(observed=observed, what="samples of the manifest", notes=tuple(_about(problem)))


def observe_log(path: Path, reference: Observations) -> NewPictures:
    """Logged predictions of a Parquet table: any of the columns that `Observations.of_table` takes.

    Raises:
        UserError: It cannot be read, or has none of these columns.
    """
    table = artifacts.read_table(path)
    if not property_columns(table) and "scores" not in table:
        raise UserError(f"{path}: no column {PROPERTY}* or scores among {', '.join(map(str, table))[:200]}")
    return NewPictures(
        observed=Observations.of_table(table, reference.classes, exclusive=reference.exclusive),
        what="logged predictions",
    )


def make_extractor(params: Params) -> tuple[FeatureOptions, FeatureExtractor]:
    """The extractor of `data/embeddings/`, as the section `embed` describes it."""
    options: FeatureOptions = config.instantiate(FeatureOptions, config.get_section(params, "embed"), "embed")
    return options, FeatureExtractor(options)


def load_images(
    params: Params, shown: Mapping[str, Sequence[str]], arrived: pd.DataFrame | None = None
) -> dict[str, dict[str, np.ndarray]]:
    """Small copies of the pictures that the page shows, by side: samples of the manifest, or else files.

    Args:
        params: All parameters.
        shown: `New` and `Training` to names.
        arrived: The manifest of today, where that of the training lacks the new samples.
    """
    manifest = artifacts.read_table(artifacts.MANIFEST)
    both = [manifest] if arrived is None else [arrived, manifest]
    found = {}
    for side, names in shown.items():
        tables = both if side == "New" else both[::-1]  # a sample in both may have other bytes now
        samples = pd.concat([one[LOCATED] for one in tables]).drop_duplicates("sample_id", ignore_index=True)
        reader, known = make_reader(params, tables[0]), set(samples["sample_id"])
        found[side] = load_thumbnails(reader, samples, [name for name in names if name in known], SIDE)
        files = {name: _thumbnail(name, reader.codec) for name in names if name not in known}
        found[side] |= {name: one for name, one in files.items() if one is not None}
    return found


def _thumbnail(path: str, codec: SampleCodec) -> np.ndarray | None:
    try:
        image = Image.fromarray(codec.show(codec.decode(read_file(path))))
    except ItemRejected:
        return None
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    return np.asarray(image)


def _about(problem: str) -> list[str]:
    return [f"The model decided nothing: {problem}."] if problem else []


def _group(paths: pd.Series, grouping: Grouping) -> list[str]:
    if grouping == "one":
        return ["new"] * len(paths)
    return [f"new/{Path(path).parent if grouping == 'folder' else path}" for path in paths]


def _decide_on_files(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """The table with `decided` and `scores`, None where there are none; and why there are none of any file."""
    try:
        classifier = PictureClassifier.load(artifacts.PREDICTOR)
        found = pd.concat(predict_files(classifier, table["sample_id"].tolist()), ignore_index=True)
    except UserError as problem:
        return table, str(problem)
    scores = found[[f"{SCORE}{name}" for name in classifier.classes]].to_numpy(dtype=np.float32)
    texts = found["class" if classifier.exclusive else "labels"]
    decided = [[text] if classifier.exclusive else parse_labels(text) for text in texts]
    known = [None if np.isnan(row).any() else row for row in scores]
    return table.assign(decided=decided, scores=known), ""


def _decide_on_samples(table: pd.DataFrame, reader: SampleReader) -> tuple[pd.DataFrame, str]:
    """As `_decide_on_files`, of samples of the manifest, a batch of pictures in memory at a time."""
    decided: list[list[str]] = []
    scores: list[np.ndarray] = []
    try:
        classifier = PictureClassifier.load(artifacts.PREDICTOR)
        read = partial(reader.load_stored, storage=classifier.storage)
        pictures = parallel_map(read, zip(table["path"], table["content_hash"], strict=True), len(table), "predict")
        while batch := list(islice(pictures, BATCH)):
            answers = classifier.classify(batch)
            decided += answers.labels
            scores += list(answers.scores)
    except UserError as problem:
        return table, str(problem)
    return table.assign(decided=decided, scores=scores), ""
