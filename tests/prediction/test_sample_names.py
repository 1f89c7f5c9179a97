"""Which files and folders are samples of a model, by their names."""

import pytest

from pipeline.prediction.sample_names import SampleNames

FRAMES = ["c/1.png", "c/2.png", "c/3.jpg"]
SERIES = ["s/IM1", "s/IM2", "s/DICOMDIR"]
WEBP = [f"c/{number}.webp" for number in range(4)]
SLICE = bytes(128) + b"DICM"


@pytest.mark.parametrize(
    ("media", "taken"),
    [
        ("image", {"a.jpg", "a.dcm", "a", "a.gif", "a.webp"}),
        ("clip", {"a.mp4", "a.gif", "a.webp", "a"}),
        ("volume", {"a.nii.gz", "a.npy", "a.mrc", "a.dcm", "a"}),
    ],
)
def test_files_by_their_endings(media, taken):
    names = {"a.jpg", "a.dcm", "a", "a.gif", "a.mp4", "a.webp", "a.nii.gz", "a.npy", "a.mrc", "a.txt", "a.gz"}
    assert {name for name in names if SampleNames(media).has(name)} == taken


@pytest.mark.parametrize(
    ("media", "files", "folders"),
    [
        ("image", FRAMES, set()),
        ("clip", FRAMES, {"c"}),
        ("clip", [*FRAMES, "c/a.gif"], set()),  # an animation is a clip itself
        ("clip", [*FRAMES, "c/deeper/1.png", "c/deeper/2.png"], {"c/deeper"}),
        ("clip", ["1.png", "2.png"], {""}),
        ("clip", ["c/1.png"], set()),
        ("clip", SERIES, set()),
        ("volume", SERIES, {"s"}),
        ("volume", ["s/1.dcm", "s/2.dcm", "t/a.nii.gz", "t/b.nii.gz"], {"s"}),
        ("volume", ["s/1.dcm", "s/readme.txt"], {"s"}),
        ("volume", ["IM.1", "IM.2", "t/a.nii"], {""}),
        ("volume", ["IM.1", "t/a.nii"], set()),  # alone it is the volume itself
        ("volume", ["a.npy", "DICOMDIR"], set()),
        ("volume", [*FRAMES, "root/a.npy"], set()),
        ("clip", WEBP, {"c"}),
        ("clip", [*WEBP, "root/a.mp4"], {"c"}),
        ("clip", [one.removeprefix("c/") for one in WEBP], {""}),
        ("clip", WEBP[:3], set()),
        ("clip", [*WEBP, "c/readme.txt"], set()),
    ],
)
def test_folders_that_are_one_sample(media, files, folders):
    found = SampleNames(media).find(files, lambda path, size: SLICE)
    assert set(found.values()) - set(files) == folders


def test_the_word_for_a_sample():
    assert [SampleNames(media).noun for media in ("image", "clip", "volume")] == ["picture", "clip", "volume"]


def test_what_is_taken_besides_folders():
    volumes = ["a.nrrd", "b.npy", "c.txt", "DICOMDIR"]
    assert list(SampleNames("volume").find(volumes, lambda path, size: b"")) == ["a.nrrd", "b.npy"]  # one is refused
    assert SampleNames("volume").find(["IM.1"], lambda path, size: SLICE) == {"IM.1": "IM.1"}
    assert SampleNames("volume").find(["IM.1", "IM.2"], lambda path, size: b"") == {}  # by its bytes no slice
