"""Which files and folders are samples of a model, by their names."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import final

from pipeline.core.sample_codec import noun_of
from pipeline.datasets.discovery.sample_suffixes import CLIP_SUFFIXES, PICTURE_SUFFIXES, samples_suffixes, suffix
from pipeline.volumes import dicom

SLICE_SUFFIXES = frozenset([*dicom.SUFFIXES, ""])  # many archives give the files of a series no ending
FRAME_SUFFIXES = PICTURE_SUFFIXES - CLIP_SUFFIXES - SLICE_SUFFIXES
INDEX = "DICOMDIR"  # of a disc, no slice
MIN_FILES = 2  # of a folder that is one sample


@final
@dataclass(frozen=True)
class SampleNames:
    """The names of samples.

    Attributes:
        media: Of the model: image, clip or volume.
    """

    media: str = "image"

    @property
    def noun(self) -> str:
        """What a person calls a sample."""
        return noun_of(self.media)

    def has(self, name: str) -> bool:
        """Whether a file below a folder, or in an archive, is taken: by its ending, or because it has none."""
        return suffix(name) in samples_suffixes(self.media) or not suffix(name)

    def is_one(self, files: Collection[str]) -> bool:
        """Whether the files of a folder, by their names alone, are one sample: the frames of a clip, or a series."""
        if self.media == "image":
            return False
        endings = FRAME_SUFFIXES if self.media == "clip" else SLICE_SUFFIXES
        found = [suffix(name) for name in files if name.rpartition("/")[2] != INDEX]
        return len(found) >= MIN_FILES and endings.issuperset(found)

    def folders(self, files: Collection[str]) -> Mapping[str, list[str]]:
        """The folders that are one sample each to their files; "" is the root. Such a folder holds no other folder."""
        if self.media == "image":
            return {}
        within: dict[str, list[str]] = {}
        for path in files:
            within.setdefault(path.rpartition("/")[0], []).append(path)
        around = {folder.rpartition("/")[0] for folder in within if folder}
        return {folder: paths for folder, paths in within.items() if folder not in around and self.is_one(paths)}


PICTURES = SampleNames()
