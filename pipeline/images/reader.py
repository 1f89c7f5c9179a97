"""The reader of the pictures of a data set: `ingest` measures them, later stages read them again."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import final

import numpy as np
import pandas as pd

from pipeline.core import artifacts, config, terminal
from pipeline.core.contracts import Source
from pipeline.core.errors import ItemRejected, UserError
from pipeline.core.open_types import JsonObject, Params
from pipeline.core.parallel import parallel_map
from pipeline.core.sample_reader import SampleReader, StorageFormat
from pipeline.images import grey_scales, properties
from pipeline.images.decoding import Decoding, content_hash, decode
from pipeline.images.feedback_pictures import OTHER_GREYS, is_feedback, source_of
from pipeline.images.grey_scales import GreyRange, Greys
from pipeline.images.manifest_columns import manifest_columns
from pipeline.images.measurement_cache import MeasurementCache
from pipeline.images.properties import ImageMeasurements

Outcome = ImageMeasurements | GreyRange | ItemRejected


@final
@dataclass(frozen=True, kw_only=True)
class ImageReader(SampleReader):
    """Reads pictures of a source.

    Args:
        source: Of the pictures.
        decoding: One for the whole data set.
        feedback: The folder that holds what people corrected, for each data set.
    """

    source: Source
    decoding: Decoding
    feedback: Path = artifacts.FEEDBACK

    def source_of(self, path: str) -> Source:
        """Where this picture is: in the data set, or in its feedback."""
        return source_of(self.source, path, self.feedback)

    def measure(self, paths: Sequence[str], cache: bool) -> tuple[list[ItemRejected | None], pd.DataFrame]:
        """The rejection of each item, or None, and the manifest columns of the accepted ones.

        Where no grey scale is given, pictures of more than 8 bits are decoded twice: the first pass finds the range of
        their greys, the second one measures them with the scale of the whole data set. Feedback never changes the scale
        of the source's pictures: what does not fit is rejected.
        """
        outcomes = self._examine_all(paths, cache)
        deep = [(path, one) for path, one in zip(paths, outcomes, strict=True) if isinstance(one, GreyRange)]
        if deep:
            scaled = self._scale(deep, cache)
            outcomes = [next(scaled) if isinstance(one, GreyRange) else one for one in outcomes]
        rejections = [one if isinstance(one, ItemRejected) else None for one in outcomes]
        return rejections, manifest_columns([one for one in outcomes if isinstance(one, ImageMeasurements)])

    def _scale(self, deep: list[tuple[str, GreyRange]], cache: bool) -> Iterator[Outcome]:
        """The outcome of each picture of more than 8 bits, with one scale for all."""
        scale, misfits = grey_scales.choose_with(
            [entry for entry in deep if not is_feedback(entry[0])], [entry for entry in deep if is_feedback(entry[0])]
        )
        fitting = [entry for entry in deep if entry[0] not in misfits]
        found: Iterator[Outcome] = iter(())
        if scale is not None:
            _say(scale, fitting)
            reader = replace(self, decoding=replace(self.decoding, grey_scale=scale))
            found = iter(reader._examine_all([path for path, _ in fitting], cache))
        for path, greys in deep:
            yield _reject_greys(greys, scale) if path in misfits else next(found)

    def load_picture(self, item: tuple[str, str]) -> np.ndarray:
        path, expected = item
        try:
            picture = decode(self.source_of(path).open(path), self.decoding)
        except ItemRejected as refused:
            raise UserError(
                f"{path} could be read by ingest but cannot be read now ({refused}); run dvc repro to ingest again"
            ) from None
        if content_hash(picture) != expected:
            raise UserError(f"{path} has changed since ingest; run dvc repro to ingest again")
        return picture

    def load_stored(self, item: tuple[str, str], storage: StorageFormat) -> np.ndarray:
        return storage.convert(self.load_picture(item))

    def for_card(self) -> JsonObject:
        return self.decoding.for_card()

    def _examine_all(self, paths: Sequence[str], cache: bool) -> list[Outcome]:
        started = time.time()
        store = MeasurementCache.load(self.source, self.decoding) if cache else None
        stamps = [
            self.source_of(path).stat(path) if store else None for path in paths
        ]  # before reading, to notice a change
        known = [store.get(*one) if store else None for one in zip(paths, stamps, strict=True)]
        unknown = [path for path, result in zip(paths, known, strict=True) if result is None]
        fresh = parallel_map(partial(examine, self), unknown, len(unknown), "ingest", killed=_reject_crashed)
        results = [next(fresh) if result is None else result for result in known]
        if store and unknown:
            store.save(zip(paths, stamps, results, strict=True), started)
        return results


def make_reader(params: Params, manifest: pd.DataFrame) -> SampleReader:
    """The reader of a manifest's rows, with the decoding that `ingest` used."""
    source: Source = config.build(config.get_section(params, "source"), "source")
    return ImageReader(source=source, decoding=Decoding.of_manifest(params, manifest))


def examine(reader: ImageReader, path: str) -> Outcome:
    """The measurements of one item, or its grey range (more than 8 bits and no scale given), or its rejection."""
    try:
        return properties.decode_and_measure(reader.source_of(path).open(path), reader.decoding)
    except ItemRejected as refused:
        return refused


def _reject_crashed(path: str) -> ItemRejected:
    return ItemRejected("crashed", "decoding it killed the process, usually for lack of memory")


def _reject_greys(found: GreyRange, scale: Greys | None) -> ItemRejected:
    misfit = "black and white cannot be inferred" if scale is None else f"those of the source mean {scale}"
    return ItemRejected(
        OTHER_GREYS, f"{found.kind} greys from {found.low:g} to {found.high:g}, {misfit}; {grey_scales.ASK}"
    )


def _say(scale: Greys, deep: list[tuple[str, GreyRange]]) -> None:
    path, brightest = max(deep, key=lambda entry: (entry[1].high, entry[0]))
    terminal.say(
        f"ingest: {len(deep):,} pictures have more than 8 bits, the brightest is {path} with {brightest.high:g}; "
        f"{scale} becomes black to white in all of them (ingest.grey_scale)"
    )
