"""Learning rate and weight decay of each parameter."""

from __future__ import annotations

from collections import defaultdict
from fnmatch import fnmatch
from typing import Any, cast

from torch import nn

MAX_LAYERS = 12  # of a network that does not define its layers; as many as a ViT-Base has


def parameter_groups(
    network: nn.Module, weight_decay: float, learning_rate: float, layer_decay: float | None = None
) -> list[dict[str, Any]]:
    """Parameter groups for an optimiser of torch: weight decay on matrices and kernels only, a learning rate per layer.

    Args:
        network: With an `encoder` and a `head`.
        weight_decay: Not applied to biases, normalisation, and what the network itself exempts.
        learning_rate: Of the head; that of a layer d below it is learning_rate x layer_decay^d.
        layer_decay: Above 0 to 1; None is the same learning rate for all.

    Source: Bao et al. 2022, arXiv:2106.08254, and Clark et al. 2020, arXiv:2003.10555, for the decay by layer.
    """
    exempt = without_decay(network)
    if layer_decay is None:
        return _by_decay(list(network.parameters()), exempt, weight_decay, learning_rate)
    below = layers_below_head(network)
    by_layer: dict[int, list[nn.Parameter]] = defaultdict(list)
    for name, parameter in network.named_parameters():
        by_layer[below[name]].append(parameter)
    return [
        group
        for depth in sorted(by_layer, reverse=True)
        for group in _by_decay(by_layer[depth], exempt, weight_decay, learning_rate * layer_decay**depth)
        if group["params"]
    ]


def layers_below_head(network: nn.Module) -> dict[str, int]:
    """How many layers below the head each parameter is: 0 is the head itself.

    A network of timm defines its layers (`group_matcher`); what comes after it in an encoder, such as a recurrent layer
    over its features, is one more. In any other one each kernel or matrix begins a layer, in the order of definition,
    and neighbouring layers are merged until at most `MAX_LAYERS` are left.
    """
    from timm.models import group_parameters

    of_timm = next(((name, one) for name, one in network.named_modules() if hasattr(one, "group_matcher")), None)
    if of_timm is None:
        layers = _by_kernels(network)
    else:
        prefix, body = of_timm[0], cast(Any, of_timm[1])
        own = group_parameters(body, body.group_matcher(coarse=False), reverse=True)
        layers = {f"{prefix}.{name}": layer for name, layer in own.items()}
    names = [name for name, _ in network.named_parameters() if not name.startswith("head.")]
    last = max(layers.values(), default=-1) + 1
    order = {layer: position for position, layer in enumerate(sorted({layers.get(name, last) for name in names}))}
    depths = {name: len(order) - order[layers.get(name, last)] for name in names}
    return {name: depths.get(name, 0) for name, _ in network.named_parameters()}


def _by_kernels(network: nn.Module) -> dict[str, int]:
    layers, layer = {}, -1
    for name, parameter in network.named_parameters():
        if not name.startswith("head."):
            layer += parameter.ndim > 1
            layers[name] = max(layer, 0)
    num_layers = layer + 1
    if num_layers > MAX_LAYERS:
        layers = {name: one * MAX_LAYERS // num_layers for name, one in layers.items()}
    return layers


def without_decay(network: nn.Module) -> set[int]:
    """The ids of parameters without weight decay: vectors, and those that `no_weight_decay` of a module names.

    Networks of timm name tokens, position embeddings and tables of relative positions there, relative to the module;
    `*` matches anything.
    """
    exempt = {id(one) for one in network.parameters() if one.ndim <= 1}
    for part in network.modules():
        exemption = getattr(part, "no_weight_decay", None)
        patterns = list(exemption()) if callable(exemption) else []
        exempt |= {id(one) for name, one in part.named_parameters() if any(fnmatch(name, each) for each in patterns)}
    return exempt


def _by_decay(
    parameters: list[nn.Parameter], exempt: set[int], weight_decay: float, learning_rate: float
) -> list[dict[str, Any]]:
    return [
        {
            "params": [one for one in parameters if id(one) not in exempt],
            "weight_decay": weight_decay,
            "lr": learning_rate,
        },
        {"params": [one for one in parameters if id(one) in exempt], "weight_decay": 0.0, "lr": learning_rate},
    ]
