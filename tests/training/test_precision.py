"""bf16 only where the hardware has it."""

import pytest
import torch

from pipeline.training import precision

CPU, GPU = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize("chosen", ["fp32", "bf16"])
def test_a_chosen_precision_stands(chosen):
    assert precision.resolve(chosen, CPU) == precision.resolve(chosen, GPU) == chosen


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ({}, "fp32"),
        ({"avx512_bf16": False, "amx_bf16": False}, "fp32"),
        ({"avx512_bf16": True}, "bf16"),
        ({"amx_bf16": True}, "bf16"),
    ],
)
def test_auto_on_a_processor(monkeypatch, capabilities, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert precision.resolve("auto", CPU) == expected


@pytest.mark.parametrize(("native", "expected"), [(True, "bf16"), (False, "fp32")])
def test_auto_on_a_gpu_does_not_count_emulation(monkeypatch, native, expected):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: native or including_emulation)
    assert precision.resolve("auto", GPU) == expected


@pytest.mark.parametrize(("resolved", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_autocast(resolved, dtype):
    with precision.autocast(resolved, CPU):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == dtype


@pytest.mark.parametrize(("available", "expected"), [(True, GPU), (False, CPU)])
def test_device(monkeypatch, available, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    assert precision.device() == expected
