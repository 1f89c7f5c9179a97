"""The ability of a source to recognise its format at a path."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from pipeline.datasets.discovery.file_listing import FileListing, FormatMatch


class FormatDetector(ABC):
    """A `Source` that `colibri init` can recognise; one `only_by_name` where `--format` names it."""

    only_by_name: ClassVar[bool] = False

    @classmethod
    @abstractmethod
    def recognise(cls, place: FileListing, options: Mapping[str, Any]) -> Iterator[FormatMatch]:
        """Each way in which this source could read a place; `options` that a person set go before any guess."""
