"""The reader of the samples of a data set: `ingest` measures them, later stages read them again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar, final

import numpy as np
import pandas as pd

from pipeline.core import artifacts, config, terminal
from pipeline.core.contracts import Source
from pipeline.core.errors import ItemRejected, UserError
from pipeline.core.open_types import JsonObject, Params
from pipeline.core.parallel import parallel_map
from pipeline.core.sample_codec import FileSet, GreyRange, SampleCodec, SampleMeasurements, StorageFormat
from pipeline.images import grey_scales
from pipeline.images.decoding import content_hash
from pipeline.images.feedback_pictures import OTHER_GREYS, is_feedback, source_of
from pipeline.images.grey_scales import Greys
from pipeline.media.choice import build_media
from pipeline.media.manifest_columns import manifest_columns
from pipeline.media.measurement_cache import MeasurementCache
from pipeline.media.picture_codec import PictureCodec

Decoded = TypeVar("Decoded")
Outcome = SampleMeasurements | GreyRange | ItemRejected


@final
@dataclass(frozen=True, kw_only=True)
class SampleReader:
    """Reads the samples of a source; an item is the `path` and the `content_hash` of a manifest row.

    `ingest` measures every path once. Later stages load items again: an item that has changed since raises a
    UserError. A reader is sent to other processes, so it holds choices and no open file.

    Args:
        source: Of the samples.
        codec: One for the whole data set.
        feedback: The folder that holds what people corrected, for each data set.
    """

    source: Source
    codec: SampleCodec
    feedback: Path = artifacts.FEEDBACK

    def source_of(self, path: str) -> Source:
        """Where this picture is: in the data set, or in its feedback."""
        return source_of(self.source, path, self.feedback)

    def measure(self, paths: Sequence[str], cache: bool) -> tuple[list[ItemRejected | None], pd.DataFrame]:
        """What ingest stores of the items that a source names.

        Args:
            paths: Of the source.
            cache: Whether what an earlier run measured is taken where nothing has changed.

        Returns:
            For each path None or why it is refused; and for those that are not, in their order, `media`, `format`,
            `content_hash`, `perceptual_hash`, `height`, `width`, `depth` (of frames or slices; 1 of a picture),
            `channels`, `prop_*` (measured), `attr_exif_*` and other `attr_*` (stored in the file).

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
        return rejections, manifest_columns(
            [one for one in outcomes if isinstance(one, SampleMeasurements)], self.codec.media
        )

    def _scale(self, deep: list[tuple[str, GreyRange]], cache: bool) -> Iterator[Outcome]:
        """The outcome of each picture of more than 8 bits, with one scale for all."""
        scale, misfits = grey_scales.choose_with(
            [entry for entry in deep if not is_feedback(entry[0])], [entry for entry in deep if is_feedback(entry[0])]
        )
        fitting = [entry for entry in deep if entry[0] not in misfits]
        found: Iterator[Outcome] = iter(())
        if scale is not None:
            _say(scale, fitting)
            assert isinstance(self.codec, PictureCodec)  # no other one finds greys that need a scale
            reader = replace(self, codec=self.codec.with_grey_scale(scale))
            found = iter(reader._examine_all([path for path, _ in fitting], cache))
        for path, greys in deep:
            yield _reject_greys(greys, scale) if path in misfits else next(found)

    def load_picture(self, item: tuple[str, str], mirrored: bool = False) -> np.ndarray:
        """(H, W) or (H, W, 3) uint8 for display: the picture, or frames or slices of the sample.

        Args:
            item: Path and content hash.
            mirrored: Whether left and right of the sample are exchanged before it is shown.

        Raises:
            UserError: It cannot be read any more, or its content is another.
        """
        sample = self.load_decoded(item)
        return self.codec.show(self.codec.mirror(sample) if mirrored else sample)

    def load_views(self, item: tuple[str, str]) -> list[list[np.ndarray]]:
        """The views by which a sample is compared with others; as `SampleCodec.decode_with_views`.

        Raises:
            UserError: It cannot be read any more, or its content is another.
        """
        sample, views = self._read(item, self.codec.decode_with_views)
        _check_content(item, sample)
        return views

    def load_stored(self, item: tuple[str, str], storage: StorageFormat) -> np.ndarray:
        """(*spatial, C) uint8 of the format's shape: the sample as it is packed.

        Raises:
            UserError: It cannot be read any more, or its content is another.
        """
        return storage.convert(self.load_decoded(item))

    def storage(self, size: int, fit: str, channels: int) -> StorageFormat:
        """The form of stored samples; as `SampleCodec.storage`."""
        return self.codec.storage(size, fit, channels)

    def load_decoded(self, item: tuple[str, str]) -> np.ndarray:
        """(*spatial) or (*spatial, 3) uint8 pixels of the sample.

        Raises:
            UserError: It cannot be read any more, or its content is another.
        """
        sample = self._read(item, self.codec.decode)
        _check_content(item, sample)
        return sample

    def _read(self, item: tuple[str, str], decode: Callable[[bytes | np.ndarray | FileSet], Decoded]) -> Decoded:
        path = item[0]
        try:
            return decode(self.source_of(path).open(path))
        except ItemRejected as refused:
            raise UserError(
                f"{path} could be read by ingest but cannot be read now ({refused}); run dvc repro to ingest again"
            ) from None

    def for_card(self) -> JsonObject:
        """The entries of a card from which serving reads samples in the same way."""
        return self.codec.for_card()

    def _examine_all(self, paths: Sequence[str], cache: bool) -> list[Outcome]:
        started = time.time()
        store = MeasurementCache.load(self.source, self.codec) if cache else None
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
    """The reader of a manifest's rows, with the codec that `ingest` used."""
    source: Source = config.build(config.get_section(params, "source"), "source")
    return SampleReader(source=source, codec=make_codec(params, manifest))


def make_codec(params: Params, manifest: pd.DataFrame) -> SampleCodec:
    """The codec that `ingest` used for the rows of a manifest."""
    scale = Greys.of_manifest(manifest)
    deep = {} if scale is None else {"grey_scale": [scale.low, scale.high]}
    return build_media(params).codec({"max_pixels": params["ingest"]["max_pixels"], **deep})


def examine(reader: SampleReader, path: str) -> Outcome:
    """The measurements of one item, or its grey range (more than 8 bits and no scale given), or its rejection."""
    try:
        return reader.codec.examine(reader.source_of(path).open(path))
    except ItemRejected as refused:
        return refused


def _check_content(item: tuple[str, str], sample: np.ndarray) -> None:
    path, expected = item
    if content_hash(sample) != expected:
        raise UserError(f"{path} has changed since ingest; run dvc repro to ingest again")


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
