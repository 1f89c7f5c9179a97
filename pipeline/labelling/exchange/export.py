"""Writes the data set of a project in the format of another tool, with the conf file by which Colibri reads it back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, final

from pipeline.core import artifacts, config
from pipeline.core.errors import UserError
from pipeline.datasets.discovery.recipe import MULTI_LABEL, Setting
from pipeline.datasets.discovery.source_file import compose_text
from pipeline.labelling.exchange import class_folders, coco, csv_table, darwin, label_studio
from pipeline.labelling.exchange.comparison import refuse_loss
from pipeline.labelling.exchange.content import ExchangedSet, read_set
from pipeline.labelling.exchange.sample_files import write_samples
from pipeline.media.reader import make_reader

if TYPE_CHECKING:
    from pipeline.core.contracts import Source
    from pipeline.core.open_types import JsonObject, Params

FORMATS: dict[str, Callable[[ExchangedSet, Path], JsonObject]] = {  # each writes, and gives the options of the source
    "darwin": darwin.write,
    "label_studio": label_studio.write,
    "coco": coco.write,
    "csv": csv_table.write,
    "folder": class_folders.write,
}
TITLES = {"darwin": "V7 Darwin JSON", "label_studio": "Label Studio tasks", "coco": "COCO JSON", "csv": "a CSV table"}


@final
@dataclass(frozen=True, kw_only=True)
class Export:
    """What was written.

    Attributes:
        folder: That holds everything.
        content: The samples with the paths that they have there.
        settings: The conf file.
        left_out: The attributes that the format cannot hold.
        has_lost_groups: Whether it cannot hold the groups that there are.
    """

    folder: Path
    content: ExchangedSet
    settings: Path
    left_out: tuple[str, ...] = ()
    has_lost_groups: bool = False


def export_set(params: Params, to: str, out: Path, link: bool = False, force: bool = False) -> Export:
    """Writes the samples, the labels and the conf file into a folder, all or nothing.

    Before the folder gets its name, the source that reads the format reads it, and the result is compared with what was
    meant: labels, statements that no class applies, split, group and attributes.

    Args:
        params: Of the project.
        to: A name of `FORMATS`.
        out: The folder.
        link: Whether files are linked instead of copied.
        force: Whether a folder that an earlier export wrote is replaced.

    Raises:
        UserError: There is something at `out`, the format cannot hold the data set, or it cannot be written.
    """
    content = read_set(params)
    if not content.samples:
        raise UserError(f"{artifacts.MANIFEST} has no sample that takes part, so there is nothing to export")
    name = f"{content.source}_{to}"
    _refuse_taken(out, force)
    arranged = class_folders.arrange(content) if to == "folder" else content
    below = "" if to == "folder" else arranged.folder
    reader = make_reader(params, artifacts.read_table(artifacts.MANIFEST))
    try:
        with artifacts.atomic_write(out) as temporary:
            written = write_samples(reader, arranged.samples, temporary / below, link)
            arranged = replace(arranged, samples=tuple(written))
            options = FORMATS[to](arranged, temporary)
            source: Source = config.build(_node(name, options, temporary, below), "source")
            refuse_loss(arranged, source, places=to != "folder")
            settings = compose_text(
                _node(name, options, out, below),
                f"{TITLES.get(to, 'a folder per class')}, exported from {content.source}",
                _settings(params, arranged),
            )
            artifacts.write_text(temporary / f"{name}.yaml", settings)
    except OSError as error:
        raise UserError(f"{str(out)!r} cannot be written: {error.strerror or error}; choose another --out") from None
    return Export(
        folder=out,
        content=arranged,
        settings=out / f"{name}.yaml",
        left_out=tuple(sorted(set(content.attributes) - set(arranged.attributes))),
        has_lost_groups=content.has_groups and not arranged.has_groups,
    )


def _refuse_taken(out: Path, force: bool) -> None:
    if not out.exists() and not out.is_symlink():
        return
    is_export = out.is_dir() and not out.is_symlink() and any(_is_settings(one) for one in out.glob("*.yaml"))
    if not force:
        more = ", or write over it with --force" if is_export else ""
        raise UserError(f"{str(out)!r} exists; choose another --out{more}")
    if not is_export:
        raise UserError(f"{str(out)!r} is no folder that colibri export wrote, so --force does not remove it")


def _is_settings(path: Path) -> bool:
    try:
        return ", exported from " in path.read_text(encoding="utf-8")[:1000]
    except (OSError, UnicodeDecodeError):
        return False


def _node(name: str, options: JsonObject, root: Path, below: str) -> JsonObject:
    """The section `source`."""
    node = {**options, "path": (root / options["path"]).as_posix(), "watch": root.as_posix()}
    if below:
        node["pictures"] = (root / below).as_posix()
    return {"_target_": node.pop("_target_"), "name": name, **node}


def _settings(params: Params, content: ExchangedSet) -> list[Setting]:
    found = []
    if content.media != "image":
        found.append(Setting(key="/media", value=content.media, reason="what a sample is"))
    if str(config.get_section(params, "task")["_target_"]).endswith("MultiLabel"):
        found.append(Setting(key=MULTI_LABEL, value=None, reason="as the project that exported it"))
    if content.has_splits and all(one.split for one in content.samples if one.is_labelled):
        found.append(Setting(key="/split", value="given", reason="that of the project that exported it"))
    return found
