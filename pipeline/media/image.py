"""Each sample is one picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from pipeline.core.open_types import JsonObject
from pipeline.core.sample_codec import Media
from pipeline.images.decoding import Decoding
from pipeline.images.formats import SUFFIXES
from pipeline.media.picture_codec import PictureCodec


@final
@dataclass(frozen=True, kw_only=True)
class Image(Media):
    """A picture: of a file with several pages or frames the first one. There is nothing to choose."""

    suffixes: ClassVar[frozenset[str]] = SUFFIXES
    takes_folders: ClassVar[bool] = False

    def codec(self, facts: JsonObject) -> PictureCodec:
        return PictureCodec(decoding=Decoding.of_card(facts))
