"""One MLflow store per test process: a fresh database takes seconds to make, so the tests use keys of their own."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.core import artifacts
from pipeline.models.encoders.small import Small
from pipeline.models.transforms.normalise import Normalise
from pipeline.tracking import connection as module
from pipeline.tracking.experiments import open_experiment
from pipeline.training.tasks.single_label import SingleLabel
from pipeline.training.trainers.network import Classifier, NetworkPredictor


def point_at(monkeypatch, folder):
    """Makes `folder` the main checkout; what MLflow and connect() set in the environment is taken back."""
    monkeypatch.setenv("DVC_ROOT", str(folder))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
    for key, value in module.QUIET.items():
        monkeypatch.setenv(key, value)


@pytest.fixture(scope="session")
def store_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkout")
    with pytest.MonkeyPatch.context() as monkeypatch, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The ``noload`` loader strategy is deprecated", DeprecationWarning)
        point_at(monkeypatch, folder)
        open_experiment(module.connect()[0], None)
    torch.set_num_threads(1)  # two test processes on two cores must not fight over them
    return folder


@pytest.fixture
def store(store_folder, monkeypatch):
    """The folder with mlflow.db and mlruns/, in use for this test."""
    point_at(monkeypatch, store_folder)
    return store_folder


@pytest.fixture
def client(store):
    return module.connect()[0]


@pytest.fixture(scope="session")
def predictor():
    """Knows three classes of 16-pixel grey pictures, from random weights."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = Classifier(Small(width=2), 3, dropout=0.0)
        network.train()
        network(torch.rand(8, 3, 16, 16))
        network.head.weight.data *= 20  # so that scores differ from picture to picture
    transform = Normalise(image_size=16, mean=[0.5] * 3, std=[0.5] * 3)
    return NetworkPredictor(network, SingleLabel(label_smoothing=0.0), transform, ["identity"], "fp32")


@pytest.fixture(scope="session")
def predictor_folder(predictor, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("predictor")
    transform = {"_target_": "pipeline.models.transforms.normalise.Normalise", "image_size": 16}
    card = {
        **predictor.save(folder),
        "classes": ["ant", "bee", "fly"],
        "encoder": {"_target_": "pipeline.models.encoders.small.Small", "width": 2},
        "task": {"_target_": "pipeline.training.tasks.single_label.SingleLabel", "label_smoothing": 0.0},
        "transform": {**transform, "mean": [0.5] * 3, "std": [0.5] * 3},
        "packing": {"size": 16, "fit": "crop", "channels": 1, "max_pixels": 10_000},
    }
    artifacts.write_json(folder / "card.json", card)
    return folder


@pytest.fixture(scope="session")
def pictures():
    """Three grey pictures of the stored size, dark to bright."""
    noise = np.random.default_rng(0).integers(-40, 40, (3, 16, 16))
    return np.clip(noise + np.array([60, 120, 190])[:, None, None], 0, 255).astype(np.uint8)
