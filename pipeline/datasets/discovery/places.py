"""What `colibri init` looks at: the files of a folder, an archive or a URL on this disk, and how a run gets them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import final
from urllib.parse import unquote, urlsplit

from pipeline.core import config
from pipeline.core.errors import UserError
from pipeline.core.open_types import Params
from pipeline.core.terminal import say
from pipeline.core.uris import mask_credentials
from pipeline.datasets.discovery.file_listing import FileListing, list_files, project_path

KINDS = {"archive": "an archive: ", "remote": "fetched: "}
WEB = ("http", "https")
OF_TOOLS = frozenset(["labels", "label", "annotations", "annotation", "metadata", "train", "data", "instances_default"])


@final
@dataclass(frozen=True, kw_only=True)
class Place:
    """Files to look at, and the sources that bring them here.

    Attributes:
        listing: Of the files, on this disk.
        around: Names in conf/source/ and nodes without `inner` of the sources around the files, the outermost first.
        notes: What a person should know about them, a sentence each.
    """

    listing: FileListing
    around: tuple[tuple[str, Params], ...] = ()
    notes: tuple[str, ...] = ()

    def wrap(self, node: Params) -> Params:
        """The source of these files within the sources around it."""
        wrapped = dict(node)
        for _, outer in reversed(self.around):
            wrapped = {**outer, "inner": wrapped}
        return wrapped

    def describe(self, layout: str) -> str:
        """A layout with the kinds of the sources around it: `an archive: a folder per class`."""
        return "".join(KINDS[kind] for kind, _ in self.around) + layout

    def folder(self, path: str) -> str:
        """A folder that a person names, as conf/ writes it; in an archive or on a server it may be one inside."""
        inside = self.listing.root / path
        return str(inside if self.around and inside.is_dir() else project_path(_on_disk(path)))

    def watch(self, choices: Params) -> str | list[str]:
        """What DVC hashes: the one place that holds labels and pictures, or both places.

        Args:
            choices: Of the source; `pictures` is its folder of pictures, or one for each part.

        Raises:
            UserError: A place holds the project itself.
        """
        if self.around:
            return str(self.around[0][1]["watch"])
        root, pictures = self.listing.root, choices.get("pictures", self.listing.root)
        folders = [*pictures.values()] if isinstance(pictures, Mapping) else [pictures]
        common = project_path(Path(os.path.commonpath([Path(folder).absolute() for folder in folders])))
        labels = root if self.listing.named is None else root / self.listing.named
        places = [labels] if _is_below(common, labels) else [common] if _is_below(labels, common) else [labels, common]
        for place in places:
            check_outside(place)
        return str(places[0]) if len(places) == 1 else [str(place) for place in places]


def check_path(path: str) -> None:
    """Refuses a path on this disk that holds the project; a URL never does."""
    if "://" not in path:
        check_outside(_on_disk(path))


def last_part(path: str) -> str:
    """The name of the folder or file at a path or URL, without an ending; of a `labels.csv`, that of its folder."""
    if "://" in path:
        parts = urlsplit(path)
        name = unquote(parts.path).rstrip("/").rpartition("/")[2] or parts.netloc
        return name.split(".")[0] if name != parts.netloc else name
    full = project_path(_on_disk(path)).absolute()
    if full.is_file() and full.stem.lower() in OF_TOOLS:  # each data set has such a file
        full = full.parent
    return full.stem.removesuffix(".tar") if full.is_file() else full.name


def check_outside(folder: Path) -> None:
    """Refuses a folder that holds the project: DVC would watch what the pipeline writes."""
    if Path.cwd().resolve().is_relative_to(folder.resolve()):
        raise UserError(
            f"{str(folder)!r} holds this project itself, and DVC would watch what it writes; put the pictures into a "
            "folder of their own and name that (--pictures FOLDER where a table or document labels them)"
        )


def open_place(path: str, name: str, options: Params) -> Place:
    """The files at a path or URL; an archive is unpacked, and a URL fetched, to where a run expects them.

    Args:
        path: As a person gives it.
        name: Of the data set.
        options: Choices that a person made; `pictures` is the folder of the pictures, `names` the code page of an
            archive.

    Raises:
        UserError: It does not exist, cannot be read, fetched or unpacked, or holds no file.
    """
    from pipeline.datasets.trees.archive_entries import is_archive

    kind = path.partition("://")[0] if "://" in path else ""
    if kind and kind != "file":
        return _fetch(path, name, options)
    local = _on_disk(unquote(urlsplit(path).path) if kind else path)
    if is_archive(local):
        return _unpack(project_path(local), name, Place(listing=FileListing(root=local.parent, files=())), options)
    if local.is_file() and "pictures" in options:  # the folder around it may hold anything
        root = project_path(local)
        return Place(listing=FileListing(root=root.parent, files=(root.name,), named=root.name))
    return Place(listing=list_files(local))


def _unpack(path: Path, name: str, place: Place, options: Params) -> Place:
    """The content of an archive, in a place or alone."""
    tree = project_path(Path(".cache/trees") / (f"{name}-unpacked" if place.around else name))
    watch = place.around[0][1]["watch"] if place.around else str(path)
    chosen = {key: options[key] for key in ("names",) if key in options}
    node = {"name": name, "path": str(path), "tree": str(tree), "watch": watch, **chosen}
    say(f"unpacking {path} to {tree}; the run takes the files from there")
    return _make("archive", node, tree, place)


def _fetch(url: str, name: str, options: Params) -> Place:
    """The files of a server."""
    from pipeline.datasets.trees.archive_entries import is_archive
    from pipeline.datasets.trees.remote_mirror import shows_changes

    tree, empty = project_path(Path(".cache/trees") / name), FileListing(root=Path(), files=())
    node = {"name": name, "url": url, "tree": str(tree), "watch": url, "options": {}}
    shown = mask_credentials(url)
    say(f"fetching {shown} to {tree}; the run takes the files from there")
    secret = f"the address carries a password or a key, so conf/source/{name}.yaml holds it too: do not commit it"
    place = _make("remote", node, tree, Place(listing=empty, notes=(secret,) if shown != url else ()))
    files = place.listing.files
    if url.startswith(WEB) and not shows_changes(url):
        own = str(config.CONF / "source" / f"{name}.yaml")
        place = replace(
            place,
            around=(("remote", {**place.around[0][1], "watch": own}),),
            notes=(
                *place.notes,
                "the server gives no ETag, so DVC cannot notice a change: run dvc repro -f -s ingest after one",
            ),
        )
    if len(files) == 1 and is_archive(place.listing.root / files[0]):
        return _unpack(place.listing.root / files[0], name, place, options)
    if url.startswith(WEB) and not url.endswith("/"):
        raise UserError(f"{shown} is no archive; the address of a folder of files ends with a slash, like {shown}/")
    return place


def _make(kind: str, choices: Params, tree: Path, place: Place) -> Place:
    """The place after a source around it has made its tree."""
    from pipeline.datasets.sources.tree_source import TreeSource

    node: Params = {**config.compose_option("source", kind), **choices}
    inner = {**node.pop("inner"), "name": choices["name"], "path": str(tree), "watch": choices["watch"]}
    source = config.build({**node, "inner": inner}, "source")
    assert isinstance(source, TreeSource)
    refused = source.make_tree(again=True)
    try:
        listing = list_files(tree)
    except UserError:
        if not refused:
            raise
        first = f"{refused[0].path!r}: {refused[0].refused}"
        advice = "; --names says which code page its names are in" if "source.names" in first else ""
        raise UserError(
            f"{source.origin}: none of its {len(refused):,} files is read{advice}; the first is {first}"
        ) from None
    return replace(place, listing=listing, around=(*place.around, (kind, node)))


def _on_disk(path: str) -> Path:
    """A path, also one in quotes whose ~ the shell left as it is."""
    return Path(path).expanduser() if path.startswith("~/") else Path(path)


def _is_below(path: Path, folder: Path) -> bool:
    return path.absolute().is_relative_to(folder.absolute())
