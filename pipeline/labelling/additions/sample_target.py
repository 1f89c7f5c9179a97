"""Where new samples of a data set go: a folder of its source that DVC tracks, and how a label is given there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, final

from pipeline.core import artifacts, config
from pipeline.core.errors import ItemRejected, UserError
from pipeline.datasets.class_list import ClassList, check_name, load_classes
from pipeline.datasets.discovery.sample_suffixes import samples_suffixes
from pipeline.datasets.sources.class_folders import ClassFolders
from pipeline.datasets.sources.items import label_list
from pipeline.datasets.sources.unlabelled import Unlabelled
from pipeline.datasets.sources.volumes import Volumes

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.core.contracts import Source
    from pipeline.core.open_types import Params

NO_LABEL = "unlabelled"  # a folder next to those of the classes, which the sources read so


@final
@dataclass(frozen=True, kw_only=True)
class SampleTarget:
    """The folder of a source.

    Attributes:
        source: That reads it.
        root: Its folder, relative to the project.
        folder: Below it, as a POSIX path: where a person said; None for the places that the labels say.
        has_class_folders: Whether a folder gives the label; else a line of `data/label_decisions/` does.
        known: The classes that a sample may have; empty for any.
        media: image, clip or volume.
    """

    source: Source
    root: Path
    folder: str | None
    has_class_folders: bool
    known: tuple[str, ...]
    media: str

    @property
    def suffixes(self) -> frozenset[str]:
        """Endings of files that the source reads."""
        return samples_suffixes(self.media)

    def folder_of(self, folders: str, label: str | None) -> str:
        """The folder, relative to the root, of a new sample.

        Args:
            folders: The folders around it where it came from, as a POSIX path; empty for none.
            label: Given by a person; None without one.

        Raises:
            ItemRejected: `unknown_class`: the topmost of the folders is no class.
        """
        if self.folder is not None:
            return join(self.folder, folders)
        if not self.has_class_folders:
            return folders
        if label is not None:
            return join(label, folders)
        first = folders.partition("/")[0]
        if first and first not in self.known:
            raise ItemRejected("unknown_class", f"no class is called {first!r}; name one with --label, or move it up")
        return folders or NO_LABEL

    def check_label(self, label: str) -> None:
        """Refuses a label that no sample can have here.

        Raises:
            UserError: It is no name, no class of the data set, or a folder was named, which gives the label.
        """
        try:
            check_name(label)
        except ValueError as error:
            raise UserError(str(error)) from None
        if self.known and label not in self.known:
            raise UserError(f"no class is called {label!r}; the classes are {', '.join(self.known[:20])}")
        if self.has_class_folders and self.folder is not None:
            raise UserError("--to names a class folder, which gives the label; leave --label out")
        if self.has_class_folders and PurePosixPath(label).name != label:
            raise UserError(f"the class {label!r} can name no folder; name one with --to")


def join(folder: str, rest: str) -> str:
    """Two parts of a POSIX path, each of which may be empty."""
    return f"{folder}/{rest}" if folder and rest else folder or rest


def find_target(params: Params, to: str | None = None) -> SampleTarget:
    """The target of the project's source.

    Args:
        params: Of the project.
        to: A folder that a person named, below that of the source.

    Raises:
        UserError: The source takes no new files from here, or DVC cannot track where it has them.
    """
    source: Source = config.build(config.get_section(params, "source"), "source")
    kind = type(source).__name__.lower()
    if not isinstance(source, (ClassFolders, Unlabelled, Volumes)):
        raise UserError(
            f"the source {source.name!r} ({kind}) names its samples elsewhere than in folders; add the samples there "
            f"(a row, an entry, a file of the archive) and run colibri run, or make class folders of it: colibri "
            "export --to folder"
        )
    root = Path(source.path)
    inside = Path.cwd().resolve()
    if not root.resolve().is_relative_to(inside) or root.resolve() == inside:
        raise UserError(
            f"source.path {source.path!r} is outside the project, where DVC tracks nothing; copy the samples there "
            f"yourself, or move the folder to data/pictures/{source.name}, set source.path in conf/source/ to it, and "
            f"dvc add it"
        )
    has_class_folders = isinstance(source, ClassFolders) or (isinstance(source, Volumes) and source.labels == "folders")
    known, has_splits = _classes(source.name, has_class_folders)
    if has_class_folders and to is None and (has_splits or getattr(source, "label_level", 1) != 1):
        raise UserError(
            f"the folders of {source.path!r} give the split or lie deeper than the class; say which one takes the "
            f"samples: --to {source.path}/FOLDER"
        )
    return SampleTarget(
        source=source,
        root=root,
        folder=None if to is None else _below(to, root),
        has_class_folders=has_class_folders,
        known=known,
        media=source.media,
    )


def _below(to: str, root: Path) -> str:
    folder = Path(to).resolve()
    if not folder.is_relative_to(root.resolve()):
        raise UserError(f"--to {to!r} must be {root} or a folder below it, which the source reads")
    below = folder.relative_to(root.resolve()).as_posix()
    if any(part.startswith(".") for part in below.split("/") if below != "."):
        raise UserError(f"--to {to!r} is hidden, so the source would not read it")
    return "" if below == "." else below


def _classes(name: str, has_class_folders: bool) -> tuple[tuple[str, ...], bool]:
    """The classes of the data set, and whether its folders give the split."""
    listed: ClassList | None = load_classes(name)
    manifest = read_manifest()
    found = [] if manifest is None else label_list(one for labels in manifest["labels"] for one in labels)
    has_splits = manifest is not None and "given_split" in manifest and bool(manifest["given_split"].notna().any())
    if listed is not None:
        return tuple(listed.names), has_splits
    return (tuple(found) if has_class_folders else ()), has_splits


def read_manifest() -> pd.DataFrame | None:
    """That of the last run; None before the first one."""
    return artifacts.read_table(artifacts.MANIFEST) if artifacts.MANIFEST.exists() else None
