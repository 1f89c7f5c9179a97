"""Names in a table may mean folders that are one sample, and frames of a clip are recognised by their names."""

import pytest

from pipeline.core.errors import ItemRejected
from pipeline.datasets.discovery.folder_contents import find_pictures
from pipeline.datasets.discovery.sample_finder import SampleFinder, frame_folders, leaf_folders
from pipeline.datasets.sources.items import Item

FRAMES = [f"walk/c1/{number:04}.jpg" for number in range(1, 5)]


def touch(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"x")


def test_folders_that_hold_files_alone():
    assert leaf_folders(["a/b/1.png", "a/2.png", "c/d/e/3.png", "4.png"]) == ["a/b", "c/d/e"]


def test_frames_are_numbered_pictures_of_one_format_at_equal_distances():
    assert frame_folders(FRAMES) == {"walk/c1": FRAMES}
    assert frame_folders([f"c/f_{number}.png" for number in (0, 5, 10, 15)])["c"][1] == "c/f_5.png"


@pytest.mark.parametrize(
    "files",
    [
        FRAMES[:3],
        [*FRAMES, "walk/c1/notes.txt"],
        [*FRAMES, "walk/c1/0007.jpg"],
        [*FRAMES[:3], "walk/c1/0004.png"],
        [*FRAMES, "walk/c1/deeper/0001.jpg"],
        ["c/a.png", "c/b.png", "c/d.png", "c/e.png"],
        [f"c/{number}" + "0" * 5000 + ".png" for number in range(1, 5)],
        ["c/1.png", "c/01.png", "c/2.png", "c/3.png"],
        [f"c/{number}.mp4" for number in range(4)],
    ],
)
def test_other_folders_are_no_frames(files):
    assert "walk/c1" not in frame_folders(files)
    assert "c" not in frame_folders(files)


def test_a_name_means_a_folder_where_no_name_means_a_file(tmp_path):
    found = SampleFinder(FRAMES, tmp_path).find_all({"walk/c1", "c2"})
    assert found == {"walk/c1": "walk/c1"}


def test_names_of_clips_may_mean_files_and_folders(tmp_path):
    files = [*FRAMES, "walk/a.mp4"]
    assert SampleFinder(files, tmp_path).find_all({"a.MP4", "c1"}) == {"a.MP4": "walk/a.mp4", "c1": "walk/c1"}


def test_a_name_of_a_picture_never_means_a_folder(tmp_path):
    files = ["cat/1.jpg", "cat/2.jpg", "7.jpg"]
    assert SampleFinder(files, tmp_path).find_all({"7", "cat"}) == {"7": "7.jpg"}


def test_ids_of_clips_beside_a_poster(tmp_path):
    files = ["a.mp4", "b.mp4", "cover.jpg"]
    assert SampleFinder(files, tmp_path).find_all({"a", "b"}) == {"a": "a.mp4", "b": "b.mp4"}


def test_the_same_folder_name_twice_is_ambiguous(tmp_path):
    files = [*FRAMES, *(path.replace("walk", "run") for path in FRAMES)]
    found = SampleFinder(files, tmp_path).find_all({"c1"})["c1"]
    assert isinstance(found, ItemRejected)
    assert found.reason == "ambiguous"


def test_clips_that_no_row_names(tmp_path):
    touch(tmp_path, "a.mp4", "b.webm", "poster.jpg", "notes.txt")
    items = find_pictures(tmp_path, [Item(path="a.mp4", labels=["x"])], [])
    assert [(one.path, one.refused and one.refused.reason) for one in items] == [("a.mp4", None), ("b.webm", "no_row")]


def test_folders_that_no_row_names(tmp_path):
    touch(tmp_path, *FRAMES, *(path.replace("c1", "c2") for path in FRAMES), "table.csv")
    items = find_pictures(tmp_path, [Item(path="c1", labels=["x"])], [tmp_path / "table.csv"])
    found = [(one.path, one.refused and one.refused.reason) for one in items]
    assert found == [("walk/c1", None), ("walk/c2", "no_row")]
