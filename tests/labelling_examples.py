"""Pools and projects for tests of labelling: points whose best choice can be worked out by hand."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from small_project import EVALUATE, RECIPE

from pipeline.core import artifacts
from pipeline.core.labelling_contracts import ProbeKind, QueryPool
from pipeline.labelling.queries.probes import predict_labels

PARAMS: dict[str, Any] = {"source": {"name": "blobs"}, "task": RECIPE["task"], "evaluate": EVALUATE}
BLOBS = [  # 14 near the origin, 9 near (6, 0), 6 near (0, 7)
    *([-0.1, 0.3], [1.0, -0.1], [-0.1, 0.5], [-0.4, -0.1], [0.4, 0.3], [0.0, 0.3], [-1.4, 0.5], [-0.5, -0.8]),
    *([0.1, 0.4], [-0.2, -0.5], [0.0, 0.0], [0.7, 0.4], [0.1, 0.6], [-0.1, -0.5], [6.3, 0.3], [5.9, -0.4]),
    *([6.1, -1.2], [6.3, 0.2], [5.2, 0.0], [5.5, 0.4], [5.0, -0.5], [6.4, 0.6], [4.9, -0.2], [0.2, 6.7]),
    *([0.8, 6.4], [0.2, 6.5], [0.7, 7.0], [-0.2, 6.1], [0.8, 7.4]),
]


def make_pool(
    features: Any,
    known: Sequence[int] = (),
    labels: Any = None,
    groups: Any = None,
    is_exclusive: bool = True,
    probabilities: dict[str, Any] | None = None,
    suspicion: Any = None,
    disputed: Sequence[int] = (),
) -> QueryPool:
    """A pool of these features; all but the known ones are open."""
    points = np.array(features, dtype=np.float32)
    is_known, is_disputed = np.zeros(len(points), dtype=bool), np.zeros(len(points), dtype=bool)
    is_known[list(known)], is_disputed[list(disputed)] = True, True
    truth = np.zeros((len(points), 2), np.float32) if labels is None else np.array(labels, dtype=np.float32)
    rows = np.flatnonzero(is_known)

    def predict(kind: ProbeKind) -> np.ndarray:
        if probabilities is not None:
            return np.array(probabilities[kind], dtype=np.float64)
        return predict_labels(points, rows, truth[rows], is_exclusive, kind)

    return QueryPool(
        features=points,
        groups=np.arange(len(points)) if groups is None else np.array(groups),
        is_open=~is_known,
        is_known=is_known,
        labels=np.where(is_known[:, None], truth, 0),
        is_exclusive=is_exclusive,
        suspicion=np.full(len(points), np.nan) if suspicion is None else np.array(suspicion, dtype=np.float64),
        is_disputed=is_disputed,
        predict=predict,
    )


def write_project(folder: Path, splits: Sequence[str], labels: Sequence[str], features: np.ndarray) -> None:
    """Manifest, splits, duplicates and features of a project whose samples are called s000, s001, ...

    Args:
        folder: The current one.
        splits: Of each sample.
        labels: Of each; empty for none.
        features: (N, D).
    """
    names = [f"s{number:03}" for number in range(len(splits))]
    generator = np.random.default_rng(5)
    hashes = [bytes(generator.integers(0, 256, 8, dtype=np.uint8)).hex() for _ in names]
    manifest = pd.DataFrame(
        {"sample_id": names, "labels": [[name] if name else [] for name in labels], "group": names}
    ).assign(perceptual_hash=hashes, content_hash=hashes)
    artifacts.write_table(artifacts.MANIFEST, manifest)
    artifacts.write_table(artifacts.SPLITS, pd.DataFrame({"sample_id": names, "split": list(splits), "group": names}))
    columns = ("left", "right", "similarity", "distinctiveness", "mirrored")
    empty = pd.DataFrame({name: pd.Series([], dtype="float64" if name[-1] in "ys" else "object") for name in columns})
    artifacts.write_table(artifacts.DUPLICATES, empty)
    artifacts.EMBEDDINGS.mkdir(parents=True)
    np.save(artifacts.EMBEDDINGS / "features.npy", features.astype(np.float16))
    artifacts.write_table(artifacts.EMBEDDINGS / "index.parquet", pd.DataFrame({"sample_id": names}))
    artifacts.write_json(artifacts.EMBEDDINGS / "card.json", {"num_samples": len(names)})
    (folder / "params.yaml").write_text(yaml.safe_dump(PARAMS))
    (folder / "conf").symlink_to(Path(__file__).parents[1] / "conf")
