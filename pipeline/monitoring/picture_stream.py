"""New picture files, each decoded once: their properties and frozen features."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, final

import numpy as np
import pandas as pd

from pipeline.core.errors import ItemRejected
from pipeline.core.manifest_schema import property_column
from pipeline.core.parallel import parallel_map
from pipeline.core.sample_codec import FileSet, SampleMeasurements

if TYPE_CHECKING:
    from pipeline.core.sample_codec import SampleCodec, StorageFormat
    from pipeline.features.extractor import FeatureExtractor

Read = Callable[[str], bytes | FileSet]
Outcome = tuple[SampleMeasurements, np.ndarray] | ItemRejected


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class MeasuredFiles:
    """What is known of files.

    Attributes:
        table: A row per picture that could be read: `sample_id` (the file), `content_hash` and `prop_*`.
        features: (N, D) float32 of these.
        refused: File to the reason, of the others.
    """

    table: pd.DataFrame
    features: np.ndarray
    refused: dict[str, str]


def measure_files(
    paths: Sequence[str], read: Read, codec: SampleCodec, storage: StorageFormat, extractor: FeatureExtractor
) -> MeasuredFiles:
    """Properties and features of files; memory holds a batch of pictures, and the results.

    Args:
        paths: Of the files.
        read: From a path to its bytes; picklable, raises `ItemRejected`.
        codec: That of the data set, so that samples are measured as those of the training were.
        storage: In which the extractor takes pictures.
        extractor: That of the reference.
    """
    rows: list[dict[str, object]] = []
    refused: dict[str, str] = {}

    def iterate() -> Iterator[np.ndarray]:
        outcomes = parallel_map(partial(_look, read, codec, storage), paths, len(paths), "monitor", killed=_reject)
        for path, outcome in zip(paths, outcomes, strict=True):
            if isinstance(outcome, ItemRejected):
                refused[path] = str(outcome)
                continue
            found, array = outcome
            properties = {property_column(name): value for name, value in found.properties.items()}
            rows.append({"sample_id": path, "content_hash": found.content_hash, **properties})
            yield array

    features = [np.zeros(extractor.feature_dim, dtype=np.float32), *extractor.stream(iterate())]
    return MeasuredFiles(table=pd.DataFrame(rows), features=np.stack(features)[1:], refused=refused)


def _look(read: Read, codec: SampleCodec, storage: StorageFormat, path: str) -> Outcome:
    try:
        sample = codec.open(read(path))
        return sample.measure(), storage.convert(sample.pixels)
    except MemoryError:
        return ItemRejected("too_large", "there is not enough memory to measure it")
    except ItemRejected as refused:
        return refused


def _reject(path: str) -> ItemRejected:
    return ItemRejected("crashed", "decoding it killed the process, usually for lack of memory")
