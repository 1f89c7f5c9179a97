"""One grey scale for a data set: the values of black and white in its pictures of more than 8 bits."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, TiffImagePlugin

from pipeline.core.errors import UserError
from pipeline.core.sample_codec import GreyRange

if TYPE_CHECKING:
    import pandas as pd

BITS = (8, 10, 12, 14, 16)  # of cameras and detectors, whatever number of bits their files have
LEAST_OF_8_BITS = 16  # where decimal greys go from 0 to 255, some picture has a value above this
ROWS_AT_ONCE = 2**20  # pixels that are converted at a time, in 64 bits each
PHOTOMETRIC, WHITE_IS_ZERO = 262, 0  # TIFF 6.0, page 37; Pillow applies it only to pictures of 8 bits
COLUMNS = ("grey_low", "grey_high")  # of the manifest, where it holds such pictures; missing for all others
ASK = "set ingest.grey_scale to the values of black and white, such as [0, 4095]"


@dataclass(frozen=True)
class Greys:
    """The grey values that become 0 and 255; values outside are clipped.

    Args:
        low: Black.
        high: White, above `low`.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"grey_scale must go from a number to a larger one, got [{self.low}, {self.high}]")

    @classmethod
    def of_bits(cls, bits: int) -> Greys:
        """0 to the largest integer of this number of bits."""
        return cls(0.0, float(2**bits - 1))

    @classmethod
    def of_manifest(cls, manifest: pd.DataFrame) -> Greys | None:
        """The scale that `ingest` chose; None where no picture has more than 8 bits."""
        if not set(COLUMNS) <= set(manifest):
            return None
        scales = manifest[list(COLUMNS)].dropna().drop_duplicates().to_numpy()
        if len(scales) > 1:
            raise UserError("the manifest holds pictures of several grey scales; run dvc repro to ingest again")
        return cls(*map(float, scales[0])) if len(scales) else None

    @classmethod
    def of_card(cls, card: Mapping[str, Any]) -> Greys | None:
        """The scale of the data set that a predictor was trained on, from its card; None where the card has none."""
        return cls(*card["grey_scale"]) if card.get("grey_scale") else None

    def scale(self, values: np.ndarray) -> np.ndarray:
        """Values of any number type as uint8, rounded; NaN becomes black."""
        shares = (values.astype(np.float64) - self.low) / (self.high - self.low)
        return np.rint(np.clip(np.nan_to_num(shares, nan=0.0), 0, 1) * 255).astype(np.uint8)

    @property
    def option(self) -> str:
        """The value of `ingest.grey_scale` that gives this scale: a number of bits where it is their full range."""
        bits = next((bits for bits in BITS if self == Greys.of_bits(bits)), None)
        return str(bits) if bits else f"[{self.low:g}, {self.high:g}]"

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}"


def from_option(option: Any) -> Greys | None:
    """The scale that a value of `ingest.grey_scale` means; None for `auto`.

    Raises:
        ValueError: It is neither auto, nor a number of bits, nor two numbers.
    """
    if option == "auto":
        return None
    if isinstance(option, int) and not isinstance(option, bool) and option in BITS:
        return Greys.of_bits(option)
    if isinstance(option, Sequence) and [type(one) in (int, float) for one in option] == [True, True]:
        return Greys(float(option[0]), float(option[1]))
    raise ValueError(f"grey_scale must be auto, one of {', '.join(map(str, BITS))}, or [black, white], got {option!r}")


def is_deep(image: Image.Image) -> bool:
    """Whether its greys may need more than 8 bits; Pillow reduces colours to 8 bits while decoding."""
    return image.mode.startswith(("I", "F"))


def full_range(image: Image.Image) -> Greys | None:
    """The full range of a picture's pixel type: 16 bits for unsigned integers; None for 32 bits and fractions."""
    return Greys.of_bits(16) if image.mode.startswith("I;16") else None


def reduce(image: Image.Image, greys: Greys) -> Image.Image:
    """A deep picture in mode L, converted in strips, so that it takes no more memory than a coloured one."""
    result = np.empty((image.height, image.width), np.uint8)
    table = greys.scale(np.arange(2**16)) if image.mode.startswith("I;16") else None
    for top, part in _parts(image):
        result[top : top + len(part)] = greys.scale(part) if table is None else table[part]
    if white_is_zero(image):
        np.subtract(255, result, out=result)
    return Image.fromarray(result)


def white_is_zero(image: Image.Image) -> bool:
    return isinstance(image, TiffImagePlugin.TiffImageFile) and image.tag_v2.get(PHOTOMETRIC) == WHITE_IS_ZERO


def measure(image: Image.Image) -> GreyRange:
    """The range of a deep picture."""
    lows, highs = [], []
    for _, part in _parts(image):
        finite = part[np.isfinite(part)]
        if finite.size:
            lows.append(float(finite.min()))
            highs.append(float(finite.max()))
    return GreyRange("real" if image.mode.startswith("F") else "whole", min(lows, default=0.0), max(highs, default=0.0))


def _parts(image: Image.Image) -> Iterator[tuple[int, np.ndarray]]:
    height = max(1, ROWS_AT_ONCE // image.width)
    for top in range(0, image.height, height):
        yield top, np.asarray(image.crop((0, top, image.width, min(image.height, top + height))))


def choose(found: Iterable[tuple[str, GreyRange]]) -> Greys:
    """The one scale of a data set; the order of the pictures does not matter.

    Whole numbers: the smallest of 8, 10, 12, 14 and 16 bits that holds them all. Decimal fractions: 0 to 1 where
    none is above 1, 0 to 255 where they go up to that. Other ranges are ambiguous: a person must set the scale.

    Args:
        found: Path and range of each deep picture, at least one.

    Raises:
        UserError: The values of black and white cannot be inferred.
    """
    ranges = sorted(found, key=lambda entry: (entry[1].high, entry[0]))
    path, darkest = min(ranges, key=lambda entry: (entry[1].low, entry[0]))
    if darkest.low < 0:
        raise UserError(f"{path} has greys below 0, down to {darkest.low:g}, so black cannot be inferred; {ASK}")
    path, brightest = ranges[-1]
    real = [entry for entry in ranges if entry[1].kind == "real"]
    fractions = [entry for entry in real if 0 < entry[1].high <= 1]
    if not real:
        return _of_whole(path, brightest.high)
    if brightest.high <= 1 and len(real) == len(ranges):
        return Greys(0.0, 1.0)
    if fractions:
        raise UserError(
            f"{fractions[-1][0]} has decimal greys up to {fractions[-1][1].high:g} and {path} up to "
            f"{brightest.high:g}, so white cannot be inferred; {ASK}, or write all pictures with one range"
        )
    if not LEAST_OF_8_BITS <= brightest.high <= 255:
        raise UserError(f"{path} has decimal greys up to {brightest.high:g}, so white cannot be inferred; {ASK}")
    return Greys.of_bits(8)


def choose_with(
    own: Sequence[tuple[str, GreyRange]], added: Sequence[tuple[str, GreyRange]]
) -> tuple[Greys | None, set[str]]:
    """The scale of the data set's own deep pictures, and the paths of added ones that would change it.

    Where it has none of its own, the scale of the added ones; None, with all of them, where it cannot be inferred.

    Args:
        own: Path and range of each picture that counts.
        added: Of each that does not; one of the two has an entry at least.

    Raises:
        UserError: As `choose`, of the own pictures.
    """
    if own:
        scale, ends = choose(own), _ends(own)
        return scale, {entry[0] for entry in added if not _has_scale([*ends, entry], scale)}
    try:
        return choose(added), set()
    except UserError:
        return None, {path for path, _ in added}


def _ends(found: Iterable[tuple[str, GreyRange]]) -> list[tuple[str, GreyRange]]:
    """The darkest and the brightest of each kind, and of fractions up to 1: `choose` gives the same scale for them."""
    kinds: dict[tuple[str, bool], list[tuple[str, GreyRange]]] = {}
    for entry in found:
        kinds.setdefault((entry[1].kind, 0 < entry[1].high <= 1), []).append(entry)
    darkest = [min(of_kind, key=lambda entry: entry[1].low) for of_kind in kinds.values()]
    return darkest + [max(of_kind, key=lambda entry: entry[1].high) for of_kind in kinds.values()]


def _has_scale(found: Sequence[tuple[str, GreyRange]], scale: Greys) -> bool:
    try:
        return choose(found) == scale
    except UserError:
        return False


def _of_whole(path: str, high: float) -> Greys:
    for bits in BITS:
        if high < 2**bits:
            return Greys.of_bits(bits)
    raise UserError(f"{path} has greys up to {high:g}, above the largest value of 16 bits; {ASK}")
