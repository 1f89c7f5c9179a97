"""The pictures that a call names: files, folders, patterns, archives, lists and remote trees, in a fixed order."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final
from urllib.parse import unquote

from pipeline.core import artifacts
from pipeline.core.errors import ItemRejected, UserError
from pipeline.core.uris import mask_credentials
from pipeline.datasets.discovery.sample_suffixes import SAMPLE_SUFFIXES, suffix
from pipeline.datasets.trees import unpacked_tree
from pipeline.datasets.trees.archive_entries import is_archive
from pipeline.datasets.trees.remote_mirror import mirror
from pipeline.prediction.input_sections import (
    ArchiveSection,
    Content,
    FileSection,
    RefusedSection,
    Section,
    list_archive,
)
from pipeline.prediction.picture_files import find_pictures, list_pictures
from pipeline.prediction.sample_names import PICTURES, SampleNames

LIST = "-"  # names a list of paths on standard input
TREES = Path(".cache/trees")
MAX_BYTES, MAX_FILES = 500_000_000_000, 2_000_000  # of a remote tree


@final
@dataclass(frozen=True, kw_only=True)
class Inputs:
    """The pictures to classify.

    Attributes:
        sections: In the order in which a person named them.
        left_out: Files whose suffix is not that of a picture.
    """

    sections: tuple[Section, ...]
    left_out: tuple[str, ...]

    def __len__(self) -> int:
        return sum(len(one.names) for one in self.sections)

    def read(self, rows: Collection[int]) -> Iterator[tuple[str, Content]]:
        """Name and content of the pictures at some positions, in their order.

        Args:
            rows: Positions, as a range or a set.

        Raises:
            UserError: An archive cannot be read any more.
        """
        before = 0
        for section in self.sections:
            if any(row in rows for row in range(before, before + len(section.names))):
                yield from section.read(lambda row, before=before: before + row in rows)  # type: ignore[misc]
            before += len(section.names)

    def digest(self) -> str:
        """64 hex digits over the names, sizes and times of the files, in their order."""
        state = hashlib.sha256()
        for section in self.sections:
            for line in section.state():
                state.update(line.encode(errors="backslashreplace") + b"\n")
        return state.hexdigest()


def list_inputs(names: Sequence[str], lines: Iterable[str] = (), samples: SampleNames = PICTURES) -> Inputs:
    """What names stand for: a file, a folder, a pattern, an archive, an address such as s3://bucket/folder, or a list.

    Args:
        names: `-` is the list.
        lines: Of the list, one name each and no pattern; a file of it that is missing becomes a row with that reason.
        samples: Of the model.

    Raises:
        UserError: A name does not exist, an archive or an address cannot be read, or there is no picture.
    """
    sections: list[Section] = []
    left_out: list[str] = []
    seen: set[str] = set()  # paths: names of two addresses are the same where only a masked key differs
    for name, is_listed in _each_name(names, lines):
        found, others = _find(name, is_listed, samples)
        left_out += others
        for section in found:
            if isinstance(section, FileSection):
                new = [pair for pair in zip(section.names, section.paths, strict=True) if pair[1] not in seen]
                seen.update(path for _, path in new)
                _add_files(sections, new)
            elif section.path not in seen:
                seen.add(section.path)
                sections.append(section)
    inputs = Inputs(sections=tuple(_freeze(sections)), left_out=tuple(dict.fromkeys(left_out)))
    if not len(inputs):
        rest = f" ({len(inputs.left_out):,} other files)" if inputs.left_out else ""
        what = ", ".join(map(repr, names))
        noun = samples.noun
        raise UserError(f"{what}: no {noun} in there{rest}; name a folder or an archive that holds {noun}s")
    return inputs


def _each_name(names: Sequence[str], lines: Iterable[str]) -> Iterator[tuple[str, bool]]:
    for name in names:
        if name != LIST:
            yield name, False
            continue
        for line in lines:
            if text := line.rstrip("\r\n"):
                yield text, True


def _find(name: str, is_listed: bool, samples: SampleNames) -> tuple[list[Section], tuple[str, ...]]:
    if "://" in name:
        return _find_remote(name, samples)
    path = Path(os.path.expanduser(name))  # noqa: PTH111 - Path's own fails for the name of no user, such as ~a.jpg
    if suffix(name) not in SAMPLE_SUFFIXES and _is_archive(path):
        return _open_archive(name, path, samples)
    if is_listed and not os.path.isdir(path):  # noqa: PTH112 - Path's own fails for a name that is too long
        return [FileSection(names=(str(path),), paths=(str(path),))], ()
    found = list_pictures([name], samples)
    return [FileSection(names=found.paths, paths=found.paths)], found.left_out


def _is_archive(path: Path) -> bool:
    return os.path.isfile(path) and is_archive(path)  # noqa: PTH113 - as above


def _open_archive(shown: str, path: Path, samples: SampleNames) -> tuple[list[Section], tuple[str, ...]]:
    names, heads = list_archive(str(path), samples.shows_more)
    sample_of = samples.find(names, lambda name, size: heads.get(name, b"")[:size])
    last = {sample: place for place, sample in enumerate(sample_of.values())}
    places = sorted(last, key=last.__getitem__)
    positions = {sample: position for position, sample in enumerate(places)}
    files = {name: positions[sample] for name, sample in sample_of.items()}
    section = ArchiveSection(shown=shown, path=str(path), places=tuple(places), files=files)
    return [section], tuple(f"{shown}/{one}" for one in names if one not in files)


def _find_remote(url: str, samples: SampleNames) -> tuple[list[Section], tuple[str, ...]]:
    """The pictures of a remote tree, fetched to `.cache/trees/`; what was fetched before is not fetched again."""
    shown = mask_credentials(url).rstrip("/")
    tree = TREES / f"predict-{artifacts.content_digest(url.rstrip('/').encode(errors='backslashreplace'))}"
    with unpacked_tree.lock_tree(tree):
        tree.mkdir(exist_ok=True)
        unpacked_tree.write_record(tree, [shown, "begun"], [])
        refused = mirror(url, {}, tree, MAX_BYTES, MAX_FILES)
        unpacked_tree.write_record(tree, [shown, "whole"], refused)
    last = _last_name(url)
    if _is_archive(tree / last):
        return _open_archive(shown, tree / last, samples)
    found = find_pictures([str(tree)], samples)
    places = [Path(one).relative_to(tree).as_posix() for one in found.paths]
    absent = {one.path: one.refused for one in refused if one.refused and (samples.has(one.path) or one.path == last)}
    is_one = [*places, *absent] == [last]
    names = [shown if is_one else f"{shown}/{place}" for place in [*places, *absent]]
    sections: list[Section] = [FileSection(names=tuple(names[: len(places)]), paths=found.paths)]
    if absent:  # a server's message may repeat the address
        reasons = tuple(ItemRejected(one.reason, mask_credentials(one.detail)) for one in absent.values())
        sections.append(RefusedSection(path=str(tree), names=tuple(names[len(places) :]), reasons=reasons))
    others = [Path(one).relative_to(tree).as_posix() for one in found.left_out]
    others += [one.path for one in refused if one.path not in absent]
    return sections, tuple(f"{shown}/{one}" for one in others)


def _last_name(url: str) -> str:
    """The name of the file of an address, as `mirror` writes it."""
    name = url.rstrip("/").rpartition("/")[2]
    return unquote(name.partition("?")[0]) if url.startswith(("http://", "https://")) else name


def _add_files(sections: list[Section], new: list[tuple[str, str]]) -> None:
    if new:
        names, paths = zip(*new, strict=True)
        sections.append(FileSection(names=names, paths=paths))


def _freeze(sections: Sequence[Section]) -> Iterator[Section]:
    """The sections, files that follow each other in one of them: a list of 100,000 names has one section."""
    names: list[str] = []
    paths: list[str] = []
    for section in sections:
        if isinstance(section, FileSection):
            names += section.names
            paths += section.paths
            continue
        if names:
            yield FileSection(names=tuple(names), paths=tuple(paths))
            names, paths = [], []
        yield section
    if names:
        yield FileSection(names=tuple(names), paths=tuple(paths))
