"""One process, or several that share every batch: device, precision and communication, by Accelerate."""

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
    """The processes of one training; with a single process nothing is sent.

    The rows of a batch are divided in order, and each belongs to exactly one process. The shares differ by at most one
    row.

    Args:
        precision_name: `auto`, `fp32` or `bf16`.
    """

    def __init__(self, precision_name: str):
        where = precision.device()
        self.precision = precision.resolve(precision_name, where)
        AcceleratorState._reset_state()  # it is global, and holds the precision of an earlier fit
        self._accelerator = Accelerator(
            cpu=where.type == "cpu", mixed_precision="bf16" if self.precision == "bf16" else "no"
        )
        self.device = self._accelerator.device
        self.number, self.count = self._accelerator.process_index, self._accelerator.num_processes

    @property
    def is_first(self) -> bool:
        return self.number == 0

    def network(self, network: nn.Module) -> nn.Module:
        """The network on its device; on several GPUs, with batch normalisation over the batch of all processes."""
        network = MemoryLayout.fastest(network).place(network, self.device)
        if (
            self.count > 1 and self.device.type == "cuda"
        ):  # torch has no synchronised batch normalisation for the processor
            from timm.layers import convert_sync_batchnorm  # torch's own would drop the activation of timm's layers

            network = convert_sync_batchnorm(network)
        return network

    def parallel(self, network: nn.Module) -> nn.Module:
        """The module to call in training: the network in this precision, its gradients averaged over processes.

        The network is wrapped, since Accelerate replaces `forward` of the module that it gets.
        """
        return self._accelerator.prepare_model(nn.Sequential(network))

    def autocast(self) -> AbstractContextManager[None]:
        return self._accelerator.autocast()

    def backward(self, loss: Tensor) -> None:
        self._accelerator.backward(loss)

    def no_sync(self, network: nn.Module, hold: bool) -> AbstractContextManager[object]:
        """A block in which gradients are added up locally if `hold`; they are sent at the last part of a batch only."""
        return self._accelerator.no_sync(network) if hold else nullcontext()

    def share(self, size: int, number: int | None = None) -> slice:
        """The rows, of `size`, of this process (or of process `number`)."""
        which = self.number if number is None else number
        return slice(size * which // self.count, size * (which + 1) // self.count)

    def all_gather(self, own: Tensor, size: int) -> Tensor:
        """The `size` rows of all processes, in order; gradients flow to the rows of this process only."""
        if self.count == 1:
            return own
        longest = -(-size // self.count)
        received = gather(pad(own.detach(), (0, 0, 0, longest - len(own)))).split(longest)
        shares = (self.share(size, number) for number in range(self.count))
        rows = [part[: share.stop - share.start] for part, share in zip(received, shares, strict=True)]
        rows[self.number] = own
        return torch.cat(rows)

    def broadcast(self, value: float) -> float:
        """The value of the first process, in all processes."""
        if self.count == 1:
            return value
        return float(broadcast(torch.tensor([value], dtype=torch.float64, device=self.device)).item())

    def gather_states(self, own: Tensor) -> list[Tensor]:
        """The (D,) state of each process, on the processor."""
        if self.count == 1:
            return [own]
        return list(gather(own.to(self.device)[None]).cpu())

    def same_buffers(self, *modules: nn.Module) -> None:
        """Copies the running means of the first process to all; they differ where each process sees only its share."""
        if self.count > 1:
            for module in modules:
                broadcast(list(module.buffers()))
