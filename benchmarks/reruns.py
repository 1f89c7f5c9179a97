"""What an edit of each file of `pipeline/` runs again: a comment, and a change of what the code does.

    python -m benchmarks.reruns [--most 10]

A comment or a docstring runs `compose` again, which finds that no stage depends on anything new. A change of what a
module does also runs the stages whose list of code (`data/code/`) names it; later ones follow where outputs change.
Prints the mean over all files, and the files that cost most. Seconds are those of a run of ELPV on 2 cores of an AMD
EPYC (AVX2).

Targets: at most 2.2 stages and 110 s in the mean.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import yaml

from benchmarks import positive
from pipeline.core.code_digest import PACKAGE, list_code, stage_modules

ROOT = PACKAGE.parent
SECONDS = {
    "compose": 4.6,
    "ingest": 12.5,
    "validate": 6.1,
    "find_duplicates": 10.7,
    "split": 1.0,
    "check": 5.0,
    "embed": 32.5,
    "curate": 33.6,
    "augment": 7.8,
    "pretrain": 0.3,  # with objective=none nothing is trained
    "train": 286.7,
    "calibrate": 6.0,
    "perturb": 45.0,  # this, explain and intervene: processor seconds of one thread on an Intel Xeon that others shared
    "explain": 97.0,
    "intervene": 39.0,
    "evaluate": 22.0,
    "register": 12.3,
}


def readers(root: Path = ROOT) -> dict[str, list[str]]:
    """Each file of the package to the stages that depend on it, with the choices of params.yaml."""
    stages = yaml.safe_load((root / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    params = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    found: dict[str, list[str]] = {path.relative_to(PACKAGE).as_posix(): [] for path in sorted(PACKAGE.rglob("*.py"))}
    for name, stage in stages.items():
        if "params" in stage:
            for line in list_code(stage_modules(name, stage["params"], params)).splitlines():
                found.setdefault(line.split("  ")[1], []).append(name)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=positive, default=10, help="files to list")
    arguments = parser.parse_args()
    found = readers()
    costs = {path: sum(SECONDS[stage] for stage in stages) for path, stages in found.items()}
    num_stages = sum(map(len, found.values())) / len(found)
    seconds = sum(costs.values()) / len(found)
    print(f"{len(found)} files")
    print(f"a comment:  1 stage (compose), {SECONDS['compose']} s, wherever it stands")
    print(f"a change:   {num_stages:.1f} stages and {seconds:.0f} s in the mean, and compose")
    for path in sorted(costs, key=lambda one: -costs[one])[: arguments.most]:
        print(f"  {costs[path]:5.0f} s  {path}: {', '.join(found[path])}")


if __name__ == "__main__":
    main()
