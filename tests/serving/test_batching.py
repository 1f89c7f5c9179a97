"""Pictures of several requests share a batch; order, models and the queue's limit."""

import threading

import numpy as np
import pytest

from pipeline.prediction.classifier import Answers
from pipeline.serving.batching import Batcher
from pipeline.serving.limits import Limits, Refusal
from pipeline.serving.served_model import ServedModel


class Recorder:
    """A classifier that says what it was given, and waits for a sign."""

    def __init__(self, factor=1):
        self.batches, self.factor, self.goes = [], factor, threading.Event()

    def classify(self, pictures):
        self.goes.wait(10)
        values = [int(one[0]) for one in pictures]
        self.batches.append(values)
        return Answers(
            labels=[[str(one * self.factor)] for one in values],
            scores=np.array([[one] for one in values], dtype=float),
            abstains=np.array([one % 2 == 1 for one in values]),
            sets=None,
        )


def model_of(classifier):
    return ServedModel(name="m", version="1", title="m", classifier=classifier)


def submit(batcher, model, values):
    batcher.expect(len(values))
    return [batcher.submit(model, np.array([one])) for one in values]


def test_what_waits_is_classified_together_and_each_gets_its_own():
    sizes = []
    batcher = Batcher(Limits(batch=4, wait_ms=1), lambda size, seconds: sizes.append(size))
    classifier = Recorder()
    first = submit(batcher, model_of(classifier), [0])  # goes alone, and holds the thread
    others = submit(batcher, model_of(classifier), range(1, 8))
    classifier.goes.set()
    found = [one.result(10) for one in first + others]
    batcher.close()
    assert [one.labels for one in found] == [[[str(value)]] for value in range(8)]
    assert [one.abstains.tolist() for one in found] == [[value % 2 == 1] for value in range(8)]
    assert [value for batch in classifier.batches for value in batch] == list(range(8))
    assert max(map(len, classifier.batches)) == 4
    assert batcher.num_expected == 0


def test_who_has_an_answer_waits_for_none():
    batcher, classifier, seen = Batcher(Limits(batch=4, wait_ms=1)), Recorder(), []
    (answer,) = submit(batcher, model_of(classifier), [0])
    answer.add_done_callback(lambda _: seen.append(batcher.num_expected))
    classifier.goes.set()
    batcher.close()
    assert seen == [0]


def test_a_batch_has_pictures_of_one_model_and_close_answers_all():
    old, new = Recorder(1), Recorder(10)
    batcher = Batcher(Limits(batch=8, wait_ms=1))
    models = model_of(old), model_of(new)
    waiting = submit(batcher, models[0], [1]) + submit(batcher, models[0], [2]) + submit(batcher, models[1], [3, 4])
    old.goes.set()
    new.goes.set()
    batcher.close()
    assert [one.result(0).labels[0][0] for one in waiting] == ["1", "2", "30", "40"]
    assert [value for batch in old.batches for value in batch] == [1, 2]


def test_too_many_are_refused_and_a_cancelled_one_is_left_out():
    classifier = Recorder()
    batcher = Batcher(Limits(requests=3, pictures=2, batch=1, wait_ms=0))
    model = model_of(classifier)
    waiting = submit(batcher, model, [1, 2, 3])
    with pytest.raises(Refusal, match="3 pictures are waiting") as refused:
        batcher.expect(1)
    assert refused.value.headers == {"Retry-After": "1"}
    assert waiting[2].cancel()
    classifier.goes.set()
    batcher.close()
    assert classifier.batches == [[1], [2]]
    assert batcher.num_expected == 0


def test_an_error_reaches_those_who_wait_and_the_thread_goes_on():
    classifier = Recorder()
    batcher = Batcher(Limits(batch=1))
    classifier.goes.set()
    (bad,) = submit(batcher, model_of(None), [1])
    with pytest.raises(AttributeError, match="classify"):
        bad.result(10)
    (good,) = submit(batcher, model_of(classifier), [4])
    assert good.result(10).labels == [["4"]]
    batcher.close()
