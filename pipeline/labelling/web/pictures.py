"""Encoded pictures of samples, as the page shows them: small and large ones, and frames or slices."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar, final

import numpy as np
from PIL import Image

from pipeline.core.errors import ItemRejected, UserError
from pipeline.media.reader import SampleReader
from pipeline.serving.limits import MEBIBYTE, Refusal

THUMBNAIL, LARGE = 160, 2_048  # longest sides in pixels
SMALL_PIXELS = 65_536  # of a picture that is sent without loss
QUALITY = 85


class Sized(Protocol):
    """What a cache can hold."""

    def __len__(self) -> int: ...


Held = TypeVar("Held", bound=Sized)


@final
@dataclass(kw_only=True)
class BoundedCache(Generic[Held]):
    """What was used last, up to a number of bytes.

    Args:
        max_bytes: Of all values together.
        size: Bytes of one.
    """

    max_bytes: int
    size: Callable[[Held], int] = len
    _held: OrderedDict[tuple[int, ...], Held] = field(default_factory=OrderedDict)
    _bytes: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, key: tuple[int, ...], make: Callable[[], Held]) -> Held:
        """The value of a key, made where it is not there."""
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                return self._held[key]
        value = make()
        with self._lock:
            if key not in self._held and self.size(value) <= self.max_bytes:
                self._held[key] = value
                self._bytes += self.size(value)
            while self._bytes > self.max_bytes:
                self._bytes -= self.size(self._held.popitem(last=False)[1])
        return value


@final
class PictureStore:
    """Reads and encodes pictures of samples on demand.

    Args:
        reader: Of the data set.
        items: `path` and `content_hash` of each row.
        threads: Samples that are decoded at once.
    """

    def __init__(self, reader: SampleReader, items: list[tuple[str, str]], threads: int):
        self.reader, self.items = reader, items
        self._slots = threading.BoundedSemaphore(threads)
        self._encoded: BoundedCache[bytes] = BoundedCache(max_bytes=128 * MEBIBYTE)
        self._decoded: BoundedCache[np.ndarray] = BoundedCache(
            max_bytes=256 * MEBIBYTE, size=lambda array: array.nbytes
        )

    @property
    def has_frames(self) -> bool:
        """Whether samples are clips or volumes."""
        return self.reader.codec.media != "image"

    def thumbnail(self, row: int) -> bytes:
        """A small copy of the whole picture; raises as `picture`."""
        return self._encoded.get((row, THUMBNAIL), lambda: encode(self.reader.codec.show(self._decode(row)), THUMBNAIL))

    def picture(self, row: int) -> bytes:
        """The picture, or frames or slices of a sample as one.

        Raises:
            Refusal: It cannot be read any more.
        """
        return self._encoded.get((row, LARGE), lambda: encode(self.reader.codec.show(self._decode(row)), LARGE))

    def frame(self, row: int, number: int) -> bytes:
        """One frame of a clip, one slice of a volume; raises as `picture`, also where there is none of that number."""
        frames = self._frames(row)
        if not 0 <= number < len(frames):
            raise Refusal(
                404, "no_such_frame", f"there are frames 0 to {len(frames) - 1}, none has the number {number}"
            )
        return self._encoded.get((row, LARGE, number), lambda: encode(frames[number], LARGE))

    def num_frames(self, row: int) -> int:
        """Of a clip or a volume, as it is read for the model; 1 of a picture."""
        return len(self._frames(row)) if self.has_frames else 1

    def _frames(self, row: int) -> np.ndarray:
        if not self.has_frames:
            raise Refusal(404, "no_frames", "a picture has no frames")
        return self._decode(row)

    def _decode(self, row: int) -> np.ndarray:
        if not self.has_frames:
            return self._read(row)
        return self._decoded.get((row,), lambda: self._read(row))

    def _read(self, row: int) -> np.ndarray:
        with self._slots:
            try:
                return self.reader.load_decoded(self.items[row])
            except (UserError, ItemRejected) as error:
                raise Refusal(410, "unreadable", str(error)) from None
            except OSError as error:
                raise Refusal(410, "unreadable", f"the file cannot be read: {error.strerror}") from None
            except MemoryError:
                raise Refusal(503, "busy", "there is not enough memory to decode it now") from None


def encode(pixels: np.ndarray, side: int) -> bytes:
    """WebP of (H, W) or (H, W, 3) uint8, at most `side` pixels long; small ones without loss."""
    image = Image.fromarray(pixels)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    is_small = image.width * image.height <= SMALL_PIXELS and side > THUMBNAIL
    image.convert("RGB").save(file, "WEBP", lossless=is_small or max(image.size) <= 64, quality=QUALITY, method=1)
    return file.getvalue()
