"""Networks compiled by torch."""

from __future__ import annotations

import os
import shutil
from typing import cast

import torch
from torch import nn

from pipeline.core.errors import UserError

COMPILERS = ("g++", "clang++", "c++")


def compile_network(network: nn.Module, section: str = "train") -> nn.Module:
    """The network, compiled at its first call; `section` of params.yaml is named in messages.

    The weights are shared with `network`. Rounding and the random masks of dropout differ from those without compiling.

    Raises:
        UserError: There is no C++ compiler; torch.compile needs one at run time, also on a GPU.
    """
    own_compiler = os.environ.get("CXX")
    if not any(shutil.which(name) for name in ([own_compiler] if own_compiler else COMPILERS)):
        candidates = own_compiler or ", ".join(COMPILERS)
        raise UserError(
            f"{section}.compile needs a C++ compiler at run time and found none (looked for {candidates}); "
            f"install one, name it in CXX, or set {section}.compile=false"
        )
    return cast(nn.Module, torch.compile(network))
