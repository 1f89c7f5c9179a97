"""The pictures of a data set: measured once by ingest, and read again by every stage that looks at them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, final

import numpy as np
import pandas as pd

from pipeline.core import config, terminal
from pipeline.core.contracts import Source
from pipeline.core.errors import ItemRejected, UserError
from pipeline.core.parallel import parallel_map
from pipeline.core.sample_reader import SampleReader, StorageFormat
from pipeline.images import grey_scales, properties
from pipeline.images.decoding import Decoding, content_hash, decode
from pipeline.images.grey_scales import GreyRange, Greys
from pipeline.images.manifest_columns import manifest_columns
from pipeline.images.measurement_cache import MeasurementCache
from pipeline.images.properties import ImageMeasurements

Outcome = ImageMeasurements | GreyRange | ItemRejected


@final
@dataclass(frozen=True, kw_only=True)
class ImageReader(SampleReader):
    """Reads pictures.

    Args:
        source: That has them.
        decoding: One for the whole data set.
    """

    source: Source
    decoding: Decoding

    def measure(self, paths: Sequence[str], cache: bool) -> tuple[list[ItemRejected | None], pd.DataFrame]:
        """Pictures of more than 8 bits are looked at twice where their scale is not given.

        The first look finds how far their greys go, the second one measures them with the scale of all.
        """
        found = self._look(paths, cache)
        deep = [(path, one) for path, one in zip(paths, found, strict=True) if isinstance(one, GreyRange)]
        if deep:
            scale = grey_scales.choose(deep)
            _say(scale, deep)
            reader = replace(self, decoding=replace(self.decoding, grey_scale=scale))
            scaled = iter(reader._look([path for path, _ in deep], cache))
            found = [next(scaled) if isinstance(one, GreyRange) else one for one in found]
        rejections = [one if isinstance(one, ItemRejected) else None for one in found]
        return rejections, manifest_columns([one for one in found if isinstance(one, ImageMeasurements)])

    def load_picture(self, item: tuple[str, str]) -> np.ndarray:
        path, expected = item
        try:
            picture = decode(self.source.open(path), self.decoding)
        except ItemRejected as refused:
            raise UserError(
                f"{path} could be read by ingest but not now ({refused}); run dvc repro to ingest again"
            ) from None
        if content_hash(picture) != expected:
            raise UserError(f"{path} has changed since ingest; run dvc repro to ingest again")
        return picture

    def load_stored(self, item: tuple[str, str], storage: StorageFormat) -> np.ndarray:
        return storage.convert(self.load_picture(item))

    def for_card(self) -> dict[str, Any]:
        return self.decoding.for_card()

    def _look(self, paths: Sequence[str], cache: bool) -> list[Outcome]:
        started = time.time()
        remembered = MeasurementCache.load(self.source, self.decoding) if cache else None
        stamps = [self.source.stat(path) if remembered else None for path in paths]  # before reading: a change shows
        found = [remembered.get(*one) if remembered else None for one in zip(paths, stamps, strict=True)]
        unknown = [path for path, result in zip(paths, found, strict=True) if result is None]
        fresh = parallel_map(partial(examine, self), unknown, len(unknown), "ingest", killed=_reject_crashed)
        results = [next(fresh) if result is None else result for result in found]
        if remembered and unknown:
            remembered.save(zip(paths, stamps, results, strict=True), started)
        return results


def make_reader(params: dict[str, Any], manifest: pd.DataFrame) -> SampleReader:
    """What reads the rows of a manifest again, as `ingest` read them."""
    source: Source = config.build(config.get_section(params, "source"), "source")
    return ImageReader(source=source, decoding=Decoding.of_manifest(params, manifest))


def examine(reader: ImageReader, path: str) -> Outcome:
    """One item, read and decoded once; of one with more than 8 bits the range, as long as their scale is not known."""
    try:
        return properties.decode_and_measure(reader.source.open(path), reader.decoding)
    except ItemRejected as refused:
        return refused


def _reject_crashed(path: str) -> ItemRejected:
    return ItemRejected("crashed", "it killed the process that decoded it, mostly for lack of memory")


def _say(scale: Greys, deep: list[tuple[str, GreyRange]]) -> None:
    path, brightest = max(deep, key=lambda entry: (entry[1].high, entry[0]))
    terminal.say(
        f"ingest: {len(deep):,} pictures have more than 8 bits, the brightest {path} with {brightest.high:g}; "
        f"{scale} becomes black to white in all of them (ingest.grey_scale)"
    )
