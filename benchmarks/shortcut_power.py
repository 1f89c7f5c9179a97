"""How often check.shortcut fires on planted confounds, and how often on clean pictures under random labels.

    python -m benchmarks.shortcut_power                     # ELPV and digits
    python -m benchmarks.shortcut_power --folder FOLDER     # pictures of your own beside

Pictures are measured once clean and once with each confound; a run draws pictures and labels, and gives the confound
to (1 + strength) / 2 of the first class and (1 - strength) / 2 of the others. With 9:1 the first class is the small
one and has the number of pictures in the table. The check is the one of conf/, with fewer permutations.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import planted
from pipeline.checks.shortcut import Shortcut
from pipeline.core import config
from pipeline.core.contracts import Source
from pipeline.core.pictures import decode

ROOT = Path(__file__).parents[1]
STRENGTHS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


def pictures(source: Source, number: int) -> list[np.ndarray]:
    paths = source.read()["path"].sample(frac=1, random_state=0)[:number]
    return [decode(source.open(path), planted.MAX_PIXELS) for path in paths]


def chosen(*overrides: str) -> dict:
    import yaml

    return yaml.safe_load(config.compose(ROOT / "conf", list(overrides)))


def shortcut(num_permutations: int) -> Shortcut:
    node = chosen()["check"]["shortcut"]
    return config.build({**node, "num_permutations": num_permutations}, "check.shortcut")


def fires(check: Shortcut, pool: dict[str, pd.DataFrame], sizes: list[int], kind: str, strength: float, runs: int):
    """Share of runs in which the check fails."""
    seeds = np.random.SeedSequence(0).spawn(runs)
    draws = (planted.samples(pool, sizes, kind, strength, np.random.default_rng(seed)) for seed in seeds)
    return np.mean([not check(one).passed for one in draws])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", help="one sub-folder per class")
    parser.add_argument("--pictures", type=int, default=1000, help="measured of each source")
    parser.add_argument("--sizes", type=int, nargs="+", default=[20, 50, 100, 300, 1000])
    parser.add_argument("--classes", type=int, nargs="+", default=[2, 10])
    parser.add_argument("--sources", nargs="+", default=["elpv", "digits"])
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--clean-runs", type=int, default=200)
    parser.add_argument("--permutations", type=int, default=199)
    arguments = parser.parse_args()
    check = shortcut(arguments.permutations)
    overrides = {name: (f"source={name}",) for name in arguments.sources}
    if arguments.folder:
        overrides["folder"] = ("source=folder", f"source.path={Path(arguments.folder).resolve()}")
    kinds = [*planted.KINDS, planted.ORDER]
    print("false alarms on clean runs, then the least strength found in 95 % of runs (- none, up to 1)")
    print(f"{'source':7} {'classes':>7} {'ratio':>5} {'size':>5} {'alarms':>6} " + " ".join(f"{k:>12}" for k in kinds))
    for name, choice in overrides.items():
        source = config.build(chosen(*choice)["source"], "source")
        pool = planted.measured(pictures(source, arguments.pictures))
        for num_classes in arguments.classes:
            for ratio in (1, 9):
                for size in arguments.sizes:
                    sizes = [size] + [size * ratio] * (num_classes - 1)
                    alarms = fires(check, pool, sizes, "clean", 0.0, arguments.clean_runs)
                    print(f"{name:7} {num_classes:7} {ratio:3}:1 {size:5} {alarms:6.3f} ", end="", flush=True)
                    for kind in kinds:
                        least = next(
                            (s for s in STRENGTHS if fires(check, pool, sizes, kind, s, arguments.runs) >= 0.95), None
                        )
                        print(f"{least or '-':>12}", end=" ", flush=True)
                    print(flush=True)


if __name__ == "__main__":
    main()
