"""colibri retrain as a flow of Prefect, which runs in an environment of its own and calls the command as a process.

python deploy/prefect/flow.py /srv/colibri              every night at three, until ctrl-C; needs prefect server
python deploy/prefect/flow.py /srv/colibri --once
"""

from __future__ import annotations

import argparse
import subprocess
from pathlib import Path

from prefect import flow

MEANINGS = {
    0: "promoted, or nothing to do",
    1: "error",
    3: "the gate refused the new version",
    4: "a check refused the data",
    5: "another call works in this project",
}
FINE = (0, 3, 5)  # the flow succeeds; the others need a person


def call_retrain(project: Path, command: Path | None = None) -> tuple[int, str]:
    """Calls the command in the project's folder; returns its exit code and what that means.

    Args:
        project: The folder with dvc.yaml.
        command: `.venv/bin/colibri` of the project unless given.

    Raises:
        RuntimeError: It ended with an error, or its data were refused.
    """
    program = command or project / ".venv/bin/colibri"
    code = subprocess.run([str(program), "retrain"], cwd=project, check=False).returncode
    meaning = MEANINGS.get(code, "it was interrupted")
    if code not in FINE:
        raise RuntimeError(f"colibri retrain ended with {code}: {meaning}; see {project / 'reports/retrain.json'}")
    return code, meaning


@flow(name="colibri-retrain", retries=2, retry_delay_seconds=1800, log_prints=True)
def retrain(project: str) -> str:
    _, meaning = call_retrain(Path(project))
    return meaning


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("project", help="folder of the project")
    parser.add_argument("--once", action="store_true", help="run now instead of by schedule")
    given = parser.parse_args()
    if given.once:
        retrain(given.project)
    else:
        retrain.serve(name="nightly", cron="0 3 * * *", parameters={"project": given.project}, limit=1)
