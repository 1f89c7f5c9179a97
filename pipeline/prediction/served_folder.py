"""The folder of a version that is registered: for ONNX Runtime with the network, where it decides as torch does."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, final

from pipeline.core import artifacts
from pipeline.core.nouns import CARD
from pipeline.prediction.classifier import PictureClassifier
from pipeline.prediction.runtime_record import NETWORK, RUNTIME, Runtime, refuse_missing_packages

if TYPE_CHECKING:
    import numpy as np

    from pipeline.core.open_types import JsonObject


@final
@dataclass(frozen=True, kw_only=True)
class ServedFolder:
    """A folder with card and weights, and the network for ONNX Runtime where it is used.

    Attributes:
        folder: Of the files.
        record: Of the card; None where nobody wanted another runtime than torch.
    """

    folder: Path
    record: JsonObject | None = None

    @property
    def problem(self) -> str:
        """Why torch is used although ONNX Runtime was wanted; empty where it is used."""
        return str(self.record.get("reason", "")) if self.record else ""


@contextmanager
def open_served(folder: Path, runtime: Runtime, images: np.ndarray, rows: np.ndarray) -> Iterator[ServedFolder]:
    """The folder itself for torch; for ONNX Runtime a copy with the network, if it decides as torch does.

    Every one of the pictures must get the same decision. Where one does not, or the model is no network or cannot be
    exported, torch stays in use and the card says why, so that no retraining ends for it. The speeds are those of this
    machine; they are in the card for a person, and nothing is computed from them.

    Args:
        folder: With card and weights, and the policy in the card.
        runtime: Which is wanted.
        images: (M, size, size, C) uint8, in memory or on the disk.
        rows: (N,) positions of the test part.

    Raises:
        UserError: A package is missing.
    """
    if runtime == "torch":
        yield ServedFolder(folder=folder)
        return
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name) / folder.name
        shutil.copytree(folder, copy)
        record = _add_network(PictureClassifier.load(copy), copy / NETWORK, images, rows)
        artifacts.write_json(copy / CARD, {**artifacts.read_json(copy / CARD), RUNTIME: record})
        yield ServedFolder(folder=copy, record=record)


def _add_network(classifier: PictureClassifier, path: Path, images: np.ndarray, rows: np.ndarray) -> JsonObject:
    """The record of the card; the file is there where ONNX Runtime is used."""
    import torch

    from pipeline.prediction.onnx_comparison import (
        BATCHES,
        compare_with_torch,
        describe_difference,
        load_network,
        measure_speeds,
    )
    from pipeline.prediction.onnx_export import export_onnx, is_network
    from pipeline.prediction.onnx_network import MAX_REASON, file_digest

    if not is_network(classifier):
        return {"name": "torch", "reason": "only networks are exported to ONNX, and this model is none"}
    refuse_missing_packages("onnx")
    try:
        export_onnx(classifier, path)
        network = load_network(classifier, path)
        parity = compare_with_torch(classifier, network, images, rows)
    except OSError:
        raise  # the disk is full, which says nothing about the model
    except Exception as error:  # of torch, onnx and ONNX Runtime, which have no common class
        path.unlink(missing_ok=True)
        said = " ".join(str(error).replace(f"{path.parent}{os.sep}", "").split())[:MAX_REASON]  # no path of a machine
        return {"name": "torch", "reason": f"it cannot be exported to ONNX ({type(error).__name__}: {said})"}
    figures = {
        "num_pictures": parity.num_pictures,
        "num_same": parity.num_same,
        "largest_difference": float(f"{parity.largest_difference:.3g}"),
    }
    if reason := describe_difference(classifier, parity):
        path.unlink()
        return {"name": "torch", "reason": reason, **figures}
    speeds = measure_speeds(classifier, network, images[rows[: max(BATCHES)]])
    return {
        "name": "onnx",
        "digest": file_digest(path),
        **figures,
        "threads": torch.get_num_threads(),
        "speeds": [one.to_json() for one in speeds],
    }
