"""The page of label suspects: each picture with its label and the suggested one, and lines that decide on it."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.core.labels import parse_labels
from pipeline.core.open_types import JsonObject
from pipeline.datasets.label_decisions import COLUMNS
from pipeline.report.formatting import join_names, share
from pipeline.report.pictures import Picture, gallery
from pipeline.report.rendering import page

NUM_SHOWN = 100
MAX_BYTES = 4_000_000  # of all pictures together
CERTAINTIES = ("confident", "unsure")  # of the model, in the order of the page


@dataclass(frozen=True, kw_only=True)
class Part:
    """The suspects of which the model is as certain.

    Attributes:
        certainty: One of `CERTAINTIES`.
        total: Suspects in the list, of which `suspects` may be the first.
        suspects: What the page shows of each.
    """

    certainty: str
    total: int
    suspects: list[dict[str, object]]


def suspects_page(
    name: str,
    suspects: pd.DataFrame,
    images: Mapping[str, np.ndarray],
    links: Mapping[str, str],
    decisions: Path,
    obstacle: str = "",
    media: str = "image",
) -> str:
    """The page; the same bytes for the same material, and it loads nothing from anywhere.

    Args:
        name: Of the data set.
        suspects: `reports/label_suspects.csv`, worst first.
        images: sample_id to (H, W), (H, W, 1) or (H, W, 3) uint8 of the first `NUM_SHOWN`, as far as available.
        links: sample_id to the address of its file, as far as there is one.
        decisions: The file that decisions are written into.
        obstacle: Why labels cannot be judged; empty where they can.
        media: Of the data set.
    """
    pictures = gallery(images, links, MAX_BYTES)
    total = suspects["model"].value_counts()
    rows: list[JsonObject] = suspects.fillna({"previous": "", "labels": ""}).head(NUM_SHOWN).to_dict("records")
    content = {
        "name": name,
        "obstacle": obstacle,
        "num_suspects": len(suspects),
        "num_shown": len(rows),
        "has_links": any(one.href for one in pictures.values()),
        "by_certainty": [
            Part(
                certainty=certainty,
                total=int(total[certainty]),
                suspects=[_suspect(row, pictures) for row in rows if row["model"] == certainty],
            )
            for certainty in CERTAINTIES
            if certainty in total
        ],
        "labels": sorted({row[column] for row in rows for column in ("previous", "labels")} - {""}),
        "decisions": decisions.as_posix(),
        "columns": ",".join(COLUMNS),
    }
    return page("suspects.html.jinja", content, script="suspects.js" if rows else "", media=media)


def _suspect(row: JsonObject, pictures: Mapping[str, Picture]) -> dict[str, object]:
    return {
        "picture": pictures.get(row["sample_id"], Picture(sample_id=row["sample_id"])),
        "previous": row["previous"],
        "labels": row["labels"],
        "given": join_names(parse_labels(row["previous"])),
        "suggested": join_names(parse_labels(row["labels"])),
        "probability": share(float(row["quality"])),
        "p_suggested": share(float(row["p_suggested"])),
        "split": row["split"],
        "line": _line(row),
    }


def _line(row: JsonObject) -> str:
    """The line of the decisions that accepts the suggestion, without who, when and why.

    If no label is suggested, the line drops the picture.
    """
    text = io.StringIO()
    cells = [row["sample_id"], "relabel" if row["labels"] else "drop", row["previous"], row["labels"], "", "", ""]
    csv.writer(text).writerow(cells)  # with the default end of line, or a name that holds one would not be quoted
    return text.getvalue().removesuffix("\r\n")
