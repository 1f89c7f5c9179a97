"""The classes of a data set as people list them in `data/classes/NAME.csv`, and what became of former ones."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import final

from pipeline.core import artifacts
from pipeline.core.delimited_text import decode_text, join_rows, split_rows
from pipeline.core.errors import UserError
from pipeline.core.labels import labels_to_text, parse_labels
from pipeline.core.suggestions import did_you_mean
from pipeline.datasets.class_attributes import ClassAttribute, parse_attributes

COLUMNS = ("name", "key", "description", "colour", "attributes", "was", "status")
STATUSES = ("active", "retired")
MAX_LENGTH = 200  # of a name
COLOUR = re.compile(r"#[0-9a-f]{6}")
FORMULA = re.compile(r"[=+\-@](?![\d.]+$).")  # what a spreadsheet would compute


@final
@dataclass(frozen=True, kw_only=True)
class LabelClass:
    """A line of the file.

    Attributes:
        name: Of the class; unique.
        key: A digit or a letter by which a person chooses it, or empty; unique among classes in use.
        description: For people who label.
        colour: `#rrggbb`, or empty.
        attributes: Questions about each sample of the class.
        was: Former names. One is a rename, several a merge; a former name of several classes was split.
        is_retired: Whether samples lose the label.
    """

    name: str
    key: str = ""
    description: str = ""
    colour: str = ""
    attributes: tuple[ClassAttribute, ...] = ()
    was: tuple[str, ...] = ()
    is_retired: bool = False


@final
@dataclass(frozen=True, kw_only=True)
class RenamedLabels:
    """The labels of a sample by the names of today.

    Attributes:
        labels: Sorted, without those of retired and of split classes.
        waits: Whether one is of a class that was split, so that a person must decide.
    """

    labels: list[str]
    waits: bool = False


@final
@dataclass(frozen=True)
class ClassList:
    """All lines of the file, in its order.

    Attributes:
        classes: With those that are retired.
        path: Of the file, for messages.
    """

    classes: tuple[LabelClass, ...]
    path: Path = field(default=Path(), compare=False)

    @property
    def active(self) -> tuple[LabelClass, ...]:
        return tuple(one for one in self.classes if not one.is_retired)

    @property
    def names(self) -> list[str]:
        """Of the classes in use."""
        return [one.name for one in self.active]

    @property
    def attributes(self) -> dict[str, ClassAttribute]:
        """Name to attribute, of all classes."""
        return {each.name: each for one in self.classes for each in one.attributes}

    def rename(self, labels: Iterable[str]) -> RenamedLabels:
        """Labels of any age by the names of today; a name that the file does not know stays as it is."""
        found: set[str] = set()
        waits = False
        for label in labels:
            today = self._today.get(label, [label])
            waits |= len(today) > 1
            found |= set(today) if len(today) == 1 else set()
        return RenamedLabels(labels=sorted(found - self._retired_names), waits=waits)

    def refuse_unknown(self, labels: Sequence[Sequence[str]]) -> None:
        """Refuses labels of a source of which no line says what they are now.

        Raises:
            UserError: There is one; the message names the most frequent.
        """
        counts = Counter(name for one in labels for name in one if name not in self._today)
        if not counts:
            return
        name, count = min(counts.items(), key=lambda one: (-one[1], one[0]))
        similar = did_you_mean(name, sorted(self._today))
        raise UserError(
            f"{self.path}: no line names {name!r}, which the source gives to {count:,} of its samples{similar}; add a "
            "line for it, or write it into the column was of the class that it is now"
        )

    @cached_property
    def _today(self) -> dict[str, list[str]]:
        """Each name that ever was to those of today: one, or several where it was split."""
        found: dict[str, list[str]] = {one.name: [one.name] for one in self.classes}
        for one in self.classes:
            for former in one.was:
                found.setdefault(former, []).append(one.name)
        return found

    @cached_property
    def _retired_names(self) -> set[str]:
        return {one.name for one in self.classes if one.is_retired}


def load_classes(source: str) -> ClassList | None:
    """The classes of a data set; None where nobody has listed them.

    Raises:
        UserError: A line cannot be understood.
    """
    return read_classes(artifacts.classes_file(source))


def read_classes(path: Path) -> ClassList | None:
    """The classes of a file; None where there is no file.

    Raises:
        UserError: A line cannot be understood; the message names the file and the line.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    columns, rows, lines = split_rows(path, decode_text(data, path))
    if "name" not in columns:
        raise UserError(f"{path}: line 1 names no column 'name'; its columns are {','.join(COLUMNS)}")
    found = [_class_of(row, f"{path}: line {line}") for row, line in zip(rows, lines, strict=True)]
    if not found:
        raise UserError(f"{path} names no class; add a line for each, or remove the file")
    _refuse_ambiguous(found, lines, path)
    return ClassList(tuple(found), path)


def write_classes(path: Path, classes: Sequence[LabelClass]) -> None:
    """Writes the file, after a check that it can be read again.

    Raises:
        UserError: It could not; what was there stays.
    """
    lines: list[Sequence[str]] = [COLUMNS]
    for one in classes:
        questions = "; ".join(map(str, one.attributes))
        status = "retired" if one.is_retired else "active"
        lines.append([one.name, one.key, one.description, one.colour, questions, labels_to_text(one.was), status])
    with artifacts.atomic_write(path) as temporary:
        temporary.write_text(join_rows(lines), encoding="utf-8", newline="\n")
        read_classes(temporary)


def check_name(name: str) -> None:
    """Refuses a name that pages, tables or spreadsheets would not show as it is.

    Raises:
        ValueError: It is empty, too long, has control characters or outer spaces, or a spreadsheet would compute it.
    """
    if not name or name != name.strip() or len(name) > MAX_LENGTH or not name.isprintable():
        raise ValueError(
            f"a class needs a name of 1 to {MAX_LENGTH} printable characters, without spaces around it, found "
            f"{name[:80]!r}"
        )
    if FORMULA.match(name):
        raise ValueError(f"{name[:80]!r} begins like a formula, which a spreadsheet would compute; choose another name")


def _class_of(row: dict[str, str], where: str) -> LabelClass:
    cells = {name: row.get(name, "").strip() for name in COLUMNS}
    try:
        check_name(row["name"])
        attributes = parse_attributes(cells["attributes"])
        was = tuple(parse_labels(cells["was"]))
    except ValueError as error:
        raise UserError(f"{where}: {error}") from None
    if cells["status"] not in ("", *STATUSES):
        raise UserError(f"{where}: status must be active or retired, found {cells['status']!r}")
    if len(cells["key"]) > 1 or not (cells["key"] == "" or (cells["key"].isascii() and cells["key"].isalnum())):
        raise UserError(f"{where}: key must be one digit or letter, found {cells['key']!r}")
    colour = cells["colour"].lower()
    if colour and not COLOUR.fullmatch(colour):
        raise UserError(f"{where}: colour must be like #1f77b4, found {cells['colour']!r}")
    return LabelClass(
        name=row["name"],
        key=cells["key"].lower(),
        description=cells["description"],
        colour=colour,
        attributes=attributes,
        was=was,
        is_retired=cells["status"] == "retired",
    )


def _refuse_ambiguous(found: Sequence[LabelClass], lines: Sequence[int], path: Path) -> None:
    """Refuses names and keys that stand for two things."""
    first: dict[str, int] = {}
    keys: dict[str, int] = {}
    for one, line in zip(found, lines, strict=True):
        if one.name in first:
            raise UserError(f"{path}: line {line} names {one.name!r} again, after line {first[one.name]}")
        first[one.name] = line
        if one.key and not one.is_retired:
            if one.key in keys:
                raise UserError(f"{path}: line {line} has the key {one.key!r} of line {keys[one.key]}; choose another")
            keys[one.key] = line
    kinds: dict[str, ClassAttribute] = {}
    for one, line in zip(found, lines, strict=True):
        former = next((name for name in one.was if name in first), None)
        if former is not None:
            raise UserError(
                f"{path}: line {line}: {former!r} is a class of line {first[former]} too, so it is not clear what its "
                "samples are now; a class that is split or renamed has no line of its own"
            )
        for attribute in one.attributes:
            if kinds.setdefault(attribute.name, attribute) != attribute:
                raise UserError(
                    f"{path}: line {line}: the attribute {attribute.name!r} is another one in an earlier line"
                )
