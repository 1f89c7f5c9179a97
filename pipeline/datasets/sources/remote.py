"""A tree of files somewhere else, in any format, fetched through fsspec: s3://, gs://, https:// and its others."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, final

from pipeline.core.ranges import PositiveInt
from pipeline.core.uris import mask_credentials
from pipeline.datasets.sources.items import Item
from pipeline.datasets.sources.tree_source import TreeSource
from pipeline.datasets.trees import unpacked_tree
from pipeline.datasets.trees.remote_mirror import mirror


@final
@dataclass(frozen=True, kw_only=True)
class Remote(TreeSource):
    """`inner` reads a copy of the remote tree in `tree`; only changed files are fetched again.

    A change is noticed by the size, ETag, checksum or time that the server gives. A file is written under a temporary
    name and moved when it is complete; a fetch that was killed goes on where it stopped. A file that cannot be stored
    is refused, and the others are fetched: a path that leaves the tree (`outside`), a name that exists, or differs from
    another only in case (`duplicate_name`), a file that is gone (`missing`) or forbidden (`unreadable`). A connection
    that keeps failing stops the run. Hidden names are skipped.

    Args:
        url: A folder, or one file (an archive, for the source of that name as `inner`); over https a folder ends with
            a slash and its page lists the files.
        watch: What DVC hashes to notice a change; the same url, for the kinds that DVC knows.
        max_bytes: Largest size of the tree in bytes.
        max_files: Largest number of files in the tree.
        options: For the file system, for example {anon: true}; no passwords, which it
            reads from its own configuration.
    """

    locations: ClassVar[tuple[str, ...]] = ("url", "tree", "watch")

    url: str
    max_bytes: PositiveInt
    max_files: PositiveInt
    options: dict[str, Any]

    @property
    def origin(self) -> str:
        return f"{self.url}, fetched"

    def make_tree(self, again: bool) -> list[Item]:
        tree, shown = Path(self.tree), mask_credentials(self.url)  # another password does not change the tree
        with unpacked_tree.lock_tree(tree):
            before, refused = unpacked_tree.read_record(tree)
            if again or before != [shown, "whole"]:
                tree.mkdir(exist_ok=True)
                unpacked_tree.write_record(tree, [shown, "begun"], [])
                refused = mirror(self.url, self.options, tree, self.max_bytes, self.max_files)
                unpacked_tree.write_record(tree, [shown, "whole"], refused)
        return refused
