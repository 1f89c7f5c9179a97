"""A folder of clips: files, animations and folders of frames below the classes; cuts of one video are a group."""

import numpy as np
import pytest
from file_options import from_file
from PIL import Image

from pipeline.core.errors import UserError
from pipeline.core.sample_codec import FileSet
from pipeline.datasets.discovery.file_listing import list_files
from pipeline.datasets.sources.clips import Clips, name_before_number
from pipeline.datasets.sources.folder import Folder


def source(path, **options):
    return Clips(name="clips", path=str(path), watch=str(path), **options)


def touch(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"x")


def frames(folder, seed, number=4, alike=True):
    """Frames of one scene with a little noise; or pictures of different scenes."""
    folder.mkdir(parents=True)
    for frame in range(number):
        scene = np.random.default_rng(seed if alike else (seed, frame)).integers(0, 240, (24, 24, 3))
        noise = np.random.default_rng((seed, frame, 1)).integers(0, 4, scene.shape)
        Image.fromarray((scene + noise).astype(np.uint8)).save(folder / f"{frame:04}.png")


def animation(path, num_frames):
    path.parent.mkdir(parents=True, exist_ok=True)
    pictures = [Image.fromarray(np.full((16, 16, 3), 40 * frame, np.uint8)) for frame in range(num_frames)]
    several = {"save_all": True, "append_images": pictures[1:], "loop": 0} if num_frames > 1 else {}
    pictures[0].save(path, **several)


def test_files_and_frames_below_the_classes(tmp_path):
    touch(tmp_path, "run/b_1.mp4", "run/notes.txt", "walk/a.MOV", "walk/x.gif", "loose.mkv", "poster.jpg")
    frames(tmp_path / "walk" / "c1", seed=0)
    table = source(tmp_path).read()
    found = dict(zip(table["path"], table["labels"], strict=True))
    assert found == {
        "loose.mkv": [],
        "run/b_1.mp4": ["run"],
        "run/notes.txt": ["run"],
        "walk/a.MOV": ["walk"],
        "walk/c1": ["walk"],
        "walk/x.gif": ["walk"],
    }
    opened = source(tmp_path).open("walk/c1")
    assert isinstance(opened, FileSet)
    assert [name for name, _ in opened.files] == [f"{number:04}.png" for number in range(4)]


def test_parts_of_a_split(tmp_path):
    touch(tmp_path, *(f"{part}/{name}/a.mp4" for part in ("train", "test") for name in ("run", "walk")))
    frames(tmp_path / "val" / "run" / "c1", seed=0)
    table = source(tmp_path).read().set_index("path")
    assert table.loc["val/run/c1", ["given_split"]].tolist() == ["val"]
    assert table.loc["train/walk/a.mp4", "labels"] == ["walk"]


def test_numbered_pictures_of_a_class_are_no_clips(tmp_path):
    for name in ("cat", "dog"):
        frames(tmp_path / name, seed=0)
    assert set(source(tmp_path).read()["path"].str.count("/")) == {1}


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("x/a_001.mp4", "a"),
        ("x/a_002.mp4", "a"),
        ("x/v_run_g01_c02.avi", "v_run_g01_c"),
        ("x/game 3 - cut 12.mkv", "game 3 - cut"),
        ("x/fi1_xvid.avi", "fi"),
        ("x/plain.mp4", "plain"),
        ("x/001.mp4", ""),
        ("x/c1.v2", "c1.v"),
    ],
)
def test_the_name_before_the_last_number(path, name):
    assert name_before_number(path) == name


def test_cuts_of_one_video_are_a_group(tmp_path):
    touch(tmp_path, "run/a_001.mp4", "run/b_001.mp4", "walk/a_002.mp4", "walk/c.mp4", "walk/004.mp4")
    table = source(tmp_path).read()
    groups = dict(zip(table["path"], table["group"], strict=True))
    assert groups == {
        "run/a_001.mp4": "a",
        "run/b_001.mp4": "b",
        "walk/a_002.mp4": "a",
        "walk/c.mp4": "c",
        "walk/004.mp4": None,
    }


def test_a_name_of_all_clips_of_a_class_names_no_video(tmp_path):
    touch(tmp_path, *(f"{name}/clip_{number}.mp4" for name in ("run", "walk") for number in range(3)))
    assert source(tmp_path).read()["group"].isna().all()


def test_a_pattern_names_the_video(tmp_path):
    touch(tmp_path, "run/film7-x1.mp4", "run/other.mp4", "walk/film7-x2.mp4")
    table = source(tmp_path, group_pattern=r"(film\d+)-x").read()
    assert table["group"].tolist() == ["film7", None, "film7"]
    with pytest.raises(UserError, match=r"group_pattern '\(y\)z' is found in none of the 3 paths, the first is 'run/"):
        source(tmp_path, group_pattern="(y)z").read()


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [("(", "is no regular expression: missing"), ("film", "must have a group in brackets")],
)
def test_a_bad_pattern(pattern, problem):
    with pytest.raises(UserError, match=problem):
        from_file(Clips, name="clips", path="x", watch="x", group_pattern=pattern)


def test_one_class_alone(tmp_path):
    touch(tmp_path, "run/a.mp4")
    with pytest.raises(UserError, match="at least two sub-folders, one per class; found only 'run'"):
        source(tmp_path).read()


def recognise(kind, root):
    return [(way.layout, way.confidence) for way in kind.recognise(list_files(root), {})]


def test_a_folder_of_films_is_recognised(tmp_path):
    touch(tmp_path, "run/a.mp4", "run/a.txt", "walk/b.avi", "walk/c.jpg")
    assert recognise(Clips, tmp_path) == [("clips, a folder per class", 0.6)]
    assert recognise(Folder, tmp_path) == []


def test_photographs_with_a_film_stay_pictures(tmp_path):
    touch(tmp_path, *(f"{name}/{number}x{number}.jpg" for name in ("cat", "dog") for number in range(3)), "cat/a.mov")
    assert recognise(Clips, tmp_path) == []
    assert recognise(Folder, tmp_path) == [("a folder per class", 0.5)]


@pytest.mark.parametrize("ending", ["gif", "webp"])
def test_animations_are_clips_and_stills_are_pictures(tmp_path, ending):
    for name in ("run", "walk"):
        animation(tmp_path / "moving" / name / f"a.{ending}", 3)
        animation(tmp_path / "still" / name / f"a.{ending}", 1)
    assert recognise(Clips, tmp_path / "moving") == [("animations, a folder per class", 0.6)]
    assert recognise(Clips, tmp_path / "still") == []


@pytest.mark.parametrize(("alike", "confidence"), [(True, 0.6), (False, 0.3)])
def test_frames_are_more_alike_than_pictures_of_a_patient(tmp_path, alike, confidence):
    for seed, name in enumerate(("run", "walk")):
        for clip in range(2):
            frames(tmp_path / name / f"{name}{clip}", seed=10 * seed + clip, alike=alike)
    assert recognise(Clips, tmp_path) == [("frames of clips, a folder per class", pytest.approx(confidence))]
