"""A folder in which a search of seconds can run."""

import shutil
import warnings
from pathlib import Path

import pytest
import torch
from picture_folder import TINY
from search_examples import lock, pack, write_search

from benchmarks.checkout import write_experiment
from pipeline.tracking.connection import QUIET, connect

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def store_folder(tmp_path_factory, empty_store):
    """One MLflow store for all tests here."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copy(empty_store, folder / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The ``noload`` loader strategy is deprecated", DeprecationWarning)
        patch.setenv("DVC_ROOT", str(folder))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        connect()
    return folder


@pytest.fixture
def store(store_folder, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(store_folder))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    for key, value in QUIET.items():
        monkeypatch.setenv(key, value)
    torch.set_num_threads(1)
    return connect()[0]


@pytest.fixture
def searchable(project, store):
    """The folder; `conf/tune/quick.yaml` starts from `conf/experiment/tiny.yaml`, two epochs of the small encoder."""
    shutil.copytree(ROOT / "conf", project / "conf")
    write_experiment(project / "conf", "tiny", [*TINY, "train.epochs=2", "train.precision=fp32"])
    write_search()
    pack()
    lock()
    return project
