"""A local copy of a remote tree; only changed files are fetched."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, final
from urllib.parse import unquote

from pipeline.core import artifacts, progress
from pipeline.core.errors import ItemRejected, UserError
from pipeline.core.watched_places import INSTALL
from pipeline.datasets.sources.items import Item, one_line, printable
from pipeline.datasets.trees.unpacked_tree import Names

JOURNAL = ".fetched.jsonl"  # a line for each complete file, so that a killed fetch can go on
CONNECTIONS = 16
MAX_DEPTH = 32  # of folders: web pages could lead on without end
ATTEMPTS = 3
GIB = 1024**3
WAIT_SECONDS = 1.0  # before the second attempt, twice as long before the third
CHANGING = re.compile(r"size|e-?_?tag|md5|digest|crc|modified|mtime|updated|created|generation|version", re.IGNORECASE)
EXTRAS = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs"}


@final
@dataclass(frozen=True)
class RemoteFile:
    """A file of the remote tree.

    Attributes:
        path: As its file system calls it.
        place: Its path in the tree.
        size: In bytes, or None where the server does not say.
        stamp: A digest of the server's metadata that change with the file; None where it gives the size only.
    """

    path: str
    place: str
    size: int | None
    stamp: str | None


def filesystem(url: str, options: dict[str, Any]) -> tuple[Any, str]:
    """The file system of a url, and the path there.

    Raises:
        UserError: No installed package reads such urls.
    """
    import fsspec

    kind = url.split("://")[0]
    try:
        if kind in ("http", "https"):  # aiohttp would stop after five minutes, even while bytes arrive
            from aiohttp import ClientTimeout

            patience = ClientTimeout(total=None, sock_connect=30, sock_read=60)
            options = {"client_kwargs": {"timeout": patience}, **options}
        system, path = fsspec.core.url_to_fs(url, **options)
    except ImportError:
        package = EXTRAS.get(kind, "another package of fsspec")
        raise UserError(f"{url} needs {package}, which is not installed; run {INSTALL}") from None
    except ValueError as error:
        raise UserError(f"source.url {url!r} is not understood ({error}); expected s3://, gs:// or https://") from None
    return system, f"{path.rstrip('/')}/" if url.endswith("/") else path


def shows_changes(url: str) -> bool:
    """Whether a web server gives the mark by which DVC notices a change of an address."""
    system, path = filesystem(url, {})
    return not {"ETag", "Content-MD5"}.isdisjoint(_info(system, path))


def mirror(url: str, options: dict[str, Any], tree: Path, max_bytes: int, max_files: int) -> list[Item]:
    """Fetches new and changed files, and removes files that are gone.

    Returns:
        The files that were refused.

    Raises:
        UserError: It cannot be listed, is beyond the bounds, or the connection keeps failing; complete files stay.
    """
    system, root = filesystem(url, options)
    files, refused = _list_tree(system, root, url, tree)
    if len(files) + len(refused) > max_files:
        raise UserError(f"{url} has more than source.max_files {max_files} files; raise it if you have room")
    budget = max_bytes - sum(file.size or 0 for file in files)
    too_much = UserError(f"{url} has more than source.max_bytes {max_bytes} bytes; raise it if you have room")
    if budget < 0:
        raise too_much
    for temporary in tree.glob(".*.tmp"):  # of a fetch that was killed
        temporary.unlink()
    known = _read_journal(tree)
    for place in known.keys() - {file.place for file in files}:
        _remove(tree, place)
    wanted = [file for file in files if not _is_here(file, known, tree)]
    _check_room(url, wanted, tree)
    failed, in_a_row = [], 0
    pool = ThreadPoolExecutor(CONNECTIONS)
    try:
        results = pool.map(partial(_fetch, system, url, tree, budget), wanted)
        bar = progress.track(results, len(wanted), "fetch", "files")
        for file, fault in zip(wanted, bar, strict=True):
            failed += [fault] if isinstance(fault, UserError) else []
            in_a_row = in_a_row + 1 if isinstance(fault, UserError) else 0
            if in_a_row == CONNECTIONS:  # the server is gone
                break
            if isinstance(fault, ItemRejected):
                (tree / file.place).unlink(missing_ok=True)
                refused.append(Item(path=file.place, refused=fault))
            elif fault is None and file.size is None and (budget := budget - (tree / file.place).stat().st_size) < 0:
                raise too_much
    finally:
        pool.shutdown(cancel_futures=True)
    if failed:
        raise UserError(
            f"{len(failed)} of {len(wanted)} files of {url} could not be fetched, the first is {failed[0]}; "
            "run it again, what was fetched is kept"
        )
    complete = [(file.place, file.stamp) for file in files if (tree / file.place).is_file()]
    artifacts.write_text(tree / JOURNAL, "".join(f"{json.dumps(line)}\n" for line in complete))
    return refused


def _check_room(url: str, wanted: Sequence[RemoteFile], tree: Path) -> None:
    needed, free = sum(file.size or 0 for file in wanted), shutil.disk_usage(tree).free
    if needed > free:
        raise UserError(
            f"{url} has {needed / GIB:.1f} GiB to fetch, and the disk of {str(tree)!r} has {free / GIB:.1f} GiB free; "
            "make room, or set source.tree to a folder of another disk"
        )


def _remove(tree: Path, place: str) -> None:
    """Removes a file of the tree, and the folders that are empty without it."""
    (tree / place).unlink(missing_ok=True)
    with suppress(OSError):  # the first one that is not empty; the tree itself holds its record
        os.removedirs((tree / place).parent)


def _list_tree(system: Any, root: str, url: str, tree: Path) -> tuple[list[RemoteFile], list[Item]]:
    """The remote files to fetch, and those that are refused."""
    web = "http" in _protocols(system)
    names, files, refused = Names(tree), [], []
    try:
        infos = _file_infos(system, root)
    except Exception as error:  # each file system has its own
        raise UserError(
            f"source.url {url!r} cannot be listed ({_describe(error)}); check the address, the network and your access"
        ) from None
    for path in sorted(infos):
        name = path.rsplit("/", 1)[1] if path == root else path.removeprefix(root).lstrip("/")
        if web and path != root and "?" in name:  # a page's links to other views of itself
            continue
        name = unquote(name.split("?")[0]) if web else name
        try:
            place = names.place(name)
        except ItemRejected as fault:
            refused.append(Item(path=printable(name), refused=fault))
            continue
        if place is not None:
            files.append(RemoteFile(path, place, infos[path].get("size"), _stamp(path, infos[path])))
    if not files:
        raise UserError(f"source.url {url!r} holds no file; expected a folder of pictures, or an archive")
    return files, refused


def _file_infos(system: Any, root: str) -> dict[str, dict[str, Any]]:
    """The server's metadata of each file, by its path."""
    system.invalidate_cache()
    if not root.endswith("/"):
        info = system.info(root)
        if info["type"] == "file":
            return {root: info}
    flat = EXTRAS.keys() & set(_protocols(system))  # other systems walk, and would skip folders they cannot list
    how = {} if flat else {"maxdepth": MAX_DEPTH, "on_error": "raise"}
    infos: dict[str, dict[str, Any]] = system.find(root, detail=True, **how)
    short = [path for path, info in infos.items() if info.get("size") is None]  # a web page lists names alone
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        return infos | dict(zip(short, pool.map(partial(_info, system), short), strict=True))


def _protocols(system: Any) -> tuple[str, ...]:
    return (system.protocol,) if isinstance(system.protocol, str) else tuple(system.protocol)


def _info(system: Any, path: str) -> dict[str, Any]:
    try:
        return dict(system.info(path))
    except Exception:  # fetching the file reports the error
        return {}


def _stamp(path: str, info: dict[str, Any]) -> str | None:
    metadata = {key: str(info[key]) for key in sorted(info) if CHANGING.search(key) and info[key]}
    if not metadata.keys() - {"size"}:
        return None
    return artifacts.content_digest(path.encode(errors="backslashreplace"), artifacts.canonical_json(metadata))


def _read_journal(tree: Path) -> dict[str, str | None]:
    """Stamp of each complete file; a line that a kill cut short is ignored."""
    known: dict[str, str | None] = {}
    if (tree / JOURNAL).is_file():
        for line in (tree / JOURNAL).read_text(encoding="utf-8").splitlines():
            with suppress(ValueError):
                known.update([json.loads(line)])
    return known


def _is_here(file: RemoteFile, known: dict[str, str | None], tree: Path) -> bool:
    here = file.stamp is not None and known.get(file.place) == file.stamp and (tree / file.place).is_file()
    return here and file.size in (None, (tree / file.place).stat().st_size)


def _fetch(system: Any, url: str, tree: Path, budget: int, file: RemoteFile) -> ItemRejected | UserError | None:
    """Fetches one file, again after connection errors; its rejection or failure, or None when it is complete."""
    for attempt in range(ATTEMPTS):
        time.sleep(WAIT_SECONDS * 2 ** (attempt - 1) if attempt else 0)
        try:
            _copy(system, file, tree, budget)
            with (tree / JOURNAL).open("a", encoding="utf-8") as journal:
                journal.write(f"{json.dumps([file.place, file.stamp])}\n")
            return None
        except FileNotFoundError:
            return ItemRejected("missing", "the server lists it but does not have it")
        except ItemRejected as fault:
            return fault
        except Exception as error:  # each file system has its own
            if isinstance(error, PermissionError) or 400 <= int(getattr(error, "status", 0) or 0) < 500:
                return ItemRejected("unreadable", _describe(error))
            last = _describe(error)
    return UserError(f"{file.place!r} ({last})")


def _copy(system: Any, file: RemoteFile, tree: Path, budget: int) -> None:
    """Writes the file under a temporary name and moves it into place when it is complete."""
    from fsspec.callbacks import Callback

    most = budget if file.size is None else file.size

    class Bounded(Callback):  # type: ignore[misc]
        def relative_update(self, inc: int = 1) -> None:
            super().relative_update(inc)
            if self.value > most:
                raise ItemRejected("too_large", f"more than the {most} bytes that its size or source.max_bytes allows")

    name = artifacts.content_digest(file.place.encode())  # a name longer than that of the file may be too long
    temporary = tree / f".{name}.tmp"
    try:
        system.get_file(file.path, str(temporary), callback=Bounded())
        if file.size is not None and temporary.stat().st_size != file.size:
            raise OSError(f"{temporary.stat().st_size} of {file.size} bytes arrived")
        (tree / file.place).parent.mkdir(parents=True, exist_ok=True)
        temporary.replace(tree / file.place)
    finally:
        temporary.unlink(missing_ok=True)


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {one_line(str(error))}".rstrip(": ")
