"""Finds the file that a name in a table or a document means, also in another spelling."""

from __future__ import annotations

import os
import posixpath
import re
import unicodedata
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import final
from urllib.parse import unquote, urlsplit

from pipeline.core.errors import ItemRejected
from pipeline.datasets.discovery.sample_suffixes import READ_SUFFIXES, SAMPLE_SUFFIXES, suffix
from pipeline.datasets.discovery.split_names import split_named

SAME_SUFFIX = {".jpeg": ".jpg", ".jpe": ".jpg", ".jfif": ".jpg", ".tiff": ".tif"}
NUMBER = re.compile(r"0*([0-9]+?)(\.0+)?")  # 7, 007, and 7.0 as a spreadsheet writes it
Parts = tuple[str, ...]


@final
class Resolver:
    """Finds the file that each name means; files and names are held in memory.

    A name that is exactly the path of a file means that file. Else names and files are compared by their last parts:
    exactly; without case, composition of accents and differences such as .jpeg and .jpg; names without a picture's
    ending with files without theirs; numbers without leading zeros. A name may lack the first folders of the file. It
    may have additional first folders (of another computer) where all names begin with them, or where no file is in a
    folder. A name that may mean two files, or a file that two names may mean, is ambiguous.

    Args:
        files: POSIX paths relative to the root.
        root: The folder they lie below.
        media: Of the samples, whose endings a name may lack.
    """

    def __init__(self, files: Sequence[str], root: Path, media: str = "image"):
        suffixes = READ_SUFFIXES[media]
        self._meaning = partial(_without_suffix, suffixes)
        self._forms = (_plain, _unify_suffix, self._meaning, partial(_number, suffixes))
        self._exact = frozenset(files)
        self._files = files
        self._flat = not any("/" in file for file in files if suffix(file) in suffixes)
        self._roots = {f"{root.absolute().as_posix()}/", f"{root.resolve().as_posix()}/"}
        self._real = root.resolve()
        self._folders: dict[str, str | None] = {}
        self._split = split_named(self._real.name)
        self._indexes: dict[Callable[[Parts], Parts | None], tuple[list[str], list[str]]] = {}

    def find_all(self, names: Collection[str]) -> dict[str, str | ItemRejected]:
        """The file of each name, or the rejection of an ambiguous name; names that mean no file are left out."""
        found: dict[str, str | ItemRejected] = {}
        others: dict[str, list[str]] = {}
        for name in names:
            spellings = list(self._spellings(name))
            file = next((one for one in map(posixpath.normpath, spellings) if one in self._exact), None)
            if file is None:
                others[name] = spellings
            else:
                found[name] = file
        if others:
            num_shared = _num_shared(map(self._to_path, names))
            for name, spellings in others.items():
                meant = self._best_match(name, spellings, num_shared)
                if meant is not None:
                    found[name] = meant
            _refuse_rivals(found, others, self._meaning)
        return found

    def _spellings(self, name: str) -> Iterator[str]:
        """The possible paths of a name, the most likely first; none for an empty name."""
        if name and "\0" not in name:
            plain = self._to_path(name)
            yield from (name, plain)
            if "%" in plain:
                yield unquote(plain).replace("\\", "/")

    def _to_path(self, name: str) -> str:
        """A name as a path with slashes, relative where it is below the root, also by links; of a URL only the path."""
        plain = name.replace("\\", "/")
        if "://" in plain:
            try:
                plain = urlsplit(plain).path
            except ValueError:  # a bracket in the place of a host
                return plain
        if plain.startswith("~/"):
            plain = f"{Path.home().as_posix()}{plain[1:]}"
        inside = next((plain.removeprefix(root) for root in self._roots if plain.startswith(root)), None)
        return inside or self._through_links(plain) or plain

    def _through_links(self, plain: str) -> str | None:
        """An absolute path whose folder leads into the root by links, relative to it; else None. Opens nothing."""
        folder, _, last = plain.rpartition("/")
        if not plain.startswith("/") or "\0" in plain:
            return None
        if folder not in self._folders:
            real = Path(os.path.realpath(folder or "/"))
            self._folders[folder] = real.relative_to(self._real).as_posix() if real.is_relative_to(self._real) else None
        inside = self._folders[folder]
        return None if inside is None else posixpath.normpath(f"{inside}/{last}")

    def _best_match(self, name: str, spellings: list[str], num_shared: int) -> str | ItemRejected | None:
        for spelling in dict.fromkeys(spellings):
            parts = _parts(spelling)
            forms = self._forms[:2] if suffix(spelling) in SAMPLE_SUFFIXES else self._forms
            for length in range(len(parts), 0, -1):
                for form in forms:
                    files = self._ending(form, parts[-length:])
                    files = [file for file in files if self._fits(parts, length, file, num_shared)]
                    if len(files) > 1:
                        return ItemRejected(
                            "ambiguous",
                            f"{name[:200]!r} may mean {files[0]!r} or {files[1]!r}; give more of the path, or set "
                            "source.pictures to the right folder",
                        )
                    if files:
                        return files[0]
        return None

    def _fits(self, parts: Parts, length: int, file: str, num_shared: int) -> bool:
        """Whether a name may mean a file that shares its last `length` parts."""
        more = len(parts) - length
        if more == 0:
            return True
        whole = file.count("/") + 1 == length
        if whole and self._split and (split_named(parts[more - 1]) or self._split) != self._split:
            return False  # train/1.jpg is not the 1.jpg of a folder called test
        return (more <= num_shared and (whole or length > 1)) or (whole and self._flat)

    def _ending(self, form: Callable[[Parts], Parts | None], parts: Parts) -> list[str]:
        """At most two files that end with these parts; only the file of exactly these parts, where there is one."""
        key = form(parts)
        if key is None:
            return []
        keys, files = self._index(form)
        start = "".join(f"{part}\0" for part in reversed(key))
        first = bisect_left(keys, start)
        stop = first
        while stop < min(first + 2, len(keys)) and keys[stop].startswith(start):
            stop += 1
        if stop - first == 2 and keys[first] == start != keys[first + 1]:
            stop -= 1
        return files[first:stop]

    def _index(self, form: Callable[[Parts], Parts | None]) -> tuple[list[str], list[str]]:
        """Files sorted by their parts in reverse order, so that files of one ending are neighbours."""
        if form not in self._indexes:
            pairs = []
            for file in self._files:
                key = form(tuple(file.split("/")))
                if key is not None:
                    pairs.append(("".join(f"{part}\0" for part in reversed(key)), file))
            pairs.sort()
            self._indexes[form] = ([key for key, _ in pairs], [file for _, file in pairs])
        return self._indexes[form]


def _parts(path: str) -> Parts:
    """The folders and the name; without a drive, a host's slashes and `.`."""
    plain = posixpath.normpath(path)
    return tuple(one for one in plain.split("/") if one not in ("", "."))


def _num_shared(paths: Iterable[str]) -> int:
    """The number of first folders that all paths have in common."""
    shared: Parts | None = None
    for path in paths:
        folders = _parts(path)[:-1]
        shared = folders if shared is None else shared
        while folders[: len(shared)] != shared:
            shared = shared[:-1]
    return len(shared or ())


def _refuse_rivals(
    found: dict[str, str | ItemRejected], others: Collection[str], form: Callable[[Parts], Parts]
) -> None:
    """Refuses names that are spelt differently from their file, where another name leads to the same file."""

    def meaning_of(name: str) -> Parts:
        return form(_parts(name.replace("\\", "/")))

    claims: dict[str, dict[Parts, str]] = defaultdict(dict)
    for name in others:
        file = found.get(name)
        if isinstance(file, str):
            claims[file].setdefault(meaning_of(name), name)
    for name, file in found.items():
        if isinstance(file, str) and name not in others and file in claims:
            claims[file].setdefault(meaning_of(name), name)
    for name in others:
        file = found.get(name)
        if isinstance(file, str) and len(claims[file]) > 1 and meaning_of(name) != meaning_of(file):
            rival = next(one for meaning, one in claims[file].items() if meaning != meaning_of(name))
            found[name] = ItemRejected("ambiguous", f"{name[:200]!r} may mean {file!r}, and so may {rival[:200]!r}")


def _plain(parts: Parts) -> Parts:
    return parts


def _unify_suffix(parts: Parts) -> Parts:
    *folders, last = (unicodedata.normalize("NFC", part).casefold().strip() for part in parts)
    ending = suffix(last)
    return (*folders, last[: len(last) - len(ending)] + SAME_SUFFIX.get(ending, ending))


def _without_suffix(suffixes: frozenset[str], parts: Parts) -> Parts:
    folded = _unify_suffix(parts) if parts else ("",)
    ending = suffix(folded[-1])
    return (*folded[:-1], folded[-1].removesuffix(ending)) if ending in suffixes else folded


def _number(suffixes: frozenset[str], parts: Parts) -> Parts | None:
    *folders, last = _without_suffix(suffixes, parts)
    number = NUMBER.fullmatch(last)
    return (*folders, number[1]) if number else None
