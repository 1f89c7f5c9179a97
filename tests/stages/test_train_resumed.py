"""The stage goes on from its own checkpoints, never from those of other choices or data, and leaves none behind."""

from contextlib import contextmanager

import numpy as np
import pytest
import yaml
from train_choices import CHOICES

from pipeline.core import artifacts
from pipeline.stages import train
from pipeline.tracking.runs import TrainingLog
from pipeline.training.checkpoints import Checkpoints

PARAMS = {
    "source": {"name": "made"},
    "task": {"_target_": "pipeline.training.tasks.single_label.SingleLabel", "label_smoothing": 0.0},
    "augmentation": {"shift": {"_target_": "pipeline.training.augmentations.shift.Shift", "max_fraction": 0.2}},
    "transform": {
        "_target_": "pipeline.models.transforms.normalise.Normalise",
        "image_size": 12, "mean": [0.5] * 3, "std": [0.5] * 3,
    },
    "encoder": {"_target_": "pipeline.models.encoders.small.Small", "width": 2},
    "imbalance": "none",
    "sampling": {"_target_": "pipeline.training.samplings.shuffled.Shuffled"},
    "mix": {"_target_": "pipeline.training.mixes.unmixed.Unmixed"},
    "risk": {"_target_": "pipeline.training.risks.mean.Mean"},
    "train": {
        "_target_": "pipeline.training.trainers.finetune.FineTune", **CHOICES, "batch_size": 4, "dropout": 0.2,
        "checkpoint_seconds": 0,
    },
}  # fmt: skip
WRITTEN = (artifacts.PREDICTOR / "weights.safetensors", artifacts.PREDICTOR / "card.json", artifacts.TRAIN_CURVES)


@pytest.fixture
def ready(project, packed, monkeypatch):
    """A project whose pictures are packed; gives a writer of packed data and parameters."""

    @contextmanager
    def unheard(key, params, repeat_key, facts):
        yield TrainingLog(None)

    monkeypatch.setattr(train, "training_run", unheard)
    monkeypatch.setenv("DVC_ROOT", str(project))

    def write(index=packed.index, **changes):
        artifacts.PACKED.mkdir(parents=True, exist_ok=True)
        np.save(artifacts.PACKED / "images.npy", packed.images)
        artifacts.write_table(artifacts.PACKED / "index.parquet", index)
        artifacts.write_json(artifacts.PACKED / "card.json", packed.card)
        params = {**PARAMS, "train": {**PARAMS["train"], **changes}}
        (project / "params.yaml").write_text(yaml.safe_dump(params))

    write()
    return write


def outputs():
    return [path.read_bytes() for path in WRITTEN]


def folders(project):
    return sorted(path.name for path in (project / ".checkpoints").glob("*"))


def killed(monkeypatch, written):
    """Runs the stage, which is stopped when it should write one more checkpoint."""
    save, left = Checkpoints.save, [written]

    def counted(self, *told):
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        save(self, *told)

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "save", counted)
        with pytest.raises(KeyboardInterrupt):
            train.main()


def steps_taken(monkeypatch):
    """Runs the stage to its end; how many batches of train were drawn."""
    from pipeline.core.batches import ImageDataset

    taken, made = [], ImageDataset.make_batch

    def counted(self, chosen, seed=None):
        taken.append(seed)
        return made(self, chosen, seed)

    with monkeypatch.context() as patch:
        patch.setattr(ImageDataset, "make_batch", counted)
        train.main()
    return sum(seed is not None for seed in taken)


def test_it_goes_on_and_cleans_up(project, ready, monkeypatch):
    assert steps_taken(monkeypatch) == 9
    assert folders(project) == []
    undisturbed = outputs()
    killed(monkeypatch, written=6)  # 3 steps, the end of an epoch, 2 steps
    assert len(folders(project)) == 1
    assert steps_taken(monkeypatch) == 9 - 5
    assert outputs() == undisturbed
    assert folders(project) == []


@pytest.mark.parametrize("change", ["choice", "pixels"])
def test_other_choices_or_data_begin_anew(project, ready, packed, monkeypatch, change):
    killed(monkeypatch, written=6)
    before = folders(project)
    changed = packed.index.assign(content_hash=packed.index["content_hash"].str.replace("0", "f"))
    ready(**({"learning_rate": 0.02} if change == "choice" else {"index": changed}))
    assert steps_taken(monkeypatch) == 9
    assert folders(project) == before  # the killed one may still be taken up


def test_a_copy_of_the_checkout_goes_on_too(project, ready, monkeypatch, tmp_path):
    killed(monkeypatch, written=6)
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("data", "params.yaml"):
        (copy / name).symlink_to(project / name)
    monkeypatch.chdir(copy)
    assert steps_taken(monkeypatch) == 4
    assert not (copy / ".checkpoints").exists()
