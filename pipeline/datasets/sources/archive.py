"""A zip or tar archive of pictures in the format of another source, unpacked once, safely and within bounds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, final

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.ranges import PositiveInt
from pipeline.datasets.sources.items import Item
from pipeline.datasets.sources.tree_source import TreeSource
from pipeline.datasets.tables.dialects import is_encoding
from pipeline.datasets.trees import unpacked_tree
from pipeline.datasets.trees.archive_entries import Bounds, unpack


@final
@dataclass(frozen=True, kw_only=True)
class Archive(TreeSource):
    """`inner` reads the content of a .zip, .tar, .tar.gz, .tar.bz2 or .tar.xz like a folder.

    The archive is unpacked under a temporary name and moved to `tree` when it is complete; it is unpacked again only
    after its size, times or path change. An entry that must not become a file is refused, and the others are unpacked:
    an absolute path or one that leaves the tree, a link that leads out of the archive (`outside`) or to none of its
    files (`missing`), a device or an encrypted entry (`unreadable`), a name that exists, or differs from another only
    in case (`duplicate_name`), a damaged entry of a zip (`truncated`). A damaged archive, and one that unpacks to more
    than the bounds, stops the run. Links within the archive become files. Hidden entries and `__MACOSX` are skipped.

    Args:
        path: The archive; its first bytes give the format.
        watch: What DVC hashes to notice a change; the archive.
        max_bytes: Largest unpacked size in bytes; also at most 200 times the packed size (64 MiB are always allowed).
        max_entries: Largest number of entries.
        names: The code page of its names, as Python calls it, where the archive does not give it (a zip of an older
            Windows); null: UTF-8, and other names are refused (`bad_name`).
    """

    locations: ClassVar[tuple[str, ...]] = ("path", "tree", "watch")

    path: str
    max_bytes: PositiveInt
    max_entries: PositiveInt
    names: str | None = None

    def __post_init__(self) -> None:
        if self.names is not None and not is_encoding(self.names):
            raise ValueError(f"names must be null or a code page such as gbk or cp437, got {self.names!r}")

    @property
    def origin(self) -> str:
        return f"{self.path}, unpacked"

    def make_tree(self, again: bool) -> list[Item]:
        path, tree = Path(self.path), Path(self.tree)
        if not path.is_file():
            raise UserError(f"source.path {self.path!r} is not a file; set it to a .zip or .tar archive")
        status, bounds = path.stat(), Bounds(self.max_bytes, self.max_entries)
        change = [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
        stamp = [self.path, *change, bounds.version, self.names]
        with unpacked_tree.lock_tree(tree):
            before, refused = unpacked_tree.read_record(tree)
            if before != stamp:
                with artifacts.atomic_write(tree) as temporary:
                    temporary.mkdir()
                    refused = unpack(path, temporary, bounds, self.names)
                    unpacked_tree.write_record(temporary, stamp, refused)
        return refused
