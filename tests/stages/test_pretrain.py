"""The stage `pretrain`: an encoder handed through, or trained on pictures, which training then starts from."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from pretraining_examples import make_packed
from safetensors.torch import load_file

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.models.encoders.small import Small
from pipeline.stages import pretrain
from pipeline.training.pretrained_encoder import load_pretrained, refuse_stale

SIMCLR = {
    "_target_": "pipeline.training.objectives.simclr.SimClr",
    "temperature": 0.5,
    "projection_dim": 8,
    "positives": "view",
}
CROP = {
    "_target_": "pipeline.training.augmentations.resized_crop.ResizedCrop",
    "min_area": 0.5,
    "max_stretch": 1.0,
}
ENCODER = {"_target_": "pipeline.models.encoders.small.Small", "width": 8}
PARAMS = {
    "source": {"name": "stripes"},
    "objective": SIMCLR,
    "views": {"crop": CROP},
    "encoder": ENCODER,
    "transform": {
        "_target_": "pipeline.models.transforms.normalise.Normalise",
        "image_size": 16,
        "mean": [0.5] * 3,
        "std": [0.25] * 3,
    },
    "pretrain": {
        "epochs": 2,
        "batch_size": 16,
        "learning_rate": 0.01,
        "weight_decay": 0.0001,
        "warmup_fraction": 0.1,
        "precision": "fp32",
        "compile": False,
        "deterministic": True,
        "checkpoint_seconds": 60,
        "min_steps": 0,
        "seed": 0,
    },
}
NONE = {"_target_": "pipeline.training.objectives.unchanged.Unchanged"}


@pytest.fixture
def run(project: Path):
    """The stage on 48 pictures of train, 16 without a label, 16 of val and of test."""
    packed = make_packed(["train"] * 48 + ["val"] * 16 + ["test"] * 16 + ["pool"] * 16)
    artifacts.PACKED.mkdir(parents=True)
    np.save(artifacts.PACKED / "images.npy", packed.images)
    artifacts.write_table(artifacts.PACKED / "index.parquet", packed.index)
    artifacts.write_json(artifacts.PACKED / "card.json", packed.card)

    def with_changes(**changes) -> list[str]:
        Path("params.yaml").write_text(yaml.safe_dump({**PARAMS, **changes}))
        return pretrain.main()

    return with_changes


def read_bytes() -> list[bytes]:
    return [path.read_bytes() for path in (*sorted(artifacts.ENCODER.iterdir()), artifacts.PRETRAIN_CURVES)]


def test_none_hands_the_encoder_through(run):
    assert run(objective=NONE) == ["the encoder as it is (objective=none)"]
    before = read_bytes()
    assert [path.name for path in artifacts.ENCODER.iterdir()] == ["card.json"]
    encoder = Small(width=8)
    weights = {name: value.clone() for name, value in encoder.state_dict().items()}
    assert load_pretrained(encoder, ENCODER) is False
    assert all(torch.equal(value, weights[name]) for name, value in encoder.state_dict().items())
    run(objective=NONE, views={}, encoder={**ENCODER, "width": 4})
    assert read_bytes() == before  # so that training is not run again


def test_training_starts_from_the_encoder_that_was_pretrained(run):
    (fact,) = run()
    assert fact.startswith("64 pictures, 2 epochs, loss ")
    card = json.loads((artifacts.ENCODER / "card.json").read_text())
    assert card["pretrained"]
    assert card["num_samples"] == {"train": 48, "val": 0, "test": 0, "pool": 16}
    assert card["objective"] == SIMCLR
    encoder = Small(width=8)
    assert load_pretrained(encoder, ENCODER)
    stored = load_file(artifacts.ENCODER / "weights.safetensors")
    assert all(torch.equal(value, stored[name]) for name, value in encoder.state_dict().items())
    curves = pd.read_csv(artifacts.PRETRAIN_CURVES)
    assert {"epoch", "loss", "effective_rank", "neighbour_accuracy", "learning_rate"} <= {*curves}
    assert curves["loss"].iloc[-1] < curves["loss"].iloc[0]


def test_the_same_run_gives_the_same_bytes(run):
    run()
    before = read_bytes()
    run()
    assert read_bytes() == before
    run(pretrain={**PARAMS["pretrain"], "seed": 1})
    assert read_bytes() != before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"pretrain": {**PARAMS["pretrain"], "epochs": 9}},
            r"^data/encoder/ was made with another pretrain than params",
        ),
        (
            {"views": {}, "encoder": {**ENCODER, "width": 4}},
            r"with another encoder and views than params\.yaml has; run",
        ),
        (
            {"objective": NONE},
            r"^data/encoder/ was made with another objective than params\.yaml has; run dvc repro pre",
        ),
    ],
)
def test_an_encoder_of_other_choices_is_refused_where_dvc_does_not_look(run, changes, message):
    run()
    refuse_stale(PARAMS)
    with pytest.raises(UserError, match=message):
        refuse_stale({**PARAMS, **changes})


def test_an_objective_without_its_encoder_is_refused(run):
    refuse_stale({**PARAMS, "objective": NONE})
    with pytest.raises(UserError, match=r"^data/encoder/ was made with another objective than params\.yaml has"):
        refuse_stale(PARAMS)


def test_views_that_change_no_picture_leave_nothing_to_restore(run):
    denoise = {"_target_": "pipeline.training.objectives.denoising.Denoising", "width": 2}
    colour = {"_target_": "pipeline.training.augmentations.colour.Colour"}
    colour |= {"max_saturation": 0.3, "max_hue": 0.3, "max_cast": 0.0}
    with pytest.raises(
        UserError, match=r"^views change none of the first 64 pictures of pretraining, so there is noth"
    ):
        run(objective=denoise, views={"colour": colour})


def test_another_encoder_is_refused(run):
    run()
    with pytest.raises(
        UserError, match=r"card\.json: another encoder was pretrained than .* \(Small width=8 and Small w"
    ):
        load_pretrained(Small(width=4), {**ENCODER, "width": 4})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"views": {}},
            r"views is empty, so all views of a picture are alike and there is nothing to learn; name some",
        ),
        (
            {"encoder": {"_target_": "pipeline.models.encoders.pixels.Pixels", "side": 4, "grey": True}},
            r"objective trains weights, and the encoder Pixels has none; choose another encoder, or objective=none",
        ),
    ],
)
def test_what_could_teach_nothing_is_refused(run, changes, message):
    with pytest.raises(UserError, match=message):
        run(**changes)
    assert not artifacts.ENCODER.exists()
