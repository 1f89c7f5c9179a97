"""The places that DVC hashes: one, or labels and pictures."""

import pytest

from pipeline.core import watched_places as module
from pipeline.core.errors import UserError
from pipeline.core.watched_places import check_places, watched_places


@pytest.mark.parametrize(
    ("source", "places"),
    [
        ({"watch": "a"}, ["a"]),
        ({"watch": ["a", "b"]}, ["a", "b"]),
        ({"watch": ""}, []),
        ({"watch": 7}, []),
        ({}, []),
        (None, []),
        ("a", []),
    ],
)
def test_the_places_of_a_source(source, places):
    assert watched_places({"source": source}) == places


@pytest.mark.parametrize("places", [["a"], ["a", "b.csv"], ["a", "https://a.org/x.zip"], []])
def test_places_that_are_there(places, project):
    (project / "a").mkdir()
    (project / "b.csv").touch()
    check_places(places)


@pytest.mark.parametrize("places", [["a", "./a"], ["a", "b", "c"], ["a", 7], [""], ["s", "s"]])
def test_odd_lists_are_refused(places, project):
    (project / "a").mkdir()
    with pytest.raises(UserError, match=r"^source\.watch must be one place or a list of two different ones"):
        check_places(places)


def test_each_place_must_exist(project):
    (project / "a").mkdir()
    with pytest.raises(UserError, match=r"^source\.watch 'gone/labels\.csv' does not exist; set source\.path"):
        check_places(["a", "gone/labels.csv"])


@pytest.mark.parametrize(("url", "plugin"), [("s3://b/x/", "dvc-s3"), ("gs://b/x/", "dvc-gs")])
def test_a_bucket_without_its_plugin_names_the_command(url, plugin, monkeypatch):
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=rf"^source\.watch '{url}' needs {plugin}, .*run make install EXTRAS=remote$"):
        check_places([url])
    monkeypatch.setattr(module, "find_spec", lambda name: name)
    check_places([url])
