"""A zip that is one sample: frames of a clip, slices of a series, or one file; bounded, and no name is opened."""

from __future__ import annotations

import io
import zipfile
import zlib

from pipeline.core.errors import ItemRejected
from pipeline.core.safe_files import MAX_FILE_BYTES, MAX_FOLDER_FILES, check_file_name
from pipeline.core.sample_codec import FileSet

MAGIC = (b"PK\x03\x04", b"PK\x05\x06")  # of a zip, and of an empty one
MAX_BYTES = MAX_FILE_BYTES
MAX_RATIO = 200  # of all bytes to those of the zip, beyond what a small zip may hold
SMALL = 2**20  # bytes that any zip may hold
CHUNK = 2**16
HIDDEN = (".", "__MACOSX")  # how names begin that systems add


def is_zip(data: bytes) -> bool:
    """Whether the first bytes are those of a zip."""
    return data.startswith(MAGIC)


def open_encoded(media: str, data: bytes) -> bytes | FileSet:
    """What a codec of a media reads of bytes that somebody sent: of clips and volumes a zip is unpacked.

    Raises:
        ItemRejected: As `unpack_sample`.
    """
    return unpack_sample(data) if media != "image" and is_zip(data) else data


def unpack_sample(data: bytes, max_bytes: int = MAX_BYTES) -> bytes | FileSet:
    """The one file of a zip, or its files, which must lie in one folder.

    Args:
        data: The zip.
        max_bytes: Of all files together; also at most 200 times the size of the zip.

    Raises:
        ItemRejected: It is damaged, encrypted or empty, holds a zip or several folders, unpacks to too much, or a name
            in it leaves it or is too long for a disk.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = [one for one in archive.infolist() if not one.is_dir()]
            _check_names(entries)
            entries = [one for one in entries if not _is_hidden(one.filename)]
            _check_entries(entries)
            left = min(max_bytes, max(SMALL, MAX_RATIO * len(data)))
            files = []
            for entry in entries:
                content = _read(archive, entry, left)
                left -= len(content)
                files.append((entry.filename.rpartition("/")[2], content))
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        what = " ".join(str(error).split())[:200] or type(error).__name__
        raise ItemRejected("unreadable", f"a zip that cannot be unpacked: {what}") from None
    return files[0][1] if len(files) == 1 else FileSet(files=tuple(sorted(files)))


def _check_names(entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > MAX_FOLDER_FILES:
        raise ItemRejected("too_large", f"a zip of {len(entries):,} files, at most {MAX_FOLDER_FILES:,} are read")
    for entry in entries:
        parts = entry.filename.replace("\\", "/").split("/")
        if ".." in parts or parts[0] == "" or ":" in parts[0]:
            raise ItemRejected("outside", f"the zip names {entry.filename[:200]!r}, which leaves it")
        check_file_name(parts[-1])


def _check_entries(entries: list[zipfile.ZipInfo]) -> None:
    if not entries:
        raise ItemRejected("empty", "a zip without files")
    if any(entry.flag_bits & 1 for entry in entries):
        raise ItemRejected("unreadable", "an encrypted zip; send it without a password")
    folders = {entry.filename.rpartition("/")[0] for entry in entries}
    if len(folders) > 1:
        first, second = sorted(folders)[:2]
        raise ItemRejected(
            "ambiguous", f"a zip of several folders, {first[:100]!r} and {second[:100]!r}; send one zip for each sample"
        )
    names = [entry.filename for entry in entries]
    if len(set(names)) < len(names):
        raise ItemRejected("ambiguous", "a zip that has one name twice")


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, left: int) -> bytes:
    """The content of an entry, never more than `left` bytes of it in memory."""
    content = bytearray()
    with archive.open(entry) as file:
        while chunk := file.read(CHUNK):
            content += chunk
            if len(content) > left:
                raise ItemRejected("too_large", "a zip that unpacks to too many bytes")
    if is_zip(bytes(content[:4])):
        raise ItemRejected("unsupported", f"the zip holds a zip, {entry.filename[:200]!r}; send that one")
    return bytes(content)


def _is_hidden(name: str) -> bool:
    return any(part.startswith(HIDDEN) for part in name.split("/"))
