"""Looks for what would stop a run: environment, git, DVC, disk, GPU, MLflow's store, leftovers, conf/.

Each line is ok, a warning or an error, with the way out. It changes nothing, needs no network but a server of MLflow
that you have set, and ends with 1 where there is an error.

Examples:
  colibri doctor
  colibri doctor && colibri run             run only where nothing is in the way
  python -m pipeline.commands.doctor        where the colibri command itself does not start
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module

from pipeline.core.environment import Finding
from pipeline.core.errors import UserError
from pipeline.core.terminal import fail, say

LOOKS = (  # module and function; a module is loaded when its turn comes, since a library may be broken
    ("pipeline.core.environment", "look_at_python"),
    ("pipeline.core.environment", "look_at_packages"),
    ("pipeline.core.environment", "look_at_machine"),
    ("pipeline.core.environment", "look_at_torch"),
    ("pipeline.experiments.project_health", "look_at_git"),
    ("pipeline.experiments.project_health", "look_at_dvc"),
    ("pipeline.experiments.project_health", "look_at_disk"),
    ("pipeline.experiments.project_health", "look_at_store"),
    ("pipeline.experiments.project_health", "look_at_leftovers"),
    ("pipeline.experiments.project_health", "look_at_choices"),
)


def main() -> None:
    findings = []
    for module, name in LOOKS:
        for finding in look(module, name):
            findings.append(finding)
            say(describe(finding))
    errors, warnings = (sum(one.state == state for one in findings) for state in ("error", "warning"))
    if errors:
        raise UserError(f"{errors} of {len(findings)} lines are errors: follow the arrows, then colibri doctor again")
    counted = f"; {warnings} warning{'s' if warnings > 1 else ''}" if warnings else ""
    say(f"nothing is in the way of a run{counted}")


def look(module: str, name: str) -> Iterator[Finding]:
    """The findings of one look; what stops it is a finding too."""
    try:
        function: Callable[[], Iterator[Finding]] = getattr(import_module(module), name)
        yield from function()
    except Exception as error:  # an environment that is half broken raises anything
        subject = name.removeprefix("look_at_")
        text = f"cannot be looked at: {type(error).__name__}: {' '.join(str(error).split())[:200]}"
        yield Finding(state="error", name=subject, text=text, remedy="make install")


def describe(finding: Finding) -> str:
    """One line."""
    arrow = f" -> {finding.remedy}" if finding.remedy else ""
    return f"{finding.state:8s} {finding.name:10s} {finding.text}{arrow}"


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        fail(f"colibri doctor: {error}")
        raise SystemExit(1) from None
