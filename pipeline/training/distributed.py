"""One process, or several that share every batch: device, precision and the talk between them, by Accelerate."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import final

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import broadcast, gather
from torch import Tensor, nn
from torch.nn.functional import pad

from pipeline.models.memory_layout import MemoryLayout
from pipeline.training import precision


@final
class ProcessGroup:
    """What a training needs to know of the processes it runs in; with one process nothing is sent.

    Rows are cut in order, and the shares differ by one row at most, so every row is taken by exactly one process.

    Args:
        precision_name: `auto`, `fp32` or `bf16`.
    """

    def __init__(self, precision_name: str):
        where = precision.device()
        self.precision = precision.resolve(precision_name, where)
        AcceleratorState._reset_state()  # it is one for the whole process, and an earlier fit's precision stays in it
        self._accelerator = Accelerator(
            cpu=where.type == "cpu", mixed_precision="bf16" if self.precision == "bf16" else "no"
        )
        self.device = self._accelerator.device
        self.number, self.count = self._accelerator.process_index, self._accelerator.num_processes

    @property
    def is_first(self) -> bool:
        return self.number == 0

    def network(self, network: nn.Module) -> nn.Module:
        """The network on its device; on GPUs, batch normalisation then measures the batch of all processes."""
        network = MemoryLayout.fastest(network).place(network, self.device)
        if self.count > 1 and self.device.type == "cuda":  # there is none for the processor
            from timm.layers import convert_sync_batchnorm  # torch's own would lose the activation in timm's layers

            network = convert_sync_batchnorm(network)
        return network

    def parallel(self, network: nn.Module) -> nn.Module:
        """What is called in training: the network in the precision chosen, its gradients averaged over processes.

        The wrapper is a module of its own, since Accelerate replaces `forward` of what it is given.
        """
        return self._accelerator.prepare_model(nn.Sequential(network))

    def autocast(self) -> AbstractContextManager[None]:
        return self._accelerator.autocast()

    def backward(self, loss: Tensor) -> None:
        self._accelerator.backward(loss)

    def no_sync(self, network: nn.Module, hold: bool) -> AbstractContextManager[object]:
        """Within the block gradients are summed up here; they are sent at the last part of a batch only."""
        return self._accelerator.no_sync(network) if hold else nullcontext()

    def share(self, size: int, number: int | None = None) -> slice:
        """Which of `size` rows this process (or process `number`) takes."""
        mine = self.number if number is None else number
        return slice(size * mine // self.count, size * (mine + 1) // self.count)

    def all_gather(self, mine: Tensor, size: int) -> Tensor:
        """The `size` rows of all processes, in order; a gradient reaches this process's own rows alone."""
        if self.count == 1:
            return mine
        longest = -(-size // self.count)
        received = gather(pad(mine.detach(), (0, 0, 0, longest - len(mine)))).split(longest)
        shares = (self.share(size, number) for number in range(self.count))
        rows = [part[: share.stop - share.start] for part, share in zip(received, shares, strict=True)]
        rows[self.number] = mine
        return torch.cat(rows)

    def broadcast(self, value: float) -> float:
        """What the first process says, to all."""
        if self.count == 1:
            return value
        return float(broadcast(torch.tensor([value], dtype=torch.float64, device=self.device)).item())

    def gather_states(self, mine: Tensor) -> list[Tensor]:
        """(D,) of each process, on the processor."""
        if self.count == 1:
            return [mine]
        return list(gather(mine.to(self.device)[None]).cpu())

    def same_buffers(self, *modules: nn.Module) -> None:
        """Gives all the first one's running means, which differ where batch normalisation sees a share only."""
        if self.count > 1:
            for module in modules:
                broadcast(list(module.buffers()))
