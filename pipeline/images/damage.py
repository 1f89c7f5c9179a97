"""What Pillow raises for a file that it cannot read, as the reason why a sample is left out."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image, UnidentifiedImageError

from pipeline.core.errors import ItemRejected

DAMAGED = (OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, struct.error)  # from Pillow


@contextmanager
def reject_damage(unidentified: ItemRejected, damaged: ItemRejected | None = None) -> Iterator[None]:
    """Every error of Pillow within the block is an `ItemRejected`; those that the block raises itself pass.

    Args:
        unidentified: Where no format recognises the bytes.
        damaged: Where the data are damaged; `truncated`, with Pillow's own words, when None.
    """
    try:
        yield
    except MemoryError:
        raise ItemRejected("too_large", "there is not enough memory to decode it") from None
    except Image.DecompressionBombError as error:
        raise ItemRejected("too_large", str(error)) from None
    except UnidentifiedImageError:
        raise unidentified from None
    except DAMAGED as error:
        raise damaged or ItemRejected("truncated", str(error) or type(error).__name__) from None
