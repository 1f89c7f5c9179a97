"""Writes what every other stage depends on: conf/ as params.yaml, and the code of each stage as digests.

So `dvc repro` uses what conf/ says; an edit of params.yaml that nothing else records is never overwritten.
"""

from __future__ import annotations

import hashlib
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from pipeline.choices.params_check import refuse_misfits
from pipeline.core import artifacts, config, stage_runner
from pipeline.core.choices import refuse_emptied
from pipeline.core.code_digest import list_code, stage_modules
from pipeline.core.composition_errors import refuse_missing
from pipeline.core.errors import UserError

if TYPE_CHECKING:
    from pipeline.core.open_types import Params

LOCK, DVC_YAML = Path("dvc.lock"), Path("dvc.yaml")
COMPOSED = Path(".cache/composed_params")  # no artifact: the hash of what was composed here last, also by colibri init


def main(force: bool = False) -> list[str]:
    """Writes params.yaml and `data/code/`.

    Args:
        force: Overwrites even an edit that nothing else records.
    """
    write_params(force)
    write_code(config.load_params())
    return [f"{config.PARAMS} is composed"]


def write_params(force: bool) -> None:
    refuse_emptied()
    composed = config.compose()
    if os.environ.get("DVC_EXP_NAME") and config.PARAMS.exists():
        refuse_misfits(config.load_params())  # DVC has just composed it, with the overrides of this experiment
        return
    refuse_misfits(yaml.safe_load(composed))
    if config.PARAMS.exists() and not force:
        present = config.PARAMS.read_bytes()
        if present == composed.encode():
            return
        if _hash(present) not in (_recorded_hash(), _composed_hash()):
            raise UserError(*_explain(config.load_params(), yaml.safe_load(composed)))
    artifacts.write_text(config.PARAMS, composed)
    artifacts.write_text(COMPOSED, _hash(composed.encode()))


def write_code(params: Params) -> None:
    """A file for each other stage of dvc.yaml, with a line for each module that it depends on."""
    refuse_missing(DVC_YAML)
    stages = yaml.safe_load(DVC_YAML.read_text(encoding="utf-8"))["stages"]
    with artifacts.atomic_write(artifacts.CODE) as folder:
        folder.mkdir()
        for name, stage in stages.items():
            keys = [key for key in stage.get("params", []) if isinstance(key, str)]
            if "params" in stage:
                text = list_code(stage_modules(name, keys, params))
                (folder / f"{name}.txt").write_text(text, encoding="utf-8")


def _hash(text: bytes) -> str:
    """As DVC has it."""
    return hashlib.md5(text, usedforsecurity=False).hexdigest()


def _composed_hash() -> str | None:
    """The hash of the params.yaml that was composed here last; conf/ may have changed since, before any run."""
    try:
        return COMPOSED.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _recorded_hash() -> str | None:
    """The hash of the params.yaml that this stage, or an experiment that was applied, left behind."""
    try:
        lock = yaml.safe_load(LOCK.read_text(encoding="utf-8"))
        outputs = lock["stages"]["compose"]["outs"]
        return next((out.get("md5") for out in outputs if out.get("path") == str(config.PARAMS)), None)
    except (FileNotFoundError, KeyError, TypeError, AttributeError, UnicodeDecodeError, yaml.YAMLError):
        return None


def _explain(present: Params, composed: Params) -> list[str]:
    edits = differences(present, composed)
    lines = [f"  {key}: {here!r} in params.yaml, {there!r} from conf/" for key, here, there in edits]
    ways_out = (
        "Keep them: write them into conf/, or colibri run KEY=VALUE. "
        "Drop them: python -m pipeline.stages.compose --force. Then colibri run again."
    )
    return [
        f"params.yaml holds {len(edits)} value(s) that neither conf/ nor a recorded experiment explains:",
        *(lines or ["  only its layout or comments differ"]),
        ways_out,
    ]


def differences(present: Any, composed: Any, key: str = "") -> list[tuple[str, Any, Any]]:
    """(dotted key, value here, value there) wherever two nested mappings differ; a missing value is '(absent)'."""
    if isinstance(present, dict) and isinstance(composed, dict):
        names = [*composed, *(name for name in present if name not in composed)]
        return [
            row
            for name in names
            for row in differences(
                present.get(name, "(absent)"), composed.get(name, "(absent)"), f"{key}.{name}" if key else str(name)
            )
        ]
    return [] if present == composed else [(key, present, composed)]


if __name__ == "__main__":
    stage_runner.run("compose", partial(main, force="--force" in sys.argv[1:]))
