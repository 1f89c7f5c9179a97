"""A predictor behind encoded pictures."""

import numpy as np
import pytest
from trained_model import CLASSES, make_pictures

from pipeline.core.errors import ItemRejected, UserError
from pipeline.prediction.classifier import PictureClassifier


def test_scores_are_those_of_the_predictor(classifier, encode):
    pictures = make_pictures(5)
    answers = classifier.classify([classifier.read(encode(one)) for one in pictures])
    decided, scores = answers.labels, answers.scores
    np.testing.assert_array_equal(scores, classifier.predictor.predict(pictures[..., None]))
    assert decided == [[CLASSES[one]] for one in scores.argmax(axis=1)]
    assert len({one for (one,) in decided}) > 1
    assert (classifier.classes, classifier.exclusive, classifier.storage.size) == (CLASSES, True, 16)


def test_no_picture(classifier):
    answers = classifier.classify([])
    assert (answers.labels, answers.scores.shape) == ([], (0, 3))


def test_a_file_that_is_no_picture(classifier):
    with pytest.raises(ItemRejected, match=r"^not_a_picture: starts with b'hello'"):
        classifier.read(b"hello")


def test_no_model(project):
    with pytest.raises(UserError, match=r"data/predictor/card.json does not exist"):
        PictureClassifier.load(project / "data/predictor")
