"""ELPV: electroluminescence photographs of solar cells, functional or defective."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, final

import pandas as pd

from pipeline.core.errors import UserError
from pipeline.core.manifest_schema import ATTRIBUTE, OF_LABEL
from pipeline.core.ranges import PositiveInt
from pipeline.core.safe_files import package_folder
from pipeline.datasets.sources.file_source import FileSource

GRADES = {0.0: "functional", 1 / 3: "possibly_defective", 2 / 3: "probably_defective", 1.0: "defective"}


@final
@dataclass(frozen=True, kw_only=True)
class Elpv(FileSource):
    """The 2,624 cells of PyPI's elpv-dataset (data CC BY-NC-SA 4.0), with cell type and defect probability.

    The cells are in the order of the 44 modules they were cut from, which the package does not name: the length of most
    runs of one cell type is a multiple of 60, and neighbours are similar. So a block of up to `block_size` cells within
    a run of one type takes the place of the module, as the group that must stay together.

    Args:
        name: Of the data set, in MLflow and on the page.
        labels: `defect` (defective at probability >= 0.5, else functional) or `grade` (the four grades).
        block_size: Cells per group, at least 1.
        watch: What DVC hashes to notice a change: the lock file that pins the package.

    Source: Deitsch et al. 2019, doi:10.1016/j.solener.2019.02.067.
    """

    name: str
    labels: Literal["defect", "grade"]
    block_size: PositiveInt
    watch: str | list[str]

    def read(self) -> pd.DataFrame:
        table = pd.read_csv(
            self.root / "labels.csv", sep=r"\s+", header=None, names=["path", "probability", "cell_type"]
        )
        if table.empty:
            raise UserError("elpv-dataset's labels.csv names no picture; install the package again")
        run = (table["cell_type"] != table["cell_type"].shift()).cumsum()
        block = run.groupby(run).cumcount() // self.block_size
        return pd.DataFrame(
            {
                "path": table["path"],
                "labels": [[self._label(probability)] for probability in table["probability"]],
                "group": [f"run{r:02d}_block{b:02d}" for r, b in zip(run, block, strict=True)],
                f"{ATTRIBUTE}cell_type": table["cell_type"],
                f"{OF_LABEL}probability": table["probability"].round(4),
            }
        )

    def _label(self, probability: float) -> str:
        if self.labels == "defect":
            return "defective" if probability >= 0.5 else "functional"
        return GRADES[min(GRADES, key=lambda grade: abs(grade - probability))]

    @property
    def root(self) -> Path:
        return package_folder("elpv_dataset", "elpv") / "data"

    def file_of(self, path: str) -> None:
        """None: where a package is installed differs from machine to machine, and a link would be part of a page."""
        return
