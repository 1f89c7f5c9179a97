"""What a server answered, as new pictures whose drift is measured."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.observations import Observations
from pipeline.core.uris import main_checkout
from pipeline.prediction.new_pictures import NewPictures
from pipeline.serving.answer_store import PLACE
from pipeline.serving.answer_tables import read_answers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.core.open_types import JsonObject

PROJECT = "project"  # names the database of colibri serve here
WHAT = "pictures that were served"


def find_store(name: str | None) -> str | None:
    """The address of a database; None where `name` is None, or is `project` and no server has stored an answer here."""
    if name != PROJECT:
        return name
    place: Path = main_checkout() / PLACE
    return f"sqlite:///{place}" if place.is_file() else None


def observe_answers(
    store: str, model: str, version: str | None, reference: Observations, since: datetime | None = None
) -> NewPictures:
    """The pictures that a server answered about, each once, without those of the manifest.

    The properties of all count. Decisions and scores count where the version answered that `reference` describes:
    those of another version are no decisions of this model.

    Args:
        store: Address of the database.
        model: Name of the registered model, whose answers alone count.
        version: Of the last run, or None where it is not registered.
        reference: What they will be compared with.
        since: The first time, with a time zone; None for all.

    Raises:
        UserError: There is no such database, or no answer is left.
    """
    answers = read_answers(store, since=since)
    known = set(artifacts.read_table(artifacts.MANIFEST, columns=["content_hash"])["content_hash"])
    of_model = answers[answers["model"] == model]
    table = of_model.drop_duplicates("digest", keep="last")
    table = table[~table["content_hash"].isin(known)].reset_index(drop=True)
    if not len(table):
        raise UserError(
            f"the server answered nothing about new pictures with {model}: {len(answers):,} answers, {len(of_model):,} "
            "of this model; serve it, or name pictures"
        )
    is_own = table["version"] == version if version is not None else pd.Series(False, index=table.index)
    table["scores"] = [
        _in_order(scores, reference.classes) if own else None
        for scores, own in zip(table["scores"], is_own, strict=True)
    ]
    table = table.rename(columns={"id": "sample_id", "labels": "decided"})
    observed = Observations.of_table(
        table.drop(columns="class"), reference.classes, exclusive=reference.exclusive
    )  # its groups are not known
    notes = []
    if num_other := int((~is_own).sum()):
        notes.append(
            f"{num_other:,} of {len(table):,} pictures were answered by another version than that of the last run "
            f"({version or 'not registered'}), so their decisions are not compared."
        )
    return NewPictures(observed=observed, what=WHAT, notes=tuple(notes))


def served_version(model: str) -> str | None:
    """The version of `model` that the last run registered; None where it registered none."""
    if not artifacts.REGISTRATION.exists():
        return None
    registered: JsonObject = artifacts.read_json(artifacts.REGISTRATION)
    return str(registered["version"]) if registered.get("model") == model and registered.get("version") else None


def _in_order(scores: dict[str, float | None], classes: Sequence[str]) -> list[float] | None:
    """The scores in the order of the card; None where one is missing or was no number."""
    found = [scores.get(name) for name in classes]
    return None if any(one is None for one in found) else [float(one) for one in found if one is not None]
