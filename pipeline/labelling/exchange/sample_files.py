"""Writes the samples of a data set as files below a folder: copies, links, or pixels as PNG and NPY."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from pipeline.core import progress
from pipeline.core.errors import ItemRejected, UserError
from pipeline.core.sample_codec import FileSet
from pipeline.labelling.exchange.content import ExchangedSample

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.media.reader import SampleReader


def write_samples(
    reader: SampleReader, samples: Sequence[ExchangedSample], folder: Path, link: bool
) -> list[ExchangedSample]:
    """Writes each sample at its `path` below a folder; those that get an ending have it in the result.

    Args:
        reader: Of the samples.
        samples: With different paths.
        folder: That holds nothing yet.
        link: Whether a file is linked instead of copied, where the source has a file for it.

    Raises:
        UserError: A sample cannot be read any more, two have one path, or the disk takes no more.
    """
    written: list[ExchangedSample] = []
    taken: set[str] = set()
    for sample in progress.track(samples, len(samples), "write samples"):
        parts = PurePosixPath(sample.path).parts
        if not parts or parts[0] == "/" or ".." in parts or sample.path in taken:
            raise UserError(
                f"the sample {sample.origin!r} would be written to {sample.path!r}, which is taken or outside"
            )
        try:
            path = _write_sample(reader, sample, folder, link)
        except ItemRejected as refused:
            raise UserError(f"{sample.origin} cannot be read now ({refused}); run dvc repro to ingest again") from None
        except OSError as error:
            raise UserError(f"{sample.path} cannot be written: {error.strerror or error}") from None
        taken |= {sample.path, path}
        written.append(sample if path == sample.path else replace(sample, path=path))
    return written


def _write_sample(reader: SampleReader, sample: ExchangedSample, folder: Path, link: bool) -> str:
    """The path that the sample has now."""
    source = reader.source_of(sample.origin)
    target = folder / sample.path
    target.parent.mkdir(parents=True, exist_ok=True)
    file = source.file_of(sample.origin) if link else None
    if file is not None and file.exists():
        target.symlink_to(file.resolve(), target_is_directory=file.is_dir())
        return sample.path
    data = source.open(sample.origin)
    if isinstance(data, bytes):
        with target.open("xb") as opened:
            opened.write(data)
    elif isinstance(data, FileSet):
        target.mkdir()
        for name, content in data.files:
            (target / name).write_bytes(content)
    else:
        return _write_pixels(np.asarray(data), sample.path, folder, reader.codec.media)
    return sample.path


def _write_pixels(pixels: np.ndarray, path: str, folder: Path, media: str) -> str:
    """Decoded pixels without loss: a picture as PNG, a clip as a folder of PNG frames, a volume as NPY."""
    from PIL import Image

    if media == "volume":
        np.save(folder / f"{path}.npy", pixels, allow_pickle=False)
        return f"{path}.npy"
    if media == "image":
        path = path if path.lower().endswith(".png") else f"{path}.png"
        Image.fromarray(pixels).save(folder / path, format="PNG")
        return path
    (folder / path).mkdir()
    for number, frame in enumerate(pixels):
        Image.fromarray(frame).save(folder / path / f"{number:05d}.png", format="PNG")
    return path
