"""The device, and the precision in which it computes fastest without harm to a network."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch

Precision = Literal["auto", "fp32", "bf16"]


def device() -> torch.device:
    """The first GPU if there is one, else the processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def resolve(precision: str, where: torch.device) -> str:
    """`fp32` or `bf16`; `auto` is bf16 if the hardware has it (CUDA compute 8.0+, AVX512-BF16, AMX), else fp32."""
    if precision != "auto":
        return precision
    if where.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        features = torch.cpu.get_capabilities()
        native = bool(features.get("avx512_bf16") or features.get("amx_bf16"))
    return "bf16" if native else "fp32"


def autocast(precision: str, where: torch.device) -> AbstractContextManager[object]:
    """The context in which a forward pass runs; `precision` as `resolve` returns it."""
    return torch.autocast(where.type, torch.bfloat16) if precision == "bf16" else nullcontext()
