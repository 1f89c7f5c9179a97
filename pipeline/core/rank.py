"""Which of the processes that train together this is: what torchrun and accelerate launch say in the environment."""

from __future__ import annotations

import os
import sys


def rank() -> int:
    """0 for the process that logs and writes, and where there is only one; 1 and above for the others."""
    return int(os.environ.get("RANK") or 0)


def is_main_process() -> bool:
    return rank() == 0


def finish() -> None:
    """Waits for the other processes, then ends the connection to them."""
    distributed = sys.modules.get("torch.distributed")
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        distributed.barrier()
        distributed.destroy_process_group()
