"""`config.compose`, remembered: Hydra takes half a second, and many tests ask for the same choices."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from copy import deepcopy
from functools import wraps
from pathlib import Path
from typing import Any

import yaml

from pipeline.core.artifacts import write_text
from pipeline.core.config import CONF


def remember(compose: Callable[..., str], folder: Path) -> Callable[..., str]:
    """The same function, composing once for each content of conf/, overrides and first file; errors are not remembered.

    Args:
        compose: The function of `pipeline.core.config`.
        folder: Holds the texts, for all processes of one run of the tests.
    """

    @wraps(compose)
    def look_up(conf: Path = CONF, overrides: list[str] | None = None, root: str = "config") -> str:
        content = hashlib.sha256(json.dumps([root, overrides or []]).encode())
        for path in sorted(path for path in conf.rglob("*") if path.is_file()):
            content.update(f"\0{path.relative_to(conf)}\0".encode() + path.read_bytes())
        kept = folder / content.hexdigest()
        if not kept.exists():
            write_text(kept, compose(conf, overrides, root))
        return kept.read_text(encoding="utf-8")

    return look_up


def parse_once(load: Callable[..., Any]) -> Callable[..., Any]:
    """`yaml.load`, which parses a file for OmegaConf once: of 0.8 seconds that Hydra composes these are a fifth.

    What `yaml.safe_load` reads is parsed by libyaml: the same values in a ninth of the time.

    Args:
        load: The function of PyYAML.
    """
    parsed: dict[str, Any] = {}

    @wraps(load)
    def look_up(stream: Any, Loader: Any) -> Any:
        if Loader is yaml.SafeLoader:
            return load(stream, yaml.CSafeLoader)
        if Loader.__name__ != "OmegaConfLoader" or not hasattr(stream, "seek"):
            return load(stream, Loader)
        text = stream.read()
        if text not in parsed:
            stream.seek(0)
            parsed[text] = load(stream, Loader)
        return deepcopy(parsed[text])

    return look_up
