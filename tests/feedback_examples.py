"""Rows of a server's database as answers and feedback make them, and the folder that they are exported to."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.core import artifacts
from pipeline.images.feedback_pictures import LABEL_COLUMNS, LABELS, LEFT_OUT, LEFT_OUT_COLUMNS, PICTURES
from pipeline.serving.answer_store import ANSWERS, FEEDBACK, AnswerStore
from pipeline.serving.answer_store import PICTURES as STORED
from pipeline.serving.answer_tables import as_text

START = datetime(2026, 11, 1, 12, tzinfo=UTC)


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def answer(number: int, digest: str, version: str = "1", model: str = "m") -> dict[str, Any]:
    return {
        "id": f"a{number}",
        "time": as_text(START + timedelta(hours=number)),
        "call": "predict",
        "model": model,
        "version": version,
        "digest": digest,
        "content_hash": f"c{digest}"[:32],
        "labels": ["cat"],
        "scores": {"cat": 0.75, "dog": 0.25},
        "abstains": number == 1,
        "label_set": None,
        "out_of_distribution": None,
        "reason": "",
        "properties": {"brightness": number / 10},
    }


def feedback(
    number: int, answer_id: str, action: str, labels: Sequence[str] | None, who: str = "Ada"
) -> dict[str, Any]:
    time = as_text(START + timedelta(days=1, hours=number))
    found = None if labels is None else list(labels)
    return {"id": f"f{number}", "time": time, "answer_id": answer_id, "action": action, "labels": found,
            "who": who, "note": ""}  # fmt: skip


def store_rows(address: str, rows: Sequence[tuple[Any, dict[str, Any]]]) -> str:
    store = AnswerStore(address)
    store.append(list(rows)).result(10)
    store.close()
    return address


def store_pictures(
    address: str, pictures: Sequence[bytes], said: Sequence[tuple[int, str, list[str] | None, str]], model: str = "m"
) -> str:
    """Answers a0, a1, ... to these pictures, all stored, and what people said: answer, action, labels, who."""
    rows: list[tuple[Any, dict[str, Any]]] = []
    for number, data in enumerate(pictures):
        rows.append((ANSWERS, answer(number, digest_of(data), model=model)))
        rows.append((STORED, {"answer_id": f"a{number}", "data": data}))
    for number, (of, action, labels, who) in enumerate(said):
        rows.append((FEEDBACK, feedback(number, f"a{of}", action, labels, who)))
    return store_rows(address, rows)


def write_feedback(name: str, labelled: Sequence[tuple[bytes, str]], left_out: Sequence[tuple[str, ...]] = ()) -> Path:
    """`data/feedback/NAME/` with these PNG files and labels; gives the folder."""
    folder = artifacts.feedback_folder(name)
    (folder / PICTURES).mkdir(parents=True, exist_ok=True)
    rows = []
    for data, label in labelled:
        image = f"{PICTURES}/{digest_of(data)}.png"
        (folder / image).write_bytes(data)
        rows.append((image, label, "feedback", "cat", "m", "3", "a0", "Ada", as_text(START)))
    pd.DataFrame(rows, columns=list(LABEL_COLUMNS)).to_csv(folder / LABELS, index=False)
    pd.DataFrame(left_out, columns=list(LEFT_OUT_COLUMNS)).to_csv(folder / LEFT_OUT, index=False)
    return folder


def feedback_id(data: bytes) -> str:
    return f"feedback:{digest_of(data)}.png"
