"""Whose a series is, and what never leaves the file."""

import hmac

import pytest
from volume_examples import PRIVATE, dicom_slice, voxels

from pipeline.core.errors import ItemRejected
from pipeline.volumes.patients import NOBODY, Identity, make_pseudonym, read_identity

DATA = dicom_slice(voxels()[0], (0, 0, 0), "1.2", **PRIVATE)


def test_the_identity_of_a_file() -> None:
    found = read_identity(DATA)
    assert found == Identity(patient_id="ID-4711-4712", name="Grimaldi^Ottavio", is_series_of_one=False)
    assert read_identity(dicom_slice(voxels(), (0, 0, 0), "1", NumberOfFrames=4)).is_series_of_one
    assert read_identity(b"text") == NOBODY


def test_a_file_that_ends_anywhere() -> None:
    outcomes = set()
    for end in range(128, len(DATA) + 1, 7):
        try:
            outcomes.add(read_identity(DATA[:end]).patient_id)
        except ItemRejected as error:
            outcomes.add(error.reason)
    assert {"", "truncated", "ID-4711-4712"} <= outcomes
    assert all("ID-4711-4712".startswith(found) for found in outcomes - {"truncated"})


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("cat/grimaldi_1", True),
        ("cat/OTTAVIO/series", True),
        ("cat/id-4711-4712/1", True),
        ("cat/ID-4711-4712_1", True),
        ("cat/ID-4711-47123/1", False),
        ("cat/ottaviano/1", False),
        ("cat/1", False),
    ],
)
def test_a_path_that_repeats_it(path: str, expected: bool) -> None:
    assert read_identity(DATA).is_in(path) == expected


@pytest.mark.parametrize(
    ("name", "path", "expected"),
    [
        ("LEE^KIM", "lung/Lee_Kim", True),
        ("LEE^KIM", "Kim/series/lee 2", True),
        ("LEE^KIM", "lung/leekim_1", True),
        ("LEE^KIM", "lung/KimLee", True),
        ("LEE^KIM", "lung/Lee_1", False),
        ("Yamada^Taro=山田^太郎", "lung/山田太郎", True),
        ("Yamada^Taro=山田^太郎", "lung/山田", False),
        ("LEE^Anonymous", "lung/lee/anonymous", False),
    ],
)
def test_short_names_are_found_where_all_words_are_there(name: str, path: str, expected: bool) -> None:
    assert Identity(patient_id="", name=name, is_series_of_one=False).is_in(path) == expected


@pytest.mark.parametrize("name", ["Patient^Anonymous", "A^B", ""])
def test_what_is_no_name(name: str) -> None:
    assert not Identity(patient_id="1", name=name, is_series_of_one=False).is_in("patient/anonymous/a/b/1")


def test_a_pseudonym_depends_on_the_salt() -> None:
    expected = hmac.new(b"salt", b"ID-1", "sha256").hexdigest()[:16]
    assert make_pseudonym("ID-1", "salt") == expected
    assert len({make_pseudonym("ID-1", "pepper"), make_pseudonym("ID-2", "salt"), expected}) == 3
