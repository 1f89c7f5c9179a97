"""A trained network as ONNX: stored pictures in, scores out, with the preprocessing of training in the graph."""

from __future__ import annotations

import json
import logging
import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.feature_reference import predict_with_distances

if TYPE_CHECKING:
    from pipeline.prediction.classifier import Answers, PictureClassifier

INPUT, OUTPUT, DISTANCE = "pictures", "scores", "distance"
NEEDED = ("onnx", "onnxscript")
INSTALL = "install Colibri's extra: uv pip install 'colibri[onnx]' (in the project: uv pip install -e '.[onnx]')"


@final
@dataclass(frozen=True, kw_only=True)
class Parity:
    """How far ONNX Runtime is from torch on the same pictures.

    Attributes:
        num_pictures: Compared.
        largest_difference: Of a score.
        num_same: Pictures with the same decision, abstention and prediction set.
    """

    num_pictures: int
    largest_difference: float
    num_same: int


def export_onnx(classifier: PictureClassifier, path: Path) -> None:
    """Writes the network of a classifier, with its transform and its views, to one file.

    The graph takes `pictures`, (N, size, size, C) uint8 as `PictureClassifier.read` returns them, and gives `scores`,
    (N, K) float32 in [0, 1], before calibration. Where the policy flags what is far from train there is a second
    output, `distance`, (N,) float32. The file's metadata hold as JSON `classes`, `packing` (size, fit and channels),
    and what decides: `task` and, where there is one, `policy`.

    Raises:
        UserError: The model is no network of torch, or a package is missing.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise UserError(f"ONNX needs the package {missing[0]!r}, which is not installed; {INSTALL}")
    import onnx
    import torch

    module = _make_module(classifier)
    shape = classifier.storage.shape
    example = torch.zeros((2, *shape), dtype=torch.uint8)
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        logging.getLogger("onnxscript").setLevel(logging.ERROR)
        program: Any = torch.onnx.export(
            module,
            (example,),
            input_names=[INPUT],
            output_names=outputs_of(classifier),
            dynamic_shapes=({0: torch.export.Dim("number", min=1, max=2**20)},),
            dynamo=True,
            verbose=False,
        )
    model = program.model_proto
    card = classifier.card
    facts = {name: card[name] for name in ("classes", "packing", "task")}
    if classifier.policy is not None:
        facts["policy"] = classifier.policy.to_json()
    onnx.helper.set_model_props(model, {name: json.dumps(value) for name, value in facts.items()})
    onnx.checker.check_model(model)
    with artifacts.atomic_write(path) as temporary:
        onnx.save(model, str(temporary))


def compare_with_torch(classifier: PictureClassifier, path: Path, pictures: np.ndarray) -> Parity | None:
    """The scores and decisions of the file and those of torch; None where onnxruntime is not installed.

    Args:
        classifier: That was exported.
        path: Of the ONNX file.
        pictures: (N, size, size, C) uint8, at least one.
    """
    if find_spec("onnxruntime") is None:
        return None
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    blocks = [pictures[start : start + 64] for start in range(0, len(pictures), 64)]
    parts = [session.run(outputs_of(classifier), {INPUT: block}) for block in blocks]
    theirs, *distances = (np.concatenate(one) for one in zip(*parts, strict=True))
    ours, our_distances = predict_with_distances(classifier.predictor, pictures, classifier.reference)
    num_same = _count_same(
        classifier.decide(theirs, distances[0] if distances else None), classifier.decide(ours, our_distances)
    )
    largest = float(np.abs(theirs - ours).max())
    return Parity(num_pictures=len(pictures), largest_difference=largest, num_same=num_same)


def outputs_of(classifier: PictureClassifier) -> list[str]:
    """The names of the outputs of the exported graph."""
    return [OUTPUT] if classifier.reference is None else [OUTPUT, DISTANCE]


def _count_same(theirs: Answers, ours: Answers) -> int:
    """Pictures with the same labels, abstention and prediction set."""
    same = np.array([one == other for one, other in zip(theirs.labels, ours.labels, strict=True)], dtype=bool)
    if theirs.abstains is not None and ours.abstains is not None:
        same &= theirs.abstains == ours.abstains
    if theirs.sets is not None and ours.sets is not None:
        same &= [one == other for one, other in zip(theirs.sets, ours.sets, strict=True)]
    return int(same.sum())


def _make_module(classifier: PictureClassifier) -> Any:
    """The module from stored pictures to scores, and to distances where there are any; float32 on the processor.

    Raises:
        UserError: The model is no network of torch.
    """
    from copy import deepcopy

    import torch
    from torch import Tensor, nn

    from pipeline.training.trainers.network import NetworkPredictor, predict_views

    predictor: Any = classifier.predictor
    if not isinstance(predictor, NetworkPredictor):
        raise UserError(
            "this model is an estimator of scikit-learn (on frozen features, or on properties), and only networks are "
            "exported to ONNX; train one with train=finetune, or serve this one with colibri serve"
        )

    reference = classifier.reference

    class StoredPicturesToScores(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = deepcopy(predictor.network)  # that of the predictor stays where it is
            for name, array in ({} if reference is None else reference.fitted).items():
                self.register_buffer(name, torch.from_numpy(array))

        def forward(self, pictures: Tensor) -> Any:
            batch = predictor.transform(pictures.movedim(-1, 1))
            scores, features = predict_views(self.network, predictor.task, predictor.views, batch)
            if reference is None:
                return scores
            fitted = {name: self.get_buffer(name) for name in reference.fitted}
            return scores, reference.distance.measure(features, fitted)

    return StoredPicturesToScores().cpu().float().eval()
