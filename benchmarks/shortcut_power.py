"""How often shortcut and property_baseline fire on planted confounds, and how often on clean pictures.

    python -m benchmarks.shortcut_power --results FILE.csv                     # ELPV and digits
    python -m benchmarks.shortcut_power --results FILE.csv --folder FOLDER     # pictures of your own beside
    python -m benchmarks.shortcut_power --results FILE.csv --table             # what the file holds, as tables

Pictures are measured once clean and once with each confound (kept in --pools, when given); a run draws pictures and
random labels, and gives the confound to (1 + strength) / 2 of the first class and (1 - strength) / 2 of the others.
With 9:1 the first class is the small one and has the number of pictures in the table. Where a run needs more pictures
than were measured, they are drawn with replacement.

Clean runs ask both checks as conf/ has them, but for fewer permutations: the share of false alarms is that of
`alpha` with any number of them, power a little less. A strength is found when shortcut fails in all but at most one
of 93 runs: were the power 95 % or less, that would happen in at most 5 % of tries. Weaker ones end at the second miss.

Each row is appended to the file as soon as it is known; a row that is there is not measured again, so a long run can
be cut and go on. What is kept of a folder goes by the folder's name: results of other --pictures, --permutations or
--clean-runs belong into another file.
"""

from __future__ import annotations

import argparse
import importlib
import json
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from benchmarks import planted, positive, run_main
from pipeline.core import artifacts, config
from pipeline.core.contracts import Check, Source
from pipeline.images.decoding import Decoding, decode

ROOT = Path(__file__).parents[1]
STRENGTHS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
KINDS = (*planted.KINDS, planted.ORDER)
RUNS, MISSES = 93, 1  # 0.95^93 + 93 x 0.05 x 0.95^92 = 0.050
CLEAN, ALONE = "clean", "clean, shortcut alone"
ASKED = {CLEAN: ("shortcut", "property_baseline"), ALONE: ("shortcut",)}
KEY = ["source", "classes", "ratio", "size", "kind", "strength"]
Mapped = Callable[..., Iterable[Any]]


@dataclass(frozen=True)
class Setting:
    """One line of the table."""

    source: str
    classes: int
    ratio: int
    size: int

    @property
    def sizes(self) -> list[int]:
        return [self.size] + [self.size * self.ratio] * (self.classes - 1)

    def seed(self, kind: str, strength: float, run: int) -> list[int]:
        return [zlib.crc32(f"{self} {kind} {strength}".encode()), run]


def chosen(*overrides: str) -> dict[str, Any]:
    return dict(yaml.safe_load(config.compose(ROOT / "conf", list(overrides))))


def both(num_permutations: int) -> dict[str, Check]:
    """The two checks of conf/, with fewer permutations: 2 / (m + 1) must still give their alpha, 1 % needs m = 199."""
    nodes = chosen()["check"]
    numbers = {"shortcut": num_permutations, "property_baseline": max(199, num_permutations)}
    return {
        name: config.build({**nodes[name], "num_permutations": number}, f"check.{name}")
        for name, number in numbers.items()
    }


def pictures(source: Source, number: int) -> Iterator[np.ndarray]:
    for path in source.read()["path"].sample(frac=1, random_state=0)[:number]:
        yield decode(source.open(path), Decoding(max_pixels=planted.MAX_PIXELS))


class Runs:
    """Runs on one pool; copied into every worker when it starts."""

    current: Runs

    def __init__(self, pool: dict[str, pd.DataFrame], checks: dict[str, Check]) -> None:
        self.pool, self.checks = pool, checks

    def fired(self, setting: Setting, kind: str, strength: float, names: tuple[str, ...], run: int) -> list[bool]:
        generator = np.random.default_rng(setting.seed(kind, strength, run))
        drawn = planted.samples(self.pool, setting.sizes, kind, strength, generator)
        return [not self.checks[name](drawn).passed for name in names]  # noted is no warning


def _fired(told: tuple[Setting, str, float, tuple[str, ...], int]) -> list[bool]:
    return Runs.current.fired(*told)


@contextmanager
def mapping(workers: int) -> Iterator[Mapped]:
    """`map`, in the order of the input, on several processes."""
    if workers == 1:
        yield map
        return
    with get_context("fork").Pool(workers) as processes:
        yield lambda what, told: processes.imap(what, told, chunksize=1)


def clean(setting: Setting, kind: str, runs: int, mapped: Mapped) -> dict[str, Any]:
    """False alarms of each check, and of the two together."""
    found = np.array(list(mapped(_fired, [(setting, CLEAN, 0.0, ASKED[kind], run) for run in range(runs)])))
    counts = dict(zip(ASKED[kind], found.sum(axis=0).tolist(), strict=True))
    together = {"either": int(found.any(axis=1).sum())} if kind == CLEAN else {}
    return {"kind": kind, "strength": 0.0, "runs": runs, **counts, **together}


def least(setting: Setting, kind: str, mapped: Mapped) -> dict[str, Any]:
    """The least strength at which shortcut fails in all but `MISSES` of `RUNS` runs; NaN when there is none."""
    for strength in STRENGTHS:
        missed = 0
        for block in range(0, RUNS, 4):  # small blocks, so that a strength which is too weak ends early
            told = [(setting, kind, strength, ("shortcut",), run) for run in range(block, min(RUNS, block + 4))]
            missed += sum(not fired for (fired,) in mapped(_fired, told))
            if missed > MISSES:
                break
        else:
            return {"kind": kind, "strength": strength, "runs": RUNS, "shortcut": RUNS - missed}
    return {"kind": kind, "strength": np.nan, "runs": 0, "shortcut": 0}


def settings(source: str, arguments: argparse.Namespace) -> Iterator[Setting]:
    for size in arguments.sizes:
        for classes in arguments.classes:
            for ratio in arguments.ratios:
                yield Setting(source, classes, ratio, size)


def append(path: Path, setting: Setting, row: dict[str, Any], seconds: float) -> None:
    told = {**vars(setting), "property_baseline": np.nan, "either": np.nan, **row, "seconds": round(seconds, 1)}
    columns = [*KEY, "runs", "shortcut", "property_baseline", "either", "seconds"]
    pd.DataFrame([told])[columns].to_csv(path, mode="a", header=not path.exists(), index=False)
    print(" ".join(f"{name} {told[name]}" for name in columns), flush=True)


def known(path: Path) -> set[tuple[Any, ...]]:
    if not path.exists():
        return set()
    return set(pd.read_csv(path)[[one for one in KEY if one != "strength"]].itertuples(index=False, name=None))


def measured(source: Source, number: int, kept: Path | None, workers: int) -> dict[str, pd.DataFrame]:
    """The pool, from `kept` when it was measured before."""
    if kept is not None and kept.exists():
        table = pd.read_parquet(kept)
        return {str(kind): rows.drop(columns="kind").reset_index(drop=True) for kind, rows in table.groupby("kind")}
    with mapping(workers) as mapped:
        pool = planted.measured(pictures(source, number), mapped)
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        pd.concat([rows.assign(kind=kind) for kind, rows in pool.items()]).to_parquet(kept)
    return pool


def table(path: Path) -> str:
    """False alarms, then the least strengths, as Markdown."""
    from scipy.stats import binomtest

    rows = pd.read_csv(path)
    clean_rows = rows[rows["kind"].isin(ASKED)]
    alarms = clean_rows.sort_values(KEY).drop_duplicates(KEY[:4])  # both checks where both were asked
    lines = ["| source | classes | ratio | size | runs | shortcut | baseline | either | 95 % |", "|---|" + "---:|" * 8]
    for one in alarms.itertuples():
        counted = one.shortcut if one.kind == ALONE else one.either
        ends = binomtest(int(counted), int(one.runs)).proportion_ci(method="exact")
        numbers = [one.shortcut, one.property_baseline, one.either]
        shares = " | ".join("" if number != number else f"{100 * number / one.runs:.1f} %" for number in numbers)
        span = f"{100 * ends.low:.1f} to {100 * ends.high:.1f} %"
        lines.append(f"| {one.source} | {one.classes} | {one.ratio}:1 | {one.size} | {one.runs} | {shares} | {span} |")
    told = [kind for kind in KINDS if (rows["kind"] == kind).any()]
    lines += [
        "",
        f"| source | classes | ratio | size | {' | '.join(told)} |",
        "|---|---:|---:|---:|" + "---:|" * len(told),
    ]
    strengths = rows[~rows["kind"].isin(ASKED)]
    for (source, classes, ratio, size), part in strengths.groupby(KEY[:4]):
        by_kind = part.set_index("kind")["strength"]
        cells = ["" if one not in by_kind else "none" if by_kind[one] != by_kind[one] else by_kind[one] for one in told]
        lines.append(f"| {source} | {classes} | {ratio}:1 | {size} | {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, required=True, help="a CSV file that rows are appended to")
    parser.add_argument("--table", action="store_true", help="print what the file holds")
    parser.add_argument("--pools", type=Path, help="a folder that keeps what was measured")
    parser.add_argument("--folder", type=Path, help="pictures of your own, one sub-folder per class")
    parser.add_argument("--pictures", type=positive, default=1000, help="measured of each source")
    parser.add_argument("--sources", nargs="*", default=["elpv", "digits"])
    parser.add_argument("--classes", type=positive, nargs="+", default=[2, 10])
    parser.add_argument("--ratios", type=positive, nargs="+", default=[1, 9])
    parser.add_argument("--sizes", type=positive, nargs="+", default=[20, 50, 100, 300, 1000])
    parser.add_argument("--kinds", nargs="*", default=[CLEAN, *KINDS], choices=[*ASKED, *KINDS])
    parser.add_argument("--clean-runs", type=positive, default=200)
    parser.add_argument("--permutations", type=positive, default=49)
    parser.add_argument("--workers", type=positive, default=2)
    arguments = parser.parse_args()
    if arguments.table:
        print(table(arguments.results))
        return
    importlib.import_module("sklearn.ensemble")  # here, and not in each process that is made below
    overrides = {name: (f"source={name}",) for name in arguments.sources}
    if arguments.folder:
        overrides[arguments.folder.resolve().name] = ("source=folder", f"source.path={arguments.folder.resolve()}")
    for name, choice in overrides.items():
        node = chosen(*choice)["source"]
        source = config.build(node, "source")
        told = artifacts.content_digest(
            json.dumps(node, sort_keys=True).encode(), *map(str.encode, source.read()["path"])
        )
        kept = arguments.pools / f"{name}-{arguments.pictures}-{told[:12]}.parquet" if arguments.pools else None
        pool = measured(source, arguments.pictures, kept, arguments.workers)
        Runs.current = Runs(pool, both(arguments.permutations))
        with mapping(arguments.workers) as mapped:
            for setting in settings(name, arguments):
                for kind in arguments.kinds:
                    if (*vars(setting).values(), kind) in known(arguments.results):
                        continue
                    started = time.perf_counter()
                    row = (
                        clean(setting, kind, arguments.clean_runs, mapped)
                        if kind in ASKED
                        else least(setting, kind, mapped)
                    )
                    append(arguments.results, setting, row, time.perf_counter() - started)


if __name__ == "__main__":
    run_main(main)
