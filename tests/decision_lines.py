"""Decisions and answers of models, in few words."""

from typing import Any

import pandas as pd

from pipeline.datasets.label_decisions import LabelDecision
from pipeline.labelling.automatic.model_answers import ModelAnswer

MODEL = "colibri-pets@3"


def decide(sample_id: str, who: str, label: str | None = None, **changes: Any) -> LabelDecision:
    """A line of a person who labels a sample without one; `drop` where no label is given."""
    fields = {
        "sample_id": sample_id,
        "action": "drop" if label is None else "label",
        "previous": [],
        "labels": [] if label is None else [label],
        "who": who,
        "when": "2026-11-30",
        "why": "seen",
    }
    return LabelDecision(**{**fields, **changes})


def autolabel(sample_id: str, label: str, model: str = MODEL) -> LabelDecision:
    return decide(sample_id, model, label, action="autolabel", batch="autolabel/1")


def say(sample_id: str, label: str, batch: str = "", model: str = MODEL) -> ModelAnswer:
    return ModelAnswer(sample_id=sample_id, model=model, labels=[label], confidence=0.9, batch=batch)


def manifest(names: list[str], **columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"sample_id": names, "labels": [[] for _ in names], "group": None, **columns})
