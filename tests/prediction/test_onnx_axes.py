"""Networks of three axes are exported too, and give the scores of torch."""

import numpy as np
import pytest
import torch
from clip_model import PACKING
from trained_model import save_predictor

from pipeline.core import config
from pipeline.core.axes import to_tensor
from pipeline.models.transforms.normalise import Normalise
from pipeline.prediction.classifier import PictureClassifier
from pipeline.prediction.onnx_comparison import compare_with_torch, load_network
from pipeline.prediction.onnx_export import export_onnx
from pipeline.training.tasks.single_label import SingleLabel
from pipeline.training.trainers.network import Classifier, NetworkPredictor

for package in ("onnx", "onnxruntime", "onnxscript"):
    pytest.importorskip(package)
pytestmark = [
    pytest.mark.long,  # two exports; those of pictures are in test_onnx_export
    pytest.mark.xdist_group("onnx"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),  # torch's, when it exports
]
NETWORKS = "pipeline.models.encoders"
SMALL = {"_target_": f"{NETWORKS}.small.Small", "width": 2}
ENCODERS = {
    "conv3d_small": {"_target_": f"{NETWORKS}.conv3d_small.Conv3dSmall", "width": 2},
    "frame_lstm": {
        "_target_": f"{NETWORKS}.frame_recurrent.FrameRecurrent",
        "frame_encoder": SMALL,
        "cell": "lstm",
        "hidden_size": 4,
    },
}


@pytest.mark.parametrize("name", ENCODERS)
def test_clips_have_the_scores_of_torch(tmp_path, name):
    transform = Normalise(image_size=16, mean=[0.5] * 3, std=[0.5] * 3)
    clips = np.random.default_rng(0).integers(0, 256, (9, PACKING["media"]["num_frames"], 16, 16, 3), dtype=np.uint8)
    clips[::3] //= 4
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = Classifier(config.build(ENCODERS[name], "encoder"), 3, dropout=0.0).eval()
        with torch.no_grad():  # so that the classes decided differ
            network.head.weight *= 20
            network.head.bias -= network(transform(to_tensor(clips))).mean(dim=0)
    predictor = NetworkPredictor(network, SingleLabel(label_smoothing=0.0), transform, ["identity"], "fp32")
    folder = save_predictor(predictor, tmp_path / "model", encoder=ENCODERS[name], packing=PACKING)
    classifier = PictureClassifier.load(folder)
    export_onnx(classifier, tmp_path / "m.onnx")
    found = compare_with_torch(classifier, load_network(classifier, tmp_path / "m.onnx"), clips)
    assert (found.num_pictures, found.num_same) == (9, 9)
    assert found.largest_difference < 1e-5
    assert np.ptp(classifier.predictor.predict(clips), axis=0).max() > 0.01
