"""A folder with copies in it, and the table of what is one photograph."""

import numpy as np
import pytest
import yaml
from ingest_examples import ingest

from pipeline.core import artifacts, config
from pipeline.core.errors import UserError
from pipeline.datasets.near_duplicates.pairing import find_duplicates as pair_pictures
from pipeline.datasets.near_duplicates.pairing import load_thumbnails
from pipeline.datasets.near_duplicates.photo_pairs import DuplicateSearch
from pipeline.datasets.sources.folder import Folder
from pipeline.images.decoding import Decoding
from pipeline.media.picture_codec import PictureCodec
from pipeline.media.reader import SampleReader
from pipeline.stages import find_duplicates
from tests.photographs import CHANGES, look_alike, photograph

PAIRING = DuplicateSearch(min_similarity=0.93, min_distinctiveness=0.7, num_neighbours=1)
MAX_PIXELS = 100_000
COPIES = ("mirrored", "cropped", "recompressed")
EXPECTED = {
    ("a/00.jpg", "b/mirrored.jpg", True),
    ("b/01.jpg", "b/cropped.jpg", False),
    ("a/02.jpg", "b/recompressed.jpg", False),
}


def reader(source):
    return SampleReader(source=source, codec=PictureCodec(decoding=Decoding(max_pixels=MAX_PIXELS)))


def write(root, pictures):
    for name, image in pictures.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        image.convert("L").save(root / name, quality=90)
    return Folder(name="pictures", path=str(root), watch=str(root))


@pytest.fixture
def source(tmp_path):
    """Twelve photographs in two classes, and a changed copy of each of the first three."""
    pictures = {f"{'ab'[seed % 2]}/{seed:02d}.jpg": photograph(seed) for seed in range(12)}
    copies = {f"b/{change}.jpg": CHANGES[change](photograph(seed)) for seed, change in enumerate(COPIES)}
    return write(tmp_path / "pictures", {**pictures, **copies})


def rows(table):
    return set(zip(table["left"], table["right"], table["mirrored"], strict=True))


def test_the_stage_writes_each_pair(project, source):
    params = {
        "source": {
            "_target_": "pipeline.datasets.sources.folder.Folder",
            "name": "x",
            "path": source.path,
            "watch": "x",
        },
        "ingest": {"max_pixels": MAX_PIXELS, "max_quarantine_fraction": 0.0},
        "near_duplicates": {"min_similarity": 0.93, "min_distinctiveness": 0.7, "num_neighbours": 1},
    }
    config.PARAMS.write_text(yaml.safe_dump(params))
    artifacts.write_table(artifacts.MANIFEST, ingest(source, MAX_PIXELS)[0])
    find_duplicates.main()
    first = artifacts.DUPLICATES.read_bytes()
    table = artifacts.read_table(artifacts.DUPLICATES)
    assert list(table) == ["left", "right", "similarity", "distinctiveness", "mirrored"]
    assert rows(table) == EXPECTED
    assert (table["similarity"] >= 0.93).all()
    assert (table["distinctiveness"] >= 0.7).all()
    find_duplicates.main()
    assert artifacts.DUPLICATES.read_bytes() == first


def test_a_picture_that_changed_since_ingest_stops_it(source, tmp_path):
    manifest = ingest(source, MAX_PIXELS)[0]
    photograph(99).save(tmp_path / "pictures/a/00.jpg")
    with pytest.raises(UserError, match=r"a/00.jpg has changed since ingest; run dvc repro to ingest again"):
        pair_pictures(reader(source), manifest, PAIRING)


@pytest.mark.parametrize("number", [0, 1])
def test_nothing_to_pair(source, number):
    table = pair_pictures(reader(source), ingest(source, MAX_PIXELS)[0].head(number), PAIRING)
    assert len(table) == 0
    assert list(table) == ["left", "right", "similarity", "distinctiveness", "mirrored"]


def test_look_alikes_stay_apart_and_their_number_is_said(tmp_path, capsys):
    pictures = {f"{'ab'[seed % 2]}/{seed:02d}.png": look_alike(seed) for seed in range(40)}
    pictures["b/copy.png"] = CHANGES["cropped"](look_alike(6))
    source = write(tmp_path / "pictures", pictures)
    table = pair_pictures(reader(source), ingest(source, MAX_PIXELS)[0], PAIRING)
    assert rows(table) == {("a/06.png", "b/copy.png", False)}
    told = capsys.readouterr().out
    assert told.startswith("find_duplicates: 1 pairs show one photograph; ")
    assert told.endswith(
        " other pairs are hardly more similar than each picture to its neighbours, and are not joined\n"
    )
    trusting = DuplicateSearch(min_similarity=0.93, min_distinctiveness=0.0, num_neighbours=1)
    assert rows(pair_pictures(reader(source), ingest(source, MAX_PIXELS)[0], trusting)) > rows(table)


def test_a_thumbnail_is_of_what_a_person_sees(source):
    manifest = ingest(source, MAX_PIXELS)[0]
    ((one,),) = load_thumbnails(reader(source), (manifest["path"][0], manifest["content_hash"][0]))
    assert (one.shape, one.dtype) == ((64, 64), np.uint8)
