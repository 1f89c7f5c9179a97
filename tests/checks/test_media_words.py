"""Findings of clips and volumes name them; those of pictures keep their bytes."""

import pandas as pd
import pytest

from pipeline.checks.media_words import MediaWords
from pipeline.core.results import Finding

FOUND = Finding(
    value=0.5,
    limit=0.1,
    unit="share of pictures",
    worst={"a picture": "2"},
    advice="Look at these pictures. Pictures of a photograph belong together.",
    sentence="1 picture of the picture_quality report, or more pictures of one photograph.",
    obstacle="The pictures are few.",
    note="A picture.",
    pictures={"a picture": ["a.png"]},
)


def rows(media, label="cat"):
    return pd.DataFrame({"media": [media] * 2, "labels": [[label], ["dog"]]})


def test_pictures_keep_every_text():
    assert MediaWords.of(rows("image")).restate(FOUND) == FOUND
    assert MediaWords.of(pd.DataFrame({"labels": [["cat"]]})).restate(FOUND) == FOUND
    assert MediaWords.of(rows("clip").head(0)).noun == "picture"


@pytest.mark.parametrize(("media", "origin"), [("clip", "recording"), ("volume", "scan")])
def test_others_are_named(media, origin):
    found = MediaWords.of(rows(media)).restate(FOUND)
    assert found.unit == f"share of {media}s"
    assert found.sentence == f"1 {media} of the picture_quality report, or more {media}s of one {origin}."
    assert found.advice == f"Look at these {media}s. {media.capitalize()}s of a {origin} belong together."
    assert (found.obstacle, found.note) == (f"The {media}s are few.", f"A {media}.")
    assert (found.worst, found.pictures) == (FOUND.worst, FOUND.pictures)


def test_a_label_that_is_called_picture_keeps_its_name():
    assert MediaWords.of(rows("clip", "moving picture")).restate(FOUND) == FOUND
