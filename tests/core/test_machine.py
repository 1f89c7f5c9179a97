"""What a program runs on, in words that name no machine."""

import platform

import torch

from pipeline.core.machine import describe_machine


def test_what_decides_the_last_digits_is_there(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    found = describe_machine()
    assert {"processor", "GPU", "cores", "memory", "vector instructions", "CUDA", "system"} <= found.keys()
    assert found["torch"] == torch.__version__
    assert found["python"] == platform.python_version()
    assert "OMP_NUM_THREADS=3" in found["threads"]
    assert platform.node() not in found.values()
