"""Colibri: labelled pictures in, a trustworthy image classifier out.

Examples:
  colibri init ~/pictures/screws     look at pictures, make them the project's, with settings for them
  colibri run                        run the pipeline (dvc repro), or with KEY=VALUE an experiment (dvc exp run)
  colibri report                     open the pages of the last run
  colibri predict ~/new_pictures     classes and scores of pictures, as CSV
  colibri compare                    this run against the last commit
  colibri summary                    the figures of the last run again
  colibri options                    what can be chosen
  colibri doctor                     is anything in the way of a run?
"""

from __future__ import annotations

import ast
import io
import os
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Mapping, Sequence
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

from pipeline.core import stage_runner
from pipeline.core.errors import UserError


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command; an error that a person can solve is one line on stderr and exit code 1."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name that the terminal's encoding lacks
    words = sys.argv[1:] if arguments is None else arguments
    options = vars(parser(commands(), words).parse_args(words))
    name = options.pop("command")
    try:
        load(name).main(**options)
        sys.stdout.flush()
    except UserError as error:
        stage_runner.fail(f"colibri {name}", str(error), *error.details)
    except KeyboardInterrupt:
        stage_runner.fail(f"colibri {name}", "interrupted", code=130)
    except BrokenPipeError:  # the reader has had enough, as head does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def commands() -> dict[str, str]:
    """Name to docstring, which is the help, of each command: a module of this folder with `main`."""
    files = sorted(path for path in Path(__file__).parent.glob("*.py") if path.stem not in ("__init__", "main"))
    return {
        path.stem.replace("_", "-"): ast.get_docstring(ast.parse(path.read_bytes()), clean=False) or path.stem
        for path in files
    }


def load(name: str) -> Any:
    """The module of a command: `arguments`, where it has it, adds options, and `main` runs it."""
    return import_module(f"{__package__}.{name.replace('-', '_')}")


def parser(texts: Mapping[str, str], words: Sequence[str]) -> ArgumentParser:
    """The parser of these words. Only the command among them is loaded: the others may need much, or be broken."""
    top = ArgumentParser("colibri", description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    top.add_argument("--version", action="version", version=f"colibri {metadata.version('colibri')}")
    choices = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in texts.items():
        command = choices.add_parser(
            name,
            help=text.splitlines()[0],
            description=text,
            formatter_class=RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        if name in words[:1] and hasattr(module := load(name), "arguments"):
            module.arguments(command)
    return top


if __name__ == "__main__":
    main()
