"""The rows that a call of prediction has so far, on the disk, so that a killed call goes on where it ended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, final

from pipeline.core import artifacts
from pipeline.core.errors import UserError

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
        """Writes a part under a temporary name and moves it."""
        import pyarrow.feather as feather

        path = self.folder / f"part-{len(self.parts):09}.arrow"
        with artifacts.atomic_write(path) as temporary:
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
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / "lock", timeout=0)
        with lock:
            changed = _changes(folder / KEY, key)
            for stale in [*folder.glob(".*.tmp"), *(folder.glob(PARTS) if changed else ())]:
                artifacts.remove(stale)
            artifacts.write_json(folder / KEY, key)
            yield PartJournal(folder), changed or []
            artifacts.remove(folder)
    except Timeout:
        raise UserError(f"another call writes {str(out)!r}; wait until it ends, or choose another --out") from None
    except OSError as error:
        raise UserError(f"{str(out)!r} cannot be written: {error.strerror or error}; choose another --out") from None


def _changes(path: Path, key: dict[str, str]) -> list[str]:
    """The names of what differs from the stored key; all of them where it cannot be read, none where there is none."""
    if not path.is_file():
        return []
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return [name for name, value in key.items() if stored.get(name) != value]
    except (OSError, ValueError, AttributeError):
        return list(key)
