"""Two processes train as one does: the same steps, nearly the same weights, one run, outputs written once."""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
import torch
import yaml
from mlflow import MlflowClient
from safetensors.torch import load_file
from train_choices import CHOICES

from pipeline.core import artifacts
from pipeline.training.checkpoints import Checkpoints
from pipeline.training.recipe import SECTIONS, Recipe, no_log

ROOT = Path(__file__).parents[2]
TOLERANCE = 1e-4  # of a figure: the sums over a batch are taken in another order, nothing else differs
OF_WEIGHTS = 5e-4  # AdamW divides by the size of a gradient, so one near 0 shows the order more
PATIENCE = 120.0  # seconds, on a busy machine
PARAMS = {
    "source": {"name": "made"},
    "task": {"_target_": "pipeline.training.tasks.single_label.SingleLabel", "label_smoothing": 0.1},
    "augmentation": {"shift": {"_target_": "pipeline.training.augmentations.shift.Shift", "max_fraction": 0.2}},
    "transform": {
        "_target_": "pipeline.models.transforms.normalise.Normalise",
        "image_size": 12,
        "mean": [0.5] * 3,
        "std": [0.5] * 3,
    },
    "encoder": {  # normalises by groups: batch normalisation sees no more than a share where there is no GPU
        "_target_": "pipeline.models.encoders.network.PretrainedNetwork",
        "architecture": "test_efficientnet_gn",
        "weights": "none",
    },
    "imbalance": "none",
    "sampling": {"_target_": "pipeline.training.samplings.shuffled.Shuffled"},
    "mix": {"_target_": "pipeline.training.mixes.unmixed.Unmixed"},
    "risk": {
        "_target_": "pipeline.training.risks.group_dro.GroupDro",
        "by": "attr_site",
        "num_bins": 2,
        "step_size": 0.1,
    },
    # the processes take 1 and 2 of a batch's 3 samples; two batches make a step
    "train": {
        "_target_": "pipeline.training.trainers.finetune.FineTune",
        **CHOICES,
        "batch_size": 3,
        "accumulation": 2,
        "learning_rate": 0.002,
        "ema_decay": 0.7,
        "checkpoint_seconds": 0,
    },
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("dvc"),  # for `forked`
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore:.*:pydantic.warnings.PydanticDeprecatedSince20"),
]


def write_inputs(folder, packed):
    (folder / artifacts.PACKED).mkdir(parents=True)
    np.save(folder / artifacts.PACKED / "images.npy", packed.images)
    artifacts.write_table(folder / artifacts.PACKED / "index.parquet", packed.index)
    artifacts.write_json(folder / artifacts.PACKED / "card.json", packed.card)
    (folder / "params.yaml").write_text(yaml.safe_dump(PARAMS))


# without --multi_gpu it launches one process; without a GPU both take the processor
ACCELERATE = ("accelerate.commands.launch", "--multi_gpu", "--num_processes=2", "--num_machines=1",
              "--mixed_precision=no", "--dynamo_backend=no", "--main_process_port=0")  # fmt: skip
TORCHRUN = ("torch.distributed.run", "--standalone", "--nproc-per-node=2")


@pytest.fixture
def alone(packed, empty_store, tmp_path):
    """The inputs in a folder; gives what one process makes of them."""
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    torch.set_num_threads(1)
    packed.index.loc[packed.index.index[[15]], "split"] = "test"  # 3 in val, so that the shares differ
    write_inputs(tmp_path, packed)
    return Recipe({name: PARAMS[name] for name in SECTIONS}).fit(packed, no_log)


@pytest.fixture
def launched(forked, tmp_path):
    """Runs a launcher; it and its processes are forked with their libraries imported."""
    kept = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    path = os.pathsep.join([*map(str, forked), str(Path(sys.executable).parent), kept["PATH"]])

    def launch(launcher):
        return subprocess.Popen(
            ["env", "python", "-m", *launcher, "-m", "pipeline.stages.train"],
            env={**kept, "PATH": path, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    return launch


def processes_in(folder):
    """All that run there: those that train are children of the process that forked them, not of the launcher."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            found += [process] if process.cwd() == str(folder) and process.pid != os.getpid() else []
    return found


def assert_as_alone(folder, alone):
    predictor, history = alone
    rows = pd.read_csv(folder / artifacts.TRAIN_CURVES)
    assert rows["learning_rate"].tolist() == [row["learning_rate"] for row in history]  # as many steps
    pd.testing.assert_frame_equal(rows, pd.DataFrame(history), atol=TOLERANCE, rtol=0)
    weights = load_file(folder / artifacts.PREDICTOR / "weights.safetensors")
    expected = predictor.network.state_dict()
    assert set(weights) == set(expected)
    for name, one in weights.items():
        torch.testing.assert_close(
            one, expected[name], atol=OF_WEIGHTS, rtol=0, msg=lambda told, name=name: f"{name}: {told}"
        )
    assert list((folder / ".checkpoints").iterdir()) == []


@pytest.mark.long
def test_two_processes_killed_go_on_and_train_as_one(alone, launched, tmp_path):
    """Begun by torchrun, ended by Accelerate's launcher, which sets the processes up in the same way."""
    first = launched(TORCHRUN)
    kept, deadline = tmp_path / ".checkpoints", time.monotonic() + PATIENCE
    while not list(kept.rglob("*.safetensors")) and first.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    running = processes_in(tmp_path)
    for process in running:
        with suppress(psutil.NoSuchProcess):  # it has ended by itself, since another was killed
            process.kill()
    _, errors = first.communicate(timeout=PATIENCE)
    _, alive = psutil.wait_procs(running, timeout=PATIENCE)
    assert alive == []
    assert len(running) >= 3  # the launcher and two that train
    assert first.returncode == -signal.SIGKILL, errors[-3000:]
    (folder,) = kept.iterdir()
    assert Checkpoints(folder, print).latest()[1]["made_by"]["num_processes"] == 2
    assert not (tmp_path / artifacts.PREDICTOR).exists()
    again = launched(ACCELERATE)
    output, errors = again.communicate(timeout=PATIENCE)
    assert again.returncode == 0, errors[-3000:]
    assert output.count("train: resuming at step ") == 1
    assert len([line for line in output.splitlines() if line.startswith("train  ")]) == 1  # one process reports
    assert_as_alone(tmp_path, alone)

    client = MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    (own,) = client.search_experiments(filter_string="name LIKE 'colibri%'")
    last, killed = client.search_runs([own.experiment_id])  # one of each launch
    assert (killed.info.status, last.info.status) == ("KILLED", "FINISHED")
    epochs = [one.step for one in client.get_metric_history(last.info.run_id, "val/loss")]
    assert epochs in ([1, 2, 3], [2, 3], [3])  # of those after the kill each once, by one process
