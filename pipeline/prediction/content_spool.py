"""Large contents of archives on their way to the processes that decode: they wait in files, so memory is bounded."""

from __future__ import annotations

import shutil
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import final

from pipeline.core.errors import UserError
from pipeline.core.sample_codec import FileSet
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
            if (size := _num_bytes(content)) is None or size <= IN_MEMORY:
                self.waiting.append(None)
                yield name, content
                continue
            path = self.folder / str(self.num_written)
            self.num_written += 1
            try:
                _write(path, content)
            except OSError as error:
                why = error.strerror or error
                raise UserError(f"{str(path)!r} cannot be written: {why}; make room, or unpack the archive") from None
            self.waiting.append(path)
            yield name, str(path)

    def free(self, number: int) -> None:
        """Removes the files of the next contents, in their order, whose results are there."""
        for _ in range(number):
            path = self.waiting.popleft()
            if path is None:
                continue
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


def _num_bytes(content: Content) -> int | None:
    """Of a content that is in memory; None for a path and a refusal."""
    if isinstance(content, FileSet):
        return content.nbytes
    return len(content) if isinstance(content, bytes) else None


def _write(path: Path, content: Content) -> None:
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif isinstance(content, FileSet):
        path.mkdir()
        for name, data in content.files:
            (path / name).write_bytes(data)


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
