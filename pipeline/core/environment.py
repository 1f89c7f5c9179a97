"""The installation and the machine, looked at without importing a library: what `colibri doctor` says of them."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

LOCK, PROJECT = Path("requirements.lock"), Path("pyproject.toml")
OLDEST, NEWEST = (3, 11), (3, 13)  # as pyproject.toml says
DRIVER = Path("/proc/driver/nvidia/version")  # there while NVIDIA's driver is loaded
GIB = 2**30
LEAST_MEMORY = 4 * GIB  # of the machine; ELPV's default run needs 2.2 GiB
MOST_NAMED = 3


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What was looked at, what was found, and the way out where it is not in order."""

    state: Literal["ok", "warning", "error"]
    name: str
    text: str
    remedy: str = ""


def look_at_python() -> Iterator[Finding]:
    shown = ".".join(map(str, sys.version_info[:3]))
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        yield Finding(state="ok", name="python", text=f"{shown}, {sys.executable}")
        return
    yield Finding(
        state="error",
        name="python",
        text=f"{shown}, and Colibri needs 3.11 to 3.13",
        remedy="rm -r .venv && make install PYTHON=/path/to/python3.13",
    )


def look_at_packages() -> Iterator[Finding]:
    """Versions against requirements.lock, and which extras are there."""
    if not LOCK.exists():
        yield Finding(state="error", name="packages", text=f"{LOCK} is missing", remedy=f"git checkout {LOCK}")
        return
    from packaging.markers import Marker

    locked = 0
    missing, others = [], []
    for line in LOCK.read_text(encoding="utf-8").splitlines():
        found = re.match(r"([A-Za-z0-9._-]+)==([^\s;\\]+)\s*(?:;\s*([^\\]+))?", line)
        if not found or (found[3] and not Marker(found[3].strip()).evaluate()):
            continue
        locked += 1
        present = _version(found[1])
        if present is None:
            missing.append(found[1])
        elif present.partition("+")[0] != found[2].partition("+")[0]:
            others.append(f"{found[1]} {present} instead of {found[2]}")
    if missing:
        text = f"{len(missing)} of {locked} locked packages are missing: {_name_some(missing)}"
        yield Finding(state="error", name="packages", text=text, remedy="make install")
    elif others:
        text = f"{len(others)} of {locked} packages have another version than locked: {_name_some(others)}"
        yield Finding(state="warning", name="packages", text=text, remedy="rm .venv/.installed*; make install")
    else:
        yield Finding(state="ok", name="packages", text=f"{locked} packages as in {LOCK}")
    yield from _look_at_extras()


def _look_at_extras() -> Iterator[Finding]:
    import tomllib

    extras = tomllib.loads(PROJECT.read_text(encoding="utf-8")).get("project", {}).get("optional-dependencies", {})
    complete = {
        name: all(_version(re.split(r"[<>=!~\[; ]", one)[0]) is not None for one in needed)
        for name, needed in extras.items()
    }
    present, absent = ([name for name, has in complete.items() if has is wanted] for wanted in (True, False))
    text = f"{', '.join(present) or 'none'} present" + (f"; {', '.join(absent)} absent" if absent else "")
    remedy = "where needed: pip install -e '.[NAME]'" if absent else ""
    yield Finding(state="ok", name="extras", text=text, remedy=remedy)


def look_at_machine() -> Iterator[Finding]:
    import psutil

    memory = psutil.virtual_memory()
    text = f"{os.cpu_count()} cores, {memory.total / GIB:.1f} GiB memory, {memory.available / GIB:.1f} GiB of it free"
    if memory.available < LEAST_MEMORY / 2:
        yield Finding(state="warning", name="machine", text=text, remedy="close programs, or lower train.batch_size")
    else:
        yield Finding(state="ok", name="machine", text=text)


def look_at_torch() -> Iterator[Finding]:
    """The build of torch, from its file of versions, and the GPU, from its driver."""
    spec = find_spec("torch")
    file = Path(next(iter(spec.submodule_search_locations or []))) / "version.py" if spec else None
    if file is None or not file.is_file():
        yield Finding(state="error", name="torch", text="is not installed", remedy="make install")
        return
    text = file.read_text(encoding="utf-8")
    number, cuda, hip = (
        found[1] if (found := re.search(rf"^{name}\b.*?= '([^']+)'", text, re.MULTILINE)) else None
        for name in ("__version__", "cuda", "hip")
    )
    build = f"CUDA {cuda}" if cuda else f"ROCm {hip}" if hip else "for the processor"
    has_gpu = DRIVER.exists() or shutil.which("nvidia-smi") is not None
    if has_gpu and not cuda:
        remedy = "make install TORCH_BACKEND=auto"
        yield Finding(
            state="warning", name="torch", text=f"{number} {build}, and there is an NVIDIA GPU", remedy=remedy
        )
        return
    gpu = "an NVIDIA driver is there" if has_gpu else "no NVIDIA GPU: the processor trains"
    yield Finding(state="ok", name="torch", text=f"{number}, built for {build.removeprefix('for ')}; {gpu}")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _name_some(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more
