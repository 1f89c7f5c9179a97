"""Makes the champion before the present one champion again, with the reason.

Who was champion is in reports/promotions.jsonl, which git keeps. Called again it goes back further. What serves
`models:/NAME@champion` loads that version from then on; the next version is compared with it. The version that is left
stays registered: colibri promote brings it back.

Examples:
  colibri rollback --reason 'fails on the new camera'
  colibri rollback --reason 'trained on mislabelled pictures'
  colibri rollback --model colibri-screws --reason 'second data set'
"""

from __future__ import annotations

from argparse import ArgumentParser

from pipeline.core import config
from pipeline.core.terminal import say


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--reason", required=True, metavar="TEXT", help="why; kept with the version")
    parser.add_argument("--model", metavar="NAME", help="registered model; otherwise that of params.yaml")


def main(reason: str, model: str | None = None) -> None:
    from pipeline.tracking import decisions

    name = model or str(config.get_section(config.load_params(), "register")["model_name"])
    left, version = decisions.roll_back(name, decisions.read_reason(reason))
    say(f"{name} version {version} is champion again; before it was version {left}")
