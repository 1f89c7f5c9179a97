"""Which stages a run would run: their files, parameters or code have changed, or a stage before them would run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from pipeline.core import artifacts, config
from pipeline.core.code_digest import list_code, stage_modules
from pipeline.core.errors import UserError
from pipeline.experiments.dvc_queue import Refusal, call_dvc

if TYPE_CHECKING:
    from pipeline.core.open_types import Params

COMPOSED = "compose"  # the stage that writes parameters and code digests, of which the others depend on their part
DVC_YAML, LOCK = Path("dvc.yaml"), Path("dvc.lock")


def find_stale(params: Params) -> list[str]:
    """The stages that would run with these parameters, in the order of dvc.yaml; DVC's cache may hold their results.

    Raises:
        UserError: There is no project here, DVC cannot compare its files, or dvc.lock cannot be read.
    """
    stages = yaml.safe_load(DVC_YAML.read_text(encoding="utf-8"))["stages"]
    locked = read_lock()
    try:
        changed: Params = json.loads(call_dvc("status", "--json") or "{}")
    except Refusal as error:
        raise UserError(f"DVC cannot say what has changed: {error}") from None
    stale, remade = [], set[str]()
    for name, stage in stages.items():
        outs = list_outputs({name: stage})
        record = locked.get("stages", {}).get(name)
        if (
            record is None
            or any(path != str(config.PARAMS) and not _is_code(path) for path in _changed_paths(changed.get(name)))
            or (name != COMPOSED and _differs(name, stage, record, params))
            or remade.intersection(map(_path, stage.get("deps", [])))
        ):
            stale.append(name)
            remade |= outs if name != COMPOSED else set()
    return stale


def list_outputs(stages: Params) -> set[str]:
    """The paths that the stages of dvc.yaml write."""
    return {_path(one) for stage in stages.values() for one in [*stage.get("outs", []), *stage.get("metrics", [])]}


def read_lock() -> Params:
    """What dvc.lock records; empty where there is none.

    Raises:
        UserError: It is damaged, as by a merge that git could not finish.
    """
    if not LOCK.exists():
        return {}
    try:
        found = yaml.safe_load(LOCK.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, ValueError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        where = "" if line is None else f", line {line + 1}"
        raise UserError(
            f"{LOCK}{where}: not valid YAML; resolve the merge conflict, or take the file of a commit: git checkout "
            f"COMMIT {LOCK}"
        ) from None
    if not isinstance(found, dict) or not isinstance(found.get("stages") or {}, dict):
        raise UserError(f"{LOCK}: no record of stages; take the file of a commit: git checkout COMMIT {LOCK}")
    return found


def _changed_paths(entries: Any) -> Iterator[str]:
    for entry in entries or []:
        for files in entry.values() if isinstance(entry, dict) else ():
            yield from files


def _differs(name: str, stage: Params, record: Params, params: Params) -> bool:
    """Whether parameters or code differ from those of the recorded run."""
    keys = [key for key in stage.get("params", []) if isinstance(key, str)]
    recorded = record.get("params", {}).get(str(config.PARAMS), {})
    if any(_look_up(params, key) != recorded.get(key) for key in keys):
        return True
    code = f"{artifacts.CODE}/{name}.txt"
    before = next((dep.get("md5") for dep in record.get("deps", []) if dep.get("path") == code), None)
    text = list_code(stage_modules(name, keys, params))
    return before != hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _look_up(params: Params, key: str) -> Any:
    node: Any = params
    for part in key.split("."):
        node = node.get(part) if isinstance(node, dict) else None
    return node


def _is_code(path: str) -> bool:
    return path.startswith(f"{artifacts.CODE}")


def _path(entry: Any) -> str:
    return str(next(iter(entry)) if isinstance(entry, dict) else entry)
