"""Runs the pipeline of a commit again in a folder of its own, and compares what it makes with the record."""

from __future__ import annotations

import math
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Literal

from pipeline.core import artifacts, test_ledger
from pipeline.core.errors import UserError
from pipeline.experiments.artifact_comparison import Difference, compare_files
from pipeline.experiments.recorded_run import Output, RecordedRun, digest_output, list_files
from pipeline.experiments.stage_command import run_stage

LEFT_OUT = {"register": "its outputs say what MLflow's store held, and are no function of files"}
RESERVE = 2**29  # bytes beyond the outputs: the code, temporary files, MLflow's store
GIB = 2**30
State = Literal["same bytes", "within tolerance", "differs", "missing"]


@dataclass(frozen=True, kw_only=True)
class CheckedOutput:
    """An artifact that was made again.

    Attributes:
        stage: That made it.
        path: In the project.
        state: How it compares with the record.
        largest: Largest difference of two numbers, over the larger of 1 and the recorded number; None where that is
            not known.
        note: What differs, or why nothing could be compared.
        num_bytes: Of the record.
    """

    stage: str
    path: str
    state: State
    largest: float | None
    note: str
    num_bytes: int


@dataclass(kw_only=True)
class Verification:
    """What came out: seconds of each stage, artifacts, and notes on what was taken from the record."""

    seconds: dict[str, float] = field(default_factory=dict)
    outputs: list[CheckedOutput] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def count(self, *states: State) -> int:
        """How many artifacts are in these states."""
        return sum(one.state in states for one in self.outputs)


def select_stages(run: RecordedRun, wanted: Sequence[str]) -> list[str]:
    """The stages to run, in the order of dvc.yaml: all that the commit records, or those that are wanted.

    Raises:
        UserError: A wanted stage is not recorded, or is left out of every verification.
    """
    recorded = [stage for stage in run.stages if stage in run.lock]
    possible = [stage for stage in recorded if stage not in LEFT_OUT]
    for stage in wanted:
        if stage in LEFT_OUT:
            raise UserError(f"{stage} cannot be verified: {LEFT_OUT[stage]}")
        if stage not in possible:
            raise UserError(f"{run.commit[:10]} records no stage {stage!r}; it has {', '.join(possible)}")
    return [stage for stage in possible if not wanted or stage in wanted]


def refuse_full_disk(run: RecordedRun, folder: Path) -> None:
    """Refuses to begin where the outputs would not fit.

    Raises:
        UserError: Less is free than the recorded outputs take, twice, with a reserve.
    """
    outputs = sum(one.num_bytes for stage in run.lock for one in run.outputs(stage))
    needed, free = 2 * outputs + RESERVE, shutil.disk_usage(folder).free
    if free < needed:
        raise UserError(
            f"{folder} has {free / GIB:.1f} GiB free, and running {run.commit[:10]} again needs {needed / GIB:.1f} "
            "GiB; free some space, or set TMPDIR to a folder with more"
        )


def copy_commit(run: RecordedRun, project: Path, target: Path) -> Path:
    """The files of the commit in a folder of their own, with nothing of DVC's cache; returns the project in it.

    Raises:
        UserError: git refuses.
    """
    prefix, top = (_git(project, "rev-parse", word) for word in ("--show-prefix", "--show-toplevel"))
    _git(project, "clone", "--quiet", "--shared", "--no-checkout", top, str(target))
    _git(target, "-c", "advice.detachedHead=false", "checkout", "--quiet", "--detach", run.commit)
    return target / prefix


def _git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"git {words[0]} failed: {' '.join(done.stderr.split())[:300]}")
    return done.stdout.strip()


def link_source(run: RecordedRun, project: Path, scratch: Path) -> None:
    """Links the pictures that git does not hold into the copy.

    Raises:
        UserError: They are not where the run read them.
    """
    for name in run.source_files():
        place, here = scratch / name, project / name  # an absolute path stays what it is
        if place.exists():
            continue
        if not here.exists():
            raise UserError(
                f"{name}, which ingest read in {run.commit[:10]}, does not exist here; put the pictures back (dvc pull "
                "may have them), or verify later stages alone: --stages train evaluate"
            )
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(here.resolve(), target_is_directory=here.is_dir())
    for record in sorted((scratch / artifacts.FEEDBACK).glob("*.dvc")):
        folder = artifacts.FEEDBACK / record.stem
        if not run.fetch(folder, scratch / folder):
            raise UserError(f"{folder} of {run.commit[:10]} is not in DVC's cache; dvc pull may have it")


def verify(
    run: RecordedRun, stages: Sequence[str], scratch: Path, log: IO[str], tolerance: float, tell: Callable[[str], None]
) -> Verification:
    """Runs the stages one after the other, each on what those before it made, and compares their outputs.

    Stages that are not run are taken from the record. No cache of results is read: each command of dvc.yaml runs as it
    is, without DVC, with an MLflow store of its own.

    Args:
        run: The record.
        stages: As `select_stages` returns them.
        scratch: The project's folder in the copy.
        log: Takes what the stages print.
        tolerance: Largest accepted difference of two numbers.
        tell: Called with a line for each stage.

    Raises:
        UserError: A stage fails, or what it reads is not in DVC's cache.
    """
    found = Verification()
    for stage in run.stages:
        if stage not in run.lock or stage in LEFT_OUT:
            continue
        if stage not in stages:
            _take_from_record(run, stage, stages, scratch)
            continue
        started = time.monotonic()
        _restore_readings(run, stage, scratch)
        earlier = [one for one in run.outputs(stage) if one.is_kept and not (scratch / one.path).exists()]  # not in git
        run_stage(stage, str(run.stages[stage]["cmd"]), scratch, log)
        checked = list(_check(run, stage, scratch, tolerance))
        if earlier and any(one.state in ("differs", "missing") for one in checked) and _restore(run, earlier, scratch):
            names = ", ".join(str(one.path) for one in earlier)
            found.notes.append(f"{stage} starts from an earlier run: {names} was taken from the record")
            run_stage(stage, str(run.stages[stage]["cmd"]), scratch, log)
            checked = list(_check(run, stage, scratch, tolerance))
        found.seconds[stage] = time.monotonic() - started
        found.outputs += checked
        tell(f"{stage}: {describe_outputs(checked)}, {found.seconds[stage]:.0f} s")
    return found


def describe_outputs(checked: Sequence[CheckedOutput]) -> str:
    """`2 of 3 artifacts have the same bytes; reports/train.csv differs (largest difference 0.1)`."""
    same = sum(one.state == "same bytes" for one in checked)
    others = [f"{one.path} {describe_state(one)}" for one in checked if one.state != "same bytes"]
    return "; ".join([f"{same} of {len(checked)} artifacts have the same bytes", *others])


def describe_state(checked: CheckedOutput) -> str:
    """`differs (largest difference 0.1)`."""
    number = (
        "" if checked.largest is None or math.isinf(checked.largest) else f"largest difference {checked.largest:.2g}"
    )
    reason = "; ".join(filter(None, (number, checked.note)))
    return f"{'is ' if checked.state != 'differs' else ''}{checked.state}" + (f" ({reason})" if reason else "")


def _take_from_record(run: RecordedRun, stage: str, stages: Sequence[str], scratch: Path) -> None:
    """The outputs of a stage, as far as one of the stages that run reads them."""
    read = {str(dep["path"]) for name in stages for dep in run.lock[name].get("deps", [])}
    for output in run.outputs(stage):
        if (
            str(output.path) in read
            and not (scratch / output.path).exists()
            and not run.fetch(output.path, scratch / output.path)
        ):
            raise UserError(
                f"{output.path} of {run.commit[:10]} is not in DVC's cache, and {stage} is not among the stages to "
                f"run; dvc pull may have it, or add {stage} to --stages"
            )


def _restore(run: RecordedRun, outputs: Sequence[Output], scratch: Path) -> bool:
    for output in outputs:
        artifacts.remove(scratch / output.path)
    return all(run.fetch(output.path, scratch / output.path) for output in outputs)


def _restore_readings(run: RecordedRun, stage: str, scratch: Path) -> None:
    """Gives the copy the ledger of test as it was at the evaluation: its pages say how often test was read before."""
    recorded = scratch / ".record" / artifacts.TEST_READINGS
    if any(output.path == artifacts.TEST_READINGS for output in run.outputs(stage)):
        try:
            if run.fetch(artifacts.TEST_READINGS, recorded):
                test_ledger.write_ledger(test_ledger.read_history(recorded), scratch)
        finally:
            artifacts.remove(recorded)


def _check(run: RecordedRun, stage: str, scratch: Path, tolerance: float) -> Iterator[CheckedOutput]:
    for output in run.outputs(stage):
        state, difference = _compare_output(run, output, scratch, tolerance)
        yield CheckedOutput(
            stage=stage,
            path=output.path.as_posix(),
            state=state,
            largest=None if math.isinf(difference.largest) else difference.largest,
            note=difference.note,
            num_bytes=output.num_bytes,
        )


def _compare_output(run: RecordedRun, output: Output, scratch: Path, tolerance: float) -> tuple[State, Difference]:
    made = scratch / output.path
    if not made.exists():
        return "missing", Difference(largest=math.inf, note="it was not made")
    if digest_output(made) == output.digest:
        return "same bytes", Difference(largest=0.0)
    difference = _compare_with_record(run, output, made, scratch)
    return difference.state(tolerance), difference


def _compare_with_record(run: RecordedRun, output: Output, made: Path, scratch: Path) -> Difference:
    recorded = scratch / ".record" / output.path
    try:
        if not run.fetch(output.path, recorded):
            return Difference(largest=math.inf, note="other bytes, and the recorded ones are not in DVC's cache")
        if made.is_file():
            return compare_files(recorded, made)
        pairs = [{one.relative_to(folder) for one in list_files(folder)} for folder in (recorded, made)]
        if pairs[0] != pairs[1]:
            other = sorted(pairs[0] ^ pairs[1])[0]
            return Difference(largest=math.inf, note=f"{other} is in one of both only")
        found = {name: compare_files(recorded / name, made / name) for name in sorted(pairs[0])}
        worst = max(found, key=lambda name: found[name].largest)
        note = ": ".join(filter(None, (str(worst), found[worst].note)))
        return Difference(largest=found[worst].largest, note=note)
    finally:
        artifacts.remove(recorded)
