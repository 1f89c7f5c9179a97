"""What a commit records of its run: stages, their outputs by digest, and the bytes as far as DVC's cache has them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from pipeline.core import artifacts
from pipeline.core.composition_errors import refuse_missing
from pipeline.core.errors import UserError

if TYPE_CHECKING:
    from dvc.api import DVCFileSystem

    from pipeline.core.open_types import Params

DVC_YAML, LOCK = Path("dvc.yaml"), "dvc.lock"
CHUNK = 2**20
MAX_NAME = 250  # characters; git's names are file names


@dataclass(frozen=True, kw_only=True)
class Output:
    """A file or a folder that a stage made.

    Attributes:
        path: In the project.
        digest: MD5 as DVC records it; that of a folder ends with `.dir`.
        num_bytes: Of all its files.
        is_kept: Whether a run starts from the former one (`persist` in dvc.yaml).
    """

    path: Path
    digest: str
    num_bytes: int
    is_kept: bool


@dataclass(frozen=True)
class RecordedRun:
    """The run that a commit records; use `find`.

    Attributes:
        commit: 40 hex digits.
        stages: Of dvc.yaml, in its order.
        lock: Those of them that dvc.lock records.
    """

    commit: str
    stages: Params
    lock: Params

    @classmethod
    def find(cls, name: str) -> RecordedRun:
        """That of a commit, a tag, a branch or an experiment.

        Raises:
            UserError: There is no project, no such revision, or nothing was run there.
        """
        refuse_missing(DVC_YAML)
        check_run_name(name)
        from dvc.repo import Repo
        from dvc.scm import RevError, resolve_rev

        with Repo(".") as repo:
            try:
                commit = str(resolve_rev(repo.scm, name))
            except RevError:
                raise UserError(
                    f"there is no revision {name!r}; expected a commit, a tag or an experiment (dvc exp list -A)"
                ) from None
        run = cls(commit, {}, {})
        stages, lock = (run._read_yaml(path) for path in (DVC_YAML.as_posix(), LOCK))
        if not lock.get("stages"):
            raise UserError(
                f"{name} records no run: its {LOCK} is missing or empty; commit it after colibri run, then verify that"
            )
        found = dict(stages.get("stages") or {})
        return cls(commit, found, {name: one for name, one in lock["stages"].items() if name in found})

    def _read_yaml(self, path: str) -> Params:
        try:
            return dict(yaml.safe_load(self.files.read_text(path, encoding="utf-8")) or {})
        except FileNotFoundError:
            return {}
        except (ValueError, TypeError, yaml.YAMLError) as error:
            raise UserError(
                f"{path} of {self.commit[:10]} cannot be read ({' '.join(str(error).split())[:200]})"
            ) from None

    @cached_property
    def files(self) -> DVCFileSystem:
        """The files of the commit, those of git and those in DVC's cache."""
        from dvc.api import DVCFileSystem

        return DVCFileSystem(repo=".", rev=self.commit)

    def outputs(self, stage: str) -> list[Output]:
        """What the stage made, in the order of dvc.lock."""
        entry = self.stages.get(stage) or {}
        written = [*(entry.get("outs") or []), *(entry.get("metrics") or [])]
        persistent = {
            path
            for one in written
            if isinstance(one, dict)
            for path, options in one.items()
            if (options or {}).get("persist")
        }
        return [
            Output(
                path=Path(one["path"]),
                digest=str(one["md5"]),
                num_bytes=int(one.get("size", 0)),
                is_kept=one["path"] in persistent,
            )
            for one in self.lock[stage].get("outs", [])
        ]

    def source_files(self) -> dict[str, str]:
        """What `ingest` read beyond git and other stages: path to digest."""
        made = {str(one.path) for stage in self.lock for one in self.outputs(stage)}
        read = self.lock.get("ingest", {}).get("deps", [])
        return {
            one["path"]: str(one.get("md5", ""))
            for one in read
            if not any(one["path"] == path or one["path"].startswith(f"{path}/") for path in made)
        }

    def fetch(self, path: Path, target: Path) -> bool:
        """Copies an output out of DVC's cache; False where it is not there."""
        from dvc.exceptions import DvcException

        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.files.get(path.as_posix(), str(target), recursive=True)
        except Exception as error:
            if not (isinstance(error, DvcException | OSError) or type(error).__module__.startswith("dvc_data")):
                raise
            artifacts.remove(target)
            return False
        return target.exists()


def check_run_name(name: str) -> None:
    """Refuses what git would take for HEAD (an empty text, as an unset variable leaves it) or for a file or a folder.

    Raises:
        UserError: It cannot name a commit, a tag, a branch or an experiment.
    """
    if not name.strip() or len(name) > MAX_NAME or ":" in name or "^{" in name:
        shown = name if len(name) <= MAX_NAME else f"{name[:20]}..."
        raise UserError(f"{shown!r} names no run; expected a commit, a tag or an experiment (dvc exp list -A)")


def digest_output(path: Path) -> str:
    """MD5 of a file, or of a folder, as DVC records it."""
    if not path.is_dir():
        return digest_file(path)
    entries = [{"md5": digest_file(one), "relpath": one.relative_to(path).as_posix()} for one in list_files(path)]
    ordered = json.dumps(sorted(entries, key=lambda entry: entry["relpath"]), sort_keys=True)
    return f"{hashlib.md5(ordered.encode(), usedforsecurity=False).hexdigest()}.dir"


def digest_file(path: Path) -> str:
    """MD5 of its bytes."""
    state = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            state.update(chunk)
    return state.hexdigest()


def list_files(folder: Path) -> Iterator[Path]:
    """All files of a folder, sorted by name."""
    return iter(sorted(path for path in folder.rglob("*") if path.is_file()))
