"""The commands of DVC that bring data up to date before they are looked at."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.choices.retraining_options import Options

PIPELINE = "dvc.yaml"


def fetch_commands(options: Options) -> list[list[str]]:
    """Arguments of `dvc`, a list for each command.

    What stages made is replaced where it differs from dvc.lock: a stage that failed leaves outputs that DVC has not
    stored, for which it would refuse the pull, and the next run makes them anew. What people added is not replaced:
    pictures in such a folder that nobody has added yet would be lost, so DVC refuses there.
    """
    commands = [["pull", "--force", PIPELINE]] * options.pull
    if options.pull and (added := _list_added()):
        commands.append(["pull", *added])
    return commands + [["update", path] for path in options.update]


def _list_added() -> list[str]:
    """The files that `dvc add` made and git knows."""
    done = subprocess.run(["git", "ls-files", "-z", "--", "*.dvc"], capture_output=True, text=True, check=False)
    return sorted(name for name in done.stdout.split("\0") if name and Path(name).is_file())
