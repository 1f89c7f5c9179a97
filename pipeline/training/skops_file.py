"""Fitted estimators in a skops file: the same bytes for the same estimator, and reading a file runs no code of it."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import skops.io

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.nouns import ESTIMATORS

TRUSTED = ["sklearn.tree._tree.Tree"]  # besides what skops trusts by itself: scikit-learn, NumPy and SciPy
PARTS = (  # the classes of scikit-learn that are read; skops alone would build any of them
    *ESTIMATORS,
    "sklearn.multioutput.MultiOutputClassifier",
    "sklearn.preprocessing.Normalizer",
    "sklearn.preprocessing.StandardScaler",
    "sklearn.tree.ExtraTreeClassifier",  # of ExtraTreesClassifier
    "sklearn.tree.Tree",
)
MAX_SCHEMA = 2**28  # bytes; that of a forest with 1,000 trees has 3 MB
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date that a zip file can hold
MAX_REASON = 200  # characters


def write(path: Path, state: Any) -> str:
    """Writes a compressed file; returns its digest, which `read` expects.

    What skops writes differs from run to run: it names parts by their address in memory, and zip stores the time. Here
    parts are numbered in their order, and the padding bytes between the fields of a record are zero.

    Raises:
        UserError: The state holds a type that `read` would refuse.
    """
    data = skops.io.dumps(state)
    foreign = _foreign(data)
    if foreign:
        raise UserError(f"{path.name}: {', '.join(foreign[:3])} cannot be saved without pickle; take another estimator")
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
        schema = source.read("schema.json").decode()
        numbers: dict[str, str] = {}
        names = re.findall(r'"file": "([^"]+)"', schema)
        parts = {name: f"{position}{Path(name).suffix}" for position, name in enumerate(dict.fromkeys(names))}
        schema = re.sub(r'"file": "([^"]+)"', lambda match: f'"file": "{parts[match[1]]}"', schema)
        schema = re.sub(
            r'"__id__": (\d+)', lambda match: f'"__id__": {numbers.setdefault(match[1], str(len(numbers) + 1))}', schema
        )
        plain = json.dumps(json.loads(schema), separators=(",", ":")).encode()
        for name, content in [("schema.json", plain), *((new, source.read(old)) for old, new in parts.items())]:
            target.writestr(_entry(name), _without_gaps(content) if name.endswith(".npy") else content)
    path.write_bytes(buffer.getvalue())
    return artifacts.content_digest(buffer.getvalue())


def read(path: Path, digest: str) -> Any:
    """The state that `write` wrote, if the file has this digest.

    Raises:
        UserError: The file is missing, damaged or another one, or holds types or trees that are not safe to use.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read ({type(error).__name__}); run dvc repro train") from None
    if artifacts.content_digest(data) != digest:
        raise UserError(f"{path} is damaged, or not the file that its card describes; run dvc repro train")
    try:
        foreign = _foreign(data)
        if foreign:
            raise TypeError(f"it holds {', '.join(foreign[:3])}")
        state = skops.io.loads(data, trusted=TRUSTED)
    except Exception as error:  # a crafted file can raise anything
        reason = " ".join(str(error).split())[:MAX_REASON]
        raise UserError(f"{path} is refused ({type(error).__name__}: {reason}); run dvc repro train") from None
    for estimator, tree in _trees(state):
        if not _is_closed(estimator, tree):
            raise UserError(f"{path} holds a tree whose branches lead out of it; run dvc repro train")
    return state


def _foreign(data: bytes) -> list[str]:
    """Types in a file that `read` does not trust."""
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        if file.getinfo("schema.json").file_size > MAX_SCHEMA:
            raise ValueError(f"its schema is larger than {MAX_SCHEMA} bytes")
        waiting = [json.loads(file.read("schema.json"))]
    classes: set[str] = set()
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            classes.add(f"{node.get('__module__', '')}.{node.get('__class__', '')}")
        waiting += node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    others = {name for name in classes if name.startswith("sklearn.") and re.sub(r"\._\w+", "", name) not in PARTS}
    return sorted(others | {name for name in skops.io.get_untrusted_types(data=data) if name not in TRUSTED})


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _without_gaps(content: bytes) -> bytes:
    array = np.load(io.BytesIO(content), allow_pickle=False)
    if array.dtype.names is None:
        return content
    clean = np.zeros(array.shape, array.dtype)
    for field in array.dtype.names:
        clean[field] = array[field]
    buffer = io.BytesIO()
    np.save(buffer, clean)
    return buffer.getvalue()


def _trees(state: Any) -> Iterator[tuple[Any, Any]]:
    """Each tree, with its estimator."""
    if hasattr(state, "tree_"):
        yield state, state.tree_
    inner = list(state.values()) if isinstance(state, dict) else getattr(state, "estimators_", ())
    for part in np.ravel(np.asarray(inner, dtype=object)) if len(inner) else ():
        yield from _trees(part)


def _is_closed(estimator: Any, tree: Any) -> bool:
    """Whether every branch leads to a later node and reads an existing feature; scikit-learn does not check that."""
    nodes = np.arange(tree.node_count)
    inside = tree.children_left != -1
    later = [
        (one[inside] > nodes[inside]) & (one[inside] < tree.node_count)
        for one in (tree.children_left, tree.children_right)
    ]
    features = tree.feature[inside]
    known = (features >= 0) & (features < estimator.n_features_in_)
    return bool(np.all([*later, known]) and (tree.children_right[~inside] == -1).all())
