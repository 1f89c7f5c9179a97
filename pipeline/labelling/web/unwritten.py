"""How a file that could not be written is refused."""

from __future__ import annotations

import errno
import os

from pipeline.serving.limits import Refusal

FULL = os.strerror(errno.ENOSPC)


def refuse_unwritten(error: Exception) -> Refusal:
    """The refusal, with 507 where the disk is full; the page sends the decision again later."""
    is_full = FULL in str(error)
    return Refusal(507 if is_full else 500, "disk_full" if is_full else "not_written", str(error))
