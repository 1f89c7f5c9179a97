"""Imported by the server of `forked_python`, of a checkout whose code does not change: what many processes do anew."""

from __future__ import annotations

import importlib
import os
from functools import partial
from pathlib import Path
from typing import Any

import jinja2
import yaml
from composed_once import remember

from pipeline.core import code_digest, config

FOLDER = Path(os.environ["WARM_FOLDER"])  # for what is remembered from one process to the next

for name in ("composed", "templates"):
    (FOLDER / name).mkdir(exist_ok=True)
for path in sorted(code_digest.PACKAGE.rglob("*.py")):
    parts = path.relative_to(code_digest.PACKAGE.parent).with_suffix("").parts
    if parts[1] != "stages" and parts[-1] not in ("__main__", "__init__", "main"):
        importlib.import_module(".".join(parts))
code_digest.list_code(code_digest.PACKAGE.rglob("*.py"))
config.compose = remember(config.compose, FOLDER / "composed")
yaml.safe_load = partial(yaml.load, Loader=yaml.CSafeLoader)  # the same by libyaml, 10 times as fast
make: Any = jinja2.Environment.__init__
*others, _, is_async = make.__defaults__
make.__defaults__ = (
    *others,
    jinja2.FileSystemBytecodeCache(str(FOLDER / "templates")),  # of bytecode_cache
    is_async,
)
