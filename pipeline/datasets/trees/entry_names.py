"""The names of the entries of an archive, also where it does not say in which code page they were written."""

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
CODE_PAGES = ("gbk", "big5", "cp932", "cp949", "cp1251", "cp1252", "cp437")  # suggested in messages
MAX_SHOWN = 40
Name = tuple[str, str]  # of an entry, and its fault; the fault is empty where there is none


def zip_names(entries: Sequence[zipfile.ZipInfo], names: str | None) -> list[Name]:
    """The name of each entry.

    It is UTF-8 where the entry says so, or has a second name in Unicode, or where all other names are valid UTF-8 (of
    letters of two bytes only if a Unix system wrote them, since in other code pages such bytes are letters too); else
    the code page that a person sets. Without one a name beyond ASCII is not guessed: its bytes are valid letters in
    several code pages.

    Args:
        entries: As zipfile lists them, which takes every other code page for cp437.
        names: The code page, as Python calls it; None: not set.
    """
    raw = [_raw(entry) for entry in entries]
    unknown = [one for one in raw if isinstance(one, bytes)]
    if names is None and _fits("utf-8", unknown):
        long = any(letter > "\u07ff" for one in unknown for letter in one.decode())  # of three bytes or more
        names = "utf-8" if long or all(entry.create_system == UNIX for entry in entries) else None
    hint = _hint(unknown, names)
    return [(one, "") if isinstance(one, str) else _name(one, names, hint) for one in raw]


def tar_name(name: str, names: str | None) -> Name:
    """The name of an entry of a tar; bytes outside its code page are surrogates in what tarfile returns."""
    if printable(name) == name:
        return name, ""
    raw = name.encode(names or "utf-8", errors="surrogateescape")
    return _name(raw, None, _hint([raw], names))


def _raw(entry: zipfile.ZipInfo) -> str | bytes:
    """The name, or its bytes where the code page is unknown."""
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
