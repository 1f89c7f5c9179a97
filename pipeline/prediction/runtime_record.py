"""Which runtime computes a model, as the card of a registered version records it: torch or ONNX Runtime."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, final

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.nouns import CARD

if TYPE_CHECKING:
    import numpy as np

    from pipeline.core.open_types import JsonObject
    from pipeline.prediction.classifier import PictureClassifier
    from pipeline.prediction.onnx_network import OnnxNetwork

Runtime = Literal["torch", "onnx"]
RUNTIME, NETWORK = "runtime", "network.onnx"  # key of a card; file next to it


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


def load_recorded(folder: Path, card: JsonObject) -> OnnxNetwork | None:
    """The network that the card of a folder records; None where torch is used, as it is with a GPU.

    Raises:
        UserError: The card's record cannot be read, or the file or a package is missing or does not fit.
    """
    import torch

    from pipeline.prediction.onnx_network import OnnxNetwork

    record = card.get(RUNTIME)
    if record is None:
        return None
    if not isinstance(record, dict) or record.get("name") not in ("torch", "onnx"):
        raise UserError(f"{folder / CARD}: {RUNTIME} names neither torch nor onnx; register the model again")
    if record["name"] == "torch" or torch.cuda.is_available():
        return None
    return OnnxNetwork.load(folder / NETWORK, torch.get_num_threads(), str(record.get("digest")))


@contextmanager
def open_served(folder: Path, runtime: Runtime, images: np.ndarray, rows: np.ndarray) -> Iterator[ServedFolder]:
    """The folder itself for torch; for ONNX Runtime a copy with the network, if it decides as torch does.

    Every one of the pictures must get the same decision. Where one does not, or the model is no network, torch stays
    in use and the card says why, so that no retraining ends for it. The speeds are those of this machine; they are in
    the card for a person, and nothing is computed from them.

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
    from pipeline.prediction.classifier import PictureClassifier

    with tempfile.TemporaryDirectory() as name:
        copy = Path(name) / folder.name
        shutil.copytree(folder, copy)
        record = _add_network(PictureClassifier.load(copy), copy / NETWORK, images, rows)
        artifacts.write_json(copy / CARD, {**artifacts.read_json(copy / CARD), RUNTIME: record})
        yield ServedFolder(folder=copy, record=record)


def _add_network(classifier: PictureClassifier, path: Path, images: np.ndarray, rows: np.ndarray) -> JsonObject:
    """The record of the card; the file is there where ONNX Runtime is used."""
    import torch

    from pipeline.prediction.onnx_comparison import BATCHES, compare_with_torch, load_network, measure_speeds
    from pipeline.prediction.onnx_export import export_onnx, is_network
    from pipeline.prediction.onnx_network import file_digest

    if not is_network(classifier):
        return {"name": "torch", "reason": "only networks are exported to ONNX, and this model is none"}
    export_onnx(classifier, path)
    network = load_network(classifier, path)
    parity = compare_with_torch(classifier, network, images, rows)
    figures = {
        "num_pictures": parity.num_pictures,
        "num_same": parity.num_same,
        "largest_difference": float(f"{parity.largest_difference:.3g}"),
    }
    if parity.num_same < parity.num_pictures:
        path.unlink()
        others = parity.num_pictures - parity.num_same
        reason = f"ONNX Runtime decides otherwise for {others:,} of {parity.num_pictures:,} test pictures"
        return {"name": "torch", "reason": reason, **figures}
    speeds = measure_speeds(classifier, network, images[rows[: max(BATCHES)]])
    return {
        "name": "onnx",
        "digest": file_digest(path),
        **figures,
        "threads": torch.get_num_threads(),
        "speeds": [one.to_json() for one in speeds],
    }
