"""Two files of one artifact: the same bytes, or numbers within a tolerance."""

from __future__ import annotations

import filecmp
import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from zipfile import BadZipFile

import numpy as np

State = Literal["same bytes", "within tolerance", "differs"]
NUMBER = re.compile(r"(?<![\w.])[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w])")


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How much two files differ.

    Attributes:
        largest: Largest difference of two numbers, over the larger of 1 and the recorded number; infinite where
            something else than a number differs.
        note: What differs; empty where it is only numbers.
    """

    largest: float
    note: str = ""

    def state(self, tolerance: float) -> State:
        """The verdict on it."""
        return "within tolerance" if self.largest <= tolerance else "differs"


def compare_files(recorded: Path, made: Path) -> Difference:
    """How much a file differs from the recorded one, by numbers where the format has them.

    JSON, CSV, Parquet, safetensors and NumPy arrays are read; pages and other text are compared number by number. Of
    any other format only the bytes count.
    """
    if filecmp.cmp(recorded, made, shallow=False):
        return Difference(largest=0.0)
    compare = FORMATS.get(recorded.suffix)
    if compare is None:
        return Difference(
            largest=math.inf, note=f"other bytes; {recorded.suffix or 'such a file'} has no numbers to compare"
        )
    try:
        return compare(recorded, made)
    except (ValueError, OSError, KeyError, TypeError, BadZipFile) as error:
        return Difference(largest=math.inf, note=f"cannot be read ({' '.join(str(error).split())[:100]})")


def _compare_json(recorded: Path, made: Path) -> Difference:
    before, after = (json.loads(path.read_text(encoding="utf-8")) for path in (recorded, made))
    return _worst(_walk(before, after, ""))


def _walk(before: Any, after: Any, key: str) -> Iterator[Difference]:
    if isinstance(before, dict) and isinstance(after, dict):
        if before.keys() != after.keys():
            other = sorted(map(str, before.keys() ^ after.keys()))[0]
            yield Difference(largest=math.inf, note=f"{key or 'the file'} has another key: {other}")
            return
        for name, value in before.items():
            if name == "reference" and key.endswith("out_of_distribution"):
                continue  # a digest of numbers that are compared in their own file
            yield from _walk(value, after[name], f"{key}.{name}".lstrip("."))
    elif isinstance(before, list) and isinstance(after, list):
        if len(before) != len(after):
            yield Difference(largest=math.inf, note=f"{key} has {len(after)} entries instead of {len(before)}")
            return
        for place, (first, second) in enumerate(zip(before, after, strict=True)):
            yield from _walk(first, second, f"{key}[{place}]")
    elif _is_number(before) and _is_number(after):
        yield compare_numbers(np.array([before], dtype=float), np.array([after], dtype=float), key)
    elif isinstance(before, bool) != isinstance(after, bool) or before != after:
        yield Difference(largest=math.inf, note=f"{key} is {after!r} instead of {before!r}"[:200])


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _compare_csv(recorded: Path, made: Path) -> Difference:
    import pandas as pd

    return _compare_tables(*(pd.read_csv(path, keep_default_na=False, na_values=[""]) for path in (recorded, made)))


def _compare_parquet(recorded: Path, made: Path) -> Difference:
    import pandas as pd

    return _compare_tables(*map(pd.read_parquet, (recorded, made)))


def _compare_tables(before: Any, after: Any) -> Difference:
    if [*before.columns] != [*after.columns]:
        return Difference(largest=math.inf, note="other columns")
    if len(before) != len(after):
        return Difference(largest=math.inf, note=f"{len(after):,} rows instead of {len(before):,}")
    return _worst(_compare_column(str(name), before[name], after[name]) for name in before.columns)


def _compare_column(name: str, before: Any, after: Any) -> Difference:
    pair = [_as_numbers(column) for column in (before, after)]
    if pair[0] is not None and pair[1] is not None:
        return compare_numbers(pair[0], pair[1], name)
    texts = [[repr(value) for value in column] for column in (before, after)]
    others = sum(first != second for first, second in zip(*texts, strict=True))
    return (
        Difference(largest=math.inf, note=f"column {name} differs in {others:,} rows")
        if others
        else Difference(largest=0)
    )


def _as_numbers(column: Any) -> np.ndarray | None:
    """The numbers of a column, also of one of arrays; None where it holds something else."""
    if len(column) and all(isinstance(value, np.ndarray) and value.dtype.kind in "fiub" for value in column):
        return np.concatenate(column.to_list()).astype(float)
    return np.asarray(column, dtype=float) if column.dtype.kind in "fiub" else None


def _compare_arrays(recorded: Path, made: Path) -> Difference:
    before, after = (np.load(path, mmap_mode="r", allow_pickle=False) for path in (recorded, made))
    return compare_numbers(before, after, "the array")


def _compare_archives(recorded: Path, made: Path) -> Difference:
    with np.load(recorded, allow_pickle=False) as before, np.load(made, allow_pickle=False) as after:
        if set(before.files) != set(after.files):
            return Difference(largest=math.inf, note="other arrays")
        return _worst(compare_numbers(before[name], after[name], name) for name in before.files)


def _compare_tensors(recorded: Path, made: Path) -> Difference:
    from safetensors.torch import load_file

    before, after = load_file(recorded), load_file(made)
    if before.keys() != after.keys():
        return Difference(largest=math.inf, note="other tensors")
    return _worst(
        compare_numbers(one.double().numpy(), after[name].double().numpy(), name) for name, one in before.items()
    )


def _compare_text(recorded: Path, made: Path) -> Difference:
    texts = [path.read_text(encoding="utf-8") for path in (recorded, made)]
    words = [NUMBER.sub("#", text) for text in texts]
    if words[0] != words[1]:
        return Difference(largest=math.inf, note="other words")
    before, after = (np.array([float(one) for one in NUMBER.findall(text)]) for text in texts)
    return compare_numbers(before, after, "the text")


def compare_numbers(before: np.ndarray, after: np.ndarray, name: str) -> Difference:
    """The largest difference of two arrays, over the larger of 1 and the recorded number; NaN equals NaN.

    Args:
        before: As recorded.
        after: As made again.
        name: For the note, where their shapes or their NaN differ.
    """
    if before.shape != after.shape:
        return Difference(largest=math.inf, note=f"{name} has the shape {after.shape} instead of {before.shape}")
    largest = 0.0
    first, second = before.reshape(-1), after.reshape(-1)
    for start in range(0, len(first), 2**20):  # an array on disk may be larger than the memory
        left, right = (one[start : start + 2**20].astype(float) for one in (first, second))
        finite = np.isfinite(left)
        if not np.array_equal(np.where(finite, 0, left), np.where(np.isfinite(right), 0, right), equal_nan=True):
            return Difference(largest=math.inf, note=f"{name} is undefined in other places")
        left, right = left[finite], right[finite]
        largest = max(largest, float((np.abs(left - right) / np.maximum(1.0, np.abs(left))).max(initial=0.0)))
    return Difference(largest=largest)


def _worst(differences: Iterator[Difference]) -> Difference:
    return max(differences, key=lambda one: one.largest, default=Difference(largest=0.0))


FORMATS: dict[str, Callable[[Path, Path], Difference]] = {
    ".json": _compare_json,
    ".csv": _compare_csv,
    ".parquet": _compare_parquet,
    ".npy": _compare_arrays,
    ".npz": _compare_archives,
    ".safetensors": _compare_tensors,
    **dict.fromkeys((".html", ".md", ".txt", ".yaml"), _compare_text),
}
