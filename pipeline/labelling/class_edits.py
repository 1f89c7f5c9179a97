"""Changes of the list of classes, from the page: each is one change of the file, and former labels follow it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.output_lock import LOCKS
from pipeline.datasets.class_attributes import parse_attributes
from pipeline.datasets.class_list import (
    ClassList,
    LabelClass,
    check_name,
    read_classes,
    write_classes,
)
from pipeline.labelling.unwritten import refuse_unwritten
from pipeline.serving.limits import Refusal

if TYPE_CHECKING:
    from pipeline.labelling.bodies import ClassBody

MOST_CLASSES = 10_000
LONGEST_TEXT = 2_000


def list_version(path: Path) -> str:
    """A digest of the file as it is now; that of nothing where there is none."""
    try:
        return artifacts.content_digest(path.read_bytes())
    except OSError:
        return artifacts.content_digest()


def change_classes(path: Path, body: ClassBody, unlisted: Sequence[LabelClass]) -> ClassList:
    """Applies a change to the file and returns what it holds then.

    Args:
        path: Of the file; it is made where there is none.
        body: The change.
        unlisted: The classes of the labels, with which a new file begins.

    Raises:
        Refusal: The change cannot be made, or somebody changed the file since; nothing is then written.
    """
    from filelock import FileLock

    LOCKS.mkdir(parents=True, exist_ok=True)
    with FileLock(LOCKS / f"classes_{path.stem}.lock"):
        if list_version(path) != body.version:
            raise Refusal(409, "changed", f"{path} was changed meanwhile; look at the classes again")
        found = read_classes(path)
        before = found.classes if found is not None else tuple(unlisted)
        try:
            after = EDITS[body.edit](before, body)
            if len(after) > MOST_CLASSES:
                raise ValueError(f"there may be {MOST_CLASSES:,} classes")
            write_classes(path, after)
            written = read_classes(path)
        except UserError as error:
            text = str(error).partition(".tmp: ")[2] or str(error)
            raise Refusal(422, "no_class", text) from None
        except ValueError as error:
            raise Refusal(422, "no_class", str(error)) from None
        except OSError as error:
            raise refuse_unwritten(error) from None
    assert written is not None
    return written


def _add(before: tuple[LabelClass, ...], body: ClassBody) -> tuple[LabelClass, ...]:
    return (*before, _describe(LabelClass(name=_check(body.name)), body))


def _change(before: tuple[LabelClass, ...], body: ClassBody) -> tuple[LabelClass, ...]:
    found = _find(before, body.name)
    name = _check(body.to or body.name)
    was = found.was if name == found.name else (*(former for former in found.was if former != name), found.name)
    if name != found.name and any(entry.name == name for entry in before):
        raise ValueError(f"there is a class {name[:80]!r} already; merge the two instead")
    return _replace(before, found, [_describe(replace(found, name=name, was=was), body)])


def _merge(before: tuple[LabelClass, ...], body: ClassBody) -> tuple[LabelClass, ...]:
    found, target = _find(before, body.name), _find(before, body.to)
    if found == target:
        raise ValueError("a class cannot be merged into itself")
    if target.is_retired:
        raise ValueError(f"{target.name[:80]!r} is retired; restore it first")
    was = tuple(dict.fromkeys((*target.was, *found.was, found.name)))
    questions = {each.name: each for entry in (found, target) for each in entry.attributes}
    merged = replace(target, was=was, attributes=tuple(questions.values()))
    return _replace(_replace(before, found, []), target, [merged])


def _split(before: tuple[LabelClass, ...], body: ClassBody) -> tuple[LabelClass, ...]:
    found = _find(before, body.name)
    names = [_check(name) for name in dict.fromkeys(body.parts)]
    if len(names) < 2 or found.name in names:
        raise ValueError("a class is split into two or more, which have other names than it had")
    was = (*found.was, found.name)
    parts = [LabelClass(name=name, was=was, attributes=found.attributes) for name in names]
    return _replace(before, found, parts)


def _retire(before: tuple[LabelClass, ...], body: ClassBody) -> tuple[LabelClass, ...]:
    found = _find(before, body.name)
    return _replace(before, found, [replace(found, is_retired=True)])


def _restore(before: tuple[LabelClass, ...], body: ClassBody) -> tuple[LabelClass, ...]:
    found = _find(before, body.name)
    taken_keys = {entry.key for entry in before if not entry.is_retired}
    return _replace(before, found, [replace(found, is_retired=False, key="" if found.key in taken_keys else found.key)])


EDITS: dict[str, Callable[[tuple[LabelClass, ...], ClassBody], tuple[LabelClass, ...]]] = {
    "add": _add,
    "change": _change,
    "merge": _merge,
    "split": _split,
    "retire": _retire,
    "restore": _restore,
}


def _describe(entry: LabelClass, body: ClassBody) -> LabelClass:
    text = body.description.strip()
    if len(text) > LONGEST_TEXT or not all(letter.isprintable() or letter == "\n" for letter in text):
        raise ValueError(f"a description has at most {LONGEST_TEXT:,} printable characters")
    return replace(
        entry,
        key=body.key.strip().lower(),
        colour=body.colour.strip().lower(),
        description=text,
        attributes=parse_attributes(body.attributes),
    )


def _find(classes: Sequence[LabelClass], name: str) -> LabelClass:
    found = next((entry for entry in classes if entry.name == name), None)
    if found is None:
        raise ValueError(f"there is no class {name[:80]!r}")
    return found


def _check(name: str) -> str:
    check_name(name.strip())
    return name.strip()


def _replace(classes: Sequence[LabelClass], entry: LabelClass, others: Sequence[LabelClass]) -> tuple[LabelClass, ...]:
    return tuple(found for each in classes for found in (others if each is entry else [each]))
