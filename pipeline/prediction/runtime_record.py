"""Which runtime computes a model, as the card of a registered version records it: torch or ONNX Runtime."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pipeline.core.errors import UserError
from pipeline.core.nouns import CARD
from pipeline.prediction.onnx_network import INSTALL, PACKAGES

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject
    from pipeline.prediction.onnx_network import OnnxNetwork

Runtime = Literal["torch", "onnx"]
EXPORTER = "onnxscript"
RUNTIME, NETWORK = "runtime", "network.onnx"  # key of a card; file next to it


def refuse_missing_packages(runtime: Runtime) -> None:
    """Refuses ONNX Runtime where it is not installed, before a run that would end with it.

    Raises:
        UserError: A package is missing.
    """
    missing = [name for name in (*PACKAGES, EXPORTER) if runtime == "onnx" and find_spec(name) is None]
    if missing:
        raise UserError(f"params.yaml: register.runtime is onnx, and the package {missing[0]!r} is missing; {INSTALL}")


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
