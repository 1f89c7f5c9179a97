"""The page of label suspects: each picture with its label and the suggested one."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core.labels import parse_labels
from pipeline.report.formatting import join_names
from pipeline.report.mistakes import TINY
from pipeline.report.pictures import thumbnails
from pipeline.report.rendering import page

NUM_SHOWN = 100


def suspects_page(name: str, suspects: pd.DataFrame, pictures: np.ndarray) -> str:
    """The page; the same bytes for the same material, and it loads nothing from anywhere.

    Args:
        name: Of the data set.
        suspects: `reports/label_suspects.csv`, worst first.
        pictures: (n, H, W, C) uint8 of the first n of them.
    """
    rows: list[dict[str, Any]] = suspects.head(len(pictures)).to_dict("records")
    uris = thumbnails({row["sample_id"]: one for row, one in zip(rows, pictures, strict=True)})
    shown = [
        {
            "uri": uris[row["sample_id"]],
            "tiny": max(pictures.shape[1:3]) < TINY,
            "sample_id": row["sample_id"],
            "given": join_names(parse_labels(row["previous"])),
            "suggested": join_names(parse_labels(row["labels"])),
            "line": _line(row),
        }
        for row in rows
    ]
    content = {"name": name, "num_suspects": len(suspects), "suspects": shown}
    return page("suspects.html.jinja", content)


def _line(row: dict[str, Any]) -> str:
    """The line of `data/label_decisions/NAME.csv` that accepts the suggestion, without who, when and why.

    If no label is suggested, the line drops the picture.
    """
    text = io.StringIO()
    cells = [row["sample_id"], "relabel" if row["labels"] else "drop", row["previous"], row["labels"], "", "", ""]
    csv.writer(text).writerow(cells)  # with the default end of line, or a name that holds one would not be quoted
    return text.getvalue().removesuffix("\r\n")
