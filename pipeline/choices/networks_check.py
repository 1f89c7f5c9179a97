"""Refuses what only torch can refuse, on its meta device: the networks are built without weights or arithmetic.

Importing torch and timm takes some seconds, more than all else that `compose` does. So a configuration that passed is
remembered by a digest of its sections and of the code behind them, and is not built again.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.core import artifacts, config, nouns
from pipeline.core.axes import check_spatial_rank
from pipeline.core.code_digest import code_digest, stage_modules
from pipeline.core.errors import UserError
from pipeline.core.objective_contracts import Pretext
from pipeline.media.choice import media_of_params

if TYPE_CHECKING:
    from pipeline.core.open_types import Params

PASSED = Path(".cache/compose")
SECTIONS = (
    "image_size",
    "media",
    "task",
    "augmentation",
    "transform",
    "encoder",
    "objective",
    "views",
    "pretrain",
    "imbalance",
    "sampling",
    "mix",
    "risk",
    "train",
)
KEPT = 100  # configurations


def check_networks(params: Params) -> None:
    """Builds the recipe, the pretraining and both encoders, and shows each encoder a picture of its size.

    Raises:
        UserError: A value is refused; an architecture, option or file of weights does not exist or does not fit; or an
            encoder does not take pictures of this size.
    """
    nodes = {key: params[key] for key in SECTIONS if key in params}
    chosen = {**nodes, "embed": params.get("embed")}
    places = [("encoder", ()), ("encoder", ("frame_encoder",)), ("embed", ("encoder",))]
    weights = [_describe_file(chosen[key], place) for key, place in [*places, ("embed", ("encoder", "frame_encoder"))]]
    modules = [*stage_modules("train", chosen, chosen), *stage_modules("pretrain", (), {})]
    versions = [f"{name} {version(name)}" for name in ("torch", "timm", "torchvision", "scikit-learn")]
    key = artifacts.content_digest(artifacts.canonical_json([chosen, weights, versions]), code_digest(modules).encode())
    if (PASSED / key).exists():
        return
    _build(nodes, params)
    PASSED.mkdir(parents=True, exist_ok=True)
    (PASSED / key).touch()
    for old in sorted(PASSED.iterdir(), key=lambda path: path.stat().st_mtime)[:-KEPT]:
        old.unlink(missing_ok=True)


def _describe_file(node: Any, place: tuple[str, ...]) -> list[Any]:
    """Size and time of the file of weights of an encoder, where it names one."""
    for key in (*place, "weights"):
        node = node.get(key) if isinstance(node, dict) else None
    file = Path(node) if isinstance(node, str) else None
    if file is None or not file.is_file():
        return [node]
    return [node, file.stat().st_size, file.stat().st_mtime_ns]


def _build(nodes: Params, params: Params) -> None:
    from pipeline.training.recipe import Recipe, candidate_selection

    selection = candidate_selection(nodes)
    for trial in [selection.with_candidate(nodes, name) for name in selection.candidates] if selection else [nodes]:
        Recipe(trial)
    _check_encoder(nodes["encoder"], "encoder", _spatial(params, nodes["image_size"]))
    _check_pretraining(nodes)
    if "embed" in params:
        _check_encoder(params["embed"]["encoder"], "embed.encoder", _spatial(params, _size(params["embed"])))
        config.build(params["embed"]["transform"], "embed.transform")


def _check_pretraining(nodes: Params) -> None:
    import torch

    from pipeline.training.pretraining import Pretraining, refuse_unfit

    pretext: Pretext = config.build(nodes["objective"], "objective")
    views = config.build_all(nodes, "views")
    config.instantiate(Pretraining, nodes["pretrain"], "pretrain")
    if not pretext.trains:
        return
    with torch.device("meta"):
        encoder = config.build(nodes["encoder"], "encoder")
    refuse_unfit(pretext, views, encoder, nodes["image_size"])
    with torch.device("meta"):
        pretext.objective(encoder, (3, *_spatial(nodes, _size(nodes))))


def _size(section: Params) -> int:
    """Side in pixels of what the transform of this section gives to the encoder."""
    return int(section["transform"].get("image_size", section["image_size"]))


def _spatial(params: Params, side: int) -> tuple[int, ...]:
    """The lengths of the spatial axes of a sample: (H, W), or (frames or slices, H, W); as many slices as the side."""
    if media_of_params(params) == "image":
        return (side, side)
    media = params["media"]
    return (int(media.get("num_frames") or media.get("depth") or side), side, side)


def _check_encoder(node: Any, where: str, spatial: tuple[int, ...]) -> None:
    import torch

    with torch.device("meta"):
        try:
            encoder = config.build(node, where).eval()
            check_spatial_rank({where: encoder}, (*spatial, 3))
            sample = torch.zeros(2, 3, *spatial)
        except (NotImplementedError, RuntimeError):  # arithmetic that the meta device lacks: the stage builds it
            return
        try:
            encoder(sample)
        except UserError as error:
            raise UserError(f"{nouns.describe_place(where)}: {error}") from None
        except (NotImplementedError, RuntimeError):
            return
