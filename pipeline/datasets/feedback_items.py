"""Puts pictures that people corrected below the items of a source, as further labelled samples."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pandas as pd

from pipeline.core import artifacts
from pipeline.core.contracts import Source
from pipeline.core.errors import UserError
from pipeline.core.manifest_schema import ORIGIN
from pipeline.images.feedback_pictures import FROM_SOURCE, OTHER_GREYS, REASONS, FeedbackPictures, is_feedback

UNKNOWN = "unknown_class"
LEFT_OUT = (*REASONS, UNKNOWN, OTHER_GREYS)  # reasons of the quarantine that only feedback has; they stop no run

Part = Literal["train", "any", "never"]
Classes = Literal["known", "any"]


def read_feedback(source: Source, part: Part, root: Path = artifacts.FEEDBACK) -> pd.DataFrame | None:
    """The feedback on a data set, as `FeedbackPictures.read`; None where there is none, or it is not to be read."""
    if part == "never":
        return None
    table = FeedbackPictures.of(str(source.name), root).read()
    return table if len(table) else None


def add_feedback(items: pd.DataFrame, feedback: pd.DataFrame | None, classes: Classes) -> pd.DataFrame:
    """The items of a source, and below them those of feedback; unchanged where there is none.

    `attr_origin` says of each where it is from (the source's own column of this name stays), and `attr_of_label_*` of
    feedback which version decided what, and who corrected it.

    Args:
        items: As `Source.read` returns them.
        feedback: As `FeedbackPictures.read` returns it.
        classes: `known` refuses labels that no item of the source has; `any` takes them.

    Raises:
        UserError: The source names a picture as only feedback may.
    """
    if feedback is None:
        return items
    taken = next((path for path in items["path"] if is_feedback(path)), None)
    if taken is not None:
        raise UserError(f"the source names a picture {taken!r}, as only feedback may; rename it")
    own = items if ORIGIN in items else items.assign(**{ORIGIN: FROM_SOURCE})
    known = {label for labels in items["labels"] for label in labels}
    added = feedback if classes == "any" else _refuse_unknown(feedback, known)
    added = added.drop(columns=[name for name in added if added[name].isna().all()])
    found = pd.concat([own, added], ignore_index=True)
    negative = found.get("negative", pd.Series(index=found.index, dtype="boolean")).astype("boolean").fillna(False)
    found = found.drop(columns="negative", errors="ignore")
    return found.assign(negative=negative.astype("bool")) if negative.any() else found


def _refuse_unknown(feedback: pd.DataFrame, known: set[str]) -> pd.DataFrame:
    unknown = [next((one for one in labels if one not in known), None) for labels in feedback["labels"]]
    rows = [row for row, label in enumerate(unknown) if label is not None and pd.isna(feedback["refused"].iloc[row])]
    refused, detail = feedback["refused"].tolist(), feedback["detail"].tolist()
    for row in rows:
        refused[row], detail[row] = UNKNOWN, f"no sample of the source is labelled {unknown[row]!r}"
    return feedback.assign(
        refused=pd.Series(refused, index=feedback.index, dtype=object),
        detail=pd.Series(detail, index=feedback.index, dtype=object),
    )


def describe_feedback(manifest: pd.DataFrame, quarantine: pd.DataFrame) -> str:
    """`12 from feedback (3 left out: 2 discarded, 1 not stored)`; empty where there is none."""
    num_taken = sum(map(is_feedback, manifest["sample_id"])) if ORIGIN in manifest else 0
    reasons = quarantine.loc[quarantine["path"].map(is_feedback).astype(bool), "reason"].value_counts().sort_index()
    if not num_taken and not len(reasons):
        return ""
    parts = ", ".join(f"{count:,} {str(reason).replace('_', ' ')}" for reason, count in reasons.items())
    return f"{num_taken:,} from feedback" + (f" ({reasons.sum():,} left out: {parts})" if parts else "")
