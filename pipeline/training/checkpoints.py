"""Where a training stands, on disk: it can be killed at any moment and goes on from the last of these files."""

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
KEPT = 2  # of one training: the last one, and the one before in case the last cannot be read
KEPT_KEYS = 4  # trainings that were killed and may be taken up again, this one among them
SUFFIX = ".safetensors"


@final
@dataclass(frozen=True)
class Checkpoints(CheckpointStore):
    """The checkpoints of one training, two at most, each one file that is whole or not there.

    A file holds tensors and, in its header, facts as JSON, with a digest over both: a file that was cut, or in which a
    bit has changed, is passed over.

    Args:
        folder: Of this training alone; its name stands for choices, code and data.
        tell: Takes the line about a file that is passed over.
    """

    folder: Path
    tell: Callable[[str], None]

    def latest(self) -> tuple[dict[str, Tensor], JsonObject] | None:
        """Tensors and facts of the newest file that can be read, or None."""
        for path in reversed(self._files()):
            try:
                return _read(path)
            except Exception as error:  # whatever a damaged file makes of the reader
                reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
                self.tell(f"{path} cannot be read ({reason}) and is passed over")
        return None

    def save(self, step: int, tensors: dict[str, Tensor], facts: JsonObject) -> None:
        """Writes one file, in place when all of it is on the disk, and removes those before the last two.

        Args:
            step: Optimiser steps done; a higher number is a later state.
            tensors: On the processor.
            facts: What JSON can say, without loss.
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
        for old in self._files()[:-KEPT]:
            old.unlink(missing_ok=True)

    def clear(self) -> None:
        """Removes all of them, and what a killed process left half written."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob(f"[0-9]*{SUFFIX}"))


def open_checkpoints(key: str, root: Path, tell: Callable[[str], None]) -> Checkpoints:
    """The checkpoints of the training with this key; of other trainings only the most recent few are kept.

    Args:
        key: A digest of all that the result depends on, so that nothing else is ever resumed.
        root: The main checkout, so that a run in a copy of it (`dvc exp run --temp`) is found again too.
        tell: As for `Checkpoints`.
    """
    folder = root / FOLDER / key
    others = [one for one in folder.parent.glob("*") if one.is_dir() and one != folder]
    for old in sorted(others, key=_last_written)[: -(KEPT_KEYS - 1)]:
        shutil.rmtree(old, ignore_errors=True)
    for half in folder.rglob(".*.tmp"):
        half.unlink(missing_ok=True)
    return Checkpoints(folder, tell)


def _last_written(folder: Path) -> float:
    with suppress(OSError):
        return folder.stat().st_mtime
    return 0.0


def _read(path: Path) -> tuple[dict[str, Tensor], JsonObject]:
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        metadata = file.metadata() or {}
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    if metadata.get("digest") != _digest(tensors, metadata.get("facts", "")):
        raise ValueError("its content is not what was written")
    return tensors, json.loads(metadata["facts"])


def _digest(tensors: dict[str, Tensor], text: str) -> str:
    import torch
    import xxhash

    state = xxhash.xxh3_128(text.encode())
    for name in sorted(tensors):
        state.update(name.encode())
        ordered = tensors[name].clone(memory_format=torch.contiguous_format)  # one number may have a stride of 0
        state.update(ordered.reshape(-1).view(torch.uint8).numpy().data)
    return state.hexdigest()


def _to_disk(path: Path) -> None:
    """A rename may reach the disk before the content of the file does, unless the content was sent first."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
