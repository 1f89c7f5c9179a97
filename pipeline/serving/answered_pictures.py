"""What a server answered, as new pictures whose drift is measured."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.observations import Observations
from pipeline.core.terminal import count_of
from pipeline.core.uris import main_checkout, sqlite_uri
from pipeline.prediction.new_pictures import NewPictures
from pipeline.serving.answer_store import PLACE
from pipeline.serving.answer_tables import list_answers, read_answers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.core.open_types import JsonObject

PROJECT = "project"  # names the database of colibri serve here
WHAT = "pictures that were served"


def find_store(name: str | None) -> str | None:
    """The address of a database; None where `name` is None, or is `project` and no server has stored an answer here."""
    if name != PROJECT:
        return name
    place = main_checkout() / PLACE
    return sqlite_uri(place) if place.is_file() else None


def observe_answers(
    store: str,
    model: str,
    version: str | None,
    reference: Observations,
    most: int,
    seed: int,
    since: datetime | None = None,
) -> NewPictures:
    """The pictures that a server answered about, each once, without those of the manifest.

    The properties of all count. Decisions and scores count where the version answered that `reference` describes:
    those of another version are no decisions of this model.

    Args:
        store: Address of the database.
        model: Name of the registered model, whose answers alone count.
        version: Of the last run, or None where it is not registered.
        reference: What they will be compared with.
        most: Largest number of pictures; of more, as many are picked at random.
        seed: Of the random ones.
        since: The first time, with a time zone; None for all.

    Raises:
        UserError: There is no such database, or no answer is left.
    """
    answers = list_answers(store, model, since)
    measured = answers[answers["content_hash"] != ""]
    known = set(artifacts.read_table(artifacts.MANIFEST, columns=["content_hash"])["content_hash"])
    pictures = measured.drop_duplicates("content_hash", keep="last")
    pictures = pictures[~pictures["content_hash"].isin(known)]
    if not len(pictures):
        raise UserError(
            f"the server answered nothing about new pictures with {model}: {count_of(len(answers), 'answer')}, "
            f"{len(measured):,} of them with measured properties (colibri serve without --no-properties); serve it, or "
            "name pictures"
        )
    picked = np.sort(np.random.default_rng(seed).permutation(len(pictures))[:most])
    table = read_answers(store, ids=pictures["id"].iloc[picked].tolist())
    is_own = table["version"] == version if version is not None else pd.Series(False, index=table.index)
    table["scores"] = [
        _in_order(scores, reference.classes) if own else None
        for scores, own in zip(table["scores"], is_own, strict=True)
    ]
    notes = _describe(len(answers) - len(measured), len(table), int(table["scores"].notna().sum()), version)
    table = table.drop(columns="class").rename(columns={"id": "sample_id", "labels": "decided"})
    observed = Observations.of_table(table, reference.classes, exclusive=reference.exclusive)
    return NewPictures(observed=observed, what=WHAT, notes=tuple(notes))


def served_version(model: str) -> str | None:
    """The version of `model` that the last run registered; None where it registered none."""
    if not artifacts.REGISTRATION.exists():
        return None
    registered: JsonObject = artifacts.read_json(artifacts.REGISTRATION)
    return str(registered["version"]) if registered.get("model") == model and registered.get("version") else None


def _describe(num_unmeasured: int, num: int, num_scored: int, version: str | None) -> list[str]:
    notes = []
    if num_unmeasured:
        notes.append(f"{count_of(num_unmeasured, 'answer')} without measured properties were left out.")
    if num_scored < num:
        notes.append(
            f"The decisions on {num - num_scored:,} of {num:,} pictures are not compared: they are not of the version "
            f"of the last run ({version or 'not registered'}), or lack a score of one of its classes."
        )
    return notes


def _in_order(scores: dict[str, float | None], classes: Sequence[str]) -> list[float] | None:
    """The scores in the order of the card; None where one is missing or was no number."""
    found = [scores.get(name) for name in classes]
    return None if any(one is None for one in found) else [float(one) for one in found if one is not None]
