"""Small data that many tests share; nothing here needs the network, a GPU or an optional package."""

from __future__ import annotations

import gc
import hashlib
import io
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from composed_once import parse_once, remember
from filelock import FileLock
from forked_python import forked_python
from hypothesis import settings
from longest_first import sort_items
from PIL import Image

from pipeline.core import config as choices
from pipeline.core.parallel import num_workers

os.environ.setdefault("OMP_NUM_THREADS", "1")  # torch in two test processes would fight over the cores

settings.register_profile("colibri", deadline=None, derandomize=True, database=None, max_examples=60)
settings.register_profile("quick", settings.get_profile("colibri"), max_examples=20)  # make fast; make test takes all
settings.load_profile("colibri")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Processes of `-n auto`: one more than cores with the slow tests, since those of DVC wait for others.

    The fast ones wait for nobody, and each process imports every library and test: 20 seconds of a core.
    """
    return num_workers() + ("not slow" not in config.getoption("markexpr"))


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """The argument's name for bytes and long texts: an archive holds the time, so its bytes name no test twice."""
    is_clumsy = isinstance(val, bytes) or (isinstance(val, str) and len(val) > 120)
    return argname if is_clumsy else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("loadgroup", False):  # in a process of xdist; alone, a module's fixtures are built once
        items[:] = sort_items(items)


def pytest_collection_finish() -> None:
    gc.freeze()  # libraries and 7,000 tests, which every later collection would look through


@pytest.fixture(autouse=True, scope="session")
def composed_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The same conf/ with the same overrides is composed once, in one of the processes."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "composed"
    folder.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(choices, "compose", remember(choices.compose, folder))
        patch.setattr(yaml, "load", parse_once(yaml.load))
        yield


@pytest.fixture(scope="session")
def forked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, ...]]:
    """Folders for the front of PATH, whose `python` starts in no time: of the tests in the group `dvc`, on Linux."""
    if not sys.platform.startswith("linux"):
        yield ()
        return
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with forked_python(tmp_path_factory.mktemp("forked"), environment) as folder:
        yield (folder,)


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's database as MLflow makes it, before the first experiment; copied where none is to be made anew.

    MLflow takes 5 seconds to make one: it begins with the tables of its first version and migrates them to today's.
    """
    own = tmp_path_factory.getbasetemp()
    path = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "empty_store.db"
    with FileLock(f"{path}.lock"):
        if not path.exists():
            from mlflow.store.db.utils import _initialize_tables
            from sqlalchemy import create_engine

            engine = create_engine(f"sqlite:///{path}.made")
            _initialize_tables(engine)
            engine.dispose()
            Path(f"{path}.made").rename(path)
    return path


@pytest.fixture(autouse=True)
def outside_dvc(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test is taken for a stage that DVC runs, also when DVC runs the tests."""
    for name in ("DVC_STAGE", "DVC_EXP_NAME"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the current one, so that data/ and reports/ are written there."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="session")
def noise() -> Callable[..., np.ndarray]:
    """(height, width, 3) uint8 of random pixels, or (height, width) for one channel."""

    def build(seed: int = 0, height: int = 24, width: int = 32, channels: int = 3) -> np.ndarray:
        shape = (height, width, channels) if channels > 1 else (height, width)
        return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)

    return build


@pytest.fixture(scope="session")
def encode() -> Callable[..., bytes]:
    """The bytes of a picture file."""

    def build(picture: np.ndarray | Image.Image, kind: str = "PNG", **options: Any) -> bytes:
        buffer = io.BytesIO()
        image = Image.fromarray(picture) if isinstance(picture, np.ndarray) else picture
        image.save(buffer, kind, **options)
        return buffer.getvalue()

    return build


@pytest.fixture
def picture_folder(tmp_path: Path, noise: Callable[..., np.ndarray], encode: Callable[..., bytes]) -> Path:
    """Four pictures each of cats and dogs: cat/0.png to dog/3.png."""
    root = tmp_path / "pictures"
    for seed, (label, number) in enumerate((label, number) for label in ("cat", "dog") for number in range(4)):
        (root / label).mkdir(parents=True, exist_ok=True)
        (root / label / f"{number}.png").write_bytes(encode(noise(seed)))
    return root


@pytest.fixture(scope="session")
def make_manifest() -> Callable[..., pd.DataFrame]:
    """Manifest rows s00, s01, ... with the given labels; no groups, and hashes far apart, unless given.

    `labels` holds strings (one label) or lists of strings; other columns are sequences as long.
    """

    def build(labels: Any, **columns: Any) -> pd.DataFrame:
        names = [f"s{position:02d}" for position in range(len(labels))]
        drawn = [hashlib.sha256(name.encode()).hexdigest() for name in names]
        told = {
            "sample_id": names,
            "labels": [[one] if isinstance(one, str) else list(one) for one in labels],
            "group": None,
            "content_hash": [one[:32] for one in drawn],
            "perceptual_hash": [one[-16:] for one in drawn],
            **columns,
        }
        return pd.DataFrame(told)

    return build
