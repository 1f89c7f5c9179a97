"""The connection of this process to a Ray cluster: quiet, without usage statistics, its own node on localhost only."""

from __future__ import annotations

import os
import signal
from importlib.util import find_spec
from typing import Any

from pipeline.core.errors import UserError

ALONE = "local"  # the address that starts a cluster of this machine for this process
QUIET = {  # read when ray is imported, or by the processes that it starts
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # else workers of `uv run` install everything again
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_raylet_start_wait_time_s": "120",
    "RAY_worker_niceness": "0",  # as the processes of the local engine; Ray's are at 15
}
LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}  # Ray's own way to 127.0.0.1, meant for other systems
MIB = 2**20
CRITICAL = 50  # of the levels of logging: what Ray has to say beyond it comes as an exception
INSTALL = "uv pip install 'colibri[ray]' (in a checkout: make install EXTRAS=ray)"


def connect(address: str, object_store: int, processes: int | None) -> Any:
    """The module ray, connected.

    Args:
        address: HOST:PORT of the head node, `auto` for a node that runs on this machine, or `local`.
        object_store: MiB of shared memory of a cluster that `local` starts.
        processes: At once, of a cluster that `local` starts; None for one per core.

    Raises:
        UserError: Ray is not installed, or no cluster answers.
    """
    if find_spec("ray") is None:
        raise UserError(f"COLIBRI_ENGINE=ray needs the package ray, which is not installed; {INSTALL}, or unset it")
    for key, value in {**QUIET, **(LOOPBACK if address == ALONE else {})}.items():
        os.environ.setdefault(key, value)
    import ray

    if ray.is_initialized():
        return ray
    started = {"include_dashboard": False, "object_store_memory": object_store * MIB, "num_cpus": processes}
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        ray.init(
            address=address,
            log_to_driver=False,
            logging_level=CRITICAL,
            **(started if address == ALONE else {}),
        )
    except Exception as error:  # ConnectionError, RuntimeError, or Exception itself, by what is wrong
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"no Ray cluster answers at {address!r} ({reason}); start one with ray start --head, join it from this "
            "machine with ray start --address, and set RAY_ADDRESS, see docs/scaling.md"
        ) from None
    finally:
        for number, handler in handlers.items():  # Ray takes SIGTERM for itself
            _restore(number, handler)
    _silence()
    return ray


def _restore(number: int, handler: Any) -> None:
    try:
        signal.signal(number, handler)
    except (ValueError, TypeError):  # not the main thread, which Ray did not touch either
        return


def _silence() -> None:
    """Stops Ray from printing what happens to workers and nodes on stdout; the engine acts on it."""
    from ray._private import worker

    if hasattr(worker, "print_to_stdstream"):
        worker.print_to_stdstream = lambda *_, **__: None
