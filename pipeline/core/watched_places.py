"""The places whose changes make `ingest` run again: `watch` of the source, one or two."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.core.errors import UserError

if TYPE_CHECKING:
    from pipeline.core.open_types import Params

MAX_PLACES = 2  # dvc.yaml takes no list, so conf/config.yaml gives it two entries: labels and pictures
PLUGINS = {"s3": "dvc_s3", "gs": "dvc_gs"}  # of DVC, by kind of URL
INSTALL = "make install EXTRAS=remote"


def watched_places(params: Params) -> list[str]:
    """The paths and URLs of `source.watch`; empty where it is neither a text nor a list, which the source refuses."""
    source = params.get("source")
    watch: Any = source.get("watch") if isinstance(source, dict) else None
    return [watch] if isinstance(watch, str) and watch else [*watch] if isinstance(watch, list) else []


def check_places(places: Sequence[Any]) -> None:
    """Refuses places that DVC cannot hash, whose own messages do not name the key.

    Raises:
        UserError: There are too many, one is named twice, does not exist, or needs a plug-in of DVC.
    """
    named = [place for place in places if isinstance(place, str) and place]
    if len(named) < len(places) or len({*map(_normalise, named)}) < len(named) or len(named) > MAX_PLACES:
        raise UserError(
            f"source.watch must be one place or a list of two different ones, labels and pictures, got {[*places]}; "
            "name a folder that holds several"
        )
    for place in named:
        kind = place.partition("://")[0] if "://" in place else ""
        if kind in PLUGINS and find_spec(PLUGINS[kind]) is None:
            plugin = PLUGINS[kind].replace("_", "-")
            raise UserError(f"source.watch {place!r} needs {plugin}, with which DVC reads {kind}://; run {INSTALL}")
        if not kind and not Path(place).exists():
            raise UserError(
                f"source.watch {place!r} does not exist; set source.path (or source.watch) to where the pictures are. "
                "In a copy made by dvc exp run --temp or --queue a relative path must be tracked with dvc add, or be "
                "absolute"
            )


def _normalise(place: str) -> str:
    return place if "://" in place else str(Path(place).absolute())
