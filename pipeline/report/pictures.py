"""Pictures in a page: data URIs within a budget of bytes, and links to the files that hold them."""

from __future__ import annotations

import base64
import io
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import numpy as np
from PIL import Image

from pipeline.images.feedback_pictures import source_of

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.core.contracts import Source

MAX_SIDE, MIN_SIDE = 640, 48
BUDGET = 8_000_000  # pixels of all pictures of a gallery together; a photograph takes about 0.2 bytes each
MAX_BYTES = (
    1_200_000  # of all pictures of a gallery together, before base64 makes them a third longer; a report has several
)
LOSSLESS_SIDE = 128  # pixels; smaller pictures are PNG, larger ones JPEG
QUALITY = 85
TINY = 64  # pixels; smaller pictures are enlarged without smoothing
MAX_SHEET_BYTES = 600_000


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One sample in a page.

    Attributes:
        uri: Data URI of the whole picture; empty where it is not available.
        tiny: Whether it is so small that smoothing would hide its pixels.
        href: Address of its file, relative to `reports/` or from the root of the file system; empty where no file holds
            this sample alone (arrays, a package's data).
    """

    sample_id: str
    uri: str = ""
    tiny: bool = False
    href: str = ""


def side_of(number: int) -> int:
    """The longest side, in pixels, at which so many pictures fit into the budget."""
    return min(MAX_SIDE, max(MIN_SIDE, int(math.sqrt(BUDGET / max(1, number)))))


def gallery(
    images: Mapping[str, np.ndarray],
    links: Mapping[str, str] | None = None,
    max_bytes: int = MAX_BYTES,
    times: Mapping[str, int] | None = None,
) -> dict[str, Picture]:
    """sample_id to picture; the more pictures, the smaller they are.

    Args:
        images: sample_id to (H, W), (H, W, 1) or (H, W, 3) uint8.
        links: sample_id to address, as `link_files` makes them.
        max_bytes: Of all pictures together.
        times: sample_id to how often the page shows it; once where it is not named.
    """
    known, often = links or {}, times or {}
    side = side_of(sum(often.get(name, 1) for name in images))
    encoded = {name: encode(shrink(to_image(array), side)) for name, array in images.items()}
    while side > MIN_SIDE and sum(often.get(name, 1) * len(data) for name, (_, data) in encoded.items()) > max_bytes:
        side = max(MIN_SIDE, int(0.75 * side))
        encoded = {name: encode(shrink(to_image(array), side)) for name, array in images.items()}
    return {
        name: Picture(
            sample_id=name,
            uri=data_uri(data, kind),
            tiny=max(images[name].shape[:2]) < TINY,
            href=known.get(name, ""),
        )
        for name, (kind, data) in encoded.items()
    }


def link_files(source: Source, samples: pd.DataFrame, names: Iterable[str]) -> dict[str, str]:
    """sample_id to the address of its file, for pages in `reports/`; samples without a file of their own are left out.

    The page is an input of `register`, so the address depends on the source alone and not on where the project is: a
    file that the source names from the project's folder is linked relative to the page, and only one that it names from
    the root of the file system has that address. Every address starts with `../` or `/`, and all other special
    characters are escaped, so no name can make it a script.

    Args:
        source: Of the samples.
        samples: Rows with `sample_id` and `path`.
        names: Of the samples.
    """
    paths = samples.set_index("sample_id")["path"]
    files = {name: source_of(source, paths[name]).file_of(paths[name]) for name in names if name in paths.index}
    return {name: _address(file) for name, file in files.items() if file is not None}


def _address(file: Path) -> str:
    return quote(os.fsencode(os.path.normpath(Path(os.pardir) / file)))  # from reports/; an absolute path stays one


def preview_uri(png: bytes) -> str:
    """The sheet as a data URI, reduced if it has more than `MAX_SHEET_BYTES`."""
    while len(png) > MAX_SHEET_BYTES:
        with Image.open(io.BytesIO(png)) as sheet:
            smaller = encode_png(shrink(sheet, int(0.75 * max(sheet.size))))
        if len(smaller) >= len(png):
            break
        png = smaller
    return data_uri(png)


def to_image(array: np.ndarray) -> Image.Image:
    """(H, W), (H, W, 1) or (H, W, 3) uint8 as a picture."""
    return Image.fromarray(np.ascontiguousarray(array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array))


def shrink(image: Image.Image, side: int) -> Image.Image:
    """A copy whose longer side is at most `side`."""
    copy = image.copy()
    copy.thumbnail((side, side), Image.Resampling.LANCZOS)
    return copy


def encode(image: Image.Image) -> tuple[str, bytes]:
    """Format and bytes: PNG where the picture is small, else JPEG."""
    if max(image.size) <= LOSSLESS_SIDE:
        return "png", encode_png(image)
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=QUALITY, optimize=True)
    return "jpeg", buffer.getvalue()


def encode_png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def data_uri(data: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
