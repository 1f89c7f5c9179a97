"""How the pixels of samples are read and stored: what pictures, clips and volumes have in common.

No class of conf/ is a reader: a data set has the one of its media, which the stages pass along.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from pipeline.core.contracts import Source
    from pipeline.core.errors import ItemRejected
    from pipeline.core.open_types import JsonObject


class StorageFormat(ABC):
    """The form in which samples are stored for a network: all of one shape."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """(*spatial, C) of one sample."""

    @abstractmethod
    def convert(self, sample: np.ndarray) -> np.ndarray:
        """Decoded pixels, (*spatial) or (*spatial, 3) uint8 of any lengths, to an array of that shape."""

    @abstractmethod
    def for_card(self) -> JsonObject:
        """The entries of a card from which serving stores samples in the same form."""


class SampleReader(ABC):
    """How the pixels of a data set's samples are read; an item is the `path` and the `content_hash` of a manifest row.

    `ingest` measures every path once. Later stages load items again: an item that has changed since raises a
    UserError. A reader is sent to other processes, so it holds choices and no open file.
    """

    source: Source

    @abstractmethod
    def measure(self, paths: Sequence[str], cache: bool) -> tuple[list[ItemRejected | None], pd.DataFrame]:
        """What ingest stores of the items that a source names.

        Args:
            paths: Of the source.
            cache: Whether what an earlier run measured is taken where nothing has changed.

        Returns:
            For each path None or why it is refused; and for those that are not, in their order, `media`, `format`,
            `content_hash`, `perceptual_hash`, `height`, `width`, `depth` (of frames or slices; 1 of a picture),
            `channels`, `prop_*` (measured) and `attr_exif_*` (stored in the file).
        """

    @abstractmethod
    def load_picture(self, item: tuple[str, str]) -> np.ndarray:
        """(H, W) or (H, W, 3) uint8 for display: the picture, or the middle frame or slice.

        Raises:
            UserError: It cannot be read any more, or its content is another.
        """

    @abstractmethod
    def load_stored(self, item: tuple[str, str], storage: StorageFormat) -> np.ndarray:
        """(*spatial, C) uint8 of the format's shape: the sample as it is packed.

        Raises:
            UserError: It cannot be read any more, or its content is another.
        """

    @abstractmethod
    def for_card(self) -> JsonObject:
        """The entries of a card from which serving reads pictures in the same way."""
