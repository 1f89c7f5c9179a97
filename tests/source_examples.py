"""A small data set in each format: eight noise pictures, half of them cats, half dogs, and a ninth without a label."""

import gzip
import json
import shutil
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

Told = Iterator[tuple[str, list[str]]]


def pictures(folder: Path) -> Told:
    """Writes 0.png to 8.png and gives the labels of each."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(9):
        pixels = np.random.default_rng(number).integers(0, 256, (24, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
        yield f"{number}.png", [["cat", "dog"][number % 2]] if number < 8 else []


def folder(root: Path) -> dict[str, Any]:
    for name, labels in list(pictures(root)):
        if labels:
            (root / labels[0]).mkdir(exist_ok=True)
            (root / name).rename(root / labels[0] / name)
    return {"path": str(root)}


def clips(root: Path) -> dict[str, Any]:
    """Animations of noise."""
    for number in range(9):
        place = root / ["run", "walk"][number % 2] if number < 8 else root
        place.mkdir(exist_ok=True)
        generator = np.random.default_rng(number)
        frames = [Image.fromarray(generator.integers(0, 256, (20, 24), dtype=np.uint8)) for _ in range(4)]
        frames[0].save(place / f"{'abcdefghi'[number]}.gif", save_all=True, append_images=frames[1:], loop=0)
    return {"path": str(root)}


def unlabelled(root: Path) -> dict[str, Any]:
    list(pictures(root / "many"))
    (root / "many/0.png").rename(root / "loose.png")
    (root / "many/notes.txt").write_text("no picture")
    return {"path": str(root)}


def table(root: Path) -> dict[str, Any]:
    rows = [f"{name},{''.join(labels)}" for name, labels in pictures(root)]
    (root / "labels.csv").write_text("\n".join(["image,label", *rows]))
    return {"path": str(root / "labels.csv"), "pictures": str(root)}


def coco(root: Path) -> dict[str, Any]:
    told = list(pictures(root))
    content = {
        "images": [{"id": number, "file_name": name} for number, (name, _) in enumerate(told)],
        "annotations": [
            {"image_id": number, "category_id": label} for number, (_, labels) in enumerate(told) for label in labels
        ],
        "categories": [{"id": name, "name": name} for name in ("cat", "dog")],
    }
    (root / "coco.json").write_text(json.dumps(content))
    return {"path": str(root / "coco.json"), "pictures": str(root)}


def voc(root: Path) -> dict[str, Any]:
    (root / "Annotations").mkdir()
    (root / "ImageSets/Main").mkdir(parents=True)
    told = list(pictures(root / "JPEGImages"))
    for name, labels in told:
        objects = "".join(f"<object><name>{label}</name></object>" for label in labels)
        (root / "Annotations" / name).with_suffix(".xml").write_text(f"<annotation>{objects}</annotation>")
    for split, part in {"train": told[:4], "val": told[4:6], "test": told[6:]}.items():
        (root / f"ImageSets/Main/{split}.txt").write_text("".join(f"{Path(name).stem}\n" for name, _ in part))
    return {"path": str(root)}


def darwin(root: Path) -> dict[str, Any]:
    for name, labels in pictures(root):
        content = {
            "version": "2.0",
            "item": {"name": name, "path": "/", "slots": [{"type": "image"}]},
            "annotations": [{"name": label, "tag": {}} for label in labels],
        }
        (root / name).with_suffix(".json").write_text(json.dumps(content))
    return {"path": str(root), "pictures": str(root)}


def cvat(root: Path) -> dict[str, Any]:
    images = [
        f'<image id="{number}" name="{name}">{"".join(f"""<tag label="{one}"/>""" for one in labels)}</image>'
        for number, (name, labels) in enumerate(pictures(root))
    ]
    (root / "annotations.xml").write_text(f"<annotations>{''.join(images)}</annotations>")
    return {"path": str(root / "annotations.xml"), "pictures": str(root)}


def label_studio(root: Path) -> dict[str, Any]:
    tasks = [
        {
            "id": number,
            "data": {"image": f"/data/upload/1/{name}"},
            "annotations": [
                {"result": [{"type": "choices", "from_name": "kind", "value": {"choices": [label]}}]}
                for label in labels
            ],
        }
        for number, (name, labels) in enumerate(pictures(root / "images"))
    ]
    (root / "export.json").write_text(json.dumps(tasks))
    return {"path": str(root / "export.json"), "pictures": str(root / "images")}


def idx(root: Path) -> dict[str, Any]:
    images = np.random.default_rng(0).integers(0, 256, (8, 24, 32), dtype=np.uint8)
    labels = bytes(number % 2 for number in range(8))
    (root / "images.gz").write_bytes(gzip.compress(struct.pack(">4I", 0x803, *images.shape) + images.tobytes()))
    (root / "labels").write_bytes(struct.pack(">2I", 0x801, len(labels)) + labels)
    return {"images": str(root / "images.gz"), "labels": str(root / "labels")}


def arrays(root: Path) -> dict[str, Any]:
    images = np.random.default_rng(0).integers(0, 256, (8, 24, 32), dtype=np.uint8)
    np.savez_compressed(root / "arrays.npz", images=images, labels=np.arange(8) % 2)
    return {"path": str(root / "arrays.npz"), "tree": str(root / "tree")}


def archive(root: Path) -> dict[str, Any]:
    (root / "made").mkdir()
    folder(root / "made")
    path = shutil.make_archive(str(root / "pictures"), "gztar", root / "made")
    return {"path": path, "tree": str(root / "tree")}


def remote(root: Path) -> dict[str, Any]:
    (root / "there").mkdir()
    folder(root / "there")
    return {"url": f"file://{root / 'there'}", "tree": str(root / "tree")}


def torchvision(root: Path) -> dict[str, Any]:
    raw = root / "FashionMNIST/raw"
    raw.mkdir(parents=True)
    images = np.random.default_rng(0).integers(0, 256, (8, 28, 28), dtype=np.uint8)
    for prefix, part in {"train": images[:6], "t10k": images[6:]}.items():
        labels = bytes(number % 2 for number in range(len(part)))
        (raw / f"{prefix}-images-idx3-ubyte").write_bytes(struct.pack(">4I", 0x803, *part.shape) + part.tobytes())
        (raw / f"{prefix}-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 0x801, len(part)) + labels)
    return {"root": str(root), "download": False}


def volumes(root: Path) -> dict[str, Any]:
    for number in range(9):
        path = root / (["cat", "dog"][number % 2] if number < 8 else "unlabelled") / f"{number}.npy"
        path.parent.mkdir(exist_ok=True)
        np.save(path, np.random.default_rng(number).integers(0, 256, (6, 12, 10), dtype=np.uint8))
    return {"path": str(root)}


Maker = Callable[[Path], dict[str, Any]]
FORMATS: dict[str, Maker] = {
    one.__name__: one for one in (folder, table, coco, voc, darwin, cvat, label_studio, idx, clips)
}
MAKERS: dict[str, Maker] = {
    **FORMATS,
    **{one.__name__: one for one in (archive, remote, torchvision, unlabelled, volumes, arrays)},
}
