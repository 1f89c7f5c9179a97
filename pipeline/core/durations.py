"""How long each stage took when it last ended well here, for each data set; only for people, never an input."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from pipeline.core import artifacts

FILE = Path(".cache/durations.json")  # no artifact: git and DVC ignore it


def read_durations(name: str) -> dict[str, float]:
    """Stage to seconds for a data set, in the order in which they first ran; empty where nothing is known."""
    with suppress(OSError, ValueError, AttributeError, TypeError, RecursionError):
        return {str(stage): float(seconds) for stage, seconds in _read().get(name, {}).items()}
    return {}


def record_duration(name: str, stage: str, seconds: float) -> None:
    """Replaces what is recorded for this stage; a file that cannot be read or written is no reason to stop."""
    with suppress(OSError, ValueError):
        found = _read()
        durations = found if isinstance(found, dict) else {}
        own = durations.get(name)
        durations[name] = {**(own if isinstance(own, dict) else {}), stage: round(seconds, 1)}
        artifacts.write_json(FILE, durations)


def has_ended_well(stage: str) -> bool:
    """Whether the stage has ended well in this folder, on any data set."""
    with suppress(OSError, ValueError, AttributeError, TypeError, RecursionError):
        return any(stage in one for one in _read().values())
    return False


def _read() -> dict[str, dict[str, float]]:
    try:
        found: dict[str, dict[str, float]] = json.loads(FILE.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return found
