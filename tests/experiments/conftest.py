"""A folder in which a search of seconds can run."""

import shutil
import warnings
from pathlib import Path

import pytest
import torch
import yaml
from picture_folder import TINY
from search_examples import lock, pack, write_search

from pipeline.core.tracking.store import QUIET, connect

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def store_folder(tmp_path_factory):
    """One MLflow store for all tests here: a fresh database takes seconds to make."""
    folder = tmp_path_factory.mktemp("checkout")
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
    groups, values = ["# @package _global_", "defaults:"], {}
    for override in [*TINY, "train.epochs=2", "train.precision=fp32"]:
        key, _, value = override.partition("=")
        if (ROOT / "conf" / key).is_dir():
            groups.append(f"  - override /{key}: {value}")
        else:
            section, _, last = key.rpartition(".")
            inner = values
            for part in section.split("."):
                inner = inner.setdefault(part, {})
            inner[last] = yaml.safe_load(value)
    (project / "conf/experiment/tiny.yaml").write_text("\n".join([*groups, "", yaml.safe_dump(values)]))
    write_search()
    pack()
    lock()
    return project
