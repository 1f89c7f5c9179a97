"""The base of sources of documents in which an attribute may hold the split and the group of a sample."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from pipeline.core.errors import UserError, name_some
from pipeline.datasets.discovery.split_names import part_named
from pipeline.datasets.sources.annotation_source import AnnotationSource
from pipeline.datasets.sources.items import Item

NUM_SHOWN = 10


@dataclass(frozen=True, kw_only=True)
class DocumentSource(AnnotationSource, ABC):
    """As `AnnotationSource`; two attributes may say what a table has columns for.

    Args:
        split_attribute: The attribute, as the document writes it, that holds train, val or test, in any spelling that
            folders of a split may have; null: none.
        group_attribute: The attribute that holds what must stay together, for example the patient; null: none.
    """

    split_attribute: str | None = None
    group_attribute: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.path, dict) and self.split_attribute is not None:
            raise ValueError(
                "split_attribute must be null where path names a file for each part of the split, "
                f"got {self.split_attribute!r}"
            )

    def read_items(self, relative: str, items_of: Callable[[Path, Path], Iterable[Item]]) -> pd.DataFrame:
        return super().read_items(relative, lambda document, folder: self._place([*items_of(document, folder)]))

    def _place(self, items: Sequence[Item]) -> list[Item]:
        """The items with the split and the group that their attributes hold.

        Raises:
            UserError: No item has such an attribute, or it holds no part of a split.
        """
        for option in ("split_attribute", "group_attribute"):
            name = getattr(self, option)
            if name is not None and not any(name in item.attributes for item in items):
                found = sorted({key for item in items for key in item.attributes})
                shown = name_some(found, NUM_SHOWN) or "none"
                raise UserError(f"source.{option}: no sample has an attribute {name!r}; there are {shown}")
        return [self._item(item) for item in items]

    def _item(self, item: Item) -> Item:
        attributes = dict(item.attributes)
        part = attributes.pop(self.split_attribute or "", None)
        group = attributes.pop(self.group_attribute or "", None)
        split = item.given_split if part is None else part_named(str(part))
        if part is not None and split is None:
            raise UserError(
                f"source.split_attribute: {self.split_attribute!r} of {item.path!r} must be train, val or test, "
                f"found {str(part)[:80]!r}"
            )
        return replace(
            item, attributes=attributes, given_split=split, group=item.group if group is None else str(group)
        )
