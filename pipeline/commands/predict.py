"""Classifies pictures: files, folders and patterns to a table with the class and the score of each class.

Takes the champion of the project's source, or another model (--model). Folders are read with their sub-folders;
hidden files, and those with the suffix of something else than a picture, are left out. A file that cannot be read is a
row with the reason and never stops the others. The ending of --out chooses CSV, Parquet or JSON lines.

--split writes the last run's scores of its own val or test pictures, with their true labels, and runs no model.

Examples:
  colibri predict ~/new_pictures
  colibri predict a.png b.png 'scans/2026-*/*.tif' --out scores.parquet --model 3
  colibri predict --split test --out test_scores.csv
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core.errors import UserError, name_some
from pipeline.core.terminal import bar_chart, say

if TYPE_CHECKING:
    import pandas as pd

SPLITS = {"val": ("val",), "test": ("test",), "both": ("val", "test")}
SHOWN = 3  # files named in a line
NO_LABEL = "(no label)"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("paths", nargs="*", metavar="PATH", help="a picture, a folder, or a pattern in quotes")
    parser.add_argument(
        "--model",
        help="NAME@champion, NAME/3, 3 or @challenger of this project, a models:/ URI, or a folder such as "
        "data/predictor (default: the project's champion)",
    )
    parser.add_argument(
        "-o", "--out", default="predictions.csv", help=".csv, .parquet or .jsonl (default: predictions.csv)"
    )
    parser.add_argument("--split", choices=list(SPLITS), help="instead of a PATH: the scores that evaluate stored")


def main(paths: list[str], model: str | None, out: str, split: str | None) -> None:
    from pipeline.prediction.table_files import refuse_unwritable

    refuse_unwritable(Path(out))
    if bool(paths) == (split is not None):
        raise UserError("name pictures to classify (colibri predict FOLDER), or one of val, test and both with --split")
    if split is None:
        predict(paths, model, Path(out))
    elif model is not None:
        raise UserError("--split takes the scores of the last run; leave --model out, or name the pictures to classify")
    else:
        export_split(SPLITS[split], Path(out))


def predict(names: list[str], model: str | None, out: Path) -> None:
    """Writes the predictions of the files that the names stand for, and says what was found.

    Raises:
        UserError: A name or the model does not exist, the table cannot be written, or no file could be read.
    """
    from pipeline.prediction.picture_files import list_pictures
    from pipeline.prediction.table_files import open_table
    from pipeline.prediction.tables import predict_files
    from pipeline.tracking.model_choice import load_classifier

    files = list_pictures(names)
    classifier, title = load_classifier(model)
    say(f"model: {title}; {len(classifier.classes)} classes")
    if files.left_out:
        say(f"left out, no pictures by their names: {name_some(files.left_out, SHOWN)}")
    totals = Totals(classifier.classes)
    with open_table(out) as table:
        for part in predict_files(classifier, files.paths):
            table.append(part)
            totals.add(part)
    say(*totals.lines(), f"wrote {out}")
    if totals.num_refused == totals.num_files:
        raise UserError(f"none of the {totals.num_files:,} files could be read; the reasons are in {out}")


def export_split(splits: tuple[str, ...], out: Path) -> None:
    """Writes the scores that evaluate stored."""
    from pipeline.prediction.table_files import open_table
    from pipeline.prediction.tables import stored_predictions

    found = stored_predictions(*splits)
    with open_table(out) as table:
        table.append(found)
    say(f"{len(found):,} pictures of {' and '.join(splits)}, {found['right'].sum():,} of them right", f"wrote {out}")


class Totals:
    """What the summary says, counted part by part."""

    def __init__(self, classes: list[str]) -> None:
        self.counts: Counter[str] = Counter(dict.fromkeys(classes, 0))
        self.num_files = self.num_refused = self.num_abstained = self.num_far = 0
        self.confidence = 0.0
        self.refused: list[str] = []

    def add(self, table: pd.DataFrame) -> None:
        """Adds the rows of `predict_files`."""
        from pipeline.core.labels import parse_labels
        from pipeline.core.policy import OUT_OF_DISTRIBUTION

        is_read = table["reason"].isin(["", OUT_OF_DISTRIBUTION])
        read = table[is_read]
        self.num_files += len(table)
        self.num_refused += len(table) - len(read)
        bad = table.loc[~is_read, ["file", "reason"]].itertuples(index=False)
        self.refused += [f"{file}: {reason}" for file, reason in bad][: SHOWN - len(self.refused)]
        for text in read["class" if "class" in table else "labels"]:
            self.counts.update(parse_labels(text) or [NO_LABEL])
        self.num_far += int((read["out_of_distribution"] > 1).sum()) if "out_of_distribution" in table else 0
        self.num_abstained += int(read["abstains"].sum()) if "abstains" in table else 0
        self.confidence += float(read["confidence"].sum()) if "confidence" in table else float("nan")

    def lines(self) -> list[str]:
        """A bar for each class, the mean confidence, and the files that were refused."""
        num_read = self.num_files - self.num_refused
        lines = bar_chart(dict(self.counts)) if num_read else []
        if num_read and self.confidence == self.confidence:
            lines.append(f"mean confidence {self.confidence / num_read:.3f}")
        if self.num_abstained:
            lines.append(f"{self.num_abstained:,} of {num_read:,} pictures left to a person, see the column abstains")
        if self.num_far:
            lines.append(f"{self.num_far:,} of {num_read:,} pictures out of distribution: far from those of train")
        if self.num_refused:
            lines.append(f"{self.num_refused:,} of {self.num_files:,} files refused:")
            lines += [f"  {one}" for one in self.refused]
            lines += [f"  and {self.num_refused - SHOWN:,} more, see the column reason"] * (self.num_refused > SHOWN)
        return lines
