"""A training killed at any moment goes on, and ends with the bits of one that was not."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from dying_checkpoints import Dying, Killed
from train_choices import CHOICES

from pipeline.core.errors import UserError
from pipeline.models.encoders.small import Small
from pipeline.training.augmentations.exposure import Exposure
from pipeline.training.augmentations.shift import Shift
from pipeline.training.checkpoints import Checkpoints
from pipeline.training.risks.group_dro import GroupDro
from pipeline.training.tasks.single_label import SingleLabel
from pipeline.training.trainers.finetune import FineTune

pytestmark = pytest.mark.xdist_group("resuming")

ROOT = Path(__file__).parents[2]
TASK = SingleLabel(label_smoothing=0.0)
OPTIONS = {
    **CHOICES,
    "batch_size": 4,
    "accumulation": 2,
    "dropout": 0.3,
    "ema_decay": 0.8,
    "checkpoint_seconds": 0,
}
AUGMENTATIONS = (Shift(max_fraction=0.2), Exposure(max_brightness=0.2, max_contrast=0.2))
NUM_STEPS = 6  # of an epoch


@pytest.fixture(scope="module")
def fit(stripes):
    """Trains with everything that draws or remembers: dropout, an average, drawn samples, cell weights, parts."""

    def build(checkpoints, log=lambda epoch, figures: None, **choices):
        torch.manual_seed(0)
        truth = np.arange(48)
        chances = (truth % 5 + 1) / (truth % 5 + 1).sum()
        train = stripes(48, augmentations=AUGMENTATIONS, sampling_probabilities=chances, subgroups=truth % 3)
        risk = GroupDro(by="prop_brightness", num_bins=2, step_size=0.1)
        return FineTune(**{**OPTIONS, **choices}).fit(
            Small(width=4), TASK, risk, train, stripes(24, seed=1), log, checkpoints
        )

    return build


@pytest.fixture(scope="module")
def undisturbed(fit):
    return fit(None)


@pytest.fixture
def kept(tmp_path):
    lines = []
    found = Checkpoints(tmp_path / "key", lines.append)
    yield found
    assert lines == []


def same(one, other):
    """Bits and figures; a history is floats."""
    (a, history), (b, other_history) = one, other
    states = a.network.state_dict(), b.network.state_dict()
    return history == other_history and all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_writing_checkpoints_changes_nothing(fit, undisturbed, kept):
    assert same(fit(kept), undisturbed)
    assert [path.name for path in sorted(kept.folder.iterdir())] == [f"{step:012d}.safetensors" for step in (17, 18)]
    assert same(fit(kept, checkpoint_seconds=1e9), undisturbed)  # all is done: nothing is stepped again


# of the checkpoints written, each step makes one and each epoch one more at its end: 0 before any, 3 within the first
# epoch, 6 when all steps of it are done and val is not scored, 7 at its end, 10 within the second, 20 before the last
@pytest.mark.parametrize("written", [0, 1, 3, 6, 7, 10, 13, 20])
def test_killed_and_taken_up_again(fit, undisturbed, kept, written):
    with pytest.raises(Killed):
        fit(Dying(kept, written))
    logged = []
    assert same(fit(kept, log=lambda epoch, figures: logged.append(epoch)), undisturbed)
    assert logged == [1, 2, 3]  # those from before are told again: the run they were told to is dead


def test_killed_again_and_again(fit, undisturbed, kept):
    for _ in range(6):
        with pytest.raises(Killed):
            fit(Dying(kept, 3))
    assert same(fit(kept), undisturbed)


def test_a_checkpoint_only_at_the_end_of_epochs(fit, undisturbed, kept):
    with pytest.raises(Killed):
        fit(Dying(kept, 1), checkpoint_seconds=1e9)
    assert [path.stem for path in kept.folder.iterdir()] == [f"{NUM_STEPS:012d}"]
    assert same(fit(kept), undisturbed)


def test_killed_while_a_checkpoint_is_written(fit, undisturbed, kept, monkeypatch):
    calls = []

    def dies(handle):
        calls.append(handle)
        if len(calls) == 9:  # a file and its folder each time: within the fifth
            shutil.copy(next(kept.folder.glob(".*.tmp")), kept.folder / ".left.tmp")  # what a kill would leave
            raise Killed

    monkeypatch.setattr(os, "fsync", dies)
    with pytest.raises(Killed):
        fit(kept)
    monkeypatch.undo()
    assert sorted(path.name for path in kept.folder.iterdir()) == [
        ".left.tmp",
        *(f"{n:012d}.safetensors" for n in (3, 4)),
    ]
    assert same(fit(kept), undisturbed)


def test_a_damaged_checkpoint_is_passed_over_in_one_line(fit, undisturbed, tmp_path):
    lines = []
    kept = Checkpoints(tmp_path / "key", lines.append)
    with pytest.raises(Killed):
        fit(Dying(kept, 10))
    newest = max(kept.folder.iterdir())
    newest.write_bytes(newest.read_bytes()[:-100])
    assert same(fit(kept), undisturbed)
    assert len(lines) == 1
    assert "000000000009.safetensors cannot be read (" in lines[0]


def test_what_another_machinery_wrote_is_not_gone_on_from(fit, undisturbed, kept):
    with pytest.raises(Killed):
        fit(Dying(kept, 10))
    tensors, facts = kept.latest()
    assert facts["made_by"] == {
        "torch": torch.__version__, "device": "cpu", "precision": "fp32", "num_processes": 1
    }  # fmt: skip
    kept.save(1000, tensors, {**facts, "made_by": {**facts["made_by"], "num_processes": 2}})
    assert same(fit(kept), undisturbed)


def test_a_loss_that_is_no_number_leaves_the_last_good_checkpoint(fit, kept):
    message = r"^the loss became (nan|inf) at step (\d+), in epoch 1; lower train\.learning_rate$"
    with pytest.raises(UserError, match=message):
        fit(kept, learning_rate=1e30)
    found = kept.latest()
    if found is not None:  # the weights after the first step may be numbers still
        assert all(one.isfinite().all() for one in found[0].values())
        with pytest.raises(UserError, match=message):  # the same choices end the same way, and do not hang
            fit(kept, learning_rate=1e30)


SCRIPT = """
import sys
from pathlib import Path
sys.path[:0] = [{here!r}, {tests!r}, {root!r}]
import torch
torch.set_num_threads(1)
import conftest, test_checkpointing
from pipeline.training.checkpoints import Checkpoints
stripes = conftest.stripes.__wrapped__(conftest.transform.__wrapped__())
fit = test_checkpointing.fit.__wrapped__(stripes)
fit(Checkpoints(Path({folder!r}), print))
"""


@pytest.mark.slow
def test_a_real_kill(fit, undisturbed, kept):
    here = str(Path(__file__).parent)
    script = SCRIPT.format(root=str(ROOT), tests=str(ROOT / "tests"), here=here, folder=str(kept.folder))
    process = subprocess.Popen([sys.executable, "-c", script], env={**os.environ, "OMP_NUM_THREADS": "1"})
    deadline = time.monotonic() + 120
    while len(list(kept.folder.glob("*.safetensors"))) < 2 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    stopped = kept.latest()[1]["step"]
    assert 1 <= stopped < 3 * NUM_STEPS
    assert same(fit(kept), undisturbed)
