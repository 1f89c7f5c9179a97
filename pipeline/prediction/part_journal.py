"""The rows that a call of prediction has so far, on the disk, so that a killed call goes on where it ended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, final

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.prediction.content_spool import PREFIX

if TYPE_CHECKING:
    import pandas as pd

KEY, PARTS = "key.json", "part-*.arrow"


@final
class PartJournal:
    """Tables of predictions in a folder, each complete or not there.

    Args:
        folder: Of the parts.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.parts = sorted(folder.glob(PARTS))

    def num_rows(self) -> int:
        """Of all parts together."""
        import pyarrow as pa

        total = 0
        for part in self.parts:
            with pa.memory_map(str(part)) as file:
                total += pa.ipc.open_file(file).read_all().num_rows
        return total

    def append(self, table: pd.DataFrame) -> None:
        """Writes a part under a temporary name and moves it.

        Raises:
            UserError: It cannot be written.
        """
        import pyarrow.feather as feather

        path = self.folder / f"part-{len(self.parts):09}.arrow"
        with _name_unwritable(path), artifacts.atomic_write(path) as temporary:
            feather.write_feather(table, str(temporary), compression="lz4")
        self.parts.append(path)

    def tables(self) -> Iterator[pd.DataFrame]:
        """The parts in their order, one in memory at a time."""
        import pyarrow.feather as feather

        for part in self.parts:
            yield feather.read_feather(part, memory_map=False)


@contextmanager
def open_journal(out: Path, key: dict[str, str]) -> Iterator[tuple[PartJournal, list[str]]]:
    """The journal of a table, and what differs from the call that began it; it is removed when the block succeeds.

    It is the folder `.NAME.parts` next to the table. A journal of another key is removed first. A killed call leaves
    it behind, and so does an error.

    Args:
        out: The table.
        key: What the rows depend on, by name.

    Raises:
        UserError: Another call writes the same table, or the folder cannot be written.
    """
    from filelock import FileLock, Timeout

    folder = out.with_name(f".{out.name}.parts")
    with ExitStack() as held:
        with _name_unwritable(out):
            folder.mkdir(parents=True, exist_ok=True)
            try:
                held.enter_context(FileLock(folder / "lock", timeout=0))
            except Timeout:
                text = f"another call writes {str(out)!r}; wait until it ends, or choose another --out"
                raise UserError(text) from None
            changed = _prepare(folder, key)
        yield PartJournal(folder), changed
        with _name_unwritable(out):
            artifacts.remove(folder)


@contextmanager
def _name_unwritable(path: Path) -> Iterator[None]:
    """What the disk refuses as one line; not what happens to other files, so around no block of a caller."""
    try:
        yield
    except OSError as error:
        raise UserError(f"{str(path)!r} cannot be written: {error.strerror or error}; choose another --out") from None


def _prepare(folder: Path, key: dict[str, str]) -> list[str]:
    """Removes what a killed call left half-written, and the parts of another key; the names of what differs."""
    for stale in [*folder.glob(".*.tmp"), *folder.glob(f"{PREFIX}*")]:
        artifacts.remove(stale)
    changed = _changes(folder, key)
    if changed:  # the key first: parts without one belong to nobody
        for stale in [folder / KEY, *folder.glob(PARTS)]:
            artifacts.remove(stale)
    artifacts.write_json(folder / KEY, key)
    return changed


def _changes(folder: Path, key: dict[str, str]) -> list[str]:
    """The names of what differs from the stored key; all of them where parts have none that can be read."""
    try:
        stored = json.loads((folder / KEY).read_text(encoding="utf-8"))
        return [name for name in {**key, **stored} if stored.get(name) != key.get(name)]
    except FileNotFoundError:
        return list(key) if any(folder.glob(PARTS)) else []
    except (OSError, ValueError, AttributeError, TypeError):
        return list(key)
