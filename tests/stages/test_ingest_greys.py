"""Pictures of more than 8 bits: one scale for all of them, found by ingest and used by whatever decodes them."""

import json
import os

import numpy as np
import pytest
import yaml
from ingest_examples import MAX_PIXELS, ingest, source, write_params
from PIL import Image

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.datasets.ingestion import Limits
from pipeline.datasets.near_duplicates.pairing import load_thumbnails
from pipeline.images.decoding import Decoding, content_hash, decode
from pipeline.media import measurement_cache, reader
from pipeline.media.picture_codec import PictureCodec
from pipeline.media.reader import SampleReader
from pipeline.stages import ingest as stage

RAMP = np.arange(0, 4096, 65).reshape(8, 8)  # 0 to 4030 in 63 levels
RAMP = np.where(RAMP.max() == RAMP, 4095, RAMP)
PARAMS = {"ingest": {"max_pixels": MAX_PIXELS}}


@pytest.fixture
def write(tmp_path, encode):
    """A folder of two classes that holds the given pixels, as a source."""

    def build(pictures, kind="TIFF"):
        for number, (name, pixels) in enumerate(pictures.items()):
            file = tmp_path / "deep" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(encode(pixels, kind) if isinstance(pixels, np.ndarray) else pixels)
            os.utime(file, ns=(10**18 + number,) * 2)
        return source(tmp_path / "deep")

    return build


def shown(made, path, manifest):
    return decode(made.open(path), Decoding.of_manifest(PARAMS, manifest))


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_12_bits_in_16_span_all_greys(write, kind, capsys):
    made = write({"a/0.png": RAMP.astype(np.uint16), "b/0.png": (RAMP // 2).astype(np.uint16)}, kind)
    manifest, quarantine = ingest(made, MAX_PIXELS)
    assert len(quarantine) == 0
    assert manifest[["grey_low", "grey_high"]].to_numpy().tolist() == [[0, 4095]] * 2
    bright, dim = (shown(made, path, manifest) for path in ("a/0.png", "b/0.png"))
    assert (bright.min(), bright.max(), len(np.unique(bright))) == (0, 255, 64)
    assert dim.max() == 127  # by the scale of both, not by its own
    assert [content_hash(bright), content_hash(dim)] == manifest["content_hash"].tolist()
    assert (
        "2 pictures have more than 8 bits, the brightest is a/0.png with 4095; 0 to 4095 becomes"
        in capsys.readouterr().out
    )


def test_decimal_fractions_span_all_greys(write):
    made = write({"a/0.tif": (RAMP / 4095).astype(np.float32), "b/0.tif": (RAMP / 8190).astype(np.float32)})
    manifest, _ = ingest(made, MAX_PIXELS)
    bright, dim = (shown(made, path, manifest) for path in ("a/0.tif", "b/0.tif"))
    assert (bright.min(), bright.max(), len(np.unique(bright)), dim.max()) == (0, 255, 64, 128)
    assert manifest["grey_high"].tolist() == [1, 1]


def test_maxima_of_255_and_256_have_one_scale(write):
    one = np.linspace(0, 255, 24).round().astype(np.int32).reshape(4, 6)
    made = write({"a/0.tif": one, "b/0.tif": one + 1})
    manifest, _ = ingest(made, MAX_PIXELS)
    assert manifest["grey_high"].tolist() == [1023, 1023]
    first, second = (shown(made, path, manifest).astype(int) for path in ("a/0.tif", "b/0.tif"))
    assert (first.max(), second.max()) == (64, 64)
    assert np.abs(first - second).max() <= 1


def test_ranges_that_contradict_each_other_stop_it(write):
    made = write({"a/0.tif": np.full((4, 4), 0.5, np.float32), "b/0.tif": np.full((4, 4), 200, np.float32)})
    with pytest.raises(
        UserError, match=r"^a/0.tif has decimal greys up to 0.5 and b/0.tif up to 200, .* with one range$"
    ):
        ingest(made, MAX_PIXELS)
    manifest, _ = ingest(made, MAX_PIXELS, grey_scale=[0, 1])
    assert [shown(made, path, manifest).max() for path in manifest["path"]] == [128, 255]


def test_8_bits_have_no_columns_of_greys(picture_folder):
    manifest, _ = ingest(source(picture_folder), MAX_PIXELS, grey_scale=12)
    assert not {"grey_low", "grey_high"} & set(manifest)
    assert Decoding.of_manifest(PARAMS, manifest) == Decoding(max_pixels=MAX_PIXELS)


def test_8_and_more_bits_in_one_data_set(write, noise, encode):
    plain = noise(channels=1)
    made = write(
        {"a/0.png": plain, "b/0.png": RAMP.astype(np.uint16), "b/broken.png": encode(RAMP.astype(np.uint16))[:60]},
        "PNG",
    )
    manifest, quarantine = ingest(made, MAX_PIXELS)
    assert manifest["grey_high"].isna().tolist() == [True, False]
    assert manifest["source_order"].tolist() == [0, 1]
    np.testing.assert_array_equal(shown(made, "a/0.png", manifest), plain)
    assert quarantine[["path", "reason"]].to_numpy().tolist() == [["b/broken.png", "truncated"]]


def test_neither_order_nor_memory_of_earlier_runs_matter(write, project, tmp_path, monkeypatch):
    monkeypatch.setattr(measurement_cache, "RACY_SECONDS", -60.0)  # the files are new
    pixels = {f"{'ab'[number % 2]}/{number}.tif": (RAMP // (number + 1)).astype(np.uint16) for number in range(4)}
    made = write(dict(reversed(pixels.items())))
    plain, _ = ingest(made, MAX_PIXELS)
    for _ in range(3):
        manifest, _ = ingest(made, MAX_PIXELS, cache=True)
        assert manifest.equals(plain)
    made = write({**pixels, "a/9.tif": np.full((8, 8), 60_000, np.uint16)})  # changes the scale of all the others
    changed, _ = ingest(made, MAX_PIXELS, cache=True)
    assert changed.equals(ingest(made, MAX_PIXELS)[0])
    assert set(changed["grey_high"]) == {65_535}
    (tmp_path / "deep/a/9.tif").unlink()
    assert ingest(made, MAX_PIXELS, cache=True)[0].equals(plain)


def test_what_is_remembered_is_not_decoded_again(write, project, monkeypatch):
    monkeypatch.setattr(measurement_cache, "RACY_SECONDS", -60.0)
    made = write({"a/0.tif": RAMP.astype(np.uint16), "b/0.tif": RAMP.astype(np.uint16)})
    first, _ = ingest(made, MAX_PIXELS, cache=True)
    monkeypatch.setattr(reader, "examine", lambda made, path: pytest.fail(path))
    assert ingest(made, MAX_PIXELS, cache=True)[0].equals(first)


def test_a_scale_that_is_given(write, project, capsys):
    made = write({"a/0.tif": RAMP.astype(np.uint16), "b/0.tif": (RAMP // 2).astype(np.uint16)})
    write_params(made.path)
    params = yaml.safe_load((project / "params.yaml").read_text())
    params["ingest"]["grey_scale"] = [1000, 3000]
    (project / "params.yaml").write_text(yaml.safe_dump(params))
    stage.main()
    manifest = artifacts.read_table(artifacts.MANIFEST)
    expected = np.rint(np.clip((RAMP - 1000) / 2000, 0, 1) * 255)
    np.testing.assert_array_equal(shown(made, "a/0.tif", manifest), expected)
    assert "more than 8 bits" not in capsys.readouterr().out


def test_a_later_stage_reads_the_same_pixels(write):
    made = write({"a/0.tif": RAMP.astype(np.uint16), "b/0.tif": RAMP.astype(np.uint16)})
    manifest, _ = ingest(made, MAX_PIXELS)
    item = (manifest["path"][0], manifest["content_hash"][0])
    later = SampleReader(source=made, codec=PictureCodec(decoding=Decoding.of_manifest(PARAMS, manifest)))
    assert load_thumbnails(later, item).max() == 255
    with pytest.raises(UserError, match=r"^a/0.tif has changed since ingest"):
        load_thumbnails(SampleReader(source=made, codec=PictureCodec(decoding=Decoding(max_pixels=MAX_PIXELS))), item)


def test_white_is_zero(write, encode):
    turned = encode(Image.fromarray(RAMP.astype(np.uint16)), "TIFF", tiffinfo={262: 0})
    made = write({"a/0.tif": turned, "b/0.tif": RAMP.astype(np.uint16)})
    manifest, _ = ingest(made, MAX_PIXELS)
    pictures = [shown(made, path, manifest) for path in manifest["path"]]
    np.testing.assert_array_equal(pictures[0], 255 - pictures[1])


def test_a_wrong_option_is_named():
    with pytest.raises(
        ValueError, match=r"^grey_scale must be auto, one of 8, 10, 12, 14, 16, or \[black, white\], got 11"
    ):
        Limits(max_pixels=1, max_quarantine_fraction=0.0, grey_scale=11)


def test_the_scale_is_plain_json():
    assert json.loads(json.dumps(Decoding.of_card({"max_pixels": 1, "grey_scale": [0, 4095]}).for_card())) == {
        "max_pixels": 1,
        "grey_scale": [0.0, 4095.0],
    }
