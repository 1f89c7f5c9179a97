"""A network that ONNX Runtime computes, from a file that may come from a stranger: no code of it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, final

import numpy as np

from pipeline.core import artifacts
from pipeline.core.errors import UserError

INPUT, OUTPUT, DISTANCE = "pictures", "scores", "distance"
PACKAGES = ("onnx", "onnxruntime")
INSTALL = "install Colibri's extra: uv pip install 'colibri[onnx]' (in the project: uv pip install -e '.[onnx]')"
STANDARD = ("", "ai.onnx")  # domains of operators
BATCH = 64  # pictures computed at once
MAX_BYTES = 2**31  # of a file; protocol buffers hold no more
MAX_REASON = 200  # characters


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class OnnxNetwork:
    """Stored pictures to scores, and to distances from train where the file gives them.

    Attributes:
        session: Of ONNX Runtime, on the processor.
        outputs: Names of what the file gives.
        data: The bytes of the file.
        threads: Processor cores for one batch.
    """

    session: Any
    outputs: tuple[str, ...]
    data: bytes = field(repr=False)
    threads: int

    def __reduce__(self) -> tuple[Callable[..., OnnxNetwork], tuple[bytes, int]]:
        """So that another process can have it, which the session cannot."""
        return _open, (self.data, self.threads)

    @classmethod
    def load(cls, path: Path, threads: int, digest: str | None = None) -> OnnxNetwork:
        """The network of a file that `export_onnx` wrote.

        The file has operators of the standard alone, and all numbers are in it: one that names other files would make
        ONNX Runtime read them.

        Args:
            path: Of the file.
            threads: Processor cores for one batch, at least 1.
            digest: Of the file, by `file_digest`; None where nobody recorded it.

        Raises:
            UserError: A package is missing, or the file is missing, too large, another one, or not safe.
        """
        missing = [name for name in PACKAGES if find_spec(name) is None]
        if missing:
            raise UserError(f"{path} needs the package {missing[0]!r}, which is not installed; {INSTALL}")
        data = _read(path)
        if digest is not None and artifacts.content_digest(data) != digest:
            raise UserError(f"{path} is another file than its card describes; restore it, or register the model again")
        _refuse_unsafe(data, path)
        return _open(data, threads, str(path))

    def predict(self, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """(N, K) float32 scores in [0, 1] before calibration, and (N,) float32 distances or None.

        Args:
            pictures: (N, size, size, C) uint8, as `PictureClassifier.read` returns them.

        Raises:
            UserError: They have another shape than the file takes.
        """
        nothing = [np.zeros((0, *one.shape[1:]), dtype=np.float32) for one in self.session.get_outputs()]
        parts = [nothing, *map(self._run, _blocks(pictures))]
        scores, *distances = (np.concatenate(one) for one in zip(*parts, strict=True))
        return scores, distances[0] if distances else None

    def _run(self, block: np.ndarray) -> list[np.ndarray]:
        try:
            found: list[np.ndarray] = self.session.run(list(self.outputs), {INPUT: np.ascontiguousarray(block)})
        except Exception as error:  # ONNX Runtime's have no other common class
            raise UserError(f"ONNX Runtime refuses pictures of shape {block.shape[1:]}: {_short(error)}") from None
        return found


def file_digest(path: Path) -> str:
    """32 hex digits over the bytes of a file."""
    return artifacts.content_digest(path.read_bytes())


def _blocks(pictures: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(pictures), BATCH):
        yield pictures[start : start + BATCH]


def _read(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise UserError(f"{path} does not exist, or is no file; restore it, or register the model again")
        if path.stat().st_size > MAX_BYTES:
            raise UserError(f"{path} is larger than {MAX_BYTES:,} bytes, which no ONNX file is; restore it")
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}; restore it") from None


def _open(data: bytes, threads: int, path: str = "a network") -> OnnxNetwork:
    """The network of bytes that are safe.

    Raises:
        UserError: ONNX Runtime refuses them, or they have other inputs and outputs.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3  # errors
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # the cores decode meanwhile
    options.add_session_config_entry("session.load_model_format", "ONNX")  # else it also takes its own, not looked at
    try:
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's have no other common class
        raise UserError(f"{path} is no network that ONNX Runtime reads ({_short(error)}); restore it") from None
    outputs = tuple(one.name for one in session.get_outputs())
    inputs = [one.name for one in session.get_inputs()]
    if inputs != [INPUT] or outputs not in ((OUTPUT,), (OUTPUT, DISTANCE)):
        found = f"{', '.join(inputs)} to {', '.join(outputs)}"[:MAX_REASON]
        raise UserError(f"{path} goes from {found}, expected {INPUT} to {OUTPUT}; write it with colibri export")
    return OnnxNetwork(session=session, outputs=outputs, data=data, threads=threads)


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:MAX_REASON] or type(error).__name__


def _refuse_unsafe(data: bytes, path: Path) -> None:
    """Refuses a file with operators of other domains, or with numbers in other files.

    Raises:
        UserError: It has any, or is no model.
    """
    import onnx

    try:
        model = onnx.load_model_from_string(data)
    except Exception as error:  # of protocol buffers, whose classes have no stubs
        raise UserError(f"{path} is no ONNX file ({_short(error)}); restore it") from None
    domains = {one.domain for one in (*model.opset_import, *_nodes_of(model.graph))}
    if others := sorted(domains - set(STANDARD)):
        raise UserError(f"{path} has operators of {others[0]!r}, and only those of the standard run; export it again")
    if model.functions:
        raise UserError(f"{path} defines operators of its own, and only those of the standard run; export it again")
    for tensor in _tensors_of(model.graph):
        if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
            raise UserError(f"{path} has numbers in other files, which are not read; export it again")


def _nodes_of(graph: Any) -> Iterator[Any]:
    """Nodes, with those of the graphs in their attributes."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _nodes_of(inner)


def _tensors_of(graph: Any) -> Iterator[Any]:
    """All tensors of a graph, with those of the graphs in its attributes."""
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                yield from (sparse.values, sparse.indices)
            for inner in (attribute.g, *attribute.graphs):
                yield from _tensors_of(inner)
