"""Data sets of torchvision, read from small files in their own formats; nothing is downloaded."""

import gzip
import hashlib
import pickle
import struct
from urllib.error import URLError

import numpy as np
import pytest
from ingest_examples import ingest
from torchvision import datasets

from pipeline.core.errors import ItemRejected, UserError
from pipeline.datasets.sources import torchvision_parts
from pipeline.datasets.sources.torchvision import Torchvision

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 28, 28), dtype=np.uint8)
LABELS = [3, 0, 9, 3, 1, 7]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where a lock is put


def source(dataset, root, **choices):
    choices = {"download": False, "parts": None, "options": {}, **choices}
    return Torchvision(name="x", dataset=dataset, root=str(root), watch=str(root), **choices)


def write_mnist(folder, prefixes=("train", "t10k"), labels=LABELS):
    """The plain IDX files that MNIST and its kin unpack to: six pictures of train, the last four of test."""
    folder.mkdir(parents=True, exist_ok=True)
    for prefix, first in zip(prefixes, (0, 2), strict=True):
        told, pixels = labels[first:], PIXELS[first:]
        (folder / f"{prefix}-images-idx3-ubyte").write_bytes(
            struct.pack(">4I", 0x803, *pixels.shape) + pixels.tobytes()
        )
        (folder / f"{prefix}-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 0x801, len(told)) + bytes(told))


@pytest.mark.parametrize("dataset", ["MNIST", "FashionMNIST", "KMNIST"])
def test_mnist_and_its_kin(tmp_path, dataset):
    write_mnist(tmp_path / dataset / "raw")
    made = source(dataset, tmp_path)
    rows = made.read()
    assert rows["path"].tolist() == [f"train/{number:06d}" for number in range(6)] + [
        f"test/{number:06d}" for number in range(4)
    ]
    assert rows["given_split"].tolist() == ["train"] * 6 + ["test"] * 4
    names = getattr(datasets, dataset).classes
    assert [one[0] for one in rows["labels"]] == [names[label] for label in [*LABELS, *LABELS[2:]]]
    assert (made.open("test/000001") == PIXELS[3]).all()
    manifest, quarantine = ingest(made, max_pixels=9_999)
    assert (len(manifest), len(quarantine)) == (10, 0)


def test_one_part_alone(tmp_path):
    write_mnist(tmp_path / "MNIST" / "raw")
    assert len(source("MNIST", tmp_path, parts=["test"]).read()) == 4
    with pytest.raises(UserError, match=r"source\.parts: MNIST has the parts \['train', 'test'\], found \['val'\]"):
        source("MNIST", tmp_path, parts=["val"]).read()


def test_emnist_needs_its_option(tmp_path):
    folder = tmp_path / "EMNIST" / "raw"
    write_mnist(folder, ("emnist-letters-train", "emnist-letters-test"))
    assert source("EMNIST", tmp_path, options={"split": "letters"}).read()["labels"][0] == ["c"]
    with pytest.raises(UserError, match=r"torchvision's EMNIST is missing or incomplete .*argument: 'split'"):
        source("EMNIST", tmp_path).read()


def test_qmnist_whose_targets_have_many_columns(tmp_path):
    folder = tmp_path / "QMNIST" / "raw"
    folder.mkdir(parents=True)
    told = np.array([[label, *range(7)] for label in LABELS], dtype=">i4")
    for part in ("train", "test"):
        content = struct.pack(">4I", 0x803, *PIXELS.shape) + PIXELS.tobytes()
        (folder / f"qmnist-{part}-images-idx3-ubyte").write_bytes(content)
        (folder / f"qmnist-{part}-labels-idx2-int").write_bytes(struct.pack(">3I", 0xC02, *told.shape) + told.tobytes())
    rows = source("QMNIST", tmp_path).read()
    assert [one[0][0] for one in rows["labels"][:6]] == [str(label) for label in LABELS]


def md5(path):
    return hashlib.md5(path.read_bytes()).hexdigest()


@pytest.fixture
def cifar(tmp_path, monkeypatch):
    """Two batches of CIFAR10, with the MD5 that torchvision asks for."""
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    colours = np.random.default_rng(1).integers(0, 256, (4, 3 * 32 * 32), dtype=np.uint8)
    contents = {
        "data_batch_1": {"data": colours, "labels": [0, 1, 1, 0]},
        "test_batch": {"data": colours[:2], "labels": [1, 0]},
        "batches.meta": {"label_names": ["plane", "car"]},
    }
    for name, content in contents.items():
        (folder / name).write_bytes(pickle.dumps(content))
    known = {name: md5(folder / name) for name in contents}
    monkeypatch.setattr(datasets.CIFAR10, "train_list", [["data_batch_1", known["data_batch_1"]]])
    monkeypatch.setattr(datasets.CIFAR10, "test_list", [["test_batch", known["test_batch"]]])
    meta = {"filename": "batches.meta", "key": "label_names", "md5": known["batches.meta"]}
    monkeypatch.setattr(datasets.CIFAR10, "meta", meta)
    return folder, colours


def test_cifar(cifar, tmp_path):
    _, colours = cifar
    made = source("CIFAR10", tmp_path)
    rows = made.read()
    assert rows["labels"].map(lambda one: one[0]).tolist() == ["plane", "car", "car", "plane", "car", "plane"]
    assert (made.open("train/000003") == colours[3].reshape(3, 32, 32).transpose(1, 2, 0)).all()


class Harm:
    def __reduce__(self):
        return (exec, ("raise SystemExit('a pickle ran')",))


@pytest.mark.parametrize("name", ["data_batch_1", "batches.meta"])
def test_a_pickle_of_other_bytes_is_never_loaded(cifar, tmp_path, name):
    folder, _ = cifar
    (folder / name).write_bytes(pickle.dumps(Harm()))
    with pytest.raises(
        UserError, match=r"torchvision's CIFAR10 is missing or incomplete in '.*'; get it from https://.*"
    ):
        source("CIFAR10", tmp_path).read()


def test_stl10_has_unlabelled_pictures(tmp_path, monkeypatch):
    folder = tmp_path / "stl10_binary"
    folder.mkdir()
    pixels = np.random.default_rng(2).integers(0, 256, (3, 3, 96, 96), dtype=np.uint8)
    (folder / "class_names.txt").write_text("airplane\nbird\n")
    for name in ("train_X.bin", "test_X.bin", "unlabeled_X.bin"):
        (folder / name).write_bytes(pixels.tobytes())
    for name in ("train_y.bin", "test_y.bin"):
        (folder / name).write_bytes(bytes([1, 2, 1]))
    lists = {"train_list": ("train_X.bin", "train_y.bin", "unlabeled_X.bin"), "test_list": ("test_X.bin", "test_y.bin")}
    for attribute, names in lists.items():
        monkeypatch.setattr(datasets.STL10, attribute, [[name, md5(folder / name)] for name in names])
    made = source("STL10", tmp_path)
    rows = made.read()
    assert rows["labels"].tolist() == [["airplane"], ["bird"], ["airplane"]] * 2 + [[], [], []]
    assert rows["path"].tolist()[6:] == [f"unlabeled/00000{number}" for number in range(3)]
    assert [one or "" for one in rows["given_split"]] == ["train"] * 3 + ["test"] * 3 + [""] * 3
    assert (made.open("unlabeled/000002") == pixels[2].transpose(2, 1, 0)).all()


def test_svhn_has_no_names_and_an_extra_part(tmp_path, monkeypatch):
    from scipy.io import savemat

    pixels = np.random.default_rng(3).integers(0, 256, (32, 32, 3, 2), dtype=np.uint8)
    known = {}
    for part in ("train", "test", "extra"):
        path = tmp_path / f"{part}_32x32.mat"
        savemat(path, {"X": pixels, "y": np.array([[10], [4]])})
        known[part] = ["https://example.org", path.name, md5(path)]
    monkeypatch.setattr(datasets.SVHN, "split_list", known)
    assert source("SVHN", tmp_path).read()["labels"].tolist() == [["0"], ["4"]] * 2
    rows = source("SVHN", tmp_path, parts=["train", "extra"]).read()
    assert rows["given_split"].tolist() == ["train"] * 4
    assert (source("SVHN", tmp_path).open("train/000001") == pixels[:, :, :, 1]).all()


def test_pictures_that_are_files_are_handed_out_as_bytes(tmp_path, encode, noise):
    folder = tmp_path / "eurosat" / "2750"
    for label in ("Forest", "River"):
        (folder / label).mkdir(parents=True)
        for number in range(2):
            (folder / label / f"{label}_{number}.jpg").write_bytes(encode(noise(number), "JPEG"))
    (folder / "River" / "River_1.jpg").write_bytes(b"text")
    made = source("EuroSAT", tmp_path)
    rows = made.read()
    assert "given_split" not in rows
    assert rows["path"].tolist() == [f"all/00000{number}" for number in range(4)]
    assert made.open("all/000002") == (folder / "River" / "River_0.jpg").read_bytes()
    assert made.stat("all/000002") is not None
    _, quarantine = ingest(made, max_pixels=9_999)
    assert quarantine[["path", "reason"]].to_numpy().tolist() == [["all/000003", "not_a_picture"]]


def test_classes_of_several_names_and_names_of_several_classes():
    class ImageNetLike:
        classes = [("tench", "Tinca tinca"), ("crane",), ("crane",)]

    assert torchvision_parts._class_names(ImageNetLike) == ["tench, Tinca tinca", "crane (1)", "crane (2)"]


PARTS = {
    "CIFAR100": ("train", "test"),
    "ImageNet": ("train", "val"),
    "Flowers102": ("train", "val", "test"),
    "OxfordIIITPet": ("trainval", "test"),
    "FGVCAircraft": ("train", "val", "test"),
    "Country211": ("train", "valid", "test"),
    "STL10": ("train", "test", "unlabeled"),
    "SVHN": ("train", "test"),
    "Food101": ("train", "test"),
    "EuroSAT": ("all",),
}


@pytest.mark.parametrize("dataset", PARTS)
def test_the_parts_of_both_signatures(dataset):
    made = source(dataset, "nowhere")
    assert made._parts() == PARTS[dataset]


@pytest.mark.parametrize("dataset", ["MNIST", "CIFAR10", "SVHN", "STL10", "Flowers102", "OxfordIIITPet", "USPS"])
def test_offline_it_says_what_was_tried_and_where_to_put_it(tmp_path, monkeypatch, dataset):
    def offline(*given, **named):
        raise URLError("Name or service not known")

    monkeypatch.setattr("urllib.request.urlopen", offline)
    message = (
        rf"torchvision's {dataset} could not be fetched from http.*; check the network, or put its files into '.*'"
    )
    with pytest.raises(UserError, match=message) as caught:
        source(dataset, tmp_path, download=True).read()
    assert "\n" not in str(caught.value)
    message = (
        rf"torchvision's {dataset} is missing or incomplete in '.*'; get it from http.* or set source\.download=true"
    )
    with pytest.raises(UserError, match=message):
        source(dataset, tmp_path).read()


def test_it_is_downloaded_only_when_it_is_not_there(tmp_path, monkeypatch):
    calls = []

    def download(self):
        calls.append(self.train)
        write_mnist(tmp_path / "MNIST" / "raw")

    monkeypatch.setattr(datasets.MNIST, "download", download)
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        assert len(source("MNIST", tmp_path, download=True).read()) == 10
    assert calls == [True]


def test_imagenet_says_what_it_lacks(tmp_path):
    with pytest.raises(
        UserError, match=r"torchvision's ImageNet is missing or incomplete .*ILSVRC2012_devkit_t12\.tar\.gz"
    ):
        source("ImageNet", tmp_path, download=True).read()


def test_unknown_names(tmp_path):
    with pytest.raises(UserError, match=r"no data set 'Cifar10'; did you mean one of \['CIFAR10"):
        source("Cifar10", tmp_path).read()
    with pytest.raises(UserError, match=r"source\.dataset: LSUN is not read, since torchvision unpickles its files"):
        source("LSUN", tmp_path).read()


def test_targets_that_are_no_classes_are_refused():
    with pytest.raises(UserError, match=r"source\.dataset: Boxes does not give each picture a class, so it cannot be"):
        torchvision_parts._targets([(None, {"boxes": []})], "Boxes")


@pytest.mark.parametrize("path", ["train/6", "train/000006", "val/000001", "train/../../x", "", "train/-00001"])
def test_what_is_not_there(tmp_path, path):
    write_mnist(tmp_path / "MNIST" / "raw")
    with pytest.raises(ItemRejected, match=r"missing: .*MNIST"):
        source("MNIST", tmp_path).open(path)


def test_packed_files_of_mnist_are_left_to_torchvision(tmp_path):
    write_mnist(tmp_path / "MNIST" / "raw")
    (tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(b"unused"))
    assert len(source("MNIST", tmp_path).read()) == 10
