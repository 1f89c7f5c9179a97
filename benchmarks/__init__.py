"""What is measured by hand: neither a test nor a stage."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import NoReturn

from pipeline.core.errors import UserError


def run_main(main: Callable[[], None]) -> NoReturn:
    """Runs a benchmark and exits: 0 when done, 1 after one line on stderr where the input is missing or wrong."""
    try:
        main()
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)
    sys.exit(0)


def positive(text: str) -> int:
    """An argument that counts something."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {text!r}")
    return int(text)


def natural(text: str) -> int:
    """An argument that begins a row of random numbers."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 0, got {text!r}")
    return int(text)
