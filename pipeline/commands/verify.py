"""Runs the pipeline of a commit again in a scratch folder, and says which artifacts come out the same.

The folder is a copy of the commit with an MLflow store of its own. Each command of dvc.yaml runs anew, without DVC
and its caches; nothing here changes and nothing is registered. It takes as long as the first run. Each artifact has the
same bytes as the record, or numbers within --tolerance, or it differs, and then the command ends with 1. The
certificate, reports/certificate.md and .json, also compares hardware, threads and versions with those of the original
training, as its run in MLflow has them. Ctrl-C removes the folder and leaves the last certificate as it is.

Examples:
  colibri verify                             the last commit
  colibri verify leafy-rues                  an experiment, a tag or another commit
  colibri verify --stages train evaluate     these alone, on the recorded outputs of the stages before them
"""

from __future__ import annotations

import tempfile
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path

from pipeline.core.errors import UserError
from pipeline.core.terminal import count_of, say

TOLERANCE = 1e-6


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "commit", metavar="COMMIT", nargs="?", default="HEAD", help="whose run is verified (default: HEAD)"
    )
    parser.add_argument("--stages", nargs="+", metavar="STAGE", default=[], help="run these stages only")
    parser.add_argument(
        "--tolerance",
        type=parse_tolerance,
        default=TOLERANCE,
        metavar="NUMBER",
        help=f"largest accepted difference of a number, over the larger of 1 and the number (default: {TOLERANCE:g})",
    )


def parse_tolerance(text: str) -> float:
    """A number from 0 to 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise ArgumentTypeError(f"must be a number from 0 to 1, got {text!r}")
    return value


def main(commit: str, stages: list[str], tolerance: float) -> None:
    from pipeline.core.termination import Terminated, listening
    from pipeline.experiments import certificate, verification
    from pipeline.experiments.dvc_process import next_log
    from pipeline.experiments.recorded_run import RecordedRun

    project = Path.cwd()
    run = RecordedRun.find(commit)
    selected = verification.select_stages(run, stages)
    log = next_log()
    try:
        with listening(), tempfile.TemporaryDirectory(prefix="colibri-verify-", ignore_cleanup_errors=True) as folder:
            verification.refuse_full_disk(run, Path(folder))
            scratch = verification.copy_commit(run, project, Path(folder) / "copy")
            if "ingest" in selected or any("source" in run.stages[stage].get("params", []) for stage in selected):
                verification.link_source(run, project, scratch)
            say(f"verify: {commit} ({run.commit[:10]}), {count_of(len(selected), 'stage')}; log: {log}")
            with log.open("a", encoding="utf-8") as file:
                found = verification.verify(run, selected, scratch, file, tolerance, say)
    except Terminated as ended:
        raise SystemExit(128 + ended.number) from None
    made = certificate.make_certificate(run, commit, selected, found, tolerance)
    certificate.write_certificate(made)
    say(*found.notes, certificate.describe_hardware(made), f"Certificate: {certificate.PAGE}")
    total, different = len(found.outputs), found.count("differs", "missing")
    if different:
        worst = next(one for one in found.outputs if one.state in ("differs", "missing"))
        raise UserError(
            f"{different} of {count_of(total, 'artifact')} came out different, the first is {worst.path} of "
            f"{worst.stage}: {verification.describe_state(worst)}; {certificate.PAGE} lists all"
        )
    within = found.count("within tolerance")
    say(
        f"verify: all {count_of(total, 'artifact')} came out again, {total - within} with the same bytes"
        + (f", {within} within {tolerance:g}" if within else "")
    )
