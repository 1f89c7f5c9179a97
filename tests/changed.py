"""Which tests belong to what was changed: `make quick` runs these.

    python tests/changed.py

Prints the test files of every module, test and option of conf/ that differs from the last commit, by their places: the
tests of `pipeline/images/decoding.py` are `tests/images/test_decoding*.py`; of a module without its own, those of its
folder. Where nothing differs it prints those of `statistics`, which are fast.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOWEST = ("tests/statistics",)
ALWAYS = ("tests/test_architecture.py", "tests/test_names.py")
OF_CONF = ("tests/test_conf.py",)
SLOW = (
    "tests/test_dvc.py",
    "tests/test_faults.py",
    "tests/test_pipeline",
    "tests/test_tanks.py",
)  # make test runs them


def changed() -> list[str]:
    """Paths that git says were changed, added or are new."""
    words = (["diff", "--name-only", "HEAD"], ["ls-files", "--others", "--exclude-standard"])
    done = [subprocess.run(["git", *one], cwd=ROOT, capture_output=True, text=True, check=True) for one in words]
    return sorted({line for one in done for line in one.stdout.splitlines()})


def tests_of(path: str) -> list[str]:
    """The test files that belong to one path."""
    if path.startswith("conf/"):
        return list(OF_CONF)
    if path.startswith("tests/") and Path(path).name.startswith("test_") and (ROOT / path).exists():
        return [path]
    if path.startswith("pipeline/") and path.endswith(".py"):
        folder = ROOT / "tests" / Path(path).relative_to("pipeline").parent
        own = sorted(folder.glob(f"test_{Path(path).stem}*.py"))
        return [one.relative_to(ROOT).as_posix() for one in own or sorted(folder.glob("test_*.py"))]
    if path.startswith("pipeline/report/templates/"):
        return ["tests/report"]
    return []


def main() -> None:
    found = {one for path in changed() for one in tests_of(path) if not one.startswith(SLOW)}
    print(*sorted({*found, *ALWAYS} if found else {*LOWEST, *ALWAYS}))


if __name__ == "__main__":
    main()
