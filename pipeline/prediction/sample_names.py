"""Which files and folders are samples of a model, by the rules of the sources of clips and of volumes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import final

from pipeline.core.sample_codec import noun_of
from pipeline.datasets.discovery.clip_clues import is_animation
from pipeline.datasets.discovery.sample_finder import frame_folders, leaf_folders
from pipeline.datasets.discovery.sample_suffixes import CLIP_SUFFIXES, PICTURE_SUFFIXES, samples_suffixes, suffix
from pipeline.datasets.discovery.volume_files import find_volumes, may_be_dicom
from pipeline.volumes import dicom

FRAME_SUFFIXES = PICTURE_SUFFIXES - CLIP_SUFFIXES - frozenset(dicom.SUFFIXES)  # of pictures that are no clip themselves
MIN_FILES = 2  # of a folder that is one sample, where the rules of the sources do not say more
ANIMATION_BYTES = 4096  # by which an animation is known
ROOT = "root"  # around all paths, so that the files of the root itself lie in a folder
CLASS_LEVEL = 2  # of files in a folder of the root, which may be a class: as many parts are around them

Head = Callable[[str, int], bytes]  # path and number to as many of the first bytes of a file; empty where unknown


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
        if self.media == "volume" and name.rpartition("/")[2].lower() == dicom.INDEX:
            return False
        return suffix(name) in samples_suffixes(self.media) or not suffix(name)

    def find(self, files: Collection[str], head: Head) -> dict[str, str]:
        """Each file that is taken to its sample: itself, or the folder that is one sample; "" is the root.

        A folder is one clip or one volume as the sources of clips and volumes say it; so are pictures that can be
        nothing but frames, two or more in a folder without others.

        Args:
            files: POSIX paths.
            head: Of these; empty for a file of which nothing is known.
        """
        samples = self._samples(files, head)
        found = {}
        for file in files:
            folder = file.rpartition("/")[0]
            if folder in samples:
                found[file] = folder
            elif file in samples or self.has(file):
                found[file] = file
        return found

    def shows_more(self, name: str) -> str:
        """What the first bytes of one file of this kind in a folder say of all of them; empty where names say it."""
        ending = suffix(name)
        if self.media == "volume":
            if ending in dicom.SUFFIXES:
                return "slices"
            return "bare" if may_be_dicom(name) else ""
        return ending if self.media == "clip" and ending in CLIP_SUFFIXES & PICTURE_SUFFIXES else ""

    def _samples(self, files: Collection[str], head: Head) -> Collection[str]:
        if self.media == "image":
            return ()
        rooted = [f"{ROOT}/{file}" for file in files]
        find = _clips if self.media == "clip" else _volumes
        found = find(rooted, lambda path, size: head(path.removeprefix(f"{ROOT}/"), size))
        return {path.removeprefix(ROOT).removeprefix("/") for path in found}


PICTURES = SampleNames()


def _clips(files: Collection[str], head: Head) -> Collection[str]:
    """The folders that are frames."""
    leaves = set(leaf_folders(files))
    endings: dict[str, Counter[str]] = {}
    for path in files:
        if (folder := path.rpartition("/")[0]) in leaves:
            endings.setdefault(folder, Counter())[suffix(path)] += 1
    plain = {one for one, of in endings.items() if of.total() >= MIN_FILES and FRAME_SUFFIXES.issuperset(of)}
    return plain | {one for one, paths in frame_folders(files).items() if not _are_animations(paths, head)}


def _are_animations(paths: Collection[str], head: Head) -> bool:
    """Whether numbered files are clips each, as the source of clips takes those that lie in the folder of a class."""
    first = next(iter(paths))
    if suffix(first) not in CLIP_SUFFIXES or first.count("/") > CLASS_LEVEL:
        return False
    return any(is_animation(head(path, ANIMATION_BYTES)) for path in paths)


def _volumes(files: Collection[str], head: Head) -> Collection[str]:
    """The folders that are series, and files that are volumes; a single slice in the root is no folder."""
    found = {volume.path for volume in find_volumes(files, head)}
    alone = {path for path in files if path.count("/") == 1}
    return found - {ROOT} | alone if ROOT in found and len(alone) < MIN_FILES else found
