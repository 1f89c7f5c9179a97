"""A trained model and the results of the last run, in a notebook or a script of your own.

    from pipeline import load_champion, read_findings, read_metrics, read_predictions

    model = load_champion()                  # of the project in whose folder this runs
    model.predict("new_pictures/")           # a DataFrame: file, class, confidence, score per class, reason
    read_metrics()                           # metrics of test with their 95 % intervals
    read_findings()                          # what the checks found
    read_predictions("test")                 # score per class of each test picture, with the true label
    read_picture("a/1.png")                  # one of them, as an array
    read_answers(), read_feedback()          # what colibri serve answered, and what people said about it
    export_feedback("corrected/")            # the corrected pictures and their labels, as a data set

Functions that read results take the folder of the project, by default the current one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass, field
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Literal, final

import pandas as pd

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.estimate import read_estimates

if TYPE_CHECKING:
    import numpy as np

    from pipeline.core.results import StoredFinding
    from pipeline.prediction.classifier import PictureClassifier
    from pipeline.serving.feedback_export import ExportedFeedback

Split = Literal["val", "test", "both"]
METRICS: dict[str, Path] = {"val": artifacts.METRICS, "test": artifacts.TEST_METRICS}


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Model:
    """A trained classifier.

    Attributes:
        name: Such as `colibri-elpv version 3 (champion)`.
        classes: K names.
        classifier: Takes encoded pictures.
    """

    name: str
    classes: list[str]
    classifier: PictureClassifier = field(repr=False)

    def predict(self, *pictures: str | PathLike[str]) -> pd.DataFrame:
        """Classes and scores of picture files; of a model of clips or volumes, of those.

        Args:
            pictures: Files, folders (with their sub-folders), patterns such as `scans/*.png`, zip and tar archives, and
                addresses such as `s3://bucket/folder`.

        Returns:
            A row per file: `file`; `class` and `confidence` (its score), or `labels`, joined by `|`, where a picture
            can have several; `score_<class>` of each class, 0 to 1; `reason`, why the file could not be read, else
            empty.

        Raises:
            UserError: A name does not exist, there is no picture, or the model does not look at pictures.

        Example:
            >>> load_champion().predict("new_pictures/")[["file", "class", "confidence"]]
        """
        from pipeline.prediction.inputs import list_inputs
        from pipeline.prediction.sample_names import SampleNames
        from pipeline.prediction.tables import predict_contents

        inputs = list_inputs([fspath(one) for one in pictures], samples=SampleNames(self.classifier.codec.media))
        found = predict_contents(self.classifier, inputs.read(range(len(inputs))), len(inputs))
        return pd.concat((table for table, _ in found), ignore_index=True)


def load_champion(project: str | PathLike[str] = ".") -> Model:
    """The champion of the project's source; `data/predictor` where no version is champion yet.

    Raises:
        UserError: The folder is no project, or nothing was trained.

    Example:
        >>> load_champion().classes
        ['defective', 'functional']
    """
    return _load(None, project)


def load_model(model: str | PathLike[str], project: str | PathLike[str] = ".") -> Model:
    """A registered version, or the model in a folder.

    Args:
        model: `colibri-elpv@champion`, `colibri-elpv/3`, `3` or `@challenger` of this project, a `models:/` URI, or a
            folder such as `data/predictor`.
        project: Whose store is used, unless MLFLOW_TRACKING_URI names another.

    Raises:
        UserError: There is no such model.

    Example:
        >>> load_model("3").predict("a.png")
    """
    return _load(fspath(model), project)


def read_metrics(split: Literal["val", "test"] = "test", project: str | PathLike[str] = ".") -> pd.DataFrame:
    """The metrics of the last run.

    Returns:
        A row per metric, by its name: `value`, `low` and `high` (the bounds of its 95 % interval; NaN where there is
        none), `n` pictures and independent `groups` that it rests on, and a `caveat`, mostly empty.

    Raises:
        UserError: The folder is no project, or no run has got so far.

    Example:
        >>> read_metrics().loc[["accuracy", "f1_macro"], ["value", "low", "high"]]
    """
    if split not in METRICS:
        raise UserError(f"split must be val or test, got {split!r}")
    with _inside(project):
        estimates = read_estimates(METRICS[split])
    columns = ["value", "low", "high", "n", "groups", "caveat"]
    rows = [[getattr(one, name) for name in columns] for one in estimates.values()]
    table = pd.DataFrame(rows, columns=columns, index=pd.Index(list(estimates), name="metric"))
    return table.astype({"value": float, "low": float, "high": float})


def read_findings(project: str | PathLike[str] = ".") -> pd.DataFrame:
    """What the checks of the last run found, in their order.

    Returns:
        A row per check, by its name: `state` (passed, noted, failed or cannot_be_judged), `value`, `limit`, `unit`,
        `question`, `sentence` (the finding in words) and `advice`.

    Raises:
        UserError: The folder is no project, or no run has got so far.

    Example:
        >>> read_findings().query("state != 'passed'")["sentence"]
    """
    from pipeline.core.results import read_findings as read

    with _inside(project):
        found: dict[str, StoredFinding] = read(artifacts.CHECKS)
        found |= read(artifacts.CURATION) if artifacts.CURATION.exists() else {}  # a failed check stops before it
    columns = ["state", "value", "limit", "unit", "question", "sentence", "advice"]
    rows = [[getattr(one, name) for name in columns] for one in found.values()]
    table = pd.DataFrame(rows, columns=columns, index=pd.Index(list(found), name="check"))
    return table.astype({"value": float, "limit": float})


def read_predictions(split: Split = "test", project: str | PathLike[str] = ".") -> pd.DataFrame:
    """The last run's predictions of its val or test pictures, or of both.

    Returns:
        A row per picture: `file` (its name in the source), `split`, `true` (its label), `right`, `class` and
        `confidence` (or `labels`), and `score_<class>` of each class, 0 to 1.

    Raises:
        UserError: The folder is no project, or no run has got so far.

    Example:
        >>> read_predictions().query("not right").sort_values("confidence", ascending=False)
    """
    from pipeline.prediction.tables import stored_predictions

    if split not in (*METRICS, "both"):
        raise UserError(f"split must be val, test or both, got {split!r}")
    with _inside(project):
        return stored_predictions(*(METRICS if split == "both" else (split,)))


def read_picture(file: str, project: str | PathLike[str] = ".") -> np.ndarray:
    """A picture of train, val or test as it was stored for training.

    Args:
        file: Its name in the source, as in `read_predictions()["file"]`.
        project: Folder of the project.

    Returns:
        (H, W) or (H, W, 3) uint8.

    Raises:
        UserError: The folder is no project, no run has got so far, or the last run had no such picture.

    Example:
        >>> plt.imshow(read_picture(read_predictions()["file"][0]), cmap="gray")
    """
    from pipeline.datasets.packed import PackedDataset

    with _inside(project):
        packed = PackedDataset.load()
        rows = (packed.index["sample_id"] == file).to_numpy().nonzero()[0]
        if not len(rows):
            raise UserError(f"{file!r} is no picture of the last run; take a name of read_predictions()['file']")
        picture = packed.picture(int(rows[0]))
    return picture[:, :, 0] if picture.shape[2] == 1 else picture


def read_answers(store: str | None = None, project: str | PathLike[str] = ".") -> pd.DataFrame:
    """What `colibri serve` answered, the oldest first.

    Args:
        store: Address of the database, as of `colibri serve --store`; None for that of the project.
        project: Folder of the project.

    Returns:
        A row per picture: `id`, `time` (UTC), `model`, `version`, `class` or `labels`, `confidence`, `scores`,
        `abstains`, `digest` and the measured properties `prop_*`; more in `serving.answer_tables.read_answers`.

    Raises:
        UserError: The folder is no project, or no server has stored an answer.
    """
    from pipeline.serving import answer_tables

    with _inside(project):
        return answer_tables.read_answers(store)


def read_feedback(store: str | None = None, project: str | PathLike[str] = ".") -> pd.DataFrame:
    """What people said about answers of `colibri serve`, the oldest first.

    Args:
        store: As for `read_answers`.
        project: As well.

    Returns:
        A row per feedback: `time` (UTC), `action`, `right` (labels), `decided` (labels), `is_right`, `who`, `note`,
        `id` of the answer and its `version`; more in `serving.answer_tables.read_feedback`.

    Raises:
        UserError: The folder is no project, or no server has stored an answer.

    Example:
        >>> read_feedback().groupby("version")["is_right"].mean()
    """
    from pipeline.serving import answer_tables

    with _inside(project):
        return answer_tables.read_feedback(store)


def export_feedback(
    folder: str | PathLike[str], store: str | None = None, project: str | PathLike[str] = "."
) -> ExportedFeedback:
    """Writes the pictures that people labelled, with `labels.csv`, which the source `table` reads.

    Args:
        folder: Is made.
        store: As for `read_answers`.
        project: As well.

    Returns:
        How many pictures were written and left out, by reason.

    Raises:
        UserError: The folder is no project, no server has stored an answer, or `folder` cannot be written.
    """
    from pipeline.serving import feedback_export

    target = Path(folder).absolute()
    with _inside(project):
        return feedback_export.export_feedback(target, store)


def _load(model: str | None, project: str | PathLike[str]) -> Model:
    from pipeline.tracking.model_choice import load_classifier

    with _inside(project, needed=model is None):
        classifier, name = load_classifier(model)
    return Model(name=name, classes=classifier.classes, classifier=classifier)


@contextmanager
def _inside(project: str | PathLike[str], needed: bool = True) -> Iterator[None]:
    """The project's folder as the current one.

    Raises:
        UserError: There is no such folder, or it is needed and no project.
    """
    folder = Path(project)
    if not folder.is_dir():
        raise UserError(f"{str(project)!r} is no folder; name the project's folder, where dvc.yaml is")
    if needed and not (folder / "params.yaml").is_file():
        raise UserError(
            f"{folder.resolve()} is no folder of a Colibri project (it has no params.yaml); start the notebook in the "
            "project's folder, or give project=FOLDER"
        )
    with chdir(folder):
        yield
