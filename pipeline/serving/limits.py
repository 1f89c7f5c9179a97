"""What a server accepts: sizes, numbers and times; and how a request is refused."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, final

from pipeline.core.sample_codec import noun_of

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject

MEBIBYTE = 2**20
VOLUMES_AT_ONCE = 2  # that are decoded: 64 Mi voxels take up to 0.9 GB


@final
@dataclass(frozen=True, kw_only=True)
class Limits:
    """The limits of a server; a request beyond one of them is refused with the reason.

    Args:
        body_bytes: Of one request.
        large_body_bytes: Of one request to a model of clips or volumes.
        bytes_in_flight: Of the bodies of all requests that are answered at this moment.
        pictures: Of one request.
        pixels: Of one picture, frame or slice, before it is decoded; the model's own limit counts too.
        voxels: Of one volume, before it is decoded; the model's own limit counts too.
        requests: Answered at this moment; also pictures that wait for the network.
        connections: Open at this moment.
        seconds: To receive and answer a request; to send the head of one.
        batch: Pictures that the network takes at once.
        wait_ms: That a picture waits at most for others that are being decoded.
        media: What the model takes: image, clip or volume.
    """

    body_bytes: int = 32 * MEBIBYTE
    large_body_bytes: int = 256 * MEBIBYTE
    bytes_in_flight: int = 256 * MEBIBYTE
    pictures: int = 32
    pixels: int = 50_000_000
    voxels: int = 64 * MEBIBYTE
    requests: int = 256
    connections: int = 2_000
    seconds: float = 30.0
    batch: int = 32
    wait_ms: float = 5.0
    media: str = "image"

    @property
    def noun(self) -> str:
        """What a sample is called."""
        return noun_of(self.media)

    def for_media(self, media: str) -> Limits:
        """The limits of a server whose model takes this media."""
        if media == "image":
            return self
        in_flight = max(self.bytes_in_flight, 4 * self.large_body_bytes)
        return replace(self, body_bytes=self.large_body_bytes, bytes_in_flight=in_flight, media=media)

    def decoding_threads(self, num_cpus: int, media: str) -> int:
        """How many samples are decoded at once: as many as processors, and two volumes, each of which is large."""
        return VOLUMES_AT_ONCE if media == "volume" else max(2, num_cpus)


@final
class Refusal(Exception):
    """A request that is not answered.

    Args:
        status: Of HTTP, 400 to 599.
        code: A short name that programs compare.
        message: One sentence: what is wrong, what was expected.
        details: More entries of the JSON answer.
    """

    def __init__(self, status: int, code: str, message: str, details: JsonObject | None = None):
        super().__init__(message)
        self.status, self.code, self.details = status, code, details or {}

    @property
    def content(self) -> JsonObject:
        """The body of the answer."""
        return {"error": self.code, "message": str(self), **self.details}

    @property
    def headers(self) -> dict[str, str]:
        """`Retry-After` in seconds where the same request may succeed later."""
        return {"Retry-After": "1"} if self.status == 503 else {}
