"""Networks compiled by torch."""

from __future__ import annotations

import os
import shutil
from typing import cast

import torch
from torch import nn

from pipeline.core.errors import UserError

COMPILERS = ("g++", "clang++", "c++")


def compile_network(network: nn.Module) -> nn.Module:
    """The network's own weights, other kernels (rounding and the draws of dropout differ); compiled when first called.

    Raises:
        UserError: There is no C++ compiler, which torch.compile needs at run time, on a GPU too.
    """
    told = os.environ.get("CXX")
    if not any(shutil.which(name) for name in ([told] if told else COMPILERS)):
        looked = told or ", ".join(COMPILERS)
        raise UserError(
            f"train.compile needs a C++ compiler at run time and found none (looked for {looked}); "
            "install one, name it in CXX, or set train.compile=false"
        )
    return cast(nn.Module, torch.compile(network))
