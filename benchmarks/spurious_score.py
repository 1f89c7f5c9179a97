"""check.shortcut and cleanlab Datalab's spurious correlations on the same planted confounds, side by side.

    python -m benchmarks.spurious_score                     # ELPV
    python -m benchmarks.spurious_score --folder FOLDER     # pictures of your own, one sub-folder per class

Each run draws pictures and labels as `benchmarks/shortcut_power.py` does, with the confound at full strength, or none.
Datalab scores CleanVision's properties of the pictures against the labels and calls a property spurious when its score
is below 0.3. The script makes a throw-away environment with uv for cleanlab and CleanVision, which do not belong to
Colibri's, and calls the function that Datalab calls. CleanVision measures the clean and the marked pictures of a pool
together, half and half, as they are in a balanced run at full strength: its odd sizes depend on the whole set.
"""

from __future__ import annotations

import argparse
import itertools
import json
import logging
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

BESIDE = ("cleanlab[image]==2.9.0", "cleanvision==0.3.7")
ISSUES: dict[str, dict[str, float]] = {  # as Datalab asks CleanVision for them
    **{name: {} for name in ("dark", "light", "odd_aspect_ratio", "odd_size", "grayscale", "blurry")},
    "low_information": {"threshold": 0.15},
}
THRESHOLD = 0.3  # Datalab's
CLEAN = "clean"


def spurious(told: dict[str, Any]) -> dict[str, list[list[str]]]:
    """Kind to the properties that Datalab calls spurious in each run; inside the other environment."""
    import numpy as np
    from cleanlab.datalab.internal.adapter.imagelab import handle_spurious_correlations
    from cleanvision import Imagelab

    found: dict[str, list[list[str]]] = {}
    for kind, paths in told["paths"].items():
        lab = Imagelab(filepaths=paths)
        lab.find_issues(ISSUES, n_jobs=told["workers"], verbose=False)
        issues = lab.issues.loc[paths].reset_index(drop=True)
        for rows, labels in told["runs"][kind]:
            answer = handle_spurious_correlations(
                imagelab_issues=issues.iloc[rows].reset_index(drop=True), labels=np.array(labels), threshold=THRESHOLD
            )
            scores = answer["correlations_df"]
            found.setdefault(kind, []).append(scores.loc[scores["score"] < THRESHOLD, "property"].tolist())
    return found


def beside(told: dict[str, Any]) -> dict[str, list[list[str]]]:
    """What `spurious` finds, in an environment made for it."""
    with tempfile.TemporaryDirectory() as folder:
        python = Path(folder) / "bin/python"
        uv = [sys.executable, "-m", "uv"]
        subprocess.run([*uv, "venv", "--quiet", "--python", sys.executable, folder], check=True)
        subprocess.run([*uv, "pip", "install", "--quiet", "--python", python, *BESIDE], check=True)
        answer = subprocess.run(
            [python, __file__, "--beside"], input=json.dumps(told), text=True, check=True, capture_output=True
        )
    return dict(json.loads(answer.stdout.splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--beside", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--source", default="elpv")
    parser.add_argument("--folder", type=Path, help="instead of the source")
    parser.add_argument("--pictures", type=int, default=150)
    parser.add_argument("--size", type=int, default=50, help="of the small class")
    parser.add_argument("--runs", type=int, default=20, help="of each line and kind")
    parser.add_argument("--settings", nargs="+", default=["2:1", "2:9", "10:1"], help="classes:ratio")
    arguments = parser.parse_args()
    if arguments.beside:
        logging.disable()
        print("\n" + json.dumps(spurious(json.load(sys.stdin))))
        return
    compare(arguments)


def compare(arguments: argparse.Namespace) -> None:
    import numpy as np

    from benchmarks import planted
    from benchmarks.shortcut_power import KINDS, Setting, both, chosen, pictures
    from pipeline.core import config
    from pipeline.core.parallel import num_workers

    choice = ("source=folder", f"source.path={arguments.folder.resolve()}") if arguments.folder else ()
    source = config.build(chosen(*choice or (f"source={arguments.source}",))["source"], "source")
    pool = list(pictures(source, arguments.pictures))
    measured, check = planted.measured(pool), both(99)["shortcut"]
    kinds = (CLEAN, *KINDS)
    settings = [Setting(source.name, *map(int, told.split(":")), arguments.size) for told in arguments.settings]
    runs: dict[str, list[Any]] = {kind: [] for kind in kinds}
    fired: dict[str, list[bool]] = {kind: [] for kind in kinds}
    for kind in kinds:
        strength = float(kind != CLEAN)
        for setting, run in itertools.product(settings, range(arguments.runs)):
            seed = setting.seed(kind, strength, run)
            drawn = planted.draw(len(pool), setting.sizes, kind, strength, np.random.default_rng(seed))
            runs[kind].append(((drawn.picture + len(pool) * drawn.marked).tolist(), drawn.label.tolist()))
            samples = planted.samples(measured, setting.sizes, kind, strength, np.random.default_rng(seed))
            fired[kind].append(not check(samples).passed)
    with tempfile.TemporaryDirectory() as folder:
        found = beside({"paths": written(pool, Path(folder)), "runs": runs, "workers": num_workers()})
    where = arguments.folder.name if arguments.folder else arguments.source
    print(
        f"{len(pool)} pictures of {where}, {arguments.size} of the small class; share of {arguments.runs} runs in which"
    )
    print("shortcut / Datalab finds something (what Datalab named)\n")
    print("| planted | " + " | ".join(f"{one.classes} classes, {one.ratio}:1" for one in settings) + " |")
    print("|---|" + "---:|" * len(settings))
    for kind in kinds:
        parts = [slice(start * arguments.runs, (start + 1) * arguments.runs) for start in range(len(settings))]
        cells = [f"{np.mean(fired[kind][part]):.2f} / {told_by(found[kind][part])}" for part in parts]
        print(f"| {kind} | {' | '.join(cells)} |")


def written(pool: list[Any], folder: Path) -> dict[str, list[str]]:
    """Kind to the files of the clean pictures, then of the marked ones; the same twice where nothing is marked."""
    from benchmarks import planted

    made: dict[str, list[str]] = {}
    for number, picture in enumerate(pool):
        for kind, data in planted.encoded(picture).items():
            path = folder / f"{kind.replace(' ', '_')}_{number:04d}.jpg"
            path.write_bytes(data)
            made.setdefault(kind, []).append(str(path))
    return {kind: made[CLEAN] + made.get(kind, []) * (kind != CLEAN) for kind in (CLEAN, *planted.KINDS, planted.ORDER)}


def told_by(runs: list[list[str]]) -> str:
    """The share of runs in which anything was called spurious, and what, most often first."""
    names = [name.removesuffix("_score").replace("_", " ") for run in runs for name in run]
    often = sorted(set(names), key=lambda name: (-names.count(name), name))
    share = f"{sum(bool(run) for run in runs) / len(runs):.2f}"
    return f"{share} ({', '.join(often[:3])})" if often else share


if __name__ == "__main__":
    main()
