"""Predictions as tables: a row per picture, with its class and a score per class, or why it has none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipeline.core import artifacts
from pipeline.core.errors import ItemRejected, UserError
from pipeline.core.labels import labels_to_text
from pipeline.core.parallel import parallel_batches
from pipeline.core.sample_codec import FileSet
from pipeline.prediction.classifier import Answers
from pipeline.prediction.content_spool import open_spool
from pipeline.prediction.input_sections import Content
from pipeline.prediction.picture_files import read_file

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.prediction.classifier import PictureClassifier

BATCH = 256  # pictures in memory at once, apart from those on their way from the processes that decode
PREDICT = "predict"  # names the bar
SCORE = "score_"  # begins the name of the column of each class


def predict_files(classifier: PictureClassifier, paths: Sequence[str], batch: int = BATCH) -> Iterator[pd.DataFrame]:
    """The rows of the files in their order, `batch` at a time, so that memory does not grow with their number.

    Each table has the columns of `make_table`. A file that cannot be read is a row with its `reason`.

    Raises:
        UserError: The model does not look at pictures.
    """
    for table, _ in predict_contents(classifier, zip(paths, paths, strict=True), len(paths), batch):
        yield table


def predict_contents(
    classifier: PictureClassifier,
    contents: Iterable[tuple[str, Content]],
    total: int,
    batch: int = BATCH,
    spool: Path | None = None,
) -> Iterator[tuple[pd.DataFrame, list[np.ndarray]]]:
    """The rows of named contents as `predict_files` gives them, each table with the pictures that were read.

    Args:
        classifier: A model of pictures.
        contents: Name, and a path, the bytes of a file, the files of a folder, or why there are none.
        total: Their number.
        batch: Rows of a table, at least 1; scores depend on it in their last digits.
        spool: Folder in which large bytes wait for their turn; None for that of the system's temporary files.

    Raises:
        UserError: The model does not look at pictures, or the disk is full.
    """
    read = partial(_read_named, classifier.read)
    with open_spool(spool) as waiting:
        named = waiting.write(contents)
        model = partial(_classify, classifier)
        parts = parallel_batches(read, model, named, total, batch, PREDICT, _reject_crashed, waiting.free)
        for part, good, answers in parts:
            refused = {row: str(one) for row, (_, one) in enumerate(part) if isinstance(one, ItemRejected)}
            files = [_printable(name) for name, _ in part]
            yield make_table(files, answers, classifier.classes, classifier.exclusive, refused), good


def make_table(
    files: Sequence[str],
    answers: Answers,
    classes: Sequence[str],
    exclusive: bool,
    refused: dict[int, str],
) -> pd.DataFrame:
    """A row for each of M + N files.

    Args:
        files: M + N names.
        answers: Of the N that were read.
        classes: K names.
        exclusive: Whether each picture has exactly one label.
        refused: Position among the files to the reason, of the M that were not read.

    Returns:
        `file`; `class` and `confidence` (its score) where each picture has one label, else `labels`, joined by `|`;
        with a policy `abstains` (a person should look at it) and, where it gives prediction sets, `set`, the labels
        that are possible, joined the same way, and where it measures the distance from train `out_of_distribution`,
        a multiple of its limit; `score_<class>` of each class, float32; `reason`, empty where the picture was read
        and the policy does not abstain for its distance. A refused file has a reason only, and `abstains`.
    """
    read = [row for row in range(len(files)) if row not in refused]
    texts, every_score = np.full(len(files), "", dtype=object), np.full((len(files), len(classes)), np.nan, np.float32)
    texts[read] = [labels_to_text(labels) for labels in answers.labels]
    every_score[read] = answers.scores
    columns: dict[str, object] = {"file": list(files), "class" if exclusive else "labels": texts}
    if exclusive:
        columns["confidence"] = np.full(len(files), np.nan, np.float32)
        taken = [classes.index(name) for (name,) in answers.labels]
        columns["confidence"][read] = answers.scores[np.arange(len(read)), taken]  # type: ignore[index]
    if answers.abstains is not None:
        columns["abstains"] = np.ones(len(files), dtype=bool)
        columns["abstains"][read] = answers.abstains  # type: ignore[index]
    if answers.sets is not None:
        possible = np.full(len(files), "", dtype=object)
        possible[read] = [labels_to_text(labels) for labels in answers.sets]
        columns["set"] = pd.Series(possible, dtype="str")
    if answers.out_of_distribution is not None:
        columns["out_of_distribution"] = np.full(len(files), np.nan, np.float32)
        columns["out_of_distribution"][read] = answers.out_of_distribution  # type: ignore[index]
    columns |= {f"{SCORE}{name}": every_score[:, column] for column, name in enumerate(classes)}
    why = np.full(len(files), "", dtype=object)
    why[read] = "" if answers.reasons is None else answers.reasons
    why[list(refused)] = list(refused.values())
    reasons = pd.Series(why, dtype="str")
    return pd.DataFrame({**columns, "reason": reasons}).astype(
        {"file": "str", "class" if exclusive else "labels": "str"}
    )


def stored_predictions(*splits: str) -> pd.DataFrame:
    """The last run's predictions of val or test, in the order of `data/predictions.parquet`.

    Returns:
        The columns of `make_table` but `reason`; `split`, `true` (the labels, joined by `|`) and `right` (whether
        exactly these were decided) after `file`, which is the name of the picture in its source.

    Raises:
        UserError: There was no run, or it has no picture in these splits.
    """
    found = artifacts.read_table(artifacts.PREDICTIONS)
    classes = artifacts.read_metadata(artifacts.PREDICTIONS)["classes"]
    rows = found[found["split"].isin(splits)]
    if rows.empty:
        raise UserError(
            f"{artifacts.PREDICTIONS} holds no picture of {' or '.join(splits)}; the last run had none there"
        )
    exclusive = bool(rows["decided"].map(len).eq(1).all() and rows["labels"].map(len).eq(1).all())
    decided, labels = ([list(one) for one in rows[name]] for name in ("decided", "labels"))
    far = "out_of_distribution"
    answers = Answers(
        labels=decided,
        scores=np.stack(rows["scores"].tolist()),
        abstains=rows["abstains"].to_numpy(dtype=bool) if "abstains" in rows else None,
        sets=[list(one) for one in rows["prediction_set"]] if "prediction_set" in rows else None,
        out_of_distribution=rows[far].to_numpy(dtype=np.float32) if far in rows else None,
    )
    table = make_table(rows["sample_id"].tolist(), answers, classes, exclusive, {})
    table.insert(1, "split", rows["split"].to_numpy())
    table.insert(2, "true", [labels_to_text(one) for one in labels])
    table.insert(3, "right", [sorted(one) == sorted(other) for one, other in zip(decided, labels, strict=True)])
    return table.drop(columns="reason")


def read_content(read: Callable[[bytes | FileSet], np.ndarray], content: Content) -> np.ndarray | ItemRejected:
    """The picture of a path or of bytes, or why there is none.

    Args:
        read: From the bytes to the picture; raises `ItemRejected`.
        content: A path, bytes, files, or a refusal.
    """
    try:
        if isinstance(content, ItemRejected):
            return content
        return read(read_file(content) if isinstance(content, str) else content)
    except ItemRejected as refused:
        return refused


def _classify(
    classifier: PictureClassifier, outcomes: list[tuple[str, np.ndarray | ItemRejected]]
) -> tuple[list[tuple[str, np.ndarray | ItemRejected]], list[np.ndarray], Answers]:
    """The outcomes, the pictures among them, and what is decided on these."""
    good = [one for _, one in outcomes if not isinstance(one, ItemRejected)]
    return outcomes, good, classifier.classify(good)


def _read_named(
    read: Callable[[bytes | FileSet], np.ndarray], item: tuple[str, Content]
) -> tuple[str, np.ndarray | ItemRejected]:
    return item[0], read_content(read, item[1])


def _reject_crashed(item: tuple[str, Content]) -> tuple[str, ItemRejected]:
    return item[0], ItemRejected("crashed", "decoding it killed the process, usually for lack of memory")


def _printable(path: str) -> str:
    """With escapes for the bytes of a name that are no UTF-8, which no file format of tables holds."""
    return path.encode("utf-8", errors="backslashreplace").decode()
