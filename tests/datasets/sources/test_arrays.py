"""Samples and labels of one .npz: its parts, what is refused, and what is read of it."""

import io
import zipfile

import numpy as np
import pytest
from file_options import from_file

from pipeline.core.errors import ItemRejected, UserError
from pipeline.datasets.discovery.file_listing import FileListing
from pipeline.datasets.sources.arrays import Arrays, to_bytes

GENERATOR = np.random.default_rng(0)
PICTURES = GENERATOR.integers(0, 256, (6, 8, 9), dtype=np.uint8)
VOLUMES = GENERATOR.integers(0, 256, (6, 5, 8, 9), dtype=np.uint8)


def source(folder, classes=None, scale=None, compressed=True, **arrays):
    path = folder / "set.npz"
    (np.savez_compressed if compressed else np.savez)(path, **arrays)
    options = {"name": "set", "path": str(path), "tree": str(folder / "tree"), "watch": str(path)}
    return Arrays(**options, classes=classes, scale=scale)


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("names", [("{}_images", "{}_labels"), ("x_{}", "y_{}")])
def test_parts_give_the_split(tmp_path, names, compressed):
    arrays = {}
    for number, part in enumerate(("train", "val", "test"), 1):
        arrays |= {names[0].format(part): PICTURES[:number], names[1].format(part): np.arange(number)[:, None] % 2}
    made = source(tmp_path, ["normal", "ill"], compressed=compressed, **arrays)
    rows = made.read()
    assert made.media == "image"
    assert rows["path"].tolist() == [
        *("train/000000", "val/000000", "val/000001", "test/000000", "test/000001", "test/000002"),
    ]
    assert rows["given_split"].tolist() == ["train", "val", "val", "test", "test", "test"]
    assert rows["labels"].tolist() == [["normal"], ["normal"], ["ill"], ["normal"], ["ill"], ["normal"]]
    for path, number in (("train/000000", 0), ("test/000002", 2)):
        np.testing.assert_array_equal(made.open(path), PICTURES[number])
    assert made.stat("train/000000") is not None


def test_a_file_without_parts_gives_no_split(tmp_path):
    rows = source(tmp_path, images=PICTURES, labels=[0, 1, 2, 0, -1, 1]).read()
    assert "given_split" not in rows
    assert rows["path"].iloc[0] == "000000"
    assert rows["labels"].tolist() == [["0"], ["1"], ["2"], ["0"], [], ["1"]]


@pytest.mark.parametrize(
    ("images", "media", "shape"),
    [
        (PICTURES, "image", (8, 9)),
        (PICTURES[..., None], "image", (8, 9)),
        (np.repeat(PICTURES[..., None], 3, axis=3), "image", (8, 9, 3)),
        (VOLUMES, "volume", (5, 8, 9)),
        (VOLUMES[..., None], "volume", (5, 8, 9)),
        (np.repeat(VOLUMES[..., None], 3, axis=4), "clip", (5, 8, 9, 3)),
    ],
)
def test_axes_say_what_a_sample_is(tmp_path, images, media, shape):
    made = source(tmp_path, images=images, labels=np.zeros(6, int))
    made.read()
    found = made.open("000004")
    assert (made.media, found.shape, found.dtype) == (media, shape, np.uint8)
    np.testing.assert_array_equal(found, images[4].reshape(shape))


def test_infinite_labels_are_refused(tmp_path):
    with pytest.raises(UserError, match="labels holds numbers that are not whole"):
        source(tmp_path, images=PICTURES, labels=np.full(6, np.inf)).read()


def test_several_labels(tmp_path):
    labels = np.array([[1, 0, 1], [0, 0, 0], [0, 1, 0], [1, 1, 1], [0, 0, 1], [1, 0, 0]])
    rows = source(tmp_path, ["a", "b", "c"], images=PICTURES, labels=labels).read()
    assert rows["labels"].tolist() == [["a", "c"], [], ["b"], ["a", "b", "c"], ["c"], ["a"]]
    assert rows["negative"].tolist() == [False, True, False, False, False, False]


def test_texts_are_names(tmp_path):
    rows = source(tmp_path, images=PICTURES, labels=np.array(["cat", "dog", "cat", "dog", "", "dog"])).read()
    assert rows["labels"].tolist() == [["cat"], ["dog"], ["cat"], ["dog"], [], ["dog"]]


def test_samples_without_labels(tmp_path):
    assert source(tmp_path, x_train=PICTURES).read()["labels"].tolist() == [[]] * 6


def test_scale_by_hand(tmp_path):
    made = source(tmp_path, scale=(0.0, 2.0), images=np.full((2, 3, 3), 1.0, np.float32), labels=[0, 1])
    made.read()
    assert (made.open("000000") == 128).all()  # 127.5 to the even number
    np.testing.assert_array_equal(to_bytes(np.array([-1, 0, 5, 10, 11], np.int16), (0, 10)), [0, 0, 128, 255, 255])
    np.testing.assert_array_equal(to_bytes(np.array([True, False]), None), [255, 0])
    with pytest.raises(ItemRejected, match="a value that is not a finite number"):
        to_bytes(np.array([np.nan]), (0, 1))
    with pytest.raises(UserError, match=r"images holds float32; set source.scale to the values of black and white"):
        source(tmp_path, images=np.zeros((2, 3, 3), np.float32), labels=[0, 1]).read()
    with pytest.raises(UserError, match="scale must be null or"):
        from_file(Arrays, name="a", path="b", classes=None, scale=[1.0, 0.0], tree="c", watch="d")


def test_a_list_of_a_file_is_a_scale():
    made = from_file(Arrays, name="a", path="b", classes=None, scale=[0, 4095], tree="c", watch="d")
    assert tuple(made.scale) == (0, 4095)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": np.array([{}], dtype=object), "labels": [0]}, "images holds Python objects, which could run code"),
        ({"images": PICTURES, "labels": np.array(["a", None] * 3, dtype=object)}, "labels holds Python objects"),
        ({"images": PICTURES[0], "labels": [0]}, r"images has shape \(8, 9\) of uint8; expected numbers of shape"),
        ({"images": PICTURES[:0], "labels": []}, r"images has shape \(0, 8, 9\) of uint8"),
        ({"images": PICTURES, "labels": [0, 1]}, "images has 6 samples and labels 2 labels; expected as many"),
        ({"images": PICTURES, "labels": np.zeros((6, 2, 2))}, r"labels has shape \(6, 2, 2\) of float64"),
        ({"images": PICTURES, "labels": np.full((6, 2), 3)}, "holds values other than 0 and 1; expected one column"),
        ({"images": PICTURES, "labels": np.full(6, 0.5)}, "labels holds numbers that are not whole"),
        ({"images": PICTURES, "labels": np.full(6, np.nan)}, "labels holds numbers that are not whole"),
        ({"images": PICTURES.astype(complex), "labels": np.zeros(6)}, "images has the type complex128; expected num"),
        ({"images": np.zeros((6, 3, 8, 8), np.uint8), "labels": np.zeros(6)}, "channels first; save np.moveaxis"),
        ({"images": np.asfortranarray(PICTURES), "labels": np.zeros(6)}, "images is in Fortran order"),
        ({"pixels": PICTURES}, "holds pixels; expected train_images and train_labels, x_train and y_train, or images"),
        ({"x_train": PICTURES, "train_images": PICTURES}, "both images of train; leave one"),
        ({"x_train": PICTURES, "x_test": VOLUMES}, "pictures and volumes; save them in two files"),
        (
            {"x_train": PICTURES, "y_train": np.zeros(6), "x_test": PICTURES, "y_test": np.zeros((6, 2))},
            "y_train and y_test differ in their number of columns",
        ),
    ],
)
def test_what_does_not_fit_is_one_clear_line(tmp_path, arrays, message):
    made = source(tmp_path, **arrays)
    with pytest.raises(UserError, match=message) as caught:
        made.read()
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "tree").exists() or "whole" in message or "0 and 1" in message


def test_too_few_names(tmp_path):
    with pytest.raises(UserError, match=r"source.classes names 1 labels, but labels of .* has label 2, counted from 0"):
        source(tmp_path, ["a"], images=PICTURES[:3], labels=[0, 1, 2]).read()


def test_a_file_that_unpacks_to_too_much_is_refused_before_it_does(tmp_path):
    np.savez_compressed(tmp_path / "bomb.npz", images=np.zeros((1000, 100, 100), np.uint8), labels=np.zeros(1000))
    assert (tmp_path / "bomb.npz").stat().st_size < 40_000
    options = {"name": "set", "path": str(tmp_path / "bomb.npz"), "tree": str(tmp_path / "tree"), "watch": "x"}
    made = Arrays(**options, classes=None, scale=None, max_bytes=1_000_000)
    with pytest.raises(UserError, match="unpacks to 10,008,000 bytes, at most 1,000,000 are unpacked"):
        made.read()
    assert not (tmp_path / "tree").exists()


@pytest.mark.parametrize(("num_bytes", "side"), [(5_000_000, "more"), (0, "fewer")])
def test_a_header_that_lies_is_refused(tmp_path, num_bytes, side):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (10, 8, 8)})
    with zipfile.ZipFile(tmp_path / "set.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images.npy", header.getvalue() + bytes(num_bytes))
    options = {"name": "set", "path": str(tmp_path / "set.npz"), "tree": str(tmp_path / "tree"), "watch": "x"}
    with pytest.raises(UserError, match=f"images has {side} bytes than its shape"):
        Arrays(**options, classes=None, scale=None).read()
    assert not (tmp_path / "tree").exists()


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04" + b"\0" * 40])
def test_what_is_no_npz_is_refused(tmp_path, content):
    (tmp_path / "set.npz").write_bytes(content)
    options = {"name": "set", "path": str(tmp_path / "set.npz"), "tree": str(tmp_path / "tree"), "watch": "x"}
    with pytest.raises(UserError, match=r"is damaged, or no \.npz"):
        Arrays(**options, classes=None, scale=None).read()
    with pytest.raises(UserError, match=r"does not exist; set it to a \.npz file"):
        Arrays(**{**options, "path": "nowhere.npz"}, classes=None, scale=None).read()


def test_a_cut_file_leaves_nothing_behind(tmp_path):
    made = source(tmp_path, images=PICTURES, labels=np.zeros(6))
    whole = (tmp_path / "set.npz").read_bytes()
    (tmp_path / "set.npz").write_bytes(whole[: len(whole) // 2] + whole[len(whole) // 2 + 9 :])
    with pytest.raises(UserError, match=r"is damaged, or no \.npz"):
        made.read()
    assert not (tmp_path / "tree").exists()


def test_items_that_are_not_there(tmp_path):
    made = source(tmp_path, x_train=PICTURES, y_train=np.zeros(6))
    made.read()
    for path in ("train/000006", "test/000000", "000000", "train/../train/000000", "train/0", "train/00000x"):
        with pytest.raises(ItemRejected, match="has no such sample"):
            made.open(path)
    (tmp_path / "tree/x_train.npy").write_bytes((tmp_path / "tree/x_train.npy").read_bytes()[:-80])
    with pytest.raises(ItemRejected, match="has become shorter"):
        made.open("train/000005")


def test_a_changed_file_is_unpacked_again(tmp_path):
    source(tmp_path, images=PICTURES, labels=np.zeros(6)).read()
    made = source(tmp_path, images=PICTURES[::-1], labels=np.zeros(6))
    made.read()
    np.testing.assert_array_equal(made.open("000000"), PICTURES[5])


def test_init_recognises_pictures_and_volumes(tmp_path):
    np.savez(tmp_path / "a.npz", train_images=VOLUMES, train_labels=np.zeros(6))
    np.savez(tmp_path / "b.npz", weights=np.zeros(3))
    place = FileListing(root=tmp_path, files=("a.npz", "b.npz"))
    (found,) = Arrays.recognise(place, {})
    assert (found.layout, found.confidence, found.missing) == ("arrays, 6 volumes in a.npz", 1, "")
    assert found.choices["path"] == str(tmp_path / "a.npz")
    np.savez(tmp_path / "a.npz", train_images=VOLUMES.astype(np.float64))
    (found,) = Arrays.recognise(place, {})
    assert "set source.scale to the values of black and white" in found.missing
