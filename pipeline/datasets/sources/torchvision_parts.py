"""A common interface to torchvision's data sets, whose signatures and attributes differ."""

from __future__ import annotations

import inspect
import json
import re
import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from http.client import HTTPException
from pathlib import Path
from typing import Any, final

from pipeline.core.errors import UserError

SPLIT_OF = {
    "train": "train", "trainval": "train", "extra": "train", "val": "val", "valid": "val", "test": "test",
}  # fmt: skip
USUAL = ("train", "trainval", "val", "valid", "test", "unlabeled")
UNPICKLED = ("LSUN", "LSUNClass")  # its cache of keys is a pickle that nothing verifies
WHOLE = "all"  # the only part of a data set without parts
LOCK = Path(".cache/torchvision.lock")
FAULTS = (RuntimeError, OSError, ValueError, TypeError, ImportError, EOFError, HTTPException)
FAULTS_OF_ARCHIVES = (zipfile.BadZipFile, tarfile.TarError)


@final
@dataclass(frozen=True)
class Loaded:
    """One part of a data set.

    Attributes:
        dataset: As torchvision made it.
        targets: The number of each picture's class; below 0 for a picture without one.
        class_names: By the number of the class; empty where torchvision has no names.
    """

    dataset: Any
    targets: list[int]
    class_names: list[str]

    def file(self, number: int) -> str | None:
        """The path of a picture's file; None where the data set holds arrays or does not give it."""
        for attribute in ("samples", "_samples", "_image_files", "_images"):
            listed = getattr(self.dataset, attribute, None)
            if isinstance(listed, list) and len(listed) == len(self.targets):
                one = listed[number][0] if isinstance(listed[number], (tuple, list)) else listed[number]
                return str(one) if isinstance(one, (str, Path)) else None
        return None


@lru_cache(maxsize=8)
def parts_of(name: str, options: bytes, wanted: tuple[str, ...] | None) -> tuple[str, ...]:
    """The parts to read: those in `wanted`, else train, val, test, unlabelled.

    Raises:
        UserError: There is no such data set, or it has no such part.
    """
    kind = _kind(name)
    accepted, arguments = _parameters(kind), json.loads(options)
    if "train" in accepted:
        has = ["train", "test"]
    elif "split" in accepted and "split" not in arguments:
        has = _values(kind, "split", arguments)
    else:
        has = [WHOLE]
    if wanted is None:
        usual = [part for part in USUAL if part in has and not (part == "trainval" and "train" in has)]
        return tuple(usual or has)
    if not wanted or set(wanted) - set(has):
        raise UserError(f"source.parts: {name} has the parts {has}, found {list(wanted)}")
    return wanted


@lru_cache(maxsize=8)
def load_part(name: str, root: str, part: str, options: bytes, download: bool) -> Loaded:
    """One part, downloaded first if it is missing and `download` is set; cached, since `open` reads single pictures.

    Raises:
        UserError: It is missing or incomplete, cannot be downloaded, or has other targets than classes.
    """
    from filelock import FileLock

    kind = _kind(name)
    accepted, arguments = _parameters(kind), json.loads(options)
    if "train" in accepted:
        arguments["train"] = part == "train"
    elif part != WHOLE:
        arguments["split"] = part
    try:
        dataset = kind(root, **arguments)
    except FAULTS as error:
        if not (download and "download" in accepted):
            raise UserError(_absent(name, root, kind, download, error)) from None
        LOCK.parent.mkdir(exist_ok=True)
        with FileLock(LOCK):  # several worker processes may download at once
            dataset = _download(kind, name, root, arguments, download)
    return Loaded(dataset, _targets(dataset, name), _class_names(dataset))


def _download(kind: Any, name: str, root: str, arguments: dict[str, Any], download: bool) -> Any:
    try:
        return kind(root, download=True, **arguments)
    except (*FAULTS, *FAULTS_OF_ARCHIVES) as error:
        raise UserError(_absent(name, root, kind, download, error)) from None


def _absent(name: str, root: str, kind: Any, download: bool, error: Exception) -> str:
    urls = list(dict.fromkeys(_urls(vars(kind), 0)))[:3]
    origin = f" from {', '.join(urls)}" if urls else ""
    if download and "download" in _parameters(kind):
        problem = (
            f"could not be fetched{origin}; check the network, or put its files into {root!r}, as torchvision does"
        )
    else:
        problem = f"is missing or incomplete in {root!r}; get it{origin} and put it there, or set source.download=true"
    return f"torchvision's {name} {problem} ({' '.join(str(error).split()) or type(error).__name__})"


def _urls(value: Any, depth: int) -> Iterator[str]:
    """URLs among the attributes of a class."""
    if isinstance(value, str) and re.match("https?://", value) and " " not in value:
        yield value
    elif isinstance(value, (list, tuple)) or hasattr(value, "values"):
        for one in list(value.values()) if hasattr(value, "values") else value:
            yield from _urls(one, depth + 1) if depth < 4 else ()


def _kind(name: str) -> Any:
    from difflib import get_close_matches

    from torchvision import datasets

    if name in UNPICKLED:
        raise UserError(
            f"source.dataset: {name} is not read, since torchvision unpickles its files without a check of their hash"
        )
    known = [one for one in datasets.__all__ if inspect.isclass(getattr(datasets, one))]
    if name not in known:
        lower = {one.lower(): one for one in known}
        near = [lower[one] for one in get_close_matches(name.lower(), lower, n=3)] or known
        raise UserError(f"source.dataset: torchvision has no data set {name!r}; did you mean one of {near}?")
    return getattr(datasets, name)


def _parameters(kind: Any) -> set[str]:
    """The arguments that a class takes, also those that it passes to its base class."""
    names: set[str] = set()
    for one in kind.__mro__:
        parameters = inspect.signature(one.__init__).parameters.values()
        names |= {parameter.name for parameter in parameters}
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            break
    return names


def _values(kind: Any, parameter: str, arguments: dict[str, Any]) -> list[str]:
    """The values that a parameter takes, from torchvision's error message for an unknown value."""
    try:
        kind(".", **{**arguments, parameter: "?"})
    except ValueError as error:
        return re.findall(r"'([^']+)'", str(error).partition("Valid values are")[2])
    except FAULTS:
        pass
    return []


def _targets(dataset: Any, name: str) -> list[int]:
    for attribute in ("targets", "labels", "_labels", "y"):
        targets: Any = getattr(dataset, attribute, None)
        targets = targets.tolist() if hasattr(targets, "tolist") else targets
        if (
            isinstance(targets, list)
            and len(targets) == len(dataset)
            and all(isinstance(one, int) for one in targets[:1])
        ):
            break
    else:
        pairs = getattr(dataset, "samples", None) or getattr(dataset, "_samples", None)
        targets = [pair[1] for pair in (pairs or (dataset[number] for number in range(len(dataset))))]
    if not targets or not all(isinstance(one, int) for one in targets):
        raise UserError(f"source.dataset: {name} does not give each picture a class, so it cannot be used")
    return targets


def _class_names(dataset: Any) -> list[str]:
    numbers = getattr(dataset, "class_to_idx", None) or {}
    classes = getattr(dataset, "classes", None) or getattr(dataset, "categories", None)
    classes = classes or sorted(numbers, key=lambda name: numbers[name])
    names = [one if isinstance(one, str) else ", ".join(one) for one in classes]
    repeated = {name for name, count in Counter(names).items() if count > 1}
    return [f"{name} ({number})" if name in repeated else name for number, name in enumerate(names)]
