"""Pictures without a label, and items that are refused, go through every stage before training, in every format."""

import numpy as np
import pytest
from source_examples import MAKERS

from pipeline.core import artifacts, config
from pipeline.stages import augment, check, find_duplicates, ingest, split, validate

ROOT = config.Path(__file__).parents[2]
SETTINGS = [
    "validate.min_samples=8",
    "split.near_duplicate_bits=0",
    "split.fractions={train: 0.5, val: 0.25, test: 0.25}",
    "check.split_leakage.near_duplicate_bits=0",
    "check.shortcut.max_balanced_accuracy=1",
    "check.missing_class.on_fail=warn",
    "image_size=25",
]
OF_LABELS = ("check.shortcut", "check.missing_class")

pytestmark = pytest.mark.slow


def run(*overrides, settings=SETTINGS):
    config.PARAMS.write_text(config.compose(ROOT / "conf", [*settings, *overrides]))
    for stage in (ingest, validate, find_duplicates, split, check, augment):
        stage.main()
    manifest, quarantine, splits = map(
        artifacts.read_table, (artifacts.MANIFEST, artifacts.QUARANTINE, artifacts.SPLITS)
    )
    return manifest, quarantine, splits, artifacts.read_table(artifacts.PACKED / "index.parquet")


@pytest.mark.filterwarnings("ignore:module 'sre_:DeprecationWarning")  # Great Expectations imports them
def test_a_folder_with_loose_pictures_and_broken_ones(project, picture_folder, encode, noise):
    (picture_folder / "loose.png").write_bytes(encode(noise(99)))
    (picture_folder / "cat" / "\udcff.png").write_bytes(b"png")
    overrides = ["source=folder", f"source.path={picture_folder}", "ingest.max_quarantine_fraction=0.2"]
    manifest, quarantine, splits, index = run(*overrides)
    assert [len(manifest), len(quarantine), len(index)] == [9, 1, 8]
    assert manifest.loc[manifest["labels"].map(len) == 0, "path"].tolist() == ["loose.png"]
    assert splits.set_index("sample_id")["split"]["loose.png"] == "pool"
    assert quarantine["reason"].tolist() == ["bad_name"]
    assert np.load(artifacts.PACKED / "images.npy").shape == (8, 28, 28, 3)  # nothing would read the pool
    before = (artifacts.PACKED / "images.npy").read_bytes()
    config.PARAMS.write_text(config.compose(ROOT / "conf", [*SETTINGS, *overrides, "objective=simclr"]))
    assert augment.main() == ["9 pictures of 28 x 28 pixels, 1 without a label"]
    index = artifacts.read_table(artifacts.PACKED / "index.parquet")
    assert index["split"].tolist()[-2:] == ["test", "pool"]
    assert index["sample_id"].iloc[-1] == "loose.png"
    assert (artifacts.PACKED / "images.npy").read_bytes()[128 : len(before)] == before[128:]


@pytest.mark.parametrize("option", [name for name in MAKERS if name not in ("folder", "unlabelled")])
def test_every_format_is_ingested_and_split(project, tmp_path, option, monkeypatch):
    monkeypatch.setattr(validate, "main", lambda: None)  # seconds each, and tried above
    made = tmp_path / "made"
    made.mkdir()
    told = [f"source.{key}={value}" for key, value in MAKERS[option](made).items()]
    manifest, quarantine, splits, index = run(f"source={option}", f"source.watch={made}", *told)
    assert quarantine.empty
    assert len(index) == 8
    unlabelled = splits["split"].isin(["none", "pool"])  # none where the source itself holds them out
    assert unlabelled.sum() == len(manifest) - 8 == (option not in ("idx", "arrays", "torchvision"))


def test_pictures_without_any_label_are_split_for_clusters(project, tmp_path, monkeypatch):
    monkeypatch.setattr(validate, "main", lambda: None)
    made = tmp_path / "made"
    made.mkdir()
    told = [f"source.{key}={value}" for key, value in MAKERS["unlabelled"](made).items()]
    told += ["source=unlabelled", f"source.watch={made}", "experiment=clusters"]
    manifest, _, splits, index = run(*told, settings=[one for one in SETTINGS if not one.startswith(OF_LABELS)])
    assert not manifest["labels"].map(len).any()
    assert manifest["attr_folder"].tolist() == [".", *["many"] * 8]  # the text file is passed over
    assert splits["split"].value_counts().to_dict() == {"train": 5, "val": 2, "test": 2}
    assert len(index) == 9
    assert artifacts.read_json(artifacts.PACKED / "card.json")["classes"] == []


def test_the_split_that_voc_gives_is_kept(project, tmp_path, monkeypatch):
    monkeypatch.setattr(validate, "main", lambda: None)
    made = tmp_path / "made"
    made.mkdir()
    MAKERS["voc"](made)
    _, _, splits, _ = run("source=voc", f"source.path={made}", "split=given")
    assert splits["split"].tolist() == ["train"] * 4 + ["val"] * 2 + ["test"] * 2 + ["none"]


def test_odd_class_names_go_through_every_stage_before_training(project, picture_folder, monkeypatch):
    monkeypatch.setattr(validate, "main", lambda: None)
    odd = ['<b onclick="x">&\'.', "猫\n%s{}"]
    for before, after in zip(("cat", "dog"), odd, strict=True):
        (picture_folder / before).rename(picture_folder / after)
    manifest, quarantine, _, index = run("source=folder", f"source.path={picture_folder}")
    assert quarantine.empty
    assert {name for labels in manifest["labels"] for name in labels} == set(odd)
    assert len(index) == 8
    assert artifacts.PREVIEW.stat().st_size > 0
