"""Records which process owns a run, and closes RUNNING runs whose process is gone."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.tracking.connection import search

if TYPE_CHECKING:
    from mlflow import MlflowClient

HOST, PID, PROCESS = "colibri.host", "colibri.pid", "colibri.process"
ERROR = "error"
GONE = "its process ended without a word: killed, out of memory, or the machine went down"


def owner() -> dict[str, str]:
    """Tags of this process: the machine, the process number, and the start time, since numbers are reused."""
    return {HOST: _host(), PID: str(os.getpid()), PROCESS: _start(os.getpid()) or ""}


def release(client: MlflowClient, run_id: str) -> None:
    """Removes the tags of the owner from a run that has ended: they would hide those that people read."""
    for tag in {HOST, PID, PROCESS} & client.get_run(run_id).data.tags.keys():
        client.delete_tag(run_id, tag)


def is_gone(tags: dict[str, str]) -> bool:
    """Whether the process that a run's tags name has certainly ended; False for one of another machine."""
    if tags.get(HOST) != _host() or not tags.get(PROCESS) or not tags.get(PID, "").isdecimal():
        return False
    return _start(int(tags[PID])) != tags[PROCESS]


def sweep(client: MlflowClient, experiments: list[str]) -> list[str]:
    """Marks runs whose process is gone as killed, with the reason; returns their ids."""
    running = search(client, experiments, f"attributes.status = 'RUNNING' and tags.`{HOST}` = '{_host()}'")
    gone = [str(run.info.run_id) for run in running if is_gone(run.data.tags)]
    for run_id in gone:
        client.set_tag(run_id, ERROR, GONE)
        client.set_terminated(run_id, status="KILLED")
        release(client, run_id)
    return gone


def _host() -> str:
    """The machine and the space in which process numbers count: containers of one name do not see each other's."""
    try:
        space = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        space = ""
    name = "".join(one if one.isalnum() or one in ".-_" else "_" for one in socket.gethostname())
    return f"{name} {space}".strip()


def _start(pid: int) -> str | None:
    """When a process started, in a way that setting the clock does not change, or None where there is no such one."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    except (FileNotFoundError, ProcessLookupError):
        if Path("/proc/self/stat").exists():
            return None
        return _start_elsewhere(pid)
    return None if fields[0] == "Z" else f"{boot} {fields[19]}"  # a zombie has ended


def _start_elsewhere(pid: int) -> str | None:
    """The same where there is no /proc."""
    import psutil

    try:
        return f"{psutil.Process(pid).create_time():.0f}"
    except psutil.Error:
        return None
