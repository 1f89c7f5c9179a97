"""Makes a version of the registered model champion, with the reason, where the gate did not.

The reason is kept with the version: in its tag colibri.promotion and in its description, which colibri ui shows; and
in reports/promotions.jsonl, which git keeps. What serves `models:/NAME@champion` loads this version from then on; the
next version is compared with it.

Examples:
  colibri promote 4 --reason 'knows the new class; the old ones were looked at'
  colibri promote 2 --reason 'version 3 fails on the new camera'     colibri rollback goes back to the one before
  colibri promote 4 --model colibri-screws --reason 'second data set'
"""

from __future__ import annotations

from argparse import ArgumentParser

from pipeline.core import config
from pipeline.core.terminal import say


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("version", metavar="VERSION", help="number of the version, as colibri summary names it")
    parser.add_argument("--reason", required=True, metavar="TEXT", help="why; kept with the version")
    parser.add_argument("--model", metavar="NAME", help="registered model; otherwise that of params.yaml")


def main(version: str, reason: str, model: str | None = None) -> None:
    from pipeline.tracking import decisions

    name = model or str(config.get_section(config.load_params(), "register")["model_name"])
    before, verdict = decisions.promote_by_hand(name, version, decisions.read_reason(reason))
    if before == version:
        say(f"{name} version {version} was champion already; the reason is kept")
        return
    say(f"{name} version {version} is champion{f'; before it was version {before}' if before else ''}")
    if verdict:
        say(f"The gate had said: {verdict}")
