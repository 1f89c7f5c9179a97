"""Two processes pretrain as one does: pictures of both are compared with each other, and teachers are the same."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from pretraining_examples import make_packed
from safetensors.torch import load_file
from torch import nn

from pipeline.core.objective_contracts import Pretext
from pipeline.models.transforms.normalise import Normalise
from pipeline.training.augmentations.resized_crop import ResizedCrop
from pipeline.training.objectives.byol import Byol
from pipeline.training.objectives.dino import Dino
from pipeline.training.objectives.pairwise import Pairwise
from pipeline.training.objectives.simclr import SimClr
from pipeline.training.objectives.triplet import Triplet
from pipeline.training.pretraining import Pretraining
from pipeline.training.view_dataset import make_view_dataset

ROOT = Path(__file__).parents[2]
TOLERANCE = 1e-4  # of a loss: the sums over a batch are taken in another order, nothing else differs
OF_WEIGHTS = 5e-4  # AdamW divides by the size of a gradient, so one near 0 shows the order more
VIEWS = (ResizedCrop(min_area=0.3, max_stretch=1.33),)


class WithoutBatchNorm(Pretext):
    """A contrastive pretext whose projection does not normalise by the batch."""

    num_views = 2

    def __init__(self, pretext):
        self.pretext, self.positives = pretext, pretext.positives

    def objective(self, encoder, shape):
        objective = self.pretext.objective(encoder, shape)
        assert isinstance(objective.network.head[1], nn.BatchNorm1d)
        objective.network.head[1] = nn.Identity()
        return objective

    def make_rows(self, *arguments):
        return self.pretext.make_rows(*arguments)


PRETEXTS = {  # batch normalisation sees no more than a share where there is no GPU
    "byol": Byol(decay=0.9, projection_dim=8, predictor=True, batch_norm=False, positives="view"),
    "dino": Dino(
        num_prototypes=12, projection_dim=8, decay=0.9, student_temperature=0.1, teacher_temperature=0.04,
        centre_decay=0.9, batch_norm=False, positives="view",
    ),
    "simclr": WithoutBatchNorm(SimClr(temperature=0.5, projection_dim=8, positives="view")),
    "supcon": WithoutBatchNorm(SimClr(temperature=0.5, projection_dim=8, positives="class")),
    "pairwise": WithoutBatchNorm(Pairwise(margin=1.0, projection_dim=8, positives="view")),
    "triplet": WithoutBatchNorm(Triplet(margin=0.5, miner="hard", projection_dim=8, positives="view")),
}  # fmt: skip


class ByGroups(nn.Module):
    """Two convolutions that normalise each picture by itself."""

    feature_dim = 16

    def __init__(self):
        super().__init__()
        layers = nn.Conv2d(3, 8, 3, stride=2), nn.GroupNorm(2, 8), nn.ReLU(), nn.Conv2d(8, 16, 3, stride=2)
        self.body = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())

    def forward(self, x):
        return self.body(x)


def train(name):
    """State of the objective after two epochs, and the losses of their steps."""
    torch.manual_seed(0)
    transform = Normalise(image_size=16, mean=[0.5] * 3, std=[0.5] * 3)
    samples = make_view_dataset(make_packed(["train"] * 20), PRETEXTS[name], transform, VIEWS)
    options = Pretraining(  # 10 rows a batch: the processes take 5 each, and one pair is divided between them
        epochs=2, batch_size=5, learning_rate=0.002, weight_decay=0.01, warmup_fraction=0.1, precision="fp32",
        compile=False, deterministic=True, checkpoint_seconds=0, min_steps=0, seed=0,
    )  # fmt: skip
    losses = []
    loop = options.loop(ByGroups(), samples, (3, 16, 16))
    for _ in range(2):
        loop.epoch(losses.append)
    measured = loop.objective.epoch_figures().values()
    return {**loop.state()[0], "losses": torch.tensor([*losses, *measured])}


SCRIPT = """
import os, sys
from pathlib import Path
sys.path[:0] = [{here!r}, {tests!r}, {root!r}]
import torch._dynamo  # before the fork: AdamW needs it
from safetensors.torch import save_file
torch.set_num_threads(1)
import accelerate
import test_pretraining_together as this
number = "0" if os.fork() else "1"
os.environ.update(RANK=number, LOCAL_RANK=number, WORLD_SIZE="2", MASTER_ADDR="127.0.0.1", MASTER_PORT="{port}")
for name in this.PRETEXTS:
    save_file(this.train(name), Path({folder!r}) / f"{{name}}{{number}}")
torch.distributed.destroy_process_group()
if number == "0":
    os.wait()
"""


@pytest.mark.slow
def test_two_processes_pretrain_as_one(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    here = str(Path(__file__).parent)
    script = SCRIPT.format(here=here, tests=str(ROOT / "tests"), root=str(ROOT), folder=str(tmp_path), port=port)
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    for name in PRETEXTS:
        alone = train(name)
        first, second = (load_file(tmp_path / f"{name}{number}") for number in (0, 1))
        torch.testing.assert_close(first["losses"], alone["losses"], atol=TOLERANCE, rtol=0)
        weights = [one for one in alone if one.startswith("objective/")]
        assert any("teacher" in one for one in weights) == (name in ("byol", "dino"))
        for one in weights:
            torch.testing.assert_close(
                first[one], alone[one], atol=OF_WEIGHTS, rtol=0, msg=lambda m, one=one: f"{one} {m}"
            )
            assert torch.equal(first[one], second[one]), one
