"""What the names in an archive are, where it does not say in which code page they were written."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Sequence
from itertools import islice

from pipeline.datasets.sources.items import printable

UNIX = 3  # what a zip says of the system that wrote an entry
UTF_8 = 0x800  # a flag of an entry: its name is UTF-8
UNICODE_PATH = 0x7075  # Info-ZIP's field: version, CRC-32 of the name, the name in UTF-8
CODE_PAGES = ("gbk", "big5", "cp932", "cp949", "cp1251", "cp1252", "cp437")  # shown for a person to choose
MAX_SHOWN = 40
Name = tuple[str, str]  # of an entry, and what is wrong with it, empty where nothing is


def zip_names(entries: Sequence[zipfile.ZipInfo], names: str | None) -> list[Name]:
    """The name of each entry.

    UTF-8 where the entry says so, or has the name once more in Unicode, or where all others are UTF-8 (two bytes of a
    letter are no proof unless a Unix wrote them: those of the Chinese for cat are also an e with an accent); else by
    the code page that a person names. Without one a name beyond ASCII is not guessed: in another code page its bytes
    are other letters, and every guess looks like a name.

    Args:
        entries: As zipfile lists them, which takes every other code page for cp437.
        names: The code page, as Python calls it; None: nobody says.
    """
    raw = [_raw(entry) for entry in entries]
    unknown = [one for one in raw if isinstance(one, bytes)]
    if names is None and _fits("utf-8", unknown):
        long = any(letter > "\u07ff" for one in unknown for letter in one.decode())  # of three bytes or more
        names = "utf-8" if long or all(entry.create_system == UNIX for entry in entries) else None
    hint = _hint(unknown, names)
    return [(one, "") if isinstance(one, str) else _name(one, names, hint) for one in raw]


def tar_name(name: str, names: str | None) -> Name:
    """The name of an entry of a tar, whose bytes that are not in its code page tarfile kept as surrogates."""
    if printable(name) == name:
        return name, ""
    raw = name.encode(names or "utf-8", errors="surrogateescape")
    return _name(raw, None, _hint([raw], names))


def _raw(entry: zipfile.ZipInfo) -> str | bytes:
    """The name, or its bytes where they may mean anything."""
    if entry.flag_bits & UTF_8 or entry.orig_filename.isascii():
        return entry.filename
    raw = entry.orig_filename.encode("cp437")
    extra = entry.extra
    while len(extra) >= 4:
        kind, size = struct.unpack("<HH", extra[:4])
        field, extra = extra[4 : 4 + size], extra[4 + size :]
        if kind == UNICODE_PATH and len(field) > 5 and struct.unpack("<I", field[1:5])[0] == zlib.crc32(raw):
            try:
                return field[5:].decode()
            except UnicodeDecodeError:
                return raw
    return raw


def _fits(names: str, raw: Sequence[bytes]) -> bool:
    try:
        return all(one.decode(names) for one in raw)
    except UnicodeDecodeError:
        return False


def _name(raw: bytes, names: str | None, hint: str) -> Name:
    try:
        if names is not None:
            return raw.decode(names), ""
    except UnicodeDecodeError:
        pass
    return raw.decode(errors="backslashreplace"), hint


def _hint(raw: Sequence[bytes], names: str | None) -> str:
    if names is not None:
        return f"the name is not {names}, as source.names says"
    shown = [f"{one} {raw[0].decode(one)[:MAX_SHOWN]!r}" for one in CODE_PAGES if raw and _fits(one, raw)]
    reads = f"; it reads {', '.join(islice(shown, 4))}" if shown else ""
    return f"the name is not UTF-8; set source.names to the code page that the archive was written in{reads}"
