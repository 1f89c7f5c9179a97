"""Every item the source names is in the manifest or in quarantine, and the run stops when too many are refused."""

import pandas as pd
import pytest
import yaml
from file_options import from_file
from ingest_examples import BROKEN, ingest, source, write_params
from PIL import ExifTags, Image

from pipeline.core import artifacts, config
from pipeline.core.errors import ItemRejected, UserError
from pipeline.datasets.ingestion import Limits
from pipeline.images.decoding import REJECTION_REASONS
from pipeline.stages import ingest as stage

COLUMNS = (
    "sample_id path labels group media format content_hash perceptual_hash height width depth channels "
    "prop_brightness prop_contrast prop_dark_level prop_light_level prop_saturation prop_red_green prop_blue_yellow "
    "prop_sharpness prop_noise prop_entropy prop_border_brightness prop_border_red_green prop_border_blue_yellow "
    "prop_corner_top_left prop_corner_top_left_red_green prop_corner_top_left_blue_yellow "
    "prop_corner_top_right prop_corner_top_right_red_green prop_corner_top_right_blue_yellow "
    "prop_corner_bottom_left prop_corner_bottom_left_red_green prop_corner_bottom_left_blue_yellow "
    "prop_corner_bottom_right prop_corner_bottom_right_red_green prop_corner_bottom_right_blue_yellow "
    "prop_aspect_ratio prop_num_pixels prop_num_bytes prop_jpeg_quality source_order"
)


def test_every_item_is_accounted_for(broken_folder):
    manifest, quarantine = ingest(source(broken_folder), max_pixels=9_999)
    assert sorted([*manifest["path"], *quarantine["path"]]) == sorted(source(broken_folder).read()["path"])
    assert manifest["path"].tolist() == [f"{label}/{number}.png" for label in ("cat", "dog") for number in range(4)]
    assert dict(zip(quarantine["path"], quarantine["reason"], strict=True)) == BROKEN
    assert set(quarantine["reason"]) <= set(REJECTION_REASONS)
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
            raise ItemRejected("missing", "never made")
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


def test_too_many_refused_items_stop_the_run_and_are_listed(project, broken_folder):
    write_params(broken_folder, max_quarantine_fraction=0.4)
    message = (
        r"7 of 15 items were refused, more than ingest\.max_quarantine_fraction 0\.4 allows; "
        r"the first is 'cat/broken\.png', truncated: .*; see data/quarantine\.parquet, repair them or raise the limit"
    )
    with pytest.raises(UserError, match=message):
        stage.main()
    assert len(artifacts.read_table(artifacts.QUARANTINE)) == 7
    assert not artifacts.MANIFEST.exists()


def test_as_many_as_the_limit_allows(project, broken_folder):
    write_params(broken_folder, max_quarantine_fraction=7 / 15)
    stage.main()
    assert artifacts.MANIFEST.exists()


def test_nothing_left(project, picture_folder):
    for path in picture_folder.glob("*/*.png"):
        path.write_text("text")
    write_params(picture_folder)
    with pytest.raises(
        UserError, match=r"all 8 items of the source were refused; the first is 'cat/0\.png', not_a_pic"
    ):
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
        from_file(Limits, **{"max_pixels": 1, "max_quarantine_fraction": 0.0, **changes})


def test_what_a_list_tells_goes_before_what_the_file_says_of_itself(tmp_path, encode, noise):
    exif = Image.Exif()
    exif[ExifTags.Base.DateTime] = "2020:01:02 03:04:05"
    for name in ("a", "b"):
        (tmp_path / f"{name}.jpg").write_bytes(encode(noise(9), "JPEG", exif=exif))
    (tmp_path / "list.csv").write_text("path,label,exif_time\na.jpg,cat,2026-11-24 10:00:00\nb.jpg,dog,\n")
    nodes = yaml.safe_load(config.compose(overrides=["source=table", "source.image_column=path"]))["source"]
    chosen = {"path": str(tmp_path / "list.csv"), "pictures": str(tmp_path), "attribute_columns": ["exif_time"]}
    manifest, _ = ingest(config.build({**nodes, **chosen}, "source"), max_pixels=9_999)
    assert manifest["attr_exif_time"].fillna("not told").tolist() == ["2026-11-24 10:00:00", "not told"]
