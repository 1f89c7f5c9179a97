"""Which program gives the rows of a prediction: its code, and the versions of the libraries that compute them."""

from __future__ import annotations

import inspect
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core import artifacts
from pipeline.core.code_digest import code_digest, component_modules
from pipeline.prediction import classifier, tables

if TYPE_CHECKING:
    from pipeline.prediction.classifier import PictureClassifier

LIBRARIES = (
    "numpy",
    "onnxruntime",
    "pandas",
    "pi-heif",
    "pillow",
    "scikit-learn",
    "scipy",
    "timm",
    "torch",
    "torchvision",
)


def program_digest(model: PictureClassifier) -> str:
    """32 hex digits that change when the same model may give another row for the same picture.

    They cover what `predict_contents` and the model's own classes import of this project, and `LIBRARIES`.
    """
    modules = [Path(inspect.getfile(one)) for one in (tables, classifier, type(model.predictor))]
    code = code_digest([*modules, *component_modules(model.card)])
    return artifacts.content_digest(artifacts.canonical_json([code, [_version(name) for name in LIBRARIES]]))


def _version(package: str) -> str:
    try:
        return installed(package)
    except PackageNotFoundError:
        return ""
