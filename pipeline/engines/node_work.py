"""What a process of a cluster does: it checks that its node has the same code, and applies functions."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, final

from pipeline.core import artifacts
from pipeline.core.code_digest import PACKAGE
from pipeline.core.errors import ItemRejected

# what decides the bytes of a result, apart from the project's own code
PACKAGES = ("numpy", "pandas", "pi-heif", "pillow", "scikit-learn", "scipy", "timm", "torch", "torchvision")
_latest: dict[str, Any] = {}  # the latest functions of this process, by key


@final
@dataclass(frozen=True, kw_only=True)
class Work:
    """A function of an item, and a model of the results; either may be missing.

    Attributes:
        function: None leaves the items as they are.
        model: None has no output.
    """

    function: Callable[[Any], Any] | None = None
    model: Callable[[list[Any]], Any] | None = None

    def __call__(self, items: list[Any]) -> Outcome:
        results = items if self.function is None else [self.function(item) for item in items]
        refused = {position: one for position, one in enumerate(results) if is_refusal(one)}
        if self.model is None:
            return Outcome(results=results, refused=refused)
        return Outcome(refused=refused if self.function else {}, output=self.model(results))


@final
@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What work makes of items.

    Attributes:
        results: Of the function; empty where a model has taken them.
        refused: Position of an item to the result that says why it could not be used.
        output: Of the model; None where there is none.
    """

    results: list[Any] = field(default_factory=list)
    refused: dict[int, Any]
    output: Any = None


@final
@dataclass(frozen=True, kw_only=True)
class Installation:
    """What a node must have in common with the one that runs the stage.

    Attributes:
        folder: In which it runs; relative paths begin there.
        code: Digest of the project's code.
        packages: Names and versions, empty where one is missing.
    """

    folder: str
    code: str
    packages: tuple[tuple[str, str], ...]

    def find_mismatch(self) -> str:
        """What this process lacks, after it changed to the folder; empty where nothing."""
        try:
            os.chdir(self.folder)
        except OSError as error:
            return f"cannot enter {self.folder!r} ({error.strerror}); mount the project there"
        here = find_installation()
        others = [
            f"{name} {found or 'missing'} instead of {wanted or 'none'}"
            for (name, found), (_, wanted) in zip(here.packages, self.packages, strict=True)
            if found != wanted
        ]
        if others:
            return f"has {', '.join(others)}; install the same requirements.lock there"
        return "" if here.code == self.code else "has other code of Colibri; check out the same commit there"


@final
@dataclass(frozen=True, kw_only=True)
class Reply:
    """What comes back from a node.

    Attributes:
        node: Its number in the cluster.
        address: Its address.
        content: Pickled `Outcome`, or the exception that ended the work.
        is_raised: Whether it is an exception.
        mismatch: Why the node did nothing; empty where it did.
    """

    node: str
    address: str
    content: bytes = b""
    is_raised: bool = False
    mismatch: str = ""


def is_refusal(result: Any) -> bool:
    """Whether a result says that an item could not be used."""
    parts = result if isinstance(result, tuple) else (result,)
    return any(one is None or isinstance(one, ItemRejected) for one in parts)


def find_installation() -> Installation:
    """That of this process, in the present folder."""
    packages = tuple((name, _version(name)) for name in PACKAGES)
    return Installation(folder=str(Path.cwd()), code=_digest_code(), packages=packages)


def work_on(work: list[Any], key: str, items: list[Any], expected: Installation) -> Reply:
    """Applies work to items, in a process of a cluster.

    Args:
        work: A reference to the `Work`, in a list so that Ray does not fetch it for every call.
        key: Of the work; a process fetches it once.
        items: What it is applied to.
        expected: Installation of the process that called.
    """
    import ray

    context = ray.get_runtime_context()
    node, address = context.get_node_id(), ray.util.get_node_ip_address()
    if mismatch := _check_once(expected):
        return Reply(node=node, address=address, mismatch=mismatch)
    try:
        if key not in _latest:
            _latest.clear()
            _latest[key] = ray.get(work[0])
        return Reply(node=node, address=address, content=pickle.dumps(_latest[key](items), pickle.HIGHEST_PROTOCOL))
    except ray.exceptions.RayError:
        raise  # the node that holds the work is gone
    except Exception as error:  # whatever the function raises reaches the caller, as from a process of this machine
        return Reply(node=node, address=address, content=_pickle_error(error), is_raised=True)


@cache
def _check_once(expected: Installation) -> str:
    return expected.find_mismatch()


def _pickle_error(error: Exception) -> bytes:
    try:
        content = pickle.dumps(error)
        pickle.loads(content)  # noqa: S301 it was made in the line above
    except Exception:  # an exception with arguments of its own may be pickled and not be built again
        return pickle.dumps(RuntimeError(f"{type(error).__name__}: {error}"))
    return content


def _digest_code() -> str:
    files = sorted(PACKAGE.rglob("*.py"))
    return artifacts.content_digest(
        *(part for path in files for part in (str(path.relative_to(PACKAGE)).encode(), Path(path).read_bytes()))
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
