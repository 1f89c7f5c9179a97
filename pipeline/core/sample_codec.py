"""From the bytes of a sample to pixels and measurements: what pictures, clips and volumes have in common.

A data set has one `SampleCodec`, made from its media (conf/media/) and from what `ingest` found; the card of a
predictor describes the same one, so serving reads a sample as training did.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, NamedTuple, final

if TYPE_CHECKING:
    import numpy as np

    from pipeline.core.open_types import JsonObject

CARD_ENTRIES = ("size", "fit", "channels", "num_frames", "depth", "max_pixels", "grey_scale", "media")


@final
@dataclass(frozen=True)
class FileSet:
    """The files of a sample that is a folder: the frames of a clip, the slices of a series.

    Attributes:
        files: Name and bytes of each, sorted by name.
    """

    files: tuple[tuple[str, bytes], ...]

    @property
    def nbytes(self) -> int:
        return sum(len(data) for _, data in self.files)


class SampleHeader(NamedTuple):
    """What the first bytes of a sample say.

    Attributes:
        width: In pixels, as a person sees it.
        height: In pixels, as a person sees it.
        depth: Frames or slices; 1 of a picture, 0 where only decoding tells.
        is_turned: Whether the file stores the picture turned or mirrored, and EXIF says how it must be shown.
    """

    width: int
    height: int
    depth: int = 1
    is_turned: bool = False


@dataclass(frozen=True)
class SampleMeasurements:
    """The measurements of a sample that ingest stores.

    Attributes:
        content_hash: Of the decoded pixels and their shape.
        perceptual_hash: 64-bit DCT hash of the picture that is shown, as 16 hexadecimal digits; near pictures differ in
            few bits.
        properties: Name to number, each described where it is measured.
        encoding: `format`, `camera` and `time`, None where the file does not say.
        grey_scale: The values of black and white of a picture of more than 8 bits; None for others.
        depth: Frames or slices; 1 of a picture.
        attributes: Name to what else the file says: a text, a number or None.
    """

    content_hash: str
    perceptual_hash: str
    height: int
    width: int
    channels: int
    properties: dict[str, float]
    encoding: dict[str, str | None] = field(default_factory=dict)
    grey_scale: list[float] | None = None
    depth: int = 1
    attributes: dict[str, str | float | None] = field(default_factory=dict)


@dataclass(frozen=True)
class GreyRange:
    """The range of greys of one picture of more than 8 bits.

    Attributes:
        kind: `whole` numbers or `real` ones.
        low: Its smallest value.
        high: Its largest value; NaN and infinite values do not count.
    """

    kind: str
    low: float
    high: float


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class DecodedSample:
    """A sample that was decoded once, for the network and for the measurements.

    Attributes:
        pixels: (*spatial) or (*spatial, 3) uint8.
        measure: Measures it.
    """

    pixels: np.ndarray
    measure: Callable[[], SampleMeasurements]


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


class SampleCodec(ABC):
    """Reads the encoded samples of one media; a dataclass, so that two that read alike are equal.

    It is sent to other processes, so it holds choices and no open file. `data` is what `Source.open` returns. Every
    method raises ItemRejected for a sample that cannot be read.
    """

    media: ClassVar[str]  # value of the manifest's column: image, clip or volume

    @abstractmethod
    def header(self, data: bytes | np.ndarray | FileSet) -> SampleHeader:
        """What is known before anything is decoded, so that damage of the pixels is not found."""

    @abstractmethod
    def decode(self, data: bytes | np.ndarray | FileSet) -> np.ndarray:
        """(*spatial) or (*spatial, 3) uint8 pixels."""

    def decode_with_views(self, data: bytes | np.ndarray | FileSet) -> tuple[np.ndarray, list[list[np.ndarray]]]:
        """As `decode`, and the views by which a sample is compared with others, at least one.

        A view is a list of pictures, (H, W) or (H, W, 3) uint8, as many in every view of the data set: two views show
        the same where all of them do, the first with the first and so on. Of a mirrored sample they are mirrored. Of a
        picture it is the picture, of a volume three slices and the mean along each axis; of a clip each is a key frame
        that is chosen by content, so that two cuts of one video have some in common, and the frames around it.
        """
        sample = self.decode(data)
        return sample, [[self.show(sample)]]

    @abstractmethod
    def open(self, data: bytes | np.ndarray | FileSet) -> DecodedSample:
        """The sample, decoded once."""

    @abstractmethod
    def examine(self, data: bytes | np.ndarray | FileSet) -> SampleMeasurements | GreyRange:
        """What ingest stores of it; a `GreyRange` where the grey scale of the data set is not known yet."""

    @abstractmethod
    def show(self, sample: np.ndarray) -> np.ndarray:
        """(H, W) or (H, W, 3) uint8 of decoded pixels, for display and for comparisons of pictures."""

    def mirror(self, sample: np.ndarray) -> np.ndarray:
        """Decoded pixels with left and right exchanged; frames and slices keep their order."""
        return sample[:, ::-1] if self.media == "image" else sample[:, :, ::-1]

    @abstractmethod
    def storage(self, size: int, fit: str, channels: int) -> StorageFormat:
        """The form of stored samples.

        Args:
            size: Height and width in pixels.
            fit: `crop`, `pad` or `stretch`.
            channels: 1 or 3.
        """

    @abstractmethod
    def for_card(self) -> JsonObject:
        """The entries of a card from which serving reads samples in the same way."""


class Media(ABC):
    """What a sample is, and how it is read: a choice of conf/media/; a dataclass."""

    suffixes: ClassVar[frozenset[str]]  # of file names, in lower case and with the dot
    takes_folders: ClassVar[bool]  # whether a folder of files can be one sample

    @abstractmethod
    def codec(self, facts: JsonObject) -> SampleCodec:
        """The codec of a data set.

        Args:
            facts: Entries of a card: `max_pixels`, the largest height x width; `grey_scale` where there is one.
        """


def noun_of(media: str) -> str:
    """What a person calls a sample of a media: picture, clip or volume."""
    return "picture" if media == "image" else media


def card_entries(card: JsonObject) -> JsonObject:
    """Those entries of a card that say how samples are read and stored."""
    return {name: card[name] for name in CARD_ENTRIES if name in card}
