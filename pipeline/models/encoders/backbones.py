"""Networks by their names in timm and torchvision, and what is left of them without the classifier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import nn

if TYPE_CHECKING:
    from pipeline.core.open_types import Params

Library = Literal["timm", "torchvision"]
OFF = {  # torchvision's networks that would bring auxiliary heads, or scale their input as those weights were used to
    "googlenet": {"aux_logits": False, "transform_input": False, "init_weights": True},
    "inception_v3": {"aux_logits": False, "transform_input": False, "init_weights": True},
}
LOADING = (
    "cache_dir",
    "checkpoint_path",
    "file",
    "url",
)  # of timm, which would read files; `weights` says what is read
LARGEST = 512  # side up to which the smallest one that a network takes is looked for


def is_whole(library: str, architecture: str, options: Params) -> nn.Module:
    """The network with its ImageNet classifier and random weights.

    Raises:
        ValueError: No such network or option.
    """
    known = names(library)
    if architecture not in known:
        near = [one for one in known if architecture[:8].lower() in one][:5]
        raise ValueError(
            f"{library} has no network {architecture!r}" + (f"; did you mean one of {near}?" if near else "")
        )
    reading = [name for name in options if name in LOADING or name.startswith("pretrained")]
    if reading:
        raise ValueError(f"options may not name what is read ({reading[0]}); set weights")
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

        made: nn.Module = timm.create_model(architecture, pretrained=False, **options)
        return made
    import torchvision

    return torchvision.models.get_model(architecture, weights=None, **{**OFF.get(architecture, {}), **options})


def classifier(body: nn.Module, library: str) -> str:
    """The dotted name of the last layer, whose outputs are the classes of ImageNet.

    Raises:
        ValueError: It ends otherwise than with a linear layer.
    """
    if library == "timm":
        known: Any = body
        return str(known.pretrained_cfg["classifier"])
    last = [name for name, module in body.named_modules() if isinstance(module, nn.Linear)][-1:]
    if not last or not last[0].startswith(("fc", "classifier", "head")):
        raise ValueError(f"{type(body).__name__} of torchvision does not end with a linear layer; take timm's")
    return last[0]


def headless(body: nn.Module, library: str) -> tuple[nn.Module, int]:
    """The network without its classifier, and the length of its features."""
    if library == "timm":
        known: Any = body
        known.reset_classifier(0)
        return body, int(getattr(body, "head_hidden_size", None) or known.num_features)
    name = classifier(body, library)
    size = int(body.get_submodule(name).in_features)  # type: ignore[arg-type]
    body.set_submodule(name, nn.Identity())
    return body, size


def size_problem(library: str, architecture: str, options: Params, side: int) -> str:
    """One line where pictures of this side are not what the network takes; empty where that is not the reason.

    Shapes are tried without weights or arithmetic.
    """
    with torch.device("meta"):
        body = _make(library, architecture, options).eval()
        if _takes(body, side):
            return ""
        least = next((larger for larger in range(side + 1, LARGEST + 1) if _takes(body, larger)), None)
    if least is None:
        return f"{architecture} does not take pictures of {side} x {side} pixels, nor larger ones up to {LARGEST}"
    return (
        f"{architecture} does not take pictures of {side} x {side} pixels, but of {least} x {least}; "
        f"set image_size={least} or more"
    )


def _takes(body: nn.Module, side: int) -> bool:
    try:
        body(torch.zeros(2, 3, side, side))
    except (RuntimeError, AssertionError, ValueError):
        return False
    return True
