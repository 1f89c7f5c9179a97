"""A page of predictions: the pictures that most need a look of a person come first, and their number is bounded."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from pipeline.core.errors import ItemRejected
from pipeline.core.labels import parse_labels
from pipeline.core.policy import OUT_OF_DISTRIBUTION
from pipeline.prediction.tables import SCORE, read_content

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.core.open_types import JsonObject
    from pipeline.core.sample_codec import SampleCodec
    from pipeline.prediction.classifier import PictureClassifier
    from pipeline.prediction.inputs import Inputs

MAX_SHOWN = 200  # pictures
MAX_REFUSED = 50  # files that are listed with their reasons
MAX_BYTES = 6_000_000  # of all pictures together
GROUPS = (  # title and note, in the order of the page
    ("Left to a person", "The policy of the model does not decide these."),
    ("Out of distribution", "Far from the pictures of train: what the model says of them may mean nothing."),
    ("Decided, the least confident first", "The model is least sure of the first ones."),
)


@final
@dataclass(frozen=True, kw_only=True)
class Group:
    """A part of the page.

    Attributes:
        title: What these pictures have in common.
        note: What that means.
        total: Their number, of which the page may show the first.
        pictures: What the page shows of each.
    """

    title: str
    note: str
    total: int
    pictures: list[dict[str, object]]


@final
class GallerySelection:
    """The rows that the page shows, chosen part by part in bounded memory.

    Args:
        num_shown: Largest number of pictures, at least 1.
    """

    def __init__(self, num_shown: int = MAX_SHOWN):
        self.num_shown = num_shown
        self.num_files = self.num_refused = self.num_abstained = 0
        self.counts: Counter[str] = Counter()
        self.totals = [0] * len(GROUPS)
        self.refused: list[dict[str, str]] = []
        self._heap: list[tuple[tuple[float, float, int], JsonObject]] = []  # the last one to show is on top

    def add(self, table: pd.DataFrame) -> None:
        """Adds rows as `predict_contents` gives them."""
        is_read = table["reason"].isin(["", OUT_OF_DISTRIBUTION])
        bad = table.loc[~is_read, ["file", "reason"]].to_dict("records")
        self.refused += bad[: MAX_REFUSED - len(self.refused)]
        self.num_refused += len(bad)
        for position, row in zip(np.flatnonzero(is_read), table[is_read].to_dict("records"), strict=True):
            self._add(self.num_files + int(position), row)
        self.num_files += len(table)

    def _add(self, number: int, row: JsonObject) -> None:
        group, certainty = _group(row), _certainty(row)
        self.totals[group] += 1
        self.num_abstained += group == 0
        self.counts.update(parse_labels(_decision(row)) or ["(no label)"])
        entry = ((-group, -certainty, -number), row)
        if len(self._heap) < self.num_shown:
            heapq.heappush(self._heap, entry)
        elif entry[0] > self._heap[0][0]:
            heapq.heapreplace(self._heap, entry)

    def choice(self) -> dict[int, JsonObject]:
        """Position among all files to its row, in the order of the page."""
        ordered = sorted(self._heap, key=lambda pair: pair[0], reverse=True)
        return {-key[2]: row for key, row in ordered}


def gallery_page(
    title: str, table_name: str, selection: GallerySelection, images: Mapping[int, np.ndarray], media: str = "image"
) -> str:
    """The page; all names are escaped, and it loads nothing from anywhere.

    Args:
        title: Of the model.
        table_name: Of the file that has all rows.
        selection: After the last part.
        images: Position among all files to (H, W, C) uint8.
        media: What the model takes.
    """
    from pipeline.report.pictures import gallery
    from pipeline.report.rendering import page

    chosen = {number: row for number, row in selection.choice().items() if number in images}
    pictures = gallery({str(number): images[number] for number in chosen}, max_bytes=MAX_BYTES)
    groups = []
    for position, (heading, note) in enumerate(GROUPS):
        shown = [
            {
                "picture": pictures[str(number)],
                "file": row["file"],
                "decided": " and ".join(parse_labels(_decision(row))) or "(no label)",
                "confidence": f"{row['confidence']:.2f}" if "confidence" in row else "",
                "facts": _facts(row),
            }
            for number, row in chosen.items()
            if _group(row) == position
        ]
        if shown:
            groups.append(Group(title=heading, note=note, total=selection.totals[position], pictures=shown))
    content = {
        "name": title,
        "table": table_name,
        "num_files": selection.num_files,
        "num_read": selection.num_files - selection.num_refused,
        "num_refused": selection.num_refused,
        "num_abstained": selection.num_abstained,
        "num_shown": len(chosen),
        "counts": sorted(selection.counts.items()),
        "groups": groups,
        "refused": selection.refused,
    }
    return page("predictions.html.jinja", content, media=media)


def load_pictures(classifier: PictureClassifier, inputs: Inputs, numbers: set[int]) -> Iterator[tuple[int, np.ndarray]]:
    """Position and picture, of what the model takes of some files; those that cannot be read any more are left out."""
    for number, (_, content) in zip(sorted(numbers), inputs.read(numbers), strict=True):
        picture = read_content(classifier.read, content)
        if not isinstance(picture, ItemRejected):
            yield number, show_stored(classifier.codec, picture)


def show_stored(codec: SampleCodec, stored: np.ndarray) -> np.ndarray:
    """(H, W, C) uint8 of (*spatial, C) as a model takes it: a picture as it is, frames or slices of another sample."""
    if codec.media == "image":
        return stored
    shown = codec.show(stored[..., 0] if stored.shape[-1] == 1 else stored)
    return shown[..., None] if shown.ndim == 2 else shown


def _decision(row: JsonObject) -> str:
    return str(row["class"] if "class" in row else row["labels"])


def _group(row: JsonObject) -> int:
    """Position in `GROUPS`."""
    if row.get("abstains"):
        return 0
    return 1 if row.get("out_of_distribution", 0.0) > 1 else 2


def _certainty(row: JsonObject) -> float:
    """The confidence; of several labels how far the least certain score is from one half."""
    if "confidence" in row:
        return float(row["confidence"])
    return min(abs(value - 0.5) for name, value in row.items() if name.startswith(SCORE))


def _facts(row: JsonObject) -> list[str]:
    facts = []
    if labels := parse_labels(row.get("set", "")):
        facts.append(f"possible: {', '.join(labels)}")
    if (far := row.get("out_of_distribution", 0.0)) > 1:
        facts.append(f"distance {far:.2f} of the limit")
    return facts
