"""Counting what a source says, by hand."""

import numpy as np
import pandas as pd

from pipeline.core.contracts import Source
from pipeline.core.errors import ItemRejected
from pipeline.datasets.discovery.survey import MAX_BYTES, HeaderSample, sample_headers, summarise_source
from pipeline.datasets.discovery.survey_warnings import warnings_for
from pipeline.media.image import Image

CODEC = Image().codec({"max_pixels": 100_000_000})


def rows(labels, **columns):
    told = {"path": [f"{position}.png" for position in range(len(labels))], "labels": labels, "group": None}
    return pd.DataFrame({**told, **columns})


def looked(sizes=(), refused=()):
    return HeaderSample(sizes=sizes, refused=refused)


def odd(table, **sampled):
    return list(warnings_for(summarise_source(table), looked(**sampled)))


class Fixed(Source):
    """Hands out what it was given."""

    def __init__(self, items):
        self.items = items

    def read(self):
        return rows([["a"]] * len(self.items))

    def open(self, path):
        item = self.items[int(path.removesuffix(".png"))]
        if isinstance(item, ItemRejected):
            raise item
        return item


def test_everything_is_counted_once():
    found = summarise_source(
        rows(
            [["b"], ["a", "b"], [], ["c"], ["a"]],
            given_split=["train", "train", "test", "val", None],
            refused=[None, None, None, "no_row", None],
            group=["g", "g", None, None, "h"],
        )
    )
    assert (found.num_items, found.num_pictures, found.refused) == (5, 4, {"no_row": 1})
    assert list(found.labels.items()) == [("a", 2), ("b", 2)]
    assert found.splits == {"train": 2, "test": 1}
    assert found.labels_of == {"train": {"b": 2, "a": 1}}
    assert (found.num_unlabelled, found.num_several, found.num_groups) == (1, 1, 2)
    assert (found.task, found.split) == ("multi_label", "grouped")  # test has no label


def test_a_table_without_splits_or_refusals():
    found = summarise_source(rows([["a"], ["b"]]))
    assert (found.splits, found.refused, found.task, found.split) == ({}, {}, "single_label", "grouped")


def test_odd_labels():
    table = rows([["Cat"]] * 12 + [["cat "]] * 3 + [["dog"]] * 20 + [[]])
    assert odd(table) == [
        "fewer than 10 pictures each: 'cat '",
        "almost the same spelling, perhaps one label: 'Cat', 'cat '",
        "pictures without a label, which take no part in a training for labels: 1",
    ]


def test_labels_that_look_the_same_on_a_screen():
    composed, taken_apart = "caf\u00e9", "cafe\u0301"
    table = rows([[composed]] * 20 + [[taken_apart]] * 20)
    assert odd(table) == [f"almost the same spelling, perhaps one label: {taken_apart!r}, {composed!r}"]


def test_labels_that_tell_little():
    table = rows([["all", "most"]] * 39 + [["all", "some"]] * 11 + [["all", "most", "some"]] * 200)
    assert odd(table) == [
        "every labelled picture has 'all', so this label distinguishes no pictures",
        "239 of 250 labelled pictures have 'most', so its absence is rare",
        "pictures with several labels: 250",
    ]


def test_letters_that_are_no_words_are_not_alike():
    assert not [one for one in odd(rows([["+"]] * 20 + [["-"]] * 20)) if "alike" in one]


def test_odd_splits():
    labels = [["a"]] * 10 + [["b"]] * 10 + [["c"]] * 10
    split = ["train"] * 10 + ["train", "test"] * 5 + ["train", "val", "test"] * 3 + [None]
    assert odd(rows(labels, given_split=split)) == [
        "pictures in none of the given splits: 1",
        "only train has 'a'",
        "val lacks 'b'",
    ]


def test_refusals_are_named_in_words():
    table = rows([["a"]] * 10 + [["b"]] * 11, refused=[None] * 20 + ["no_row"])
    refused = [("x", ItemRejected("empty", "0 bytes")), ("y", ItemRejected("empty", "0 bytes"))]
    assert odd(table, sizes=[(10, 10), (10, 41)], refused=refused) == [
        "left out, pictures that no annotation names: 1",
        "refused, empty files: 2 of 4 files looked at; the first is 'x': 0 bytes",
        "the sizes differ much: longer sides from 10 to 41 pixels",
    ]


def test_many_names_are_cut_short():
    table = rows([[f"l{number}"] for number in range(8)])
    assert odd(table)[0] == "fewer than 10 pictures each: 'l7', 'l6', 'l5', 'l4', 'l3' and 3 more"


def test_a_sample_is_spread_over_the_rows_and_reads_headers(encode, noise):
    pictures = [encode(noise(height=10 + number % 7)) for number in range(7)] * 300
    table = rows([["a"]] * 2100, refused=["no_row"] * 100 + [None] * 2000)
    found = sample_headers(Fixed(pictures), table, CODEC)
    assert found.num == 1000
    assert found.sizes[0] == (32, 10 + 100 % 7)
    assert found.sizes[-1] == (32, 10 + 2098 % 7)
    assert found.shorter_side == 13


def test_what_cannot_be_opened_is_told(encode, noise):
    found = sample_headers(
        Fixed([b"", b"<html>", ItemRejected("missing", "no such file"), np.zeros((3, 5), np.uint8)]),
        rows([["a"]] * 4),
        CODEC,
    )
    assert [(path, one.reason) for path, one in found.refused] == [
        ("0.png", "empty"),
        ("1.png", "not_a_picture"),
        ("2.png", "missing"),
    ]
    assert found.sizes == [(5, 3)]


def test_reading_stops_when_enough_was_read():
    large = np.broadcast_to(np.zeros((), np.uint8), (MAX_BYTES // 2 + 1, 1))
    assert sample_headers(Fixed([large] * 5), rows([["a"]] * 5), CODEC).num == 2


def test_nothing_to_look_at():
    assert looked().shorter_side is None
