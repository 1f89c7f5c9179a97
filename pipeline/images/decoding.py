"""From the bytes of a picture to what a person sees, in bounded memory and time."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import xxhash
from PIL import ExifTags, Image

from pipeline.core.errors import ItemRejected, UserError
from pipeline.core.sample_codec import GreyRange, SampleHeader
from pipeline.images import grey_scales
from pipeline.images.bounds import refuse_too_large, without_large_metadata
from pipeline.images.damage import reject_damage
from pipeline.images.formats import FORMATS, expect_rejection, is_avif, is_heif
from pipeline.images.grey_scales import Greys
from pipeline.images.metadata import Encoding, read_metadata
from pipeline.images.silence import ignore_warnings

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.core.open_types import JsonObject

REJECTION_REASONS = {
    "missing": "the source names a file that does not exist",
    "unreadable": "the file cannot be opened (permissions, a folder, an input error)",
    "outside": "the path leaves the source's folder",
    "empty": "the file has no bytes",
    "not_a_picture": "no picture format recognises the bytes",
    "not_a_clip": "no clip format recognises the bytes",
    "no_frames": "the clip has no frame: sound alone, an empty track, a folder without pictures",
    "too_long": "the clip has more frames or seconds than media.max_frames and media.max_seconds allow",
    "too_slow": "decoding the clip takes longer than media.time_limit",
    "not_a_volume": "no format of volumes recognises the bytes",
    "bad_series": "the slices of a DICOM series do not make one volume; the detail says why",
    "unsupported": "a format that is not read; the detail says what helps",
    "truncated": "the picture ends early or its data are damaged",
    "too_large": "the picture has more pixels than max_pixels allows, or would take too much memory or time",
    "crashed": "decoding it kills the process (lack of memory, a fault in a decoder)",
    "duplicate_name": "the source names this item more than once",
    "ambiguous": "the source's name may mean several files, or several names mean one file",
    "no_row": "the file is there, but the source's table or document does not name it",
    "bad_name": "the file's name is not UTF-8",
    "bad_annotation": "the annotation of this item is damaged, unsafe or contradicts itself",
    "dropped": "a person dropped it in data/label_decisions/",
    "discarded": "feedback: a person said to leave the picture out",
    "contradicted": "feedback: people gave the picture different labels",
    "not_stored": "feedback: the server did not store the picture (colibri serve --keep-pictures)",
    "unknown_class": "feedback: no sample of the source has the label (ingest.feedback_classes)",
    "other_greys": "feedback: the picture's greys do not fit the grey scale of the source (ingest.grey_scale)",
}
OPENING = Lock()  # of Pillow's limit, which is global: a server decodes in several threads
TURNS = {  # EXIF orientation; ImageOps.exif_transpose also rewrites the other tags and fails on invalid ones
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = (5, 6, 7, 8)  # turns that exchange width and height
TURNED_WHEN_OPENED = ("TIFF", "HEIF")  # formats whose size Pillow already gives as a person sees it


@dataclass(frozen=True, kw_only=True)
class Decoding:
    """How pictures become pixels: one for each data set, the same in every stage and in serving.

    Args:
        max_pixels: Largest accepted height x width.
        grey_scale: Of pictures of more than 8 bits; None: the full range of the pixel type, where that is known.
    """

    max_pixels: int
    grey_scale: Greys | None = None

    @classmethod
    def of_manifest(cls, params: Mapping[str, Any], manifest: pd.DataFrame) -> Decoding:
        """The decoding that `ingest` used for the pictures of a manifest."""
        return cls(max_pixels=params["ingest"]["max_pixels"], grey_scale=Greys.of_manifest(manifest))

    @classmethod
    def of_card(cls, card: Mapping[str, Any]) -> Decoding:
        """The decoding that a predictor's card describes."""
        return cls(max_pixels=card["max_pixels"], grey_scale=Greys.of_card(card))

    def for_card(self) -> JsonObject:
        """The entries of a card that `of_card` reads."""
        deep = {} if self.grey_scale is None else {"grey_scale": [self.grey_scale.low, self.grey_scale.high]}
        return {"max_pixels": self.max_pixels, **deep}


def decode(data: bytes | np.ndarray, decoding: Decoding) -> np.ndarray:
    """Pixels as a person sees them: orientation applied, transparency on white, 8 bit.

    Args:
        data: An encoded picture, or pixels already decoded.
        decoding: What is accepted, checked before the pixels are decoded, and the grey scale.

    Returns:
        (H, W) or (H, W, 3) uint8.

    Raises:
        ItemRejected: With one of `REJECTION_REASONS`.
    """
    return data if isinstance(data, np.ndarray) else np.asarray(open_image(data, decoding))


def open_image(data: bytes | np.ndarray, decoding: Decoding) -> Image.Image:
    """The result of `decode` as a Pillow image of mode L or RGB, which saves two copies where Pillow works on it.

    Raises:
        ItemRejected: With one of `REJECTION_REASONS`.
    """
    return open_with_metadata(data, decoding)[0]


def open_with_metadata(data: bytes | np.ndarray, decoding: Decoding) -> tuple[Image.Image, Encoding]:
    """The result of `open_image`, and the metadata of the file.

    Raises:
        ItemRejected: With one of `REJECTION_REASONS`.
    """
    if isinstance(data, np.ndarray):
        return Image.fromarray(data), Encoding()
    with _decode(data, decoding.max_pixels) as image:
        return as_seen(image, decoding.grey_scale), read_metadata(image)


def open_or_range(data: bytes | np.ndarray, decoding: Decoding) -> tuple[Image.Image, Encoding] | GreyRange:
    """The result of `open_with_metadata`, or the grey range of a picture of more than 8 bits where no scale is given.

    Raises:
        ItemRejected: With one of `REJECTION_REASONS`.
    """
    if isinstance(data, np.ndarray):
        return open_with_metadata(data, decoding)
    with _decode(data, decoding.max_pixels) as image:
        if decoding.grey_scale is None and grey_scales.is_deep(image):
            return grey_scales.measure(image)
        return as_seen(image, decoding.grey_scale), read_metadata(image)


@contextmanager
def _decode(data: bytes, max_pixels: int) -> Iterator[Image.Image]:
    """A picture whose pixels are loaded; every error of it is an `ItemRejected`, also within the block."""
    rejection = expect_rejection(data)
    if rejection:
        raise rejection
    with (
        reject_damage(_reject_unidentified(data)),
        ignore_warnings(),
        _open(without_large_metadata(data), max_pixels) as image,
    ):
        refuse_too_large(image, data, max_pixels)
        image.load()
        yield image


def _open(data: bytes, max_pixels: int) -> Image.Image:
    """A picture of which only the header is read; Pillow's global limit is replaced meanwhile, then restored."""
    formats: tuple[str, ...] = FORMATS
    if is_heif(data):
        _register_heif()
        formats = (*FORMATS, "HEIF")
    with OPENING:
        before = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = max_pixels
        try:
            return Image.open(io.BytesIO(data), formats=formats)
        finally:
            Image.MAX_IMAGE_PIXELS = before


@cache
def _register_heif() -> None:
    """Lets Pillow read HEIC; called for the first HEIC only, since it takes 0.1 s."""
    try:
        import pi_heif
    except ImportError as error:
        raise UserError(f"HEIC pictures need the package pi-heif, which cannot be loaded ({error})") from None
    pi_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)


def _reject_unidentified(data: bytes) -> ItemRejected:
    if is_heif(data) or is_avif(data):
        return ItemRejected(
            "truncated", "the header of this HEIC or AVIF is damaged, or its coding is one that is not read"
        )
    return _not_a_picture(data)


def _not_a_picture(data: bytes) -> ItemRejected:
    return ItemRejected("not_a_picture", f"starts with {bytes(data[:8])!r}")


def image_size(data: bytes | np.ndarray) -> tuple[int, int]:
    """Width and height of `read_header`, which says what it raises."""
    header = read_header(data)
    return header.width, header.height


def read_header(data: bytes | np.ndarray) -> SampleHeader:
    """The header alone; the pixels are not decoded, so damage of them is not found.

    Raises:
        ItemRejected: `empty`, `unsupported` or `not_a_picture` by its first bytes, `too_large` beyond all limits.
    """
    if isinstance(data, np.ndarray):
        return SampleHeader(width=data.shape[1], height=data.shape[0], is_turned=False)
    rejection = expect_rejection(data)
    if rejection:
        raise rejection
    with (
        reject_damage(_reject_unidentified(data), damaged=_not_a_picture(data)),
        ignore_warnings(),
        _open(without_large_metadata(data), Image.MAX_IMAGE_PIXELS or 2**31) as image,
    ):
        # the method of Image itself: that of a PNG decodes the whole picture
        turn = Image.Image.getexif(image).get(ExifTags.Base.Orientation)
        width, height = image.size
        if turn in SIDEWAYS and image.format not in TURNED_WHEN_OPENED:
            width, height = height, width
        return SampleHeader(width=width, height=height, is_turned=turn in TURNS)


def as_seen(image: Image.Image, grey_scale: Greys | None) -> Image.Image:
    turn = TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    if grey_scales.is_deep(image):
        scale = grey_scale or grey_scales.full_range(image)
        if scale is None:
            raise ItemRejected(
                "unsupported", "32 bits per pixel, whose type does not give the values of black and white"
            )
        image = grey_scales.reduce(image, scale)
        return image if turn is None else image.transpose(turn)
    if turn is not None:
        image = image.transpose(turn)
    if image.has_transparency_data:
        opaque = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", opaque.size, "white"), opaque)
    wanted = "L" if image.mode in ("1", "L", "LA") else "RGB"
    return image if image.mode == wanted else image.convert(wanted)


def content_hash(array: np.ndarray) -> str:
    """32 hexadecimal digits of XXH3 over decoded pixels and their shape.

    The hash is fast and not cryptographic: it finds equal pictures. DVC's hashes say which files were used.
    """
    state = xxhash.xxh3_128(repr(array.shape).encode())
    state.update(np.ascontiguousarray(array).data)
    return state.hexdigest()
