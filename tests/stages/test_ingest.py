"""Every item the source names is in the manifest or in quarantine, and the run stops when too many are refused."""

import os

import pandas as pd
import pytest
import yaml

from pipeline.core import config, files
from pipeline.core.errors import UserError
from pipeline.core.pictures import REASONS
from pipeline.sources.folder import Folder
from pipeline.stages import ingest as stage
from pipeline.stages.ingest import Limits, ingest

BROKEN = {
    "cat/broken.png": "truncated",
    "cat/empty.jpg": "empty",
    "cat/huge.png": "too_large",
    "cat/text.jpg": "not_a_picture",
    "dog/dangling.png": "missing",
    "dog/outside.png": "outside",
    "dog/pipe.png": "unreadable",
}
COLUMNS = (
    "sample_id path labels group media format content_hash perceptual_hash height width depth channels "
    "prop_brightness prop_contrast prop_dark_level prop_light_level prop_saturation prop_red_green prop_blue_yellow "
    "prop_sharpness prop_noise prop_entropy prop_border_brightness prop_border_red_green prop_border_blue_yellow "
    "prop_corner_top_left prop_corner_top_right prop_corner_bottom_left prop_corner_bottom_right "
    "prop_aspect_ratio prop_num_pixels prop_num_bytes prop_jpeg_quality source_order"
)


@pytest.fixture
def broken_folder(picture_folder, encode, noise):
    """Eight good pictures and one item for each reason that a folder can give."""
    (picture_folder / "cat" / "broken.png").write_bytes(encode(noise())[:900])
    (picture_folder / "cat" / "empty.jpg").touch()
    (picture_folder / "cat" / "huge.png").write_bytes(encode(noise(height=100, width=100)))
    (picture_folder / "cat" / "text.jpg").write_text("<html>404</html>")
    (picture_folder / "dog" / "dangling.png").symlink_to("nowhere.png")
    (picture_folder / "dog" / "outside.png").symlink_to("../../secret.png")
    os.mkfifo(picture_folder / "dog" / "pipe.png")
    return picture_folder


def source(folder):
    return Folder(name="pictures", path=str(folder), watch=str(folder))


def write_params(folder, max_quarantine_fraction=1.0):
    params = {
        "source": {"_target_": "pipeline.sources.folder.Folder", "name": "x", "path": str(folder), "watch": "x"},
        "ingest": {"max_pixels": 9_999, "max_quarantine_fraction": max_quarantine_fraction},
    }
    config.PARAMS.write_text(yaml.safe_dump(params))


def test_every_item_is_accounted_for(broken_folder):
    manifest, quarantine = ingest(source(broken_folder), max_pixels=9_999)
    assert sorted([*manifest["path"], *quarantine["path"]]) == sorted(source(broken_folder).read()["path"])
    assert manifest["path"].tolist() == [f"{label}/{number}.png" for label in ("cat", "dog") for number in range(4)]
    assert dict(zip(quarantine["path"], quarantine["reason"], strict=True)) == BROKEN
    assert set(quarantine["reason"]) <= set(REASONS)
    assert quarantine["detail"].str.len().min() > 0
    assert quarantine["labels"].tolist() == [[path.split("/")[0]] for path in BROKEN]


def test_the_manifest_holds_what_the_design_lists(picture_folder):
    manifest, quarantine = ingest(source(picture_folder), max_pixels=9_999)
    assert " ".join(manifest.columns) == COLUMNS
    assert quarantine.empty
    first = manifest.iloc[0]
    assert (first["sample_id"], first["labels"], first["media"]) == ("cat/0.png", ["cat"], "image")
    assert (first["height"], first["width"], first["depth"], first["channels"]) == (24, 32, 1, 3)
    assert first["prop_num_bytes"] == (picture_folder / "cat" / "0.png").stat().st_size
    assert manifest["source_order"].tolist() == list(range(8))
    assert manifest["group"].isna().all()


class Listed:
    """A source of decoded pictures that names one of them twice and one that is not there."""

    def __init__(self, noise):
        self.pictures = {"a": noise(0), "b": noise(1, channels=1)}

    def read(self):
        names = ["a", "b", "a", "gone"]
        return pd.DataFrame(
            {"path": names, "labels": [["x"], ["y"], ["z"], []], "attr_site": "N", "group": [1, 1, 2, 2]}
        )

    def open(self, path):
        if path not in self.pictures:
            raise stage.Refused("missing", "never made")
        return self.pictures[path]


def test_a_name_that_comes_twice_is_taken_once(noise):
    manifest, quarantine = ingest(Listed(noise), max_pixels=9_999)
    assert manifest["path"].tolist() == ["a", "b"]
    assert quarantine[["path", "reason", "detail"]].to_numpy().tolist() == [
        ["a", "duplicate_name", "named before"],
        ["gone", "missing", "never made"],
    ]


def test_told_columns_are_kept_attributes_last(noise):
    manifest, _ = ingest(Listed(noise), max_pixels=9_999)
    assert manifest.columns[-1] == "attr_site"
    assert manifest["group"].tolist() == ["1", "1"]
    assert manifest["channels"].tolist() == [3, 1]
    assert manifest["prop_num_bytes"].tolist() == [24 * 32 * 3, 24 * 32]


class Told:
    """A source that refuses items itself and gives a split."""

    def __init__(self, noise):
        self.pictures = {name: noise(seed) for seed, name in enumerate("abc")}

    def read(self):
        return pd.DataFrame(
            {
                "path": ["../a", "a", "b", "a", "c"],
                "labels": [["x"], ["x"], [], ["y"], ["y"]],
                "group": None,
                "given_split": [None, "train", None, None, "test"],
                "refused": ["outside", None, None, None, "no_row"],
                "detail": ["climbs", None, None, None, "not named"],
            }
        )

    def open(self, path):
        assert path in "ab", "a refused item is not opened"
        return self.pictures[path]


def test_what_the_source_refuses_goes_to_quarantine_unopened(noise):
    manifest, quarantine = ingest(Told(noise), max_pixels=9_999)
    assert manifest[["path", "labels"]].to_numpy().tolist() == [["a", ["x"]], ["b", []]]
    assert manifest["given_split"].fillna("missing").tolist() == ["train", "missing"]
    assert not {"refused", "detail"} & set(manifest)
    assert quarantine[["path", "reason", "detail"]].to_numpy().tolist() == [
        ["../a", "outside", "climbs"],
        ["a", "duplicate_name", "named before"],
        ["c", "no_row", "not named"],
    ]


def test_the_same_pictures_are_written_as_the_same_bytes(project, broken_folder):
    write_params(broken_folder)
    written = []
    for _ in range(2):
        stage.main()
        written.append((files.MANIFEST.read_bytes(), files.QUARANTINE.read_bytes()))
    assert written[0] == written[1]
    assert len(files.read_table(files.MANIFEST)) == 8
    assert len(files.read_table(files.QUARANTINE)) == len(BROKEN)


def test_the_number_of_workers_does_not_matter(picture_folder, encode, noise, monkeypatch):
    for seed in range(64):  # as many as it takes to start processes
        (picture_folder / "cat" / f"more{seed:02d}.png").write_bytes(encode(noise(seed)) if seed % 8 else b"x")
    tables = []
    for workers in (1, 2):
        monkeypatch.setattr("pipeline.core.parallel.num_workers", lambda workers=workers: workers)
        tables.append(ingest(source(picture_folder), max_pixels=9_999))
    for one, other in zip(*tables, strict=True):
        pd.testing.assert_frame_equal(one, other)
    assert [len(table) for table in tables[0]] == [64, 8]


def test_too_many_refused_items_stop_the_run_and_are_listed(project, broken_folder):
    write_params(broken_folder, max_quarantine_fraction=0.4)
    message = (
        r"7 of 15 items were refused, more than ingest\.max_quarantine_fraction 0\.4 allows; "
        r"the first is 'cat/broken\.png', truncated: .*; see data/quarantine\.parquet, mend them or raise the limit"
    )
    with pytest.raises(UserError, match=message):
        stage.main()
    assert len(files.read_table(files.QUARANTINE)) == 7
    assert not files.MANIFEST.exists()


def test_as_many_as_the_limit_allows(project, broken_folder):
    write_params(broken_folder, max_quarantine_fraction=7 / 15)
    stage.main()
    assert files.MANIFEST.exists()


def test_nothing_left(project, picture_folder):
    for path in picture_folder.glob("*/*.png"):
        path.write_text("text")
    write_params(picture_folder)
    with pytest.raises(
        UserError, match=r"all 8 items of the source were refused; the first is 'cat/0\.png', not_a_pic"
    ):
        stage.main()


def test_one_class_left(project, picture_folder):
    for path in picture_folder.glob("dog/*.png"):
        path.write_text("text")
    write_params(picture_folder)
    with pytest.raises(UserError, match=r"needs at least two classes with readable pictures; .* only \['cat'\]"):
        stage.main()


def test_a_missing_source_is_named(project):
    write_params(project / "gone")
    with pytest.raises(UserError, match=r"source\.path '.*gone' is not a folder"):
        stage.main()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_pixels": 0}, r"max_pixels must be at least 1, got 0"),
        ({"max_quarantine_fraction": 1.1}, r"max_quarantine_fraction must be 0 to 1, got 1\.1"),
        ({"max_quarantine_fraction": -0.1}, r"max_quarantine_fraction must be 0 to 1, got -0\.1"),
    ],
)
def test_refused_choices(changes, message):
    with pytest.raises(ValueError, match=message):
        Limits(**{"max_pixels": 1, "max_quarantine_fraction": 0.0, **changes})


def paths_and_reasons(folder):
    manifest, quarantine = ingest(source(folder), max_pixels=9_999)
    return set(manifest["path"]), dict(zip(quarantine["path"], quarantine["reason"], strict=True))


@pytest.mark.parametrize(
    "name", ["new\nline.png", "quo\"te's.png", "\U0001f98a fox.png", "a,b;c\td.png", "-rf.png", "Ä.png", "<b>&.png"]
)
def test_odd_names_are_kept_as_they_are(project, picture_folder, encode, noise, name):
    (picture_folder / "cat" / name).write_bytes(encode(noise(9)))
    write_params(picture_folder)
    stage.main()
    assert f"cat/{name}" in set(files.read_table(files.MANIFEST)["path"])


def test_names_that_differ_only_in_case(picture_folder, encode, noise):
    for name in ("a.png", "A.png"):
        (picture_folder / "cat" / name).write_bytes(encode(noise(9)))
    accepted, _ = paths_and_reasons(picture_folder)
    assert {"cat/a.png", "cat/A.png"} <= accepted


def test_the_same_picture_under_two_labels_is_kept_twice_and_can_be_told(picture_folder):
    (picture_folder / "dog" / "twin.png").write_bytes((picture_folder / "cat" / "0.png").read_bytes())
    manifest, _ = ingest(source(picture_folder), max_pixels=9_999)
    twins = manifest[manifest["content_hash"].duplicated(keep=False)]
    assert twins["path"].tolist() == ["cat/0.png", "dog/twin.png"]
    assert twins["labels"].map(list).tolist() == [["cat"], ["dog"]]


def test_loops_of_links_end(picture_folder):
    (picture_folder / "cat" / "loop").symlink_to(picture_folder / "cat")
    (picture_folder / "cat" / "self.png").symlink_to("self.png")
    accepted, refused = paths_and_reasons(picture_folder)
    assert len(accepted) == 8
    assert set(refused.values()) <= {"unreadable"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read(picture_folder):
    (picture_folder / "cat" / "0.png").chmod(0)
    assert paths_and_reasons(picture_folder)[1] == {"cat/0.png": "unreadable"}


def test_permission_denied_is_unreadable(picture_folder, monkeypatch):
    def denied(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.read_bytes", denied)
    _, quarantine = ingest(source(picture_folder), max_pixels=9_999)
    assert set(quarantine["reason"]) == {"unreadable"}
    assert set(quarantine["detail"]) == {"Permission denied"}


def test_a_file_that_vanishes_or_changes_during_the_scan(picture_folder, monkeypatch):
    original = Folder.open

    def meanwhile(self, path):
        if path == "cat/0.png":
            (picture_folder / "cat" / "1.png").unlink()
            (picture_folder / "cat" / "2.png").write_bytes(b"\x89PNG\r\n\x1a\n half")
        return original(self, path)

    monkeypatch.setattr(Folder, "open", meanwhile)
    accepted, refused = paths_and_reasons(picture_folder)
    assert refused == {"cat/1.png": "missing", "cat/2.png": "not_a_picture"}
    assert len(accepted) == 6


def kill_on_fox(source, max_pixels, path):
    return os._exit(1) if "fox" in path else stage.measuring.examine(source.open(path), max_pixels)


def test_a_picture_that_kills_its_process_is_refused(picture_folder, encode, noise, monkeypatch):
    for seed in range(64):
        (picture_folder / "cat" / f"more{seed:02d}.png").write_bytes(encode(noise(seed)))
    (picture_folder / "dog" / "fox.png").write_bytes(encode(noise(99)))
    monkeypatch.setattr(stage, "examine", kill_on_fox)
    monkeypatch.setattr("pipeline.core.parallel.num_workers", lambda: 2)
    accepted, refused = paths_and_reasons(picture_folder)
    assert refused == {"dog/fox.png": "crashed"}
    assert len(accepted) == 72
