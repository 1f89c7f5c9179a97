"""Two processes train as one does: the same steps, nearly the same weights, one run, outputs written once."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from mlflow import MlflowClient
from safetensors.torch import load_file
from train_choices import CHOICES

from pipeline.core import files
from pipeline.stages.train import SECTIONS, Recipe, silent

ROOT = Path(__file__).parents[2]
TOLERANCE = 1e-4  # of a weight or figure: the sums over a batch are taken in another order, nothing else differs
PARAMS = {
    "source": {"name": "made"},
    "task": {"_target_": "pipeline.tasks.single_label.SingleLabel", "label_smoothing": 0.1},
    "augmentation": {"shift": {"_target_": "pipeline.augmentations.shift.Shift", "max_fraction": 0.2}},
    "transform": {
        "_target_": "pipeline.transforms.normalise.Normalise",
        "size": 12,
        "mean": [0.5] * 3,
        "std": [0.5] * 3,
    },
    "encoder": {  # normalises by groups: batch normalisation sees no more than a share where there is no GPU
        "_target_": "pipeline.encoders.network.Network",
        "architecture": "test_efficientnet_gn",
        "weights": "none",
    },
    "imbalance": {"candidates": {"none": {}}},
    "sampling": {"_target_": "pipeline.samplings.shuffled.Shuffled"},
    "mixture": {"_target_": "pipeline.mixtures.unmixed.Unmixed"},
    "risk": {"_target_": "pipeline.risks.group_dro.GroupDro", "by": "attr_site", "num_bins": 2, "step_size": 0.1},
    # the processes take 1 and 2 of a batch's 3 samples; two batches make a step
    "train": {
        "_target_": "pipeline.trainers.finetune.FineTune",
        **CHOICES,
        "batch_size": 3,
        "accumulation": 2,
        "learning_rate": 0.002,
        "ema_decay": 0.7,
        "checkpoint_seconds": 0,
    },
    "beside": None,
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore:.*:pydantic.warnings.PydanticDeprecatedSince20"),
]


def write_inputs(folder, packed):
    (folder / files.PACKED).mkdir(parents=True)
    np.save(folder / files.PACKED / "images.npy", packed.images)
    files.write_table(folder / files.PACKED / "index.parquet", packed.index)
    files.write_json(folder / files.PACKED / "card.json", packed.card)
    (folder / "params.yaml").write_text(yaml.safe_dump(PARAMS))


def test_two_processes_train_as_one(packed, tmp_path, monkeypatch):
    torch.set_num_threads(1)
    packed.index.loc[packed.index.index[[15]], "split"] = "test"  # 3 in val, so that the shares differ
    write_inputs(tmp_path, packed)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    kept = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    together = subprocess.Popen(
        [*command, "-m", "pipeline.stages.train"],
        env={**kept, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    predictor, history = Recipe({name: PARAMS[name] for name in SECTIONS}).fit(packed, silent)
    output, errors = together.communicate(timeout=300)
    assert together.returncode == 0, errors[-3000:]
    assert output.count("train: ") == 1

    rows = pd.read_csv(tmp_path / files.TRAIN_CURVES)
    assert rows["learning_rate"].tolist() == [row["learning_rate"] for row in history]  # as many steps
    pd.testing.assert_frame_equal(rows, pd.DataFrame(history), atol=TOLERANCE, rtol=0)
    weights = load_file(tmp_path / files.PREDICTOR / "weights.safetensors")
    expected = predictor.network.state_dict()
    assert set(weights) == set(expected)
    for name, one in weights.items():
        torch.testing.assert_close(one, expected[name], atol=TOLERANCE, rtol=0, msg=name)

    client = MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    (run,) = client.search_runs([client.get_experiment_by_name("colibri").experiment_id])
    assert run.info.status == "FINISHED"
    assert len(client.get_metric_history(run.info.run_id, "val/loss")) == 3
    assert list((tmp_path / ".checkpoints").iterdir()) == []
