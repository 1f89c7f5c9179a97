"""Imported by the server of `forked_python`, of a checkout whose code does not change: what many processes do anew."""

from __future__ import annotations

import importlib
import os
from pathlib import Path

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
yaml.safe_load = lambda text: yaml.load(text, yaml.CSafeLoader)  # the same by libyaml, 10 times as fast
*others, is_async = jinja2.Environment.__init__.__defaults__
jinja2.Environment.__init__.__defaults__ = (
    *others[:-1],
    jinja2.FileSystemBytecodeCache(str(FOLDER / "templates")),  # of bytecode_cache
    is_async,
)
