"""The champion on today's test part, scored again from its registered model."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.core import artifacts, config
from pipeline.core.errors import ItemRejected, UserError
from pipeline.core.labels import to_matrix
from pipeline.core.predictions import Predictions
from pipeline.core.progress import track
from pipeline.evaluation.split_evaluation import score_samples
from pipeline.images.feedback_pictures import source_of
from pipeline.media.choice import codec_of_card, storage_of_card
from pipeline.tracking.model_choice import find_version, open_files

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.core.contracts import Source
    from pipeline.core.open_types import Params
    from pipeline.datasets.packed import PackedDataset
    from pipeline.prediction.classifier import PictureClassifier

BATCH = 256  # pictures in memory at once


def score_version(name: str, version: str, packed: PackedDataset, params: Params) -> Predictions:
    """The predictions of a registered version on the present test part, by its own policy.

    Its pictures are the packed ones where it stores them in the same way; else each is read from the source as its own
    card says.

    Args:
        name: Of the registered model.
        version: Its number.
        packed: The present packed pictures.
        params: All parameters; the section `source` is read where the pictures are.

    Raises:
        UserError: Its files are gone, or it cannot take these pictures; the message says why.
    """
    from pipeline.prediction.classifier import PictureClassifier

    rows = packed.index[packed.index["split"] == "test"]
    with open_files(find_version(f"{name}/{version}")) as folder:
        classifier = PictureClassifier.load(folder)
        if _stores_alike(classifier, packed):
            scores, distances = score_samples(classifier.predictor, packed, rows, classifier.reference)
            answers = classifier.decide(scores, distances)
            decided, scores = answers.labels, answers.scores
        else:
            decided, scores = _score_files(classifier, rows, params)
    classes = classifier.classes
    known = [[one for one in labels if one in classes] for labels in rows["labels"]]
    return Predictions(
        sample_ids=rows["sample_id"].to_numpy(),
        groups=rows["group"].to_numpy(dtype=str),
        targets=to_matrix(known, classes),
        decided=to_matrix(decided, classes).astype(bool),
        scores=np.asarray(scores),
        classes=classes,
    )


def _stores_alike(classifier: PictureClassifier, packed: PackedDataset) -> bool:
    """Whether the packed pictures are those that it was trained on.

    Raises:
        UserError: Its card does not say how it stores pictures.
    """
    try:
        is_alike = classifier.storage == storage_of_card(packed.card)
        return is_alike and classifier.codec == codec_of_card(packed.card)
    except (KeyError, TypeError):
        raise UserError("its card does not say how it stores pictures") from None


def _score_files(
    classifier: PictureClassifier, rows: pd.DataFrame, params: Params
) -> tuple[list[list[str]], np.ndarray]:
    """Decided labels and (N, K) scores of test samples, from the pictures of the source."""
    source: Source = config.build(config.get_section(params, "source"), "source")
    manifest = artifacts.read_table(artifacts.MANIFEST, columns=["sample_id", "path"]).set_index("sample_id")
    paths = manifest.loc[rows["sample_id"], "path"].tolist()
    labels: list[list[str]] = []
    scores = []
    blocks = range(0, len(paths), BATCH)
    for start in track(blocks, len(blocks), "register: the champion on today's test part", "batches"):
        answers = classifier.classify([_read(classifier.read, source, one) for one in paths[start : start + BATCH]])
        labels += answers.labels
        scores.append(answers.scores)
    return labels, np.concatenate(scores)


def _read(read: Callable[[Any], np.ndarray], source: Source, path: str) -> np.ndarray:
    try:
        data: Any = source_of(source, path).open(path)  # bytes of every source that has files
        return read(data)
    except ItemRejected as refused:
        raise UserError(f"{path} cannot be read as it stores pictures ({refused})") from None
