"""Bytes from a source's folder, contained and bounded."""

from __future__ import annotations

import os
import stat
import zlib
from functools import lru_cache
from pathlib import Path

from pipeline.core.errors import ItemRejected, UserError
from pipeline.core.sample_codec import FileSet

MAX_FILE_BYTES = 512 * 1024 * 1024  # of a file, and of all files of a folder that is one sample
MAX_FOLDER_FILES = 20_000  # of such a folder
MAX_NAME_BYTES = 255  # of a file on the systems in use


def read_sample(root: Path, path: str) -> bytes | FileSet:
    """The bytes of `root / path`, or the files of that folder, without those of its sub-folders and hidden ones.

    Raises:
        ItemRejected: As `read_bytes`, of the file or of one in the folder; or there are too many or too large ones.
    """
    if not _is_folder(root / path) or path.rpartition("/")[2] in ("", "..") or not is_inside(path, str(root)):
        return read_bytes(root, path)
    names, size = [], 0
    try:
        with os.scandir(root / path) as entries:
            for entry in entries:
                if entry.is_file() and not entry.name.startswith("."):
                    names.append(entry.name)
                    size += entry.stat().st_size
                if size > MAX_FILE_BYTES or len(names) > MAX_FOLDER_FILES:
                    raise ItemRejected(
                        "too_large",
                        f"a folder of more than {MAX_FILE_BYTES} bytes or {MAX_FOLDER_FILES} files, which are not read",
                    )
    except OSError as error:
        raise ItemRejected("unreadable", error.strerror or str(error)) from None
    return FileSet(files=tuple((name, read_bytes(root, f"{path}/{name}")) for name in sorted(names)))


def _is_folder(path: Path) -> bool:
    return os.path.isdir(path)  # noqa: PTH112 - Path's own fails for names that are too long and in closed folders


def stat_sample(root: Path, path: str) -> tuple[int, ...] | None:
    """As `stat_file`; of a folder the sum of the sizes, the latest times, and the number and a digest of its files."""
    if not _is_folder(root / path):
        return stat_file(root, path)
    try:
        names = sorted(one.name for one in os.scandir(root / path) if one.is_file() and not one.name.startswith("."))
    except OSError:
        return None
    found = [stat_file(root, f"{path}/{name}") for name in names]
    known = [one for one in found if one is not None]
    if not known or len(known) < len(found):
        return None
    sizes, modified, changed, inodes, _ = zip(*known, strict=True)
    digest = zlib.crc32("\0".join(names).encode(errors="surrogateescape")) + sum(inodes)
    return sum(sizes), max(modified), max(changed), len(known), digest


def read_bytes(root: Path, path: str) -> bytes:
    """The bytes of `root / path`; links are followed, wherever on this disk they lead, as `walk` follows them.

    Raises:
        ItemRejected: It leaves the root, is not there, is no ordinary file, is larger than 512 MiB, or cannot be read.
    """
    full = root / path
    try:
        if not is_inside(path.rpartition("/")[0], str(root)) or path.rpartition("/")[2] in ("", ".."):
            raise ItemRejected("outside", "the path leaves the source's folder")
        descriptor = os.open(full, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))  # to open a pipe would wait for ever
        try:
            return _content(descriptor)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        raise ItemRejected("missing", "a link to nothing" if full.is_symlink() else "no such file") from None
    except (OSError, RuntimeError, ValueError) as error:  # a loop of symbolic links; a null byte in the name
        raise ItemRejected("unreadable", getattr(error, "strerror", None) or str(error)) from None


def _content(descriptor: int) -> bytes:
    """All bytes of an open file; its size comes from the descriptor, since its name may lead elsewhere by now."""
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise ItemRejected("unreadable", "not an ordinary file")
    if status.st_size > MAX_FILE_BYTES:
        raise ItemRejected("too_large", f"{status.st_size} bytes, at most {MAX_FILE_BYTES} are read")
    with os.fdopen(descriptor, "rb", closefd=False) as file:
        data = file.read(status.st_size + 1)
    if len(data) > status.st_size:
        raise ItemRejected("unreadable", "it grew while it was read; run again when nothing writes to it")
    return data


def stat_file(root: Path, path: str) -> tuple[int, ...] | None:
    """Size, times, inode and device of an ordinary file, or of the one that a link leads to; None for anything else.

    A link that now leads elsewhere so gives another inode.
    """
    try:
        status = (root / path).stat()
        if not stat.S_ISREG(status.st_mode) or not is_inside(path.rpartition("/")[0], str(root)):
            return None
    except (OSError, RuntimeError, ValueError):
        return None
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev


def check_file_name(name: str) -> None:
    """Refuses the name of a file that no disk takes, as an archive may hold it.

    Raises:
        ItemRejected: `unreadable`.
    """
    if len(name.encode(errors="replace")) > MAX_NAME_BYTES:
        raise ItemRejected("unreadable", f"a file name of more than {MAX_NAME_BYTES} bytes")


@lru_cache(maxsize=1024)
def is_inside(folder: str, root: str) -> bool:
    """Whether a folder, relative to the root, lies below it by name, and no link on the way leads to one around it.

    What is behind another link is the person's own choice; a name with `..` or a link upwards would reach everything.
    """
    if folder.startswith("/") or ".." in folder.split("/"):
        return False
    real, here = Path(root).resolve(), Path(root)
    for part in filter(None, folder.split("/")):
        here /= part
        if here.is_symlink() and real.is_relative_to(here.resolve()):
            return False
    return True


def package_folder(package: str, extra: str) -> Path:
    """Where an installed data package keeps its files, without importing it.

    Raises:
        UserError: It is not installed.
    """
    from importlib.util import find_spec

    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise UserError(
            f"the package {package} is not installed; make repro installs it, with what else the extra {extra!r} needs"
        )
    return Path(next(iter(spec.submodule_search_locations)))
