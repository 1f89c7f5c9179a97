"""The columns that MLflow's server takes and gives, and the packages that it needs, of a predictor."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core import artifacts
from pipeline.core.nouns import CARD
from pipeline.media.choice import media_of_card

if TYPE_CHECKING:
    from mlflow.models import ModelSignature

OPTIONAL = (("abstains", "boolean"), ("set", "string"), ("out_of_distribution", "double"), ("reason", "string"))
READERS = {"clip": ("av",), "volume": ("nibabel", "pydicom", "mrcfile")}  # packages of the extras clips and volumes


def served_column(predictor: Path) -> str:
    """The column of encoded samples: image, clip or volume.

    Args:
        predictor: The folder with card and weights.
    """
    return media_of_card(artifacts.read_json(predictor / CARD)["packing"])


def make_signature(column: str) -> ModelSignature:
    """The schema of the tables; some of the columns of an answer depend on the policy."""
    from mlflow.models import ModelSignature
    from mlflow.types.schema import ColSpec, DataType, Map, Schema

    optional = [ColSpec(kind, name, required=False) for name, kind in OPTIONAL]
    return ModelSignature(
        inputs=Schema([ColSpec(DataType.binary, column)]),
        outputs=Schema([ColSpec(DataType.string, "class"), ColSpec(Map(DataType.double), "scores"), *optional]),
    )


def pin_requirements(packages: tuple[str, ...], column: str) -> list[str]:
    """The packages with their versions, and those that read samples of this column, where they are installed."""
    readers = filter(_is_there, READERS.get(column, ()))
    return [f"{one}=={installed(one).partition('+')[0]}" for one in (*packages, *readers)]


def _is_there(package: str) -> bool:
    try:
        return bool(installed(package))
    except PackageNotFoundError:
        return False
