"""Reads and writes artifacts, each under a temporary name first, so that no artifact is ever incomplete."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.core.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.core.open_types import JsonObject

CODE = Path("data/code")
PASSED = Path("data/passed")
MANIFEST = Path("data/manifest.parquet")
QUARANTINE = Path("data/quarantine.parquet")
ASSIGNMENTS = Path("data/assignments")
SPLITS = Path("data/splits.parquet")
DUPLICATES = Path("data/duplicates.parquet")
EMBEDDINGS = Path("data/embeddings")
DECISIONS = Path("data/label_decisions")  # a file for each data set
CLASSES = Path("data/classes")  # a file for each data set
FEEDBACK = Path("data/feedback")  # a folder for each data set: pictures that people corrected
PACKED = Path("data/packed")
ENCODER = Path("data/encoder")  # that training starts from
PREDICTOR = Path("data/predictor")
POLICY = Path("data/policy.json")
REFERENCE = Path("data/feature_reference.safetensors")  # to which the policy measures the distance of a picture
PREDICTIONS = Path("data/predictions.parquet")
LABELLING = Path("reports/labelling.json")  # who labelled what, and how well that is known
VALIDATION = Path("reports/validation.json")
CHECKS = Path("reports/checks.json")
CHECKS_PAGE = Path("reports/checks.html")
CURATION = Path("reports/curation.json")
CURATION_PAGE = Path("reports/curation.html")
SUSPECTS = Path("reports/label_suspects.csv")
SUSPECTS_PAGE = Path("reports/label_suspects.html")
PREVIEW = Path("reports/preview.png")
PRETRAIN_CURVES = Path("reports/pretrain.csv")
TRAIN_CURVES = Path("reports/train.csv")
IMBALANCE = Path("reports/imbalance.csv")
ROBUSTNESS = Path("reports/robustness.csv")
ROBUSTNESS_METRICS = Path("reports/robustness.json")
INTERVENTIONS = Path("reports/interventions.json")
INTERVENTIONS_TABLE = Path("reports/interventions.csv")
INTERVENTION_PICTURES = Path("data/interventions.npy")
EXPLANATIONS = Path("reports/explanations.json")
EXPLANATION_MAPS = Path("data/explanations.npz")
METRICS = Path("reports/metrics.json")  # of val: what to choose by
TEST_METRICS = Path("reports/test_metrics.json")
TEST_READINGS = Path("reports/test_readings.json")  # what was read from test until this evaluation
SLICES = Path("reports/slices.csv")
CONFUSION = Path("reports/confusion.csv")
POLICY_FIGURES = Path("reports/policy_figures.json")  # what the policy gives on test
PLOTS = Path("reports/plots")  # what dvc plots shows
REPORT = Path("reports/report.html")
INDEX = Path("reports/index.html")
REGISTRATION = Path("reports/registration.json")
PROMOTIONS = Path("reports/promotions.jsonl")  # every decision about a champion; kept by git, no artifact of a stage
COMPARISON = Path("reports/comparison.html")
MODEL_CARD = Path("reports/model_card.md")
DATA_SHEET = Path("reports/data_sheet.md")
MONITORING = Path("reports/monitoring.json")  # what colibri monitor found
MONITORING_PAGE = Path("reports/monitoring.html")
CLUSTERS = Path("reports/clusters.json")  # what colibri clusters found
CLUSTERS_PAGE = Path("reports/clusters.html")
CLUSTERS_TABLE = Path("reports/clusters.csv")  # the cluster of each picture
CLUSTER_NAMES = Path("reports/cluster_names.csv")  # in which a person names them


def decisions_file(source: str) -> Path:
    """The decisions of people about the labels of a data set; it need not exist.

    Raises:
        UserError: The name of the data set cannot be that of a file.
    """
    return DECISIONS / f"{_check_name(source)}.csv"


def classes_file(source: str) -> Path:
    """The classes of a data set as people list them; it need not exist.

    Raises:
        UserError: As `decisions_file`.
    """
    return CLASSES / f"{_check_name(source)}.csv"


def feedback_folder(source: str) -> Path:
    """The corrected pictures of a data set, as `colibri retrain` writes them; it need not exist.

    Raises:
        UserError: As `decisions_file`.
    """
    return FEEDBACK / _check_name(source)


def _check_name(source: str) -> str:
    if not source or Path(source).name != source:
        raise UserError(f"source.name {source!r} cannot name a file; use letters, digits, - and _")
    return source


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yields a temporary name in the folder of `path`; it is moved onto `path` if the block succeeds, else removed.

    Works for a file and for a folder (which the block must create).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    remove(temporary)
    try:
        yield temporary
        if temporary.is_dir():
            remove(path)
        temporary.replace(path)
    finally:
        remove(temporary)


def remove(path: Path) -> None:
    """Removes a file, a link or a folder with all it holds, if it exists."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_passed(stage: str) -> None:
    """Writes the file that later stages depend on; it holds no reasons, so a reworded message reruns no stage."""
    write_json(PASSED / f"{stage}.json", {"passed": True})


def write_json(path: Path, value: Any) -> None:
    """Writes JSON with the keys in the order in which the caller gives them."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False, default=_plain) + "\n")


def _plain(value: Any) -> Any:
    """NumPy's scalars and arrays as Python's."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise _missing(path) from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not valid JSON ({error}); remove it and run dvc repro") from None


def write_csv(path: Path, table: pd.DataFrame) -> None:
    with atomic_write(path) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")


def write_table(path: Path, table: pd.DataFrame, metadata: JsonObject | None = None) -> None:
    """Writes Parquet; `metadata` is stored in the file and read by `read_metadata`."""
    with atomic_write(path) as temporary:
        _write_parquet(temporary, table, metadata)


def table_digest(table: pd.DataFrame) -> str:
    """`content_digest` of the bytes that `write_table` would write."""
    file = io.BytesIO()
    _write_parquet(file, table)
    return content_digest(file.getvalue())


def _write_parquet(file: Path | io.BytesIO, table: pd.DataFrame, metadata: JsonObject | None = None) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrow = pa.Table.from_pandas(table, preserve_index=False)
    if metadata is not None:
        arrow = arrow.replace_schema_metadata({**(arrow.schema.metadata or {}), b"colibri": canonical_json(metadata)})
    pq.write_table(arrow, file, compression="zstd")


def read_table(path: Path, columns: list[str] | None = None) -> pd.DataFrame:
    import pandas as pd
    import pyarrow as pa

    try:
        return pd.read_parquet(path, columns=columns)
    except FileNotFoundError:
        raise _missing(path) from None
    except (pa.ArrowInvalid, OSError) as error:
        raise _unreadable(path, error) from None


def read_metadata(path: Path) -> JsonObject:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        found = (pq.read_schema(path).metadata or {}).get(b"colibri", b"{}")
    except FileNotFoundError:
        raise _missing(path) from None
    except (pa.ArrowInvalid, OSError) as error:
        raise _unreadable(path, error) from None
    metadata: JsonObject = json.loads(found)
    return metadata


def canonical_json(value: Any) -> bytes:
    """The same bytes for the same value, whatever the order of keys."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str).encode()


def content_digest(*parts: bytes) -> str:
    """32 hexadecimal digits of SHA-256 over the parts, each with its length."""
    state = hashlib.sha256()
    for part in parts:
        state.update(len(part).to_bytes(8, "little"))
        state.update(part)
    return state.hexdigest()[:32]


def _missing(path: Path) -> UserError:
    return UserError(f"{path} does not exist; run dvc repro, which makes it")


def _unreadable(path: Path, error: Exception) -> UserError:
    return UserError(f"{path}: not a readable Parquet file ({error}); remove it and run dvc repro")
