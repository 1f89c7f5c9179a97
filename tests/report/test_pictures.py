"""Pictures in a page: whole, within a budget, and linked to their files."""

import base64
import os
from pathlib import Path
from urllib.parse import unquote_to_bytes

import numpy as np
import pandas as pd
import pytest

from pipeline.datasets.sources.digits import Digits
from pipeline.datasets.sources.folder import Folder
from pipeline.report.pictures import MAX_SIDE, MIN_SIDE, gallery, link_files, side_of


@pytest.mark.parametrize(("number", "side"), [(0, MAX_SIDE), (1, MAX_SIDE), (80, 316), (10**6, MIN_SIDE)])
def test_more_pictures_are_smaller(number, side):
    assert side_of(number) == side  # sqrt(8,000,000 / 80) = 316


def noise(side):
    return np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)


def num_bytes(pictures):
    return sum(len(base64.b64decode(one.uri.partition(",")[2])) for one in pictures.values())


def test_a_gallery_keeps_its_budget():
    images = {str(number): noise(600) for number in range(6)}
    assert num_bytes(gallery(images)) > 800_000
    assert num_bytes(gallery(images, max_bytes=300_000)) <= 300_000
    assert num_bytes(gallery(images, max_bytes=300_000, times=dict.fromkeys(images, 4))) <= 75_000


def test_small_pictures_keep_every_pixel_and_large_ones_are_jpeg():
    shown = gallery({"small": noise(28), "medium": noise(100), "large": noise(300)})
    assert [one.uri.partition(";")[0] for one in shown.values()] == ["data:image/png"] * 2 + ["data:image/jpeg"]
    assert [one.tiny for one in shown.values()] == [True, False, False]


@pytest.fixture
def source(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Folder(name="pets", path="data/pets", watch="data/pets")


def samples(*names):
    return pd.DataFrame({"sample_id": names, "path": names})


def test_a_file_of_the_project_is_linked_relative_to_the_page(source):
    found = link_files(source, samples("cat/1.png", "cat/2.png"), ["cat/1.png", "gone.png"])
    assert found == {"cat/1.png": "../data/pets/cat/1.png"}


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("../pets", "../../pets/cat/1.png"),
        ("../one/pets", "../../one/pets/cat/1.png"),  # in a project in one/, too
        ("/photos/pets", "/photos/pets/cat/1.png"),
        ("./data/../pets", "../pets/cat/1.png"),
    ],
)
def test_an_address_depends_on_the_source_and_not_on_the_folder_of_the_project(path, address, tmp_path, monkeypatch):
    outside = Folder(name="pets", path=path, watch=path)
    for project in ("one", "another"):
        (tmp_path / project).mkdir()
        monkeypatch.chdir(tmp_path / project)
        assert link_files(outside, samples("cat/1.png"), ["cat/1.png"]) == {"cat/1.png": address}


def test_a_link_to_a_file_outside_the_project_opens_it(tmp_path, monkeypatch):
    (tmp_path / "project" / "reports").mkdir(parents=True)
    (tmp_path / "pets").mkdir()
    (tmp_path / "pets" / "1.png").touch()
    monkeypatch.chdir(tmp_path / "project")
    for path in ("../pets", str(tmp_path / "pets")):
        outside = Folder(name="pets", path=path, watch=path)
        address = link_files(outside, samples("1.png"), ["1.png"])["1.png"]
        assert (Path("reports") / address).samefile(tmp_path / "pets" / "1.png")


@pytest.mark.parametrize("name", ["javascript:alert(1)", "a b#c?d%.png", '"><script>', "\u732b/\u00e9.png"])
def test_every_name_is_an_address_and_no_script(source, name):
    address = link_files(source, samples(name), [name])[name]
    assert address.startswith("../data/pets/")
    assert not set('"<>#? :') & set(address)
    assert unquote_to_bytes(address) == b"../data/pets/" + os.fsencode(name)


def test_what_has_no_file_of_its_own_has_no_link():
    assert link_files(Digits(name="digits", watch="x", num_per_class=1), samples("0/1"), ["0/1"]) == {}


def test_a_link_opens_the_file(source):
    file = Path("data/pets/cat/1.png")
    file.parent.mkdir(parents=True)
    file.touch()
    Path("reports").mkdir()
    address = link_files(source, samples("cat/1.png"), ["cat/1.png"])["cat/1.png"]
    assert (Path("reports") / address).samefile(file)
