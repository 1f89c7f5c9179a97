"""The use of processor, memory, disk, network and GPU, as MLflow measures it."""

from __future__ import annotations

from typing import Any, final


@final
class Usage:
    """Samples of this machine, numbered; not under `system/`, which MLflow lists above all figures of a run."""

    def __init__(self) -> None:
        self._monitors: list[Any] | None = None  # made by the thread that samples: MLflow takes seconds to import
        self._number = 0

    def sample(self) -> tuple[int, dict[str, float]]:
        """The number of the sample, and its figures."""
        if self._monitors is None:
            self._monitors = _monitors()
        figures: dict[str, float] = {}
        for monitor in self._monitors:
            monitor.collect_metrics()
            figures |= {
                f"usage/{name.removeprefix('system_')}": float(value)
                for name, value in monitor.aggregate_metrics().items()
            }
            monitor.clear_metrics()
        self._number += 1
        return self._number - 1, figures


def _monitors() -> list[Any]:
    from mlflow.system_metrics.metrics.cpu_monitor import CPUMonitor
    from mlflow.system_metrics.metrics.disk_monitor import DiskMonitor
    from mlflow.system_metrics.metrics.gpu_monitor import GPUMonitor
    from mlflow.system_metrics.metrics.network_monitor import NetworkMonitor
    from mlflow.system_metrics.metrics.rocm_monitor import ROCMMonitor

    found: list[Any] = [CPUMonitor(), DiskMonitor(), NetworkMonitor()]
    for kind in (GPUMonitor, ROCMMonitor):
        try:
            found.append(kind())
        except Exception:  # noqa: S112 what is not there raises errors of its vendor's library
            continue
        break
    return found
