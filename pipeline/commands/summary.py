"""Prints the summary of the last run again: figures, what the checks warned about, the model, where to look next.

colibri run prints it at its end. Where a check has stopped the last run, it says which, and the ways out.

Examples:
  colibri summary
  colibri summary > summary.txt              without colours, each line whole
  colibri summary | grep Model               the version and its verdict
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.terminal import say
from pipeline.core.uris import mask_credentials
from pipeline.report.summary import read_summary, stopped_lines
from pipeline.tracking import registry
from pipeline.tracking.connection import tracking_uri

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject

DVC_YAML = Path("dvc.yaml")


def main() -> None:
    if not DVC_YAML.exists():
        raise UserError(f"{Path.cwd()} is no project ({DVC_YAML} is missing); run this in the project's folder")
    stopped = stopped_lines()
    if not artifacts.REGISTRATION.exists():
        nothing = "no run has come to its end here; colibri run runs the pipeline, and prints this summary at its end"
        raise UserError(stopped[0], *stopped[1:]) if stopped else UserError(nothing)
    registration = artifacts.read_json(artifacts.REGISTRATION)
    say(*read_summary(), *missing(registration), *promoted_since(registration))
    if stopped:
        say("", "The figures above are of an earlier run. The last one ended early:", *stopped)


def promoted_since(registration: JsonObject) -> list[str]:
    """A line where another version is champion than the last run left, as after `colibri promote`."""
    now, version = registry.peek_champion(registration["model"]), registration["version"]
    was = version if "champion" in registration["aliases"] else registration.get("champion_before")
    return (
        [] if now in (None, was) else [f"Champion now: version {now}, by colibri promote or in MLflow since this run"]
    )


def missing(registration: JsonObject) -> list[str]:
    """A line with the remedy where MLflow's store does not have the version (it was deleted, or made elsewhere)."""
    if registry.is_registered(registration["model"], registration["version"]) is not False:
        return []
    store, version = mask_credentials(tracking_uri()), f"version {registration['version']} of {registration['model']}"
    return [f"MLflow's store {store} has no {version}; dvc repro -f -s register registers it again"]
