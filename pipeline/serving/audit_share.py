"""Answers of a server that are picked at random for a person, and the accuracy in production that they give."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, final

import numpy as np
import pandas as pd
import sqlalchemy as sa

from pipeline.core.artifacts import content_digest
from pipeline.core.estimate import Estimate
from pipeline.core.terminal import count_of
from pipeline.serving.answer_store import ANSWERS, AUDITS
from pipeline.serving.answer_tables import as_text, feedback_table, open_reader, select_rows
from pipeline.statistics.bootstrap import Bootstrap
from pipeline.statistics.weighted_share import weighted_accuracy

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject

DIGITS = 16  # hexadecimal, of a number between 0 and 1
BOOTSTRAP = Bootstrap(num_resamples=1000, seed=0)


@final
@dataclass(frozen=True, kw_only=True)
class ProductionAccuracy:
    """What people said of answers that were picked at random.

    Attributes:
        accuracy: Share of right answers among all that were given while some were picked, weighted.
        num_picked: Answers that were picked.
        num_waiting: Of those, without a word of a person, or with words that differ.
        num_discarded: Of those, not to be used, by a person.
    """

    accuracy: Estimate
    num_picked: int
    num_waiting: int
    num_discarded: int


def is_picked(answer_id: str, share: float) -> bool:
    """Whether a person should look at the answer, whatever it was: a random share by a hash of its id."""
    return int(content_digest(answer_id.encode())[:DIGITS], 16) < share * 16**DIGITS


def read_audits(
    store: str | None, model: str, version: str | None = None, since: datetime | None = None
) -> pd.DataFrame:
    """The picked answers of a model, the oldest first.

    Args:
        store: As for `answer_tables.read_answers`.
        model: Its registered name.
        version: Of the model; None for all.
        since: The first time, with a time zone; None for all.

    Returns:
        A row for each: `id`, `share` (the probability with which it was picked), `digest`, and `outcome`, one of
        `right`, `wrong`, `discarded` and `waiting`.

    Raises:
        UserError: There is no such database, or it cannot be read.
    """
    query = (
        sa.select(ANSWERS.c.id, ANSWERS.c.digest, AUDITS.c.share)
        .join(AUDITS, AUDITS.c.answer_id == ANSWERS.c.id)
        .where(ANSWERS.c.model == model)
        .order_by(ANSWERS.c.time, ANSWERS.c.id)
    )
    query = query if version is None else query.where(ANSWERS.c.version == version)
    query = query if since is None else query.where(ANSWERS.c.time >= as_text(since))
    with open_reader(store) as engine:
        has_audits = sa.inspect(engine).has_table(AUDITS.name)  # a database of an earlier Colibri has none
        rows: list[JsonObject] = select_rows(engine, query) if has_audits else []
        words = feedback_table(engine)
    outcomes = {str(name): decide_outcome(part) for name, part in words.groupby("id")}
    return pd.DataFrame(
        {
            "id": pd.Series([row["id"] for row in rows], dtype="str"),
            "share": pd.Series([row["share"] for row in rows], dtype="float64"),
            "digest": pd.Series([row["digest"] for row in rows], dtype="str"),
            "outcome": pd.Series([outcomes.get(row["id"], "waiting") for row in rows], dtype="str"),
        }
    )


def decide_outcome(words: pd.DataFrame) -> str:
    """What people said of one answer, of each person the last word: `right`, `wrong`, `discarded` or `waiting`.

    Args:
        words: Rows of `feedback_table`, in the order of time. Where the last words differ, the answer waits.
    """
    voices = words["who"].where(words["who"] != "", "\0")
    last = words[~voices.duplicated(keep="last")]
    if (last["action"] == "discard").any():
        return "discarded"
    if len({tuple(sorted(one)) for one in last["right"]}) > 1:
        return "waiting"
    return "right" if bool(last["is_right"].iloc[-1]) else "wrong"


def measure_accuracy(audits: pd.DataFrame) -> ProductionAccuracy:
    """The accuracy in production by inverse-probability weights.

    Pictures of the same bytes are one group. Answers that people disputed of their own accord do not count: they are no
    random sample. Neither do those that wait: where people pass over hard ones, the accuracy looks better than it is.

    Args:
        audits: Of `read_audits`.
    """
    known = audits[audits["outcome"].isin(["right", "wrong"])]
    return ProductionAccuracy(
        accuracy=weighted_accuracy(
            (known["outcome"] == "right").to_numpy(dtype=bool),
            known["share"].to_numpy(dtype=np.float64),
            known["digest"].to_numpy(dtype=str),
            BOOTSTRAP,
        ),
        num_picked=len(audits),
        num_waiting=int((audits["outcome"] == "waiting").sum()),
        num_discarded=int((audits["outcome"] == "discarded").sum()),
    )


def describe_accuracy(found: ProductionAccuracy) -> str:
    """The accuracy in production in a sentence."""
    accuracy = found.accuracy
    if not found.num_picked:
        return (
            "Accuracy in production cannot be judged: no answer was picked for a person (colibri serve --audit-share)."
        )
    waiting = f"{found.num_waiting:,} of {count_of(found.num_picked, 'picked answer')} wait for a person"
    if accuracy.value is None:
        return f"Accuracy in production cannot be judged: {waiting}."
    if accuracy.low is None or accuracy.high is None:
        return f"Accuracy in production {100 * accuracy.value:.1f} %, {accuracy.caveat}; {waiting}."
    shown = f"{100 * accuracy.value:.1f} % ({100 * accuracy.low:.1f} % to {100 * accuracy.high:.1f} %)"
    return f"Accuracy in production {shown}, by {count_of(accuracy.n, 'answer')} that people looked at; {waiting}."
