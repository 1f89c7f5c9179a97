"""What dvc.yaml runs: load parameters, read artifacts, build nouns, call, write."""

import sys

from pipeline.core.termination import guard_imports

if sys.argv[:1] == ["-m"]:  # Python says so while it looks for the module of its command line, and imports this first
    for _name in [one.rpartition(".")[2] for one in sys.orig_argv if one.startswith(f"{__name__}.")]:
        guard_imports(_name)
