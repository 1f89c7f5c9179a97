"""The media of a sample follows from how names end."""

import pytest

from pipeline.datasets.discovery.sample_suffixes import media_named, media_of, suffix


@pytest.mark.parametrize(
    ("path", "ending"),
    [
        ("a/b.JPG", ".jpg"),
        ("a.b/c", ""),
        ("a/.hidden", ""),
        ("scan.nii.gz", ".nii.gz"),
        ("scan.NII.GZ", ".nii.gz"),
        (".nii.gz", ".gz"),
        ("x.tar.gz", ".gz"),
        ("ends.", ""),
    ],
)
def test_the_ending_of_a_name(path, ending):
    assert suffix(path) == ending


@pytest.mark.parametrize(
    ("path", "media"),
    [("a.mp4", "clip"), ("a.nii.gz", "volume"), ("a.dcm", "volume"), ("a.gif", "image"), ("a.csv", None), ("a", None)],
)
def test_the_media_of_a_name(path, media):
    assert media_named(path) == media


@pytest.mark.parametrize(
    ("names", "files", "media"),
    [
        (["a.mp4", "b.mov", "c.jpg"], ["x.png"], "clip"),
        (["a", "b"], ["a.mov", "a.jpg", "b.mov", "b.jpg"], "image"),  # as many of each: a telephone's live photographs
        (["a", "b"], ["a.mov", "b.mov", "poster.jpg"], "clip"),
        (["a"], ["a.txt"], "image"),
        ([], [], "image"),
    ],
)
def test_the_media_of_names_then_of_files(names, files, media):
    assert media_of(names, files) == media
