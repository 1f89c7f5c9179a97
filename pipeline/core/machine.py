"""What a program runs on: processor or GPU, threads, memory, and the versions that decide the last digits."""

from __future__ import annotations

import os
import platform
from pathlib import Path

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def describe_machine() -> dict[str, str]:
    """Name of a fact to its text; nothing that names the machine."""
    import psutil
    import torch

    variables = ", ".join(f"{key}={os.environ[key]}" for key in THREADS if key in os.environ)
    facts = {
        "processor": name_processor(),
        "GPU": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
        "cores": str(os.cpu_count()),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "threads": f"{torch.get_num_threads()} of torch" + (f" ({variables})" if variables else ""),
        "vector instructions": torch.backends.cpu.get_cpu_capability(),
        "CUDA": str(torch.version.cuda or "none"),
        "system": f"{platform.system()} {platform.machine()}, {platform.python_implementation()}",
        "python": platform.python_version(),
        "torch": str(torch.__version__),
    }
    return {name: value for name, value in facts.items() if value}


def name_processor() -> str:
    """The model of the processor, as the system names it."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines() if cpuinfo.is_file() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()
