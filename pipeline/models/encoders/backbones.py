"""Networks by their names in timm and torchvision, with and without the classifier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import nn

if TYPE_CHECKING:
    from pipeline.core.open_types import Params

Library = Literal["timm", "torchvision"]
OFF = {  # of torchvision: no auxiliary heads, and no scaling of the input for the original weights
    "googlenet": {"aux_logits": False, "transform_input": False, "init_weights": True},
    "inception_v3": {"aux_logits": False, "transform_input": False, "init_weights": True},
}
LOADING = ("cache_dir", "checkpoint_path", "file", "url")  # options of timm that would read files, as `weights` does
MAX_SIDE = 512  # pixels; the smallest side that a network takes is looked for up to this one


def make_classifier(library: str, architecture: str, options: Params) -> nn.Module:
    """The network with its ImageNet classifier and random weights.

    Raises:
        ValueError: There is no such network or option.
    """
    known = names(library)
    if architecture not in known:
        near = [one for one in known if architecture[:8].lower() in one][:5]
        raise ValueError(
            f"{library} has no network {architecture!r}" + (f"; did you mean one of {near}?" if near else "")
        )
    reading = [name for name in options if name in LOADING or name.startswith("pretrained")]
    if reading:
        raise ValueError(f"options must not name a file or address to read ({reading[0]}); set weights instead")
    try:
        return _make(library, architecture, options)
    except (TypeError, AssertionError) as error:
        raise ValueError(f"{architecture} of {library} does not take options {options}: {error}") from None


def names(library: str) -> list[str]:
    """Every classifier of the library."""
    if library == "timm":
        import timm

        return list(timm.list_models())
    import torchvision

    return list(torchvision.models.list_models(torchvision.models))


def _make(library: str, architecture: str, options: Params) -> nn.Module:
    if library == "timm":
        import timm

        network: nn.Module = timm.create_model(architecture, pretrained=False, **options)
        return network
    import torchvision

    return torchvision.models.get_model(architecture, weights=None, **{**OFF.get(architecture, {}), **options})


def classifier(body: nn.Module, library: str) -> str:
    """The dotted name of the last layer, whose outputs are the classes of ImageNet.

    Raises:
        ValueError: The last layer is not linear.
    """
    if library == "timm":
        known: Any = body
        return str(known.pretrained_cfg["classifier"])
    if library == "monai":
        return "fc" if hasattr(body, "fc") else "class_layers.out"
    kinds = (nn.Linear, nn.Conv3d)  # S3D ends with a convolution of one voxel
    last = [name for name, module in body.named_modules() if isinstance(module, kinds)][-1:]
    if not last or not last[0].startswith(("fc", "classifier", "head")):
        raise ValueError(f"{type(body).__name__} of torchvision does not end with a linear layer; use library=timm")
    return last[0]


def remove_classifier(body: nn.Module, library: str) -> tuple[nn.Module, int]:
    """The network without its classifier, changed in place, and the length of its feature vector."""
    if library == "timm":
        known: Any = body
        known.reset_classifier(0)
        return body, int(getattr(body, "head_hidden_size", None) or known.num_features)
    name = classifier(body, library)
    size = int(body.get_submodule(name).in_features)  # type: ignore[arg-type]
    body.set_submodule(name, nn.Identity())
    return body, size


def size_problem(library: str, architecture: str, options: Params, side: int) -> str:
    """The problem in one line if the network does not take pictures of this side in pixels; empty if it does.

    Sizes are tried on torch's meta device, without weights or arithmetic.
    """
    with torch.device("meta"):
        body = _make(library, architecture, options).eval()
        if _takes(body, side):
            return ""
        least = next((larger for larger in range(side + 1, MAX_SIDE + 1) if _takes(body, larger)), None)
    if least is None:
        return (
            f"{architecture} does not take pictures of {side} x {side} pixels, nor larger ones up to {MAX_SIDE}; "
            "choose another encoder"
        )
    return (
        f"{architecture} does not take pictures of {side} x {side} pixels; the next larger size that it takes is "
        f"{least} x {least}, so set image_size={least} or more"
    )


def _takes(body: nn.Module, side: int) -> bool:
    try:
        body(torch.zeros(2, 3, side, side))
    except (RuntimeError, AssertionError, ValueError):
        return False
    return True
