"""Encoders, weights and trainers that do not fit are refused on the meta device, and what passed is not built again."""

import os
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import save_file

from pipeline.choices import networks_check
from pipeline.choices.networks_check import check_networks
from pipeline.core import config
from pipeline.core.errors import UserError
from pipeline.models.encoders.network import PretrainedNetwork

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def passed(tmp_path, monkeypatch):
    monkeypatch.setattr(networks_check, "PASSED", tmp_path / "compose")
    return tmp_path / "compose"


def composed(*overrides):
    return yaml.safe_load(config.compose(ROOT / "conf", list(overrides)))


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["train.epochs=ten"], r"^params\.yaml: train\.epochs must be a valid integer, got 'ten'$"),
        (
            ["encoder.architecture=resnet34x"],
            r"^params\.yaml: encoder: timm has no network 'resnet34x'; did you mean one of .*'resnet34'",
        ),
        (
            ["encoder.weights=/no/such/file"],
            r"^params\.yaml: encoder: weights: the file '/no/such/file' does not",
        ),
        (["embed.encoder.weights=/no/such"], r"^params\.yaml: embed\.encoder: weights: the file '/no/such' does not"),
        (["encoder.weights=torchvision"], r"encoder: weights=torchvision needs library=torchvision, found timm"),
        (["encoder=resnet18", "encoder.weights=package"], r"encoder: no package carries weights of 'resnet18'"),
        (
            ["encoder=vit_tiny", "image_size=100"],
            r"^params\.yaml: encoder: vit_tiny_patch16_224 does not take .* set image_size=112 or more$",
        ),
        (
            ["source=clips", "encoder=small"],
            r"^params\.yaml: encoder takes samples with 2 .* have 3 \(16 x 64 x 64\); .* encoder=frame_mean",
        ),
        (["embed=frames"], r"^params\.yaml: embed\.encoder takes samples with 3 spatial axes, but .* have 2"),
        (["encoder=hog", "image_size=100"], r"encoder: image_size must be a multiple of cell"),
        (["train=svm", "train.estimator.kernel=rbx"], r"^params\.yaml: train: The 'kernel' parameter of SVC must be"),
        (["transform.mean=[1]"], r"^params\.yaml: transform\.mean must have at least 3 items"),
        (["mix=mixup", "mix.alpha=x"], r"^params\.yaml: mix\.alpha must be a valid number, got 'x'$"),
    ],
)
def test_what_does_not_fit_is_refused(overrides, message, passed):
    with pytest.raises(UserError, match=message):
        check_networks(composed(*overrides))
    assert not passed.exists()


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["pretrain.batch_size=1"], r"^params\.yaml: pretrain\.batch_size must be at least 2, got 1$"),
        (["pretrain.epochs=0"], r"^params\.yaml: pretrain\.epochs must be at least 1, got 0$"),
        (["+pretrain.margin=1"], r"^params\.yaml: pretrain .*'margin'"),
        (["objective=simclr", "objective.temperature=0"], r"^params\.yaml: objective\.temperature must be .* 0"),
        (["objective=simclr", "objective.positives=label"], r"^params\.yaml: objective\.positives must be .*'label'"),
        (["objective=simclr", "encoder=hog"], r"^objective trains weights, and the encoder Hog has none; choose"),
        (
            ["objective=simclr", "views=[]"],
            r"^views is empty, so all views of a picture are alike and there is nothing",
        ),
        (["objective=simclr", "views.crop.min_area=2"], r"^params\.yaml: views\.crop\.min_area must be .*2"),
    ],
)
def test_a_pretraining_that_cannot_run_is_refused(overrides, message, passed):
    with pytest.raises(UserError, match=message):
        check_networks(composed("encoder=small", "embed=color_histogram", *overrides))
    assert not passed.exists()


def test_a_file_of_other_weights_is_refused_without_loading_it(tmp_path):
    save_file({"conv.weight": torch.zeros(2, 3)}, tmp_path / "other.safetensors")
    with pytest.raises(UserError, match=r"other\.safetensors belongs to another network: it lacks"):
        check_networks(composed("encoder=resnet18", f"encoder.weights={tmp_path}/other.safetensors"))


def test_a_file_of_the_networks_own_weights_is_taken(tmp_path, passed):
    network = PretrainedNetwork("resnet18", "none")
    file = tmp_path / "own.pt"
    torch.save(network.body.state_dict(), file)
    params = composed("encoder=resnet18", f"encoder.weights={file}")
    check_networks(params)
    assert len([*passed.iterdir()]) == 1
    torch.save({"conv1.weight": torch.zeros(1)}, file)
    with pytest.raises(UserError, match=r"own\.pt belongs to another network"):
        check_networks(params)  # the file is another one, so it is looked at again


def test_what_passed_is_not_built_again(monkeypatch, passed):
    params = composed("encoder=pixels", "embed=color_histogram")
    check_networks(params)
    monkeypatch.setattr(networks_check, "_build", lambda *_: pytest.fail("it is built again"))
    check_networks(params)
    check_networks(composed("encoder=pixels", "embed=color_histogram", "gate.superior.min_samples=3"))  # no part of it
    with pytest.raises(pytest.fail.Exception, match="it is built again"):
        check_networks(composed("encoder=pixels", "embed=color_histogram", "train.epochs=7"))


def test_the_oldest_records_are_removed(monkeypatch, passed):
    monkeypatch.setattr(networks_check, "KEPT", 2)
    monkeypatch.setattr(networks_check, "_build", lambda *_: None)
    passed.mkdir()
    for age, name in enumerate(("new", "old", "oldest")):
        (passed / name).touch()
        os.utime(passed / name, (10**9 - age, 10**9 - age))
    check_networks(composed())
    assert {"old", "oldest"}.isdisjoint(path.name for path in passed.iterdir())
    assert len([*passed.iterdir()]) == 2
