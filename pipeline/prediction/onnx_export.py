"""A trained network as ONNX: stored pictures in, scores out, with the preprocessing of training in the graph."""

from __future__ import annotations

import json
import logging
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.prediction.onnx_network import DISTANCE, INPUT, INSTALL, OUTPUT

if TYPE_CHECKING:
    from pipeline.prediction.classifier import PictureClassifier

NEEDED = ("onnx", "onnxscript")


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


def is_network(classifier: PictureClassifier) -> bool:
    """Whether the model is a network of torch, as `export_onnx` takes it."""
    from pipeline.training.trainers.clusters import ClusterPredictor
    from pipeline.training.trainers.network import NetworkPredictor

    return isinstance(classifier.predictor, NetworkPredictor | ClusterPredictor)


def outputs_of(classifier: PictureClassifier) -> list[str]:
    """The names of the outputs of the exported graph."""
    return [OUTPUT] if classifier.reference is None else [OUTPUT, DISTANCE]


def _make_module(classifier: PictureClassifier) -> Any:
    """The module from stored pictures to scores, and to distances where there are any; float32 on the processor.

    Raises:
        UserError: The model is no network of torch.
    """
    from copy import deepcopy

    import torch
    from torch import Tensor, nn

    from pipeline.training.trainers.network import predict_views

    predictor: Any = classifier.predictor
    if not is_network(classifier):
        raise UserError(
            "this model is an estimator of scikit-learn (on frozen features, or on properties), and only networks are "
            "exported to ONNX; train one with train=finetune, or serve this one with colibri serve"
        )

    reference = classifier.reference

    class StoredPicturesToScores(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = deepcopy(predictor.to_module())  # that of the predictor stays where it is
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
