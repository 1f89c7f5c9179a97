"""How every stage ends: outputs moved into place, or one clear line and the earlier outputs back."""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from pipeline.core import processes
from pipeline.core.errors import UserError

QUIET = {
    "GX_ANALYTICS_ENABLED": "False",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "TQDM_MININTERVAL": "0.5",
}


def run(name: str, main: Callable[[], None]) -> NoReturn:
    """Runs a stage's main function and exits: 0 when done, 1 after one line on stderr when not."""
    for key, value in QUIET.items():
        os.environ.setdefault(key, value)
    started = time.perf_counter()
    try:
        main()
    except UserError as error:
        restore_outputs()
        fail(name, str(error))
    except KeyboardInterrupt:
        restore_outputs()
        fail(name, "interrupted; run dvc repro to go on", code=130)
    except OSError as error:
        restore_outputs()
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            where = error.filename or Path.cwd()
            fail(name, f"the disk is full while writing {where}; free some space and run dvc repro again")
        raise
    except BaseException:
        restore_outputs()
        raise
    if processes.is_first():
        print(f"{name}: {time.perf_counter() - started:.1f} s", flush=True)
    sys.exit(0)


def fail(name: str, message: str, code: int = 1) -> NoReturn:
    who = name if processes.is_first() else f"{name}, process {processes.number()}"
    print(f"{who}: {message}", file=sys.stderr, flush=True)
    sys.exit(code)


def restore_outputs() -> None:
    """Puts back what DVC removed before the stage ran, from its cache, as dvc.lock records it.

    What the stage did write stays: the findings of a check that stopped the run are there to be read.
    DVC deletes a stage's outputs before its command starts; `persist: true` would avoid that but switches off
    the run-cache, which experiments need to share stages.
    """
    stage = os.environ.get("DVC_STAGE")
    if not stage or not processes.is_first():
        return
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo() as repo:
            for one in repo.stage.collect(stage):
                for output in one.outs:
                    if not output.exists and output.hash_info and output.use_cache:
                        output.checkout(force=True, allow_missing=True)
    except (DvcException, OSError):  # not in the cache: a fresh clone, whose dvc.lock speaks of another machine's run
        print("earlier outputs are not in DVC's cache and were not restored; dvc pull may have them", file=sys.stderr)
