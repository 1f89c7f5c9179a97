"""ONNX Runtime against torch on the same pictures: do both decide alike, and which one is faster?"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, final

import numpy as np

from pipeline.core.errors import UserError
from pipeline.core.feature_reference import predict_with_distances
from pipeline.core.progress import track
from pipeline.core.sample_codec import noun_of
from pipeline.prediction.onnx_network import OnnxNetwork
from pipeline.training import precision
from pipeline.training.trainers.network import NetworkPredictor

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject
    from pipeline.prediction.classifier import Answers, PictureClassifier

BLOCK = 64  # pictures compared at once
BATCHES = (1, 32)  # pictures at once, whose speed is measured
ROUNDS = 7
SECONDS = 0.1  # of a turn of one of both, at least


@final
@dataclass(frozen=True, kw_only=True)
class Parity:
    """How far ONNX Runtime is from torch on the same pictures.

    Attributes:
        num_pictures: Compared.
        largest_difference: Of a score, before calibration.
        num_same: Pictures with the same decision, abstention, prediction set and flag of what is far from train.
    """

    num_pictures: int
    largest_difference: float
    num_same: int


@final
@dataclass(frozen=True, kw_only=True)
class Speed:
    """Pictures a second from memory to scores, without decoding; medians of rounds in which both take turns.

    Attributes:
        batch: Pictures at once.
        onnx: By ONNX Runtime.
        torch: By torch, at the precision of the model.
    """

    batch: int
    onnx: float
    torch: float

    def to_json(self) -> JsonObject:
        """Three figures, the speeds with three digits."""
        return {"batch": self.batch, "onnx": float(f"{self.onnx:.3g}"), "torch": float(f"{self.torch:.3g}")}


def load_network(classifier: PictureClassifier, path: Path) -> OnnxNetwork:
    """The exported network of a classifier, with as many threads as torch has.

    Raises:
        UserError: As `OnnxNetwork.load`, or it gives other outputs than the classifier needs.
    """
    import torch

    network = OnnxNetwork.load(path, torch.get_num_threads())
    if (classifier.reference is not None) != (len(network.outputs) == 2):
        raise UserError(f"{path} is of another policy than the model; write it with colibri export")
    return network


def compare_with_torch(
    classifier: PictureClassifier, network: OnnxNetwork, images: np.ndarray, rows: np.ndarray | None = None
) -> Parity:
    """The scores and decisions of ONNX Runtime and those of torch.

    Args:
        classifier: That was exported.
        network: What was exported.
        images: (M, size, size, C) uint8, in memory or on the disk.
        rows: (N,) positions of those that are compared, at least one; None takes all.
    """
    rows = np.arange(len(images)) if rows is None else rows
    largest, num_same = 0.0, 0
    starts = range(0, len(rows), BLOCK)
    for start in track(starts, len(starts), "compare ONNX Runtime with torch", "batches"):
        pictures = np.asarray(images[rows[start : start + BLOCK]])
        theirs, their_distances = network.predict(pictures)
        ours, our_distances = predict_with_distances(classifier.predictor, pictures, classifier.reference)
        largest = max(largest, float(np.abs(theirs - ours).max()))
        decided = (classifier.decide(theirs, their_distances), classifier.decide(ours, our_distances))
        num_same += _count_same(*decided)
    return Parity(num_pictures=len(rows), largest_difference=largest, num_same=num_same)


def describe_difference(classifier: PictureClassifier, parity: Parity) -> str:
    """For how many pictures ONNX Runtime decides otherwise, and why that may be; empty where there is none."""
    others = parity.num_pictures - parity.num_same
    if not others:
        return ""
    by = classifier.predictor
    is_half = isinstance(by, NetworkPredictor) and precision.resolve(by.precision, by.device) == "bf16"
    why = ", since torch computes it in bf16 here (train.precision=fp32 trains one without)" if is_half else ""
    samples = f"{parity.num_pictures:,} {noun_of(classifier.codec.media)}s"
    return f"ONNX Runtime decides otherwise for {others:,} of {samples}{why}"


def measure_speeds(classifier: PictureClassifier, network: OnnxNetwork, pictures: np.ndarray) -> list[Speed]:
    """The speed of both on this machine, one picture at a time and 32 at a time, in a few seconds.

    Args:
        classifier: That was exported.
        network: What was exported.
        pictures: (N, size, size, C) uint8, at least one; they are repeated where there are fewer than a batch.
    """
    found = []
    for batch in BATCHES:
        stacked = np.resize(pictures, (batch, *pictures.shape[1:]))

        def by_onnx(stacked: np.ndarray = stacked) -> object:
            return network.predict(stacked)

        def by_torch(stacked: np.ndarray = stacked) -> object:
            return predict_with_distances(classifier.predictor, stacked, classifier.reference)

        by_onnx(), by_torch()  # the first calls compile and allocate
        rounds = [(_calls_a_second(by_onnx), _calls_a_second(by_torch)) for _ in range(ROUNDS)]
        onnx, torch = (batch * median(one) for one in zip(*rounds, strict=True))
        found.append(Speed(batch=batch, onnx=onnx, torch=torch))
    return found


def _calls_a_second(call: Callable[[], object]) -> float:
    """Of as many calls as `SECONDS` holds, at least one."""
    started, number = time.perf_counter(), 0
    while (passed := time.perf_counter() - started) < SECONDS or not number:
        call()
        number += 1
    return number / passed


def _count_same(theirs: Answers, ours: Answers) -> int:
    """Pictures with the same labels, abstention, prediction set and flag of what is far from train."""
    same = np.array([one == other for one, other in zip(theirs.labels, ours.labels, strict=True)], dtype=bool)
    if theirs.abstains is not None and ours.abstains is not None:
        same &= theirs.abstains == ours.abstains
    if theirs.sets is not None and ours.sets is not None:
        same &= [one == other for one, other in zip(theirs.sets, ours.sets, strict=True)]
    if theirs.out_of_distribution is not None and ours.out_of_distribution is not None:
        same &= (theirs.out_of_distribution > 1) == (ours.out_of_distribution > 1)
    return int(same.sum())
