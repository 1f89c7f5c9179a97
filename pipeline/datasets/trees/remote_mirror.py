"""A local copy of a remote tree, of which only what changed is fetched."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, final
from urllib.parse import unquote

from pipeline.core import artifacts
from pipeline.core.errors import ItemRejected, UserError
from pipeline.core.uris import mask_credentials
from pipeline.datasets.sources.items import Item, printable
from pipeline.datasets.trees.unpacked_tree import Names

JOURNAL = ".fetched.jsonl"  # a line for each file that is whole, so that a killed fetch can go on
CONNECTIONS = 16
MAX_DEPTH = 32  # of folders: web pages could lead on without end
ATTEMPTS = 3
WAIT_SECONDS = 1.0  # before the second attempt, twice as long before the third
TELLING = re.compile(r"size|e-?_?tag|md5|digest|crc|modified|mtime|updated|created|generation|version", re.IGNORECASE)
EXTRAS = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs"}


@final
@dataclass(frozen=True)
class Limits:
    """What a remote tree may take of this disk."""

    max_bytes: int
    max_files: int


@final
@dataclass(frozen=True)
class Found:
    """A remote file.

    Attributes:
        path: As its file system calls it.
        place: Its path in the tree.
        size: In bytes, or None where the server does not tell.
        stamp: What changes with it; None where nothing tells.
    """

    path: str
    place: str
    size: int | None
    stamp: str | None


def filesystem(url: str, options: dict[str, Any]) -> tuple[Any, str, str]:
    """The file system of a url, the path there, and the url for messages.

    Raises:
        UserError: Nothing that is installed knows such urls.
    """
    import fsspec

    kind, shown = url.split("://")[0], mask_credentials(url)
    try:
        if kind in ("http", "https"):  # aiohttp would give up after five minutes, however well it goes
            from aiohttp import ClientTimeout

            patience = ClientTimeout(total=None, sock_connect=30, sock_read=60)
            options = {"client_kwargs": {"timeout": patience}, **options}
        system, path = fsspec.core.url_to_fs(url, **options)
    except ImportError:
        package = EXTRAS.get(kind, "another package of fsspec")
        raise UserError(
            f"source.url {shown!r} needs {package}, which is not installed; install it with the extra 'remote'"
        ) from None
    except ValueError as error:
        raise UserError(
            f"source.url {shown!r} is not understood ({error}); expected s3://, gs:// or https://"
        ) from None
    return system, f"{path.rstrip('/')}/" if url.endswith("/") else path, shown


def mirror(system: Any, root: str, shown: str, tree: Path, limits: Limits) -> list[Item]:
    """Fetches what is new or has changed, removes what is gone.

    Returns:
        The files that were refused.

    Raises:
        UserError: It cannot be listed, is beyond the limits, or connections kept failing.
    """
    refused: list[Item] = []
    found = _list_tree(system, root, shown, tree, limits, refused)
    known = _journal(tree)
    for left in tree.glob(".*.tmp"):  # by a fetch that was killed
        left.unlink()
    for name in known.keys() - {one.place for one in found}:
        _remove(tree, name)
    wanted = [one for one in found if not _is_here(one, known, tree)]
    budget = limits.max_bytes - sum(one.size or 0 for one in found)
    if budget < 0:
        raise UserError(_too_many(shown, limits))
    failures = []
    results = _fetch_all(system, wanted, tree, budget)
    with closing(results):
        for one, result in results:
            if isinstance(result, ItemRejected):
                (tree / one.place).unlink(missing_ok=True)
                refused.append(Item(path=one.place, refused=result))
            elif isinstance(result, Exception):
                failures.append(f"{one.place!r}: {_line(result)}")
            elif one.size is None and (budget := budget - (tree / one.place).stat().st_size) < 0:
                raise UserError(_too_many(shown, limits))
    if failures:
        raise UserError(
            f"{len(failures)} of {len(wanted)} files of {shown} could not be fetched; the first is {failures[0]}; "
            "run it again, what was fetched is kept"
        )
    known = {one.place: one.stamp for one in found if (tree / one.place).is_file()}
    artifacts.write_text(tree / JOURNAL, "".join(f"{json.dumps(line)}\n" for line in known.items()))
    return refused


def _too_many(shown: str, limits: Limits) -> str:
    return f"{shown} has more than source.max_bytes {limits.max_bytes} bytes; raise it if you have room"


def _remove(tree: Path, place: str) -> None:
    """A file of the tree, and the folders that are empty without it."""
    (tree / place).unlink(missing_ok=True)
    for folder in (tree / place).parents:
        if folder == tree or not folder.is_dir() or any(folder.iterdir()):
            return
        folder.rmdir()


def _list_tree(system: Any, root: str, shown: str, tree: Path, limits: Limits, refused: list[Item]) -> list[Found]:
    web = "http" in _protocols(system)
    names, found = Names(tree), []
    try:
        told = _file_infos(system, root)
        for path in sorted(told):
            name = path.rsplit("/", 1)[1] if path == root else path.removeprefix(root).lstrip("/")
            if web and path != root and "?" in name:  # a page's links to other views of itself
                continue
            name = unquote(name.split("?")[0]) if web else name
            try:
                place = names.place(name)
            except ItemRejected as one:
                refused.append(Item(path=printable(name), refused=one))
                continue
            if place is not None:
                found.append(_make_entry(path, place, told[path]))
    except Exception as error:  # each file system has its own
        raise UserError(
            f"source.url {shown!r} cannot be listed ({_line(error)}); check the address, the network and your access"
        ) from None
    if not found:
        raise UserError(f"source.url {shown!r} holds no file; expected a folder of pictures, or an archive")
    if len(found) + len(refused) > limits.max_files:
        raise UserError(f"{shown} has more than source.max_files {limits.max_files} files; raise it if you have room")
    return found


def _file_infos(system: Any, root: str) -> dict[str, dict[str, Any]]:
    """What the server tells of each file, by its path."""
    system.invalidate_cache()
    if not root.endswith("/"):
        about = system.info(root)
        if about["type"] == "file":
            return {root: about}
    flat = EXTRAS.keys() & set(_protocols(system))  # the others walk, and would leave out what they cannot list
    how = {} if flat else {"maxdepth": MAX_DEPTH, "on_error": "raise"}
    told: dict[str, dict[str, Any]] = system.find(root, detail=True, **how)
    short = [path for path, about in told.items() if about.get("size") is None]  # a web page lists names alone
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        return told | dict(zip(short, pool.map(partial(_about, system), short), strict=True))


def _protocols(system: Any) -> tuple[str, ...]:
    return (system.protocol,) if isinstance(system.protocol, str) else tuple(system.protocol)


def _about(system: Any, path: str) -> dict[str, Any]:
    try:
        return dict(system.info(path))
    except Exception:  # whatever is wrong with it is found, and told, when it is fetched
        return {}


def _make_entry(path: str, place: str, about: dict[str, Any]) -> Found:
    size = about.get("size")
    telling = {key: str(about[key]) for key in sorted(about) if TELLING.search(key) and about[key]}
    stamp = artifacts.content_digest(path.encode(errors="backslashreplace"), artifacts.canonical_json(telling))
    return Found(path, place, size, stamp if telling.keys() - {"size"} else None)


def _journal(tree: Path) -> dict[str, str | None]:
    """Stamp of each file that is whole; a line that a kill cut short does not count."""
    known: dict[str, str | None] = {}
    if (tree / JOURNAL).is_file():
        for line in (tree / JOURNAL).read_text(encoding="utf-8").splitlines():
            try:
                place, stamp = json.loads(line)
            except ValueError:
                continue
            known[place] = stamp
    return known


def _is_here(one: Found, known: dict[str, str | None], tree: Path) -> bool:
    here = one.stamp is not None and known.get(one.place) == one.stamp and (tree / one.place).is_file()
    return here and one.size in (None, (tree / one.place).stat().st_size)


def _fetch_all(
    system: Any, wanted: list[Found], tree: Path, budget: int
) -> Generator[tuple[Found, Exception | None], None, None]:
    """Each file with what became of it; stops early when nothing but failures come."""
    from tqdm import tqdm

    failed, pool = 0, ThreadPoolExecutor(CONNECTIONS)
    try:
        results = pool.map(partial(_fetch, system, tree, budget), wanted)
        bar = tqdm(results, total=len(wanted), desc="fetch", unit="files", leave=False, disable=None)
        for one, result in zip(wanted, bar, strict=False):
            failed = failed + 1 if result is not None and not isinstance(result, ItemRejected) else 0
            yield one, result
            if failed >= CONNECTIONS:
                return
    finally:
        pool.shutdown(cancel_futures=True)


def _fetch(system: Any, tree: Path, budget: int, one: Found) -> Exception | None:
    """One file, tried again after a fault; what was wrong the last time, None when it is there."""
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(WAIT_SECONDS * 2 ** (attempt - 1))
        try:
            _copy(system, one, tree, one.size if one.size is not None else budget)
            with (tree / JOURNAL).open("a", encoding="utf-8") as journal:
                journal.write(f"{json.dumps([one.place, one.stamp])}\n")
        except FileNotFoundError:
            return ItemRejected("missing", "listed, but not there")
        except PermissionError as error:
            return ItemRejected("unreadable", _line(error))
        except ItemRejected as refused:
            return refused
        except Exception as error:  # each file system has its own
            if 400 <= int(getattr(error, "status", 0) or 0) < 500:
                return ItemRejected("unreadable", _line(error))
            fault = error
        else:
            return None
    return fault


def _copy(system: Any, one: Found, tree: Path, most: int) -> None:
    from fsspec.callbacks import Callback

    class Bounded(Callback):  # type: ignore[misc]
        def relative_update(self, inc: int = 1) -> None:
            super().relative_update(inc)
            if self.value > most:
                raise ItemRejected("too_large", f"more than the {most} bytes that were expected or are left to fetch")

    temporary = (
        tree / f".{artifacts.content_digest(one.place.encode())}.tmp"
    )  # a longer name than the file's may not fit
    try:
        system.get_file(one.path, str(temporary), callback=Bounded())
        size = temporary.stat().st_size
        if one.size is not None and size != one.size:
            raise OSError(f"{size} of {one.size} bytes came")
        (tree / one.place).parent.mkdir(parents=True, exist_ok=True)
        temporary.replace(tree / one.place)
    finally:
        temporary.unlink(missing_ok=True)


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}".rstrip(": ")
