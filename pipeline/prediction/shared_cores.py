"""Threads that sleep while they wait, so that processes which decode get the cores."""

from __future__ import annotations

import os

WAITING = "OMP_WAIT_POLICY"


def share_cores() -> None:
    """Lets the threads of torch sleep where they wait for each other; has to come before torch is imported.

    They spin by default, which takes the core from whatever decodes, or from another program: with two cores and a
    load of six a forward pass took three times as long (docs/decisions/2026-11-29-shared-cores.md). What a person
    chose in the environment stays. No result changes.
    """
    os.environ.setdefault(WAITING, "PASSIVE")
