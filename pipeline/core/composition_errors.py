"""What to say in one line of an override or an option that Hydra refuses, with the name that was meant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pipeline.core.errors import UserError
from pipeline.core.suggestions import did_you_mean, find_similar

DVC_COPIES = ".dvc/tmp/exps"  # where dvc exp run --temp and --queue work


def refuse_missing(place: Path) -> None:
    """Stops outside of a project.

    Args:
        place: A file or folder that every project has.

    Raises:
        UserError: It does not exist.
    """
    if not place.exists():
        shown = place if place.suffix else f"{place}/"
        raise UserError(f"{shown} does not exist here; run this in the project's folder, where dvc.yaml is")


def explain_error(error: BaseException, conf: Path, below: Any) -> str:
    """Of any error of Hydra while it composes; empty where its own text has to do.

    Args:
        error: Hydra's.
        conf: The folder of choices.
        below: As for `explain_key`; None where that is not known.
    """
    text = str(error)
    key = re.match(r"Could not override '([\w.@/-]+)'", text)
    if not key:
        return explain_option(text, conf) or explain_syntax(text)
    failed = str(getattr(error.__cause__, "full_key", "") or key[1])
    is_root = isinstance(below, dict) and below.pop("hydra", None) is not None
    groups = [path.name for path in conf.iterdir() if path.is_dir()] if is_root or error.__cause__ is None else []
    return explain_key(key[1], failed, below, groups)


def explain_key(key: str, failed: str, below: Any, groups: Iterable[str] = ()) -> str:
    """Of an override of a key that conf/ does not have.

    Args:
        key: As written, such as `train.epoch`.
        failed: The dotted part of it that does not exist.
        below: What is below the last part that exists: a mapping of keys to values or further mappings.
        groups: Folders of conf/, where the first part failed.
    """
    place, _, last = failed.rpartition(".")
    keys = [*_dotted_keys(below)]
    names = [*dict.fromkeys(one.partition(".")[0] for one in keys)]
    rest = key.removeprefix(failed)
    similar = find_similar(last, [*names, *groups]) or ([] if rest else find_similar(last, keys))
    similar = [one for one in similar if f"{one}{rest}" in keys] or similar  # those that hold the rest, where some do
    meant = [one for one in (f"{place}.{one}{rest}" if place else f"{one}{rest}" for one in similar) if one != key]
    new = " (a new key takes a + before its name)"
    if meant:
        return f"there is no {key!r} to override; did you mean {' or '.join(map(repr, meant))}?{new}"
    has = f"; {place or 'the configuration'} has {', '.join(names)}" if names else ""
    return f"there is no {key!r} to override{has}{new}"


def _dotted_keys(node: Any, place: str = "") -> Iterator[str]:
    for name, value in node.items() if isinstance(node, dict) else ():
        if not str(name).startswith("_"):
            yield f"{place}{name}"
            yield from _dotted_keys(value, f"{place}{name}.")


def explain_option(text: str, conf: Path) -> str:
    """Of an option without a file in conf/; empty for another error.

    Args:
        text: Hydra's.
        conf: The folder of choices.
    """
    found = re.search(r"Could not (?:find|load) '([\w./-]+)'", text)
    if not found:
        return ""
    group, _, option = found[1].rpartition("/")
    file = conf / f"{found[1]}.yaml"
    names = sorted(path.stem for path in (conf / group).glob("*.yaml"))
    if not names:
        folders = sorted(path.name for path in conf.iterdir() if path.is_dir())
        return f"there is no folder {conf / group}{did_you_mean(group, folders)}"
    similar = did_you_mean(option, names) or f"; there are {', '.join(names)}"
    in_copy = DVC_COPIES in Path.cwd().as_posix()
    hint = f" This copy holds what git has: git add {file} and git commit where it is new" if in_copy else ""
    return f"{group}={option}: there is no file {file}{similar}{hint}"


def explain_syntax(text: str) -> str:
    """Of an override that cannot be read, has several values, or adds what is there; empty for another error."""
    if there := re.search(r"An item is already at '([\w.]+)'", text):
        return f"{there[1]!r} exists, so that no + is needed: {there[1]}=VALUE"
    if several := re.search(r"Ambiguous value for argument '(.*?)'(?:\n|$)", text):
        return f"{several[1]!r} has several values; a list is KEY=[1,2], a text KEY='1,2'; else run one after the other"
    if "override_grammar" not in text:
        return ""
    override = re.search(r"Error parsing override '(.*)'", text)
    what = f"{override[1]!r} is no override" if override else f"an override cannot be read ({text.splitlines()[0]})"
    return f"{what}; expected KEY=VALUE, such as train.epochs=10 or 'metric=[accuracy,f1]'"
