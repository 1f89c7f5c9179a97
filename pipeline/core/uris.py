"""Addresses of stores and servers: built from paths with quoting, and shown without credentials."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit
from urllib.request import url2pathname

MASK = "***"
WORDS = (
    r"passw(?:or)?d|pwd|passphrase|secret|token|signature|credentials?|authorization"
    r"|(?:api|access|account|private|shared)[_-]?key(?:[_-]?id)?|google_?access_?id"
)
NAMES = re.compile(rf"(?i)^(?:key|sig|sas|auth|pass|salt)$|(?:{WORDS})$")
USER = re.compile(r"(?<=://)(?:[^/?#\s'\"<>]*|[^/?#\s:@'\"<>]+:(?!\d+(?:[/?#\s]|$))[^\s'\"<>]*)(?=@)")
NAMED = re.compile(rf"(?i)((?:{WORDS}|[?&;](?:key|sig|sas|auth|pass))=)[^&\s'\"<>;,)#]+")
BEARER = re.compile(r"(?i)\b(bearer\s+)[\w.~+/=-]{8,}")
HOOK = re.compile(
    r"(?i)(hooks\.slack\.com/(?:services|workflows|triggers)/|discord(?:app)?\.com/api/webhooks/"
    r"|webhook\.office\.com/|api\.telegram\.org/bot)[^\s'\"<>?]+"
)
KNOWN = re.compile(r"\b(?:(?:AKIA|ASIA)[0-9A-Z]{16}|gh[pousr]_\w{30,}|xox[abprs]-[\w-]{10,}|hf_[A-Za-z0-9]{30,})\b")


def main_checkout() -> Path:
    """The main checkout, also when DVC runs a stage in a copy of it."""
    return Path(os.environ.get("DVC_ROOT") or ".").resolve()


def mask_credentials(text: str) -> str:
    """The text with *** for what would let a reader in: it is for errors, logs, tags, parameters and pages.

    Masked are the user and password of a URI, the values of what is named like a secret (`?token=`, `&sig=`,
    `AWS_SECRET_ACCESS_KEY=`), bearer tokens, webhooks whose path is the secret, and keys that show by their form.
    Masking twice changes nothing more.
    """
    text = USER.sub(MASK, text)
    text = NAMED.sub(rf"\1{MASK}", text)
    text = BEARER.sub(rf"\1{MASK}", text)
    text = HOOK.sub(rf"\1{MASK}", text)
    return KNOWN.sub(MASK, text)


def mask_values(value: Any, name: str = "") -> Any:
    """Nested mappings and lists with every text masked, whole where its key is named like a secret."""
    if isinstance(value, dict):
        return {key: mask_values(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [mask_values(inner, name) for inner in value]
    if isinstance(value, str):
        return MASK if value and NAMES.search(name) else mask_credentials(value)
    return value


def sqlite_uri(database: Path) -> str:
    """The URI of an SQLite file, whatever characters its path holds.

    A path that must be quoted gets the driver's name too: MLflow takes `sqlite:///` for text before a plain path, and
    would make a folder of the quoted name.
    """
    path = str(database)
    quoted = quote(path, safe="/ +:@!$&'()*,;=~")
    return f"sqlite:///{path}" if quoted == path else f"sqlite+pysqlite:///{quoted}"


def sqlite_path(uri: str) -> Path | None:
    """The file of an SQLite URI, or None for any other URI and for a database in memory."""
    if not re.match(r"sqlite(\+\w+)?:///", uri):
        return None
    from sqlalchemy.engine import make_url

    database = make_url(uri).database
    return Path(database).absolute() if database and database != ":memory:" else None


def file_path(uri: str) -> Path | None:
    """The path of a `file:` URI of this machine, or None for any other."""
    parts = urlsplit(uri)
    return Path(url2pathname(parts.path)) if parts.scheme == "file" and parts.netloc in ("", "localhost") else None
