"""Modules, optimisers and random states to tensors by name, and back, bit for bit."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pipeline.training.distributed import ProcessGroup

Tensors = dict[str, Tensor]


def of_module(name: str, module: nn.Module) -> Tensors:
    """Copies of the module's parameters and buffers, on the processor."""
    return {f"{name}/{key}": _copy(value) for key, value in module.state_dict().items()}


def into_module(name: str, module: nn.Module, tensors: Tensors) -> None:
    module.load_state_dict(under(name, tensors))


def of_optimiser(name: str, optimiser: torch.optim.Optimizer) -> Tensors:
    """The optimiser's state of each parameter, by the number of the parameter."""
    return {
        f"{name}/{number}/{key}": _copy(value)
        for number, parameter in enumerate(_parameters(optimiser))
        for key, value in optimiser.state.get(parameter, {}).items()
    }


def into_optimiser(name: str, optimiser: torch.optim.Optimizer, tensors: Tensors) -> None:
    """Sets the state that `of_optimiser` returned, on the device and in the memory layout of each parameter."""
    optimiser.state.clear()
    parameters = _parameters(optimiser)
    for path, value in under(name, tensors).items():
        number, key = path.split("/")
        parameter = parameters[int(number)]
        like = torch.empty_like(parameter, dtype=value.dtype) if value.shape == parameter.shape else None
        optimiser.state[parameter][key] = value.clone() if like is None else like.copy_(value)


def of_random_states(name: str, processes: ProcessGroup) -> Tensors:
    """torch's random states of every process."""
    states = {"cpu": torch.random.get_rng_state()}
    if processes.device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(processes.device)
    return {
        f"{name}/{kind}/{number}": state
        for kind, own in states.items()
        for number, state in enumerate(processes.gather_states(own))
    }


def into_random_states(name: str, processes: ProcessGroup, tensors: Tensors) -> None:
    torch.random.set_rng_state(tensors[f"{name}/cpu/{processes.number}"])
    if processes.device.type == "cuda":
        torch.cuda.set_rng_state(tensors[f"{name}/cuda/{processes.number}"], processes.device)


def under(name: str, tensors: Tensors) -> Tensors:
    """The tensors whose path begins with the name, by the rest of the path."""
    return {path.removeprefix(f"{name}/"): value for path, value in tensors.items() if path.startswith(f"{name}/")}


def _copy(value: Tensor) -> Tensor:
    return value.detach().cpu().clone(memory_format=torch.contiguous_format)


def _parameters(optimiser: torch.optim.Optimizer) -> list[nn.Parameter]:
    return [parameter for group in optimiser.param_groups for parameter in group["params"]]
