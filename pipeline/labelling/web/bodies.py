"""What the page sends, checked."""

from __future__ import annotations

import re
from typing import Annotated, Literal, final

from pydantic import BaseModel, ConfigDict, Field, field_validator

from pipeline.datasets.class_list import FORMULA

MOST_ROWS = 10_000  # of one decision
MOST_SHOWN = 400  # samples that are described at once
LONGEST_NAME = 80
Row = Annotated[int, Field(ge=0, lt=2**40)]
Text = Annotated[str, Field(max_length=10_000)]


def check_person(name: str) -> str:
    """The name of a person, without outer spaces.

    Raises:
        ValueError: It is empty, too long, has control characters, or a spreadsheet would compute it.
    """
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise ValueError(f"say who you are, in 1 to {LONGEST_NAME} printable characters")
    if FORMULA.match(name):
        raise ValueError("a name must not begin like a formula, which a spreadsheet would compute")
    return name


class PersonBody(BaseModel):
    """Who calls."""

    model_config = ConfigDict(extra="forbid", strict=True)
    who: str

    @field_validator("who")
    @classmethod
    def _check(cls, name: str) -> str:
        return check_person(name)


@final
class DecisionBody(PersonBody):
    """What a person decided about some samples.

    `labels` are all labels of each from now on; without them each has `add` and loses `remove`. `accept` takes the
    labels that a sample has, or else what is predicted; `drop` takes it out. `again` says that the same was sent before
    and not answered. `manifest` is that of `/state`: rows of other samples are refused.
    """

    rows: Annotated[list[Row], Field(min_length=1, max_length=MOST_ROWS)]
    action: Literal["label", "accept", "drop"] = "label"
    labels: Annotated[list[Text], Field(max_length=1000)] | None = None
    add: Annotated[list[Text], Field(max_length=1000)] = []
    remove: Annotated[list[Text], Field(max_length=1000)] = []
    attributes: Annotated[dict[str, str | float], Field(max_length=100)] = {}
    seconds: Annotated[float, Field(ge=0, le=86_400)] | None = None
    seen_prediction: bool = False
    again: bool = False
    manifest: Annotated[str, Field(max_length=64)] = ""


@final
class ClassBody(BaseModel):
    """A change of the list of classes.

    `add` makes a class, `change` replaces what is said of `name` (a new `to` renames it), `merge` puts `name` into
    `to`, `split` makes several of it (`parts`), `retire` and `restore` take it out of use and back.
    """

    model_config = ConfigDict(extra="forbid", strict=True)
    version: str  # of the list that the person saw
    edit: Literal["add", "change", "merge", "split", "retire", "restore"]
    name: Text
    to: Text = ""
    parts: Annotated[list[Text], Field(max_length=100)] = []
    key: Text = ""
    colour: Text = ""
    description: Text = ""
    attributes: Text = ""


@final
class ViewQuery(BaseModel):
    """Which samples, in which order, for whom."""

    model_config = ConfigDict(extra="forbid")
    who: Annotated[str, Field(max_length=LONGEST_NAME)] = ""
    view: Literal["queue", "suspects", "clusters", "duplicates", "all", "like"] = "all"
    like: Row = 0
    label: Text = ""
    split: Text = ""
    status: Literal["", "undecided", "mine", "others", "unlabelled", "conflict", "waits", "dropped"] = ""
    annotator: Text = ""
    property: Text = ""
    low: float | None = None
    high: float | None = None
    min_score: float | None = None
    max_score: float | None = None
    search: Text = ""


@final
class RowsQuery(BaseModel):
    """Which samples to describe, for whom."""

    model_config = ConfigDict(extra="forbid")
    who: Annotated[str, Field(max_length=LONGEST_NAME)] = ""
    rows: Annotated[list[Row], Field(min_length=1, max_length=MOST_SHOWN)]

    @field_validator("rows", mode="before")
    @classmethod
    def _split(cls, text: object) -> object:
        return text.split(",") if isinstance(text, str) and re.fullmatch(r"\d+(,\d+)*", text) else text


@final
class ChangesQuery(BaseModel):
    """What has changed since a version, for whom."""

    model_config = ConfigDict(extra="forbid")
    who: Annotated[str, Field(max_length=LONGEST_NAME)] = ""
    since: int = 0
    shown: int = 0  # number of the view that the page shows
