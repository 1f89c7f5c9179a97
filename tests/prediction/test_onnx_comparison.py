"""Whether ONNX Runtime and torch decide alike, and how fast both are."""

from dataclasses import replace

import numpy as np
import pytest
from policy_examples import make_policy
from trained_model import make_pictures

from pipeline.core.errors import UserError
from pipeline.prediction import onnx_comparison
from pipeline.prediction.onnx_comparison import (
    Parity,
    Speed,
    compare_with_torch,
    describe_difference,
    load_network,
    measure_speeds,
)

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")
pytestmark = pytest.mark.xdist_group("onnx")


def test_decisions_are_counted(exported, classifier):
    model, path = exported
    pictures, network = make_pictures(100)[..., None], load_network(model, path)
    parity = compare_with_torch(model, network, pictures)
    assert (parity.num_pictures, parity.num_same) == (100, 100)
    assert 0 <= parity.largest_difference < 1e-5
    other = compare_with_torch(classifier, network, pictures)  # with one view
    assert other.largest_difference > 1e-3
    assert other.num_same < 100


def test_only_some_rows_are_compared(exported, classifier):
    model, path = exported
    pictures, network = make_pictures(100)[..., None], load_network(model, path)
    rows = np.arange(20, 100)
    parity = compare_with_torch(classifier, network, pictures, rows)
    assert parity == compare_with_torch(classifier, network, pictures[20:])
    assert parity.num_pictures == 80


def test_what_the_policy_says_is_compared(exported, classifier):
    model, path = exported
    pictures, network = make_pictures(100)[..., None], load_network(model, path)
    confidence = float(np.median(classifier.predictor.predict(pictures).max(axis=1)))
    strict = replace(classifier, policy=make_policy(3, abstention="confidence", min_confidence=confidence))
    by_class = compare_with_torch(classifier, network, pictures).num_same
    assert compare_with_torch(strict, network, pictures).num_same < by_class


def test_both_take_turns(exported, monkeypatch):
    model, path = exported
    clock = iter(range(10**6))  # each look at it is a second later, so a turn holds one call in two seconds
    monkeypatch.setattr(onnx_comparison.time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(onnx_comparison, "SECONDS", 1.5)
    speeds = measure_speeds(model, load_network(model, path), make_pictures(3)[..., None])
    assert speeds == [Speed(batch=1, onnx=0.5, torch=0.5), Speed(batch=32, onnx=16.0, torch=16.0)]
    assert Speed(batch=1, onnx=267.49, torch=79.96).to_json() == {"batch": 1, "onnx": 267.0, "torch": 80.0}


def test_a_file_of_another_policy(exported):
    model, path = exported
    with pytest.raises(UserError, match=r"model\.onnx is of another policy than the model; write it with colibri exp"):
        load_network(replace(model, reference=object()), path)


def test_what_differs_is_said_with_the_reason(classifier, monkeypatch):
    parity = Parity(num_pictures=1372, largest_difference=0.11, num_same=1369)
    assert describe_difference(classifier, parity) == "ONNX Runtime decides otherwise for 3 of 1,372 pictures"
    assert describe_difference(classifier, replace(parity, num_same=1372)) == ""
    monkeypatch.setattr(classifier.predictor, "precision", "bf16")
    assert describe_difference(classifier, parity).endswith(
        "for 3 of 1,372 pictures, since torch computes it in bf16 here (train.precision=fp32 trains one without)"
    )
