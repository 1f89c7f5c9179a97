"""Colibri: labelled pictures in, a trustworthy image classifier out.

What notebooks import is described in `pipeline.api`, and loaded when it is used: `from pipeline import load_champion`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.api import Model as Model
    from pipeline.api import export_feedback as export_feedback
    from pipeline.api import load_champion as load_champion
    from pipeline.api import load_model as load_model
    from pipeline.api import read_answers as read_answers
    from pipeline.api import read_feedback as read_feedback
    from pipeline.api import read_findings as read_findings
    from pipeline.api import read_metrics as read_metrics
    from pipeline.api import read_picture as read_picture
    from pipeline.api import read_predictions as read_predictions

__all__ = [
    *("Model", "load_champion", "load_model", "read_findings", "read_metrics", "read_picture", "read_predictions"),
    *("read_answers", "read_feedback", "export_feedback"),
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module(f"{__name__}.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
