"""Which samples of a view a person wants to see: by class, split, property, score, annotator, state or name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.core.manifest_schema import property_column
from pipeline.datasets.label_review import CONFLICT, WAITS
from pipeline.labelling.web.label_state import DROPPED, SampleState
from pipeline.serving.limits import Refusal

if TYPE_CHECKING:
    from pipeline.labelling.web.bodies import ViewQuery
    from pipeline.labelling.web.session import Session

NO_LABEL = "\0"  # instead of a class: samples without one


def filter_rows(session: Session, query: ViewQuery, rows: np.ndarray) -> np.ndarray:
    """(N,) bool of all samples, true for those of `rows` that pass.

    Labels are those that the person sees, and the blind share passes no filter of scores, so that no filter says what
    the page hides.

    Raises:
        Refusal: There is no such property.
    """
    manifest = session.manifest
    passes = np.zeros(len(manifest), dtype=bool)
    passes[rows] = True
    if query.split:
        passes &= (manifest["split"] == query.split).to_numpy()
    if query.search:
        passes &= manifest["sample_id"].str.contains(query.search, case=False, regex=False).to_numpy()
    if query.property:
        column = property_column(query.property)
        if column not in manifest:
            raise Refusal(422, "no_such_property", f"no property {query.property[:80]!r} is measured")
        passes &= _within(manifest[column].to_numpy(dtype=float), query.low, query.high)
    if query.min_score is not None or query.max_score is not None:
        passes &= _within(_scores(session), query.min_score, query.max_score)
    if query.label or query.status or query.annotator:
        with session.lock:
            for row in np.flatnonzero(passes):
                passes[row] = _is_wanted(session, query, int(row))
    return passes


def _is_wanted(session: Session, query: ViewQuery, row: int) -> bool:
    state = session.state
    seen = state.see(row, query.who)
    if query.label and not (query.label in seen.labels or (query.label == NO_LABEL and not seen.labels)):
        return False
    if query.annotator and state.history.standing(query.annotator, state.ids[row]) is None:
        return False
    return not query.status or _has_status(seen, query.status)


def _has_status(seen: SampleState, status: str) -> bool:
    return {
        "undecided": seen.num_people == 0,
        "mine": seen.mine is not None,
        "others": seen.num_people > (seen.mine is not None),
        "unlabelled": not seen.labels and seen.status != DROPPED,
        "conflict": seen.status == CONFLICT,
        "waits": seen.status == WAITS,
        "dropped": seen.status == DROPPED,
    }[status]


def _scores(session: Session) -> np.ndarray:
    """(N,) the highest score of each sample; NaN without a prediction that may be shown."""
    found = np.full(len(session.manifest), np.nan)
    for row, suggested in session.suggestions.items():
        if not session.is_blind(row):
            found[row] = suggested.score
    return found


def _within(values: np.ndarray, low: float | None, high: float | None) -> np.ndarray:
    result = ~np.isnan(values)
    if low is not None:
        result &= values >= low
    if high is not None:
        result &= values <= high
    return np.asarray(result)
