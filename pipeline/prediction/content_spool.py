"""Large contents of archives on their way to the processes that decode: they wait in files, so memory is bounded."""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import final

from pipeline.core.errors import UserError
from pipeline.prediction.input_sections import Content

IN_MEMORY = 2**18  # bytes of a content that waits in memory; parallel_map reads 64 ahead for each process
PREFIX = "spool-"  # begins the name of the folder


@final
class ContentSpool:
    """Contents that were handed out and whose results have not come back.

    Args:
        folder: Empty; for the files.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.waiting: deque[Path | None] = deque()
        self.num_written = 0

    def write(self, contents: Iterable[tuple[str, Content]]) -> Iterator[tuple[str, Content]]:
        """The same names and contents, a large one as the path of a file.

        Raises:
            UserError: The disk is full, or a file cannot be written.
        """
        for name, content in contents:
            if not isinstance(content, bytes) or len(content) <= IN_MEMORY:
                self.waiting.append(None)
                yield name, content
                continue
            path = self.folder / str(self.num_written)
            self.num_written += 1
            try:
                path.write_bytes(content)
            except OSError as error:
                why = error.strerror or error
                raise UserError(f"{str(path)!r} cannot be written: {why}; make room, or unpack the archive") from None
            self.waiting.append(path)
            yield name, str(path)

    def free(self, number: int) -> None:
        """Removes the files of the next contents, in their order, whose results are there."""
        for _ in range(number):
            path = self.waiting.popleft()
            if path is not None:
                path.unlink(missing_ok=True)


@contextmanager
def open_spool(folder: Path | None = None) -> Iterator[ContentSpool]:
    """A spool whose files are removed when the block ends.

    Args:
        folder: In which it has one of its own; None for that of the system.

    Raises:
        UserError: No folder can be made there.
    """
    try:
        made = tempfile.TemporaryDirectory(prefix=PREFIX, dir=folder, ignore_cleanup_errors=True)
    except OSError as error:
        where = str(folder) if folder is not None else "the folder of temporary files"
        raise UserError(f"{where!r} cannot be written: {error.strerror or error}; make room there") from None
    with made as name:
        yield ContentSpool(Path(name).absolute())
