"""A year of `colibri retrain` on the digits: a month a call, through the real command, DVC, MLflow and git.

    python -m benchmarks.year [--folder EMPTY_FOLDER]

`benchmarks/year_months.py` says what happens in each month and what must come of it, and what all records must agree
on at the end; tests/test_year.py lives through the same months. Prints a line a month with the processor time of all
processes. Ends with 1 where an assertion fails.

Measured with plain processes on two cores of an Intel Xeon that others used (load 11), each month on a single core
(taskset -c 0): January 115 s of a processor, February 19 s; the other months have not been run to their end so.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

from benchmarks.retrained_project import RetrainedProject
from benchmarks.year_months import MONTHS, check_story


def live(project: RetrainedProject) -> None:
    for number, month in enumerate(MONTHS):
        before, start = processor_seconds(), time.monotonic()
        project.month = number
        found = month.happen(project)
        seconds = processor_seconds() - before
        print(f"{month.name:10} {found}: {seconds:.1f} s of a processor, {time.monotonic() - start:.1f} s", flush=True)
    check_story(project)
    print(f"{len(MONTHS)} months, {processor_seconds():.0f} s of a processor; all records agree")


def processor_seconds() -> float:
    """Of this process and its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="empty folder for the project; a temporary one unless given")
    folder = parser.parse_args().folder
    with tempfile.TemporaryDirectory() as made:
        place = Path(made if folder is None else folder).resolve()
        (place / "project").mkdir(parents=True)
        project = RetrainedProject(place / "project", place / "remote")
        project.begin()
        live(project)


if __name__ == "__main__":
    main()
