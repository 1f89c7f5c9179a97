"""The split and the group of a sample as attributes, in formats that have no field for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject
    from pipeline.labelling.exchange.content import ExchangedSample, ExchangedSet, Value


@final
@dataclass(frozen=True, kw_only=True)
class PlaceNames:
    """The names of these attributes; empty where no sample has one."""

    split: str
    group: str

    @property
    def options(self) -> JsonObject:
        """Those of the source that reads them."""
        named = {"split_attribute": self.split, "group_attribute": self.group}
        return {option: name for option, name in named.items() if name}


def place_names(content: ExchangedSet) -> PlaceNames:
    """Names that no attribute of the data set has."""
    return PlaceNames(
        split=content.free_name("split") if content.has_splits else "",
        group=content.free_name("group") if content.has_groups else "",
    )


def with_places(sample: ExchangedSample, names: PlaceNames) -> dict[str, Value]:
    """The attributes of a sample, and its split and group."""
    places = ((names.split, sample.split), (names.group, sample.group))
    return {**sample.attributes, **{name: value for name, value in places if name and value}}
