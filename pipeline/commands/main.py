"""Colibri: labelled pictures in, a trustworthy image classifier out.

Examples:
  colibri init ~/pictures/screws     look at pictures, make them the project's, with settings for them
  colibri run                        run the pipeline (dvc repro), or with KEY=VALUE an experiment (dvc exp run)
  colibri report                     open the pages of the last run
  colibri predict ~/new_pictures     classes and scores of pictures, as CSV
  colibri compare                    this run against the last commit
  colibri options                    what can be chosen
  colibri doctor                     is anything in the way of a run?
"""

from __future__ import annotations

import io
import os
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from importlib import import_module, metadata
from pkgutil import iter_modules
from types import ModuleType

import pipeline.commands as package
from pipeline.core import stage_runner
from pipeline.core.errors import UserError


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command; an error that a person can solve is one line on stderr and exit code 1."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name that the terminal's encoding lacks
    modules = commands()
    options = vars(parser(modules).parse_args(arguments))
    name = options.pop("command")
    try:
        modules[name].main(**options)
        sys.stdout.flush()
    except UserError as error:
        stage_runner.fail(f"colibri {name}", str(error), *error.details)
    except KeyboardInterrupt:
        stage_runner.fail(f"colibri {name}", "interrupted", code=130)
    except BrokenPipeError:  # the reader has had enough, as head does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def commands() -> dict[str, ModuleType]:
    """Name to module of each command: its docstring is the help, `arguments` adds options, `main` runs it."""
    names = sorted(module.name for module in iter_modules(package.__path__) if module.name != "main")
    return {name.replace("_", "-"): import_module(f"{package.__name__}.{name}") for name in names}


def parser(modules: dict[str, ModuleType]) -> ArgumentParser:
    """The parser of all commands."""
    top = ArgumentParser("colibri", description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    top.add_argument("--version", action="version", version=f"colibri {metadata.version('colibri')}")
    choices = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, module in modules.items():
        text = module.__doc__ or name
        command = choices.add_parser(
            name,
            help=text.splitlines()[0],
            description=text,
            formatter_class=RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        if hasattr(module, "arguments"):
            module.arguments(command)
    return top


if __name__ == "__main__":
    main()
