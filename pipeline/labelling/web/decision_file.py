"""The file of label decisions while a server runs: what others add or change is noticed, a bad line stops nothing."""

from __future__ import annotations

from pathlib import Path
from typing import final

from pipeline.core.errors import UserError
from pipeline.datasets.label_decisions import LabelDecision, append_decisions, parse_decisions

Stamp = tuple[int, int, int]


@final
class DecisionFile:
    """The lines of the file as they were read last.

    Args:
        path: Of the file; it need not exist.
    """

    def __init__(self, path: Path):
        self.path = path
        self.lines: list[LabelDecision] = []
        self.problem = ""  # why the file cannot be read now; `lines` are then those of before, and those added since
        self._data = b""
        self._stamp: Stamp | None = None

    def refresh(self) -> int | None:
        """Reads what has changed.

        Returns:
            How many of the former lines are still the first ones of the file; None where nothing has changed. While the
            file cannot be read, the former lines stay and `problem` says why.
        """
        stamp = self._read_stamp()
        if stamp == self._stamp:
            return None
        try:
            data = self.path.read_bytes() if stamp is not None else b""
            found = self._parse(data)
        except (UserError, OSError) as error:
            is_new = self.problem != str(error)
            self.problem, self._stamp = str(error), stamp
            return len(self.lines) if is_new else None
        former, self.lines = self.lines, found
        self.problem, self._data, self._stamp = "", data, stamp
        same = zip(former, found, strict=False)
        differing = (number for number, (old, new) in enumerate(same) if old is not new and old != new)
        return next(differing, min(len(former), len(found)))

    def append(self, decisions: list[LabelDecision]) -> None:
        """Adds lines, which are on the disk when it returns.

        Raises:
            UserError: They cannot be written; then none is added.
        """
        append_decisions(self.path, decisions)
        if self.problem:  # a line that cannot be read, while the new ones can
            self.lines, self._data = [*self.lines, *decisions], b""  # the next reading is of the whole file

    def _parse(self, data: bytes) -> list[LabelDecision]:
        """The lines of the file; where it only became longer, the new ones alone are read."""
        head, _, _ = self._data.partition(b"\n")
        is_longer = head and self._data.endswith(b"\n") and data.startswith(self._data)
        if is_longer:
            number = self._data.count(b"\n") - 1
            try:
                return [*self.lines, *parse_decisions(self.path, head + b"\n" + data[len(self._data) :], number)]
            except UserError:  # read as a whole, the message has the right line
                pass
        return parse_decisions(self.path, data) if data else []

    def _read_stamp(self) -> Stamp | None:
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns
