"""One run of the pipeline, waiting for the rest of one whose caller was killed, and what became of its model."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.output_lock import written_by
from pipeline.core.terminal import warn
from pipeline.experiments.dvc_process import explain_failure, next_log, run_dvc
from pipeline.retraining.data_changes import DataRefused
from pipeline.tracking import retrainings

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject

COMMAND = ["repro"]
OF_DATA = ("validate", "check", "curate")  # stages that refuse data; what ingest refuses is known before the run
RUNNING = Path(".dvc/tmp/rwlock")  # of DVC: which processes read and write which files
PAUSE = 2.0  # seconds between two looks at a run that an earlier call left
LONGEST_WAIT = 6 * 3600.0  # seconds for such a run to end
FAILED, REFUSED_DATA = "failed", "data_check_failed"


def run_pipeline() -> JsonObject:
    """Runs what has changed.

    Returns:
        `log`: its path.

    Raises:
        DataRefused: A stage that checks the data stopped the run.
        UserError: It failed otherwise.
        SystemExit: A signal ended it.
    """
    wait_for_other_run()
    log = next_log()
    printed: list[str] = []
    code = run_dvc(COMMAND, log, printed.append)
    if 128 < code < 128 + 65:  # a signal's number
        raise SystemExit(code)
    if code:
        stage, line = find_failure(printed, _stages())
        reason = line or explain_failure(COMMAND) or "a stage stopped"
        raise (DataRefused if stage in OF_DATA else UserError)(f"{reason}; log: {log}")
    return {"log": str(log)}


def find_failure(printed: Sequence[str], stages: Sequence[str]) -> tuple[str, str]:
    """The stage that stopped a run, and its line, which is the last that begins with a stage's name; else empty."""
    for line in reversed(printed):
        name = line.partition(": ")[0]
        if name in stages:
            return name, line
    return "", ""


def wait_for_other_run() -> None:
    """Returns when no other DVC works here: a caller that was killed may have left one, which does the same work.

    Raises:
        UserError: It still works after `LONGEST_WAIT` seconds.
    """
    others = running_processes()
    if others:
        warn(f"retrain: process {others[0]} still runs stages here, waiting for its end")
    limit = time.monotonic() + LONGEST_WAIT
    while others:
        if time.monotonic() >= limit:
            raise UserError(
                f"{RUNNING}: process {others[0]} still runs stages here after {LONGEST_WAIT / 3600:g} h; end it (kill "
                f"{others[0]}), or remove {RUNNING} if that is no process of DVC, and call colibri retrain again"
            )
        time.sleep(PAUSE)
        others = running_processes()
    _forget_ended()


def running_processes() -> list[int]:
    """The processes that run stages here: each `dvc repro`, and what DVC records as readers or writers.

    Between two stages DVC records nothing, so its record alone would say that a run has ended which goes on.
    A process that has started after the record has only the number of the recorded one, as after a reboot or in a new
    container; this process waits for no stage of its own.
    """
    import psutil

    try:
        recorded = json.loads(RUNNING.read_text(encoding="utf-8") or "{}")
    except (OSError, ValueError):
        recorded = {}
    found = _find_dvc()
    for kinds in recorded.values():
        for entry in kinds.values() if isinstance(kinds, dict) else []:
            for holder in entry if isinstance(entry, list) else [entry]:
                with suppress(KeyError, TypeError, ValueError, psutil.Error):
                    number = int(holder["pid"])  # of a thread, where it was reused so: pid_exists knows
                    if number == os.getpid() or not psutil.pid_exists(number) or not written_by(number, RUNNING):
                        continue
                    if psutil.Process(number).status() != psutil.STATUS_ZOMBIE:
                        found.add(number)
    return sorted(found)


def _find_dvc() -> set[int]:
    """Every `dvc repro` in this folder."""
    import psutil

    found = set()
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if is_repro(process.cmdline()) and process.pid != os.getpid():
                found |= {process.pid} if Path(process.cwd()).samefile(Path.cwd()) else set()
    return found


def is_repro(words: Sequence[str]) -> bool:
    """Whether a command line is `dvc repro` or `python -m dvc repro`, and not a program that was given these words."""
    names = [Path(word).name for word in words]
    place = names.index("dvc") if "dvc" in names else -1
    is_program = place == 0 or (place > 0 and names[0].startswith("python"))
    return is_program and next((word for word in words[place + 1 :] if not word.startswith("-")), "") == COMMAND[0]


def _forget_ended() -> None:
    """Removes DVC's record where no recorded process runs: DVC itself waits for whoever has such a number now."""
    from dvc.lock import LockError, make_lock

    if not RUNNING.exists():
        return
    guard = make_lock(f"{RUNNING}.lock", tmp_dir=str(RUNNING.parent))
    with suppress(LockError), guard:  # refused where another DVC has just begun, which writes the record anew
        if not running_processes():
            RUNNING.unlink(missing_ok=True)


def read_outcome(version_before: str | None) -> JsonObject:
    """What became of the run's model: `outcome` is `promoted`, `refused`, or `unchanged` where no version is new.

    DVC restores the results of a run that it knows, with the registration of then: MLflow says who is champion now.

    Args:
        version_before: The newest version in MLflow before the run, or None.

    Raises:
        UserError: MLflow's store does not answer.
    """
    registration = artifacts.read_json(artifacts.REGISTRATION)
    model, version = str(registration["model"]), str(registration["version"])
    champion, _ = retrainings.read_versions(model)
    who = f"the champion is version {champion}" if champion else "there is no champion"
    if version_before is not None and int(version) <= int(version_before):
        held = "the champion" if champion == version else f"an earlier model; {who}"
        reason = f"No version is new: data/ holds version {version} of {model}, {held}."
        return {"outcome": "unchanged", "version": version, "model": model, "champion": champion, "reasons": [reason]}
    keys = ("model", "aliases", "reasons", "champion_before", "gates")
    found = {key: registration[key] for key in keys if key in registration}
    if champion != version and "champion" in registration["aliases"]:
        found["reasons"] = [f"The gate promoted version {version}, but {who} now.", *found["reasons"]]
    return {"outcome": "promoted" if champion == version else "refused", "version": version, **found}


def _stages() -> list[str]:
    return list(yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))["stages"])
