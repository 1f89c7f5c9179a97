"""What a source can do beside reading: say whether what lies at a path is of its format."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.datasets.discovery.file_listing import FileListing, FormatMatch


class FormatDetector(ABC):
    """A `Source` that `colibri init` can find."""

    @classmethod
    @abstractmethod
    def recognise(cls, place: FileListing, told: Mapping[str, Any]) -> Iterator[FormatMatch]:
        """Each way in which this source could read a place; choices that a person has `told` go before any guess."""
