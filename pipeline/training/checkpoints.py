"""Checkpoints on disk: a training can be killed at any moment and resumes from the last of these files."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, final

from pipeline.core import artifacts
from pipeline.core.contracts import CheckpointStore

if TYPE_CHECKING:
    from torch import Tensor

    from pipeline.core.open_types import JsonObject

FOLDER = Path(".checkpoints")
MAX_FILES = 2  # of one training: the last one, and the one before in case the last cannot be read
MAX_TRAININGS = 4  # that were killed and can be resumed, including this one
SUFFIX = ".safetensors"


@final
@dataclass(frozen=True)
class Checkpoints(CheckpointStore):
    """The checkpoints of one training, at most two; each file is complete or absent.

    A file holds tensors and, in its header, facts as JSON, with a digest over both: a truncated file, or one with a
    changed bit, is skipped.

    Args:
        folder: Of this training only; its name is a digest of its options, code and data.
        tell: Takes the line about a file that is skipped.
    """

    folder: Path
    tell: Callable[[str], None]

    def latest(self) -> tuple[dict[str, Tensor], JsonObject] | None:
        """Tensors and facts of the newest file that can be read, or None."""
        for path in reversed(self._files()):
            try:
                return _read(path)
            except Exception as error:  # a damaged file can raise anything
                reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
                self.tell(
                    f"{path} cannot be read ({reason}) and is skipped; an earlier checkpoint, or the start, is used"
                )
        return None

    def save(self, step: int, tensors: dict[str, Tensor], facts: JsonObject) -> None:
        """Writes one file, which gets its name when all of it is on the disk, and removes those before the last two.

        Args:
            step: Optimiser steps done; a higher number is a later state.
            tensors: On the processor.
            facts: Values that JSON holds without loss.
        """
        from safetensors.torch import save_file

        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{step:012d}{SUFFIX}"
        tensors = {name: one.contiguous() for name, one in tensors.items()}
        text = json.dumps(facts)
        with artifacts.atomic_write(path) as temporary:
            save_file(tensors, temporary, metadata={"facts": text, "digest": _digest(tensors, text)})
            _to_disk(temporary)
        _to_disk(self.folder)
        for old in self._files()[:-MAX_FILES]:
            old.unlink(missing_ok=True)

    def clear(self) -> None:
        """Removes all checkpoints, and incomplete files of a killed process."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob(f"[0-9]*{SUFFIX}"))


def open_checkpoints(key: str, root: Path, tell: Callable[[str], None]) -> Checkpoints:
    """The checkpoints of the training with this key; removes those of all but the most recent other trainings.

    Args:
        key: A digest of all that the result depends on, so that no other training is resumed.
        root: The main checkout, so that a run in a copy of it (`dvc exp run --temp`) finds them too.
        tell: As for `Checkpoints`.
    """
    folder = root / FOLDER / key
    others = [one for one in folder.parent.glob("*") if one.is_dir() and one != folder]
    for old in sorted(others, key=_last_written)[: -(MAX_TRAININGS - 1)]:
        shutil.rmtree(old, ignore_errors=True)
    for incomplete in folder.rglob(".*.tmp"):
        incomplete.unlink(missing_ok=True)
    return Checkpoints(folder, tell)


def _last_written(folder: Path) -> float:
    with suppress(OSError):
        return folder.stat().st_mtime
    return 0.0


def _read(path: Path) -> tuple[dict[str, Tensor], JsonObject]:
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        metadata = file.metadata() or {}
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    if metadata.get("digest") != _digest(tensors, metadata.get("facts", "")):
        raise ValueError("its content is not what was written")
    return tensors, json.loads(metadata["facts"])


def _digest(tensors: dict[str, Tensor], text: str) -> str:
    import torch
    import xxhash

    state = xxhash.xxh3_128(text.encode())
    for name in sorted(tensors):
        state.update(name.encode())
        ordered = tensors[name].clone(
            memory_format=torch.contiguous_format
        )  # a tensor of one number may have a stride of 0
        state.update(ordered.reshape(-1).view(torch.uint8).numpy().data)
    return state.hexdigest()


def _to_disk(path: Path) -> None:
    """Sends a file or folder to the disk; otherwise a rename may reach the disk before the content does."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
