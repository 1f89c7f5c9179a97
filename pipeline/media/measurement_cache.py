"""Measurements of an earlier ingest, so that unchanged files are not decoded again; results stay the same."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import PIL
from PIL import features

from pipeline.core import artifacts, safe_files, terminal
from pipeline.core.code_digest import code_digest
from pipeline.core.contracts import Source
from pipeline.core.sample_codec import GreyRange, SampleCodec, SampleMeasurements

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject

FOLDER = Path(".cache/ingest")
MAX_FILES = 6  # in the folder: one for each source, limit and grey scale used lately
DECODERS = ("pi-heif", "av", "nibabel", "pydicom", "mrcfile")  # packages, where they are installed
RACY_SECONDS = 2.0  # a file changed less than this before the scan could change again under the same time stamp

Stamp = tuple[int, ...]


def cache_key(source: Source, codec: SampleCodec) -> str:
    """A digest of all inputs of a measurement but the file: source, media, limits, code and decoders."""
    sources = Path(inspect.getfile(type(source))).parent.glob("*.py")  # all modules: a source can hold another source
    code = code_digest([Path(inspect.getfile(type(codec))), Path(safe_files.__file__), *sources])
    decoders = [
        PIL.__version__,
        features.version("jpg"),
        features.version("webp"),
        features.version("libtiff"),
        features.version("avif"),
        *map(_version, DECODERS),
    ]
    return artifacts.content_digest(
        artifacts.canonical_json([code, repr(source), repr(codec), np.__version__, decoders])
    )


@dataclass(frozen=True)
class MeasurementCache:
    """Measurements of an earlier ingest by path, each with the stamp (`Source.stat`) its file had before it was read.

    For a picture of more than 8 bits one file holds its grey range, and another one the measurements with the grey
    scale of the data set. Only accepted pictures are stored: the reason of a refusal may go away without a change of
    the file (permissions, a mount).
    """

    file: Path
    known: dict[str, tuple[Stamp, SampleMeasurements | GreyRange]]

    @classmethod
    def load(cls, source: Source, codec: SampleCodec) -> MeasurementCache:
        """The measurements of an earlier ingest; empty, with a warning on stderr, where the file cannot be read."""
        safe_files.is_inside.cache_clear()  # a folder may have become a link since an earlier scan of this process
        file = FOLDER / f"{cache_key(source, codec)}.parquet"
        known: dict[str, tuple[Stamp, SampleMeasurements | GreyRange]] = {}
        try:
            if file.exists():
                for path, stamp, found in pd.read_parquet(file).itertuples(index=False, name=None):
                    known[path] = (tuple(json.loads(stamp)), _result(json.loads(found)))
        except Exception as error:  # whatever the file holds
            _warn(file, error)
            known = {}
        return cls(file, known)

    def get(self, path: str, stamp: Stamp | None) -> SampleMeasurements | GreyRange | None:
        entry = self.known.get(path)
        return entry[1] if entry and stamp is not None and entry[0] == stamp else None

    def save(self, scanned: Iterable[tuple[str, Stamp | None, object]], started: float) -> None:
        """Writes the measurements to the file, and removes the oldest files of the folder.

        Args:
            scanned: Path, stamp and result of each item.
            started: time.time() before the first stamp was taken.
        """
        rows = [
            (path, json.dumps(stamp), json.dumps(asdict(result)))
            for path, stamp, result in scanned
            if isinstance(result, SampleMeasurements | GreyRange)
            and stamp is not None
            and max(stamp[1:3]) / 1e9 < started - RACY_SECONDS
        ]
        try:
            artifacts.write_table(self.file, pd.DataFrame(rows, columns=["path", "stamp", "found"]))
            for old in sorted(FOLDER.glob("*.parquet"), key=lambda one: -one.stat().st_mtime)[MAX_FILES:]:
                old.unlink(missing_ok=True)
        except (OSError, ValueError) as error:
            _warn(self.file, error)


def _result(found: JsonObject) -> SampleMeasurements | GreyRange:
    return GreyRange(**found) if "kind" in found else SampleMeasurements(**found)


def _version(package: str) -> str | None:
    try:
        return installed(package)
    except PackageNotFoundError:
        return None


def _warn(file: Path, error: Exception) -> None:
    terminal.warn(f"ingest: warning, the cache {file} is not used, so every picture is decoded ({error})")
