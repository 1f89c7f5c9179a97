"""The base of sources whose pictures are files below one folder."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

from pipeline.core.contracts import Source
from pipeline.core.safe_files import read_sample, stat_sample
from pipeline.core.sample_codec import FileSet


class FileSource(Source, ABC):
    """A source whose samples are files; `read` finds them and their labels."""

    @property
    @abstractmethod
    def root(self) -> Path:
        """The folder that the paths of the samples are relative to."""

    def open(self, path: str) -> bytes | FileSet:
        return read_sample(self.root, path)

    def stat(self, path: str) -> tuple[int, ...] | None:
        return stat_sample(self.root, path)

    def file_of(self, path: str) -> Path | None:
        return self.root / path
