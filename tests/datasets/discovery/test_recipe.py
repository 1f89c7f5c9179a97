"""What init proposes for made-up measurements, and that Hydra composes it."""

import shutil

import pytest
import yaml
from conf_options import CONF, ROOT

from pipeline.core import config
from pipeline.datasets.discovery import recipe
from pipeline.datasets.discovery.recipe import Measurements, propose
from pipeline.datasets.discovery.source_file import compose_text

PHOTOGRAPHS = {
    "num_pictures": 1000,
    "num_train": 700,
    "fewest": 90,
    "side": 400.0,
    "smallest_side": 300,
    "aspect": 1.33,
    "is_grey": False,
    "has_labels": True,
    "has_several": False,
    "split": "grouped",
    "split_reason": "groups stay together",
    "has_gpu": False,
}


def settings(**changes):
    return {one.key: one.value for one in propose(Measurements(**{**PHOTOGRAPHS, **changes}), 100, 16)}


def test_photographs():
    expected = {"/split": "grouped", "/augmentation": ["mirror", "shift", "exposure"], "image_size": 128, "epochs": 5}
    assert settings() == expected
    assert settings(has_gpu=True) == {**expected, "image_size": 224}
    assert settings(has_gpu=True, side=200.0) == expected


def test_digits_keep_their_size_and_are_not_mirrored():
    tiny = {"side": 28.0, "is_grey": True, "smallest_side": 28, "aspect": 1.0}
    assert settings(**tiny, num_train=2000) == {
        "/split": "grouped",
        "/encoder": "small",
        "/augmentation": ["shift"],
        "image_size": 28,
        "epochs": 8,
        "learning_rate": 0.005,
    }
    few = {"/split": "grouped", "/augmentation": ["shift"], "image_size": 64, "epochs": 5}
    assert settings(**tiny, num_train=1999) == settings(**tiny, num_train=40) == few  # enlarged for pretrained weights
    assert settings(side=64.0, is_grey=True)["/augmentation"] == ["shift"]
    assert settings(side=32.0)["/augmentation"] == ["mirror", "shift", "exposure"]  # small and in colour
    assert settings(side=8.0, smallest_side=8, num_train=5000)["image_size"] == 16
    assert settings(side=8.0, smallest_side=8)["validate.min_side"] == 8


def test_few_pictures_lower_the_limits_and_leave_one_of_each_label_to_val_and_test():
    found = settings(num_pictures=10, num_train=7, fewest=5)
    assert found["validate.min_samples"] == 10
    assert found["split.fractions"] == {"train": 0.6, "val": 0.2, "test": 0.2}
    assert settings(num_pictures=6, fewest=3)["split.fractions"] == {"train": 0.34, "val": 0.33, "test": 0.33}
    assert "split.fractions" not in settings(num_pictures=10, fewest=2)  # no split has all
    assert "split.fractions" not in settings(num_pictures=10, fewest=5, split="given")
    assert "split.fractions" not in settings(fewest=5)
    few = {**PHOTOGRAPHS, "num_train": 200}
    reasons = [one.reason for one in propose(Measurements(**few), 100, 16)]
    assert "passes over about 200 pictures; so few that training makes 17 of it" in reasons


def test_few_photographs_have_frozen_features():
    found = settings(num_train=149)
    assert found["/train"] == "logistic"
    assert "epochs" not in found
    assert "/train" not in settings(num_train=150)
    assert "/train" not in settings(num_train=50, side=28.0)


def test_long_pictures_are_kept_whole():
    assert "augment.fit" not in settings(aspect=1.5)
    assert settings(aspect=1.6)["augment.fit"] == settings(aspect=1.6)["embed.fit"] == "pad"
    assert "augment.fit" not in settings(aspect=1.6, has_several=True)  # the experiment sets it


def test_hydra_composes_what_is_written_and_a_choice_of_the_command_line_goes_before_it(tmp_path):
    shutil.copytree(CONF, tmp_path / "conf")
    node = {"_target_": "pipeline.datasets.sources.folder.Folder", "name": "mine", "path": "a: #b", "watch": "x"}
    measured = {"has_several": True, "split": "given", "aspect": 1.0, "num_pictures": 30, "smallest_side": 9}
    text = compose_text(node, "folders", propose(Measurements(**{**PHOTOGRAPHS, **measured}), 100, 16))
    (tmp_path / "conf/source/mine.yaml").write_text(text)
    params = yaml.safe_load(config.compose(tmp_path / "conf", ["source=mine"]))
    assert params["source"] == node
    assert params["task"]["_target_"].endswith("MultiLabel")
    assert params["split"]["_target_"].endswith("Given")
    assert (params["augment"]["fit"], params["embed"]["fit"], params["augment"]["margin"]) == ("pad", "pad", 0)
    assert (params["validate"]["min_samples"], params["validate"]["min_side"]) == (30, 9)
    other = ["source=mine", "train=svm", "encoder=hog", "split=random", "image_size=64"]
    params = yaml.safe_load(config.compose(tmp_path / "conf", other))
    assert "epochs" not in params["train"]
    assert params["split"]["_target_"].endswith("Random")
    assert params["image_size"] == 64


@pytest.mark.parametrize("has_labels", [True, False])
def test_long_volumes_compose(has_labels, tmp_path):
    """Sizes and fit both set sections `augment` and `embed`; each is written once."""
    shutil.copytree(CONF, tmp_path / "conf")
    node = {"_target_": "pipeline.datasets.sources.volumes.Volumes", "name": "mine", "path": "a", "watch": "x"}
    measured = {"media": "volume", "aspect": 2.0, "has_labels": has_labels}
    text = compose_text(node, "volumes", propose(Measurements(**{**PHOTOGRAPHS, **measured}), 100, 16))
    (tmp_path / "conf/source/mine.yaml").write_text(text)
    params = yaml.safe_load(config.compose(tmp_path / "conf", ["source=mine"]))
    assert (params["augment"]["margin"], params["embed"]["fit"], params["embed"]["image_size"]) == (0, "pad", 64)
    assert params["split"]["near_duplicate_bits"] == params["check"]["split_leakage"]["near_duplicate_bits"] == 0


def test_each_setting_has_its_reason_in_the_file():
    proposed = propose(Measurements(**{**PHOTOGRAPHS, "num_pictures": 10, "fewest": 5}), 100, 16)
    text = compose_text({"_target_": "a.B", "name": "mine"}, "folders", proposed)
    for one in proposed:
        (line,) = [line for line in text.splitlines() if line.endswith(f"   # {one.reason}")]
        assert one.key.rpartition(".")[2] in line
    content = yaml.safe_load(text)
    assert content["split"] == {"fractions": {"train": 0.6, "val": 0.2, "test": 0.2}}


def test_the_constants_are_those_of_conf():
    defaults = yaml.safe_load((ROOT / "conf/config.yaml").read_text())
    shown = (recipe.IMAGE_SIZE, recipe.EPOCHS, recipe.BATCH_SIZE)
    assert shown == (defaults["image_size"], defaults["epochs"], defaults["batch_size"])
    assert {"augmentation": recipe.AUGMENTATION} in defaults["defaults"]
    train = yaml.safe_load((ROOT / "conf/train/finetune.yaml").read_text())
    assert train["min_steps"] == recipe.MIN_STEPS


def test_clips_and_volumes_have_an_encoder_of_three_axes_and_their_own_size():
    clips = settings(media="clip", side=240.0, has_gpu=False)
    assert (clips["/media"], clips["/encoder"], clips["/embed"]) == ("clip", "conv3d_small", "frames")
    assert clips["/augmentation"] == ["mirror", "shift", "exposure"]
    assert (clips["image_size"], clips["epochs"], clips["learning_rate"]) == (64, 12, 0.005)
    assert settings(media="clip", side=240.0, has_gpu=True)["image_size"] == 112
    volumes = settings(media="volume", side=28.0, smallest_side=28)
    assert volumes["/augmentation"] == ["shift", "axis_shift", "exposure"]  # left and right of a body differ
    assert volumes["image_size"] == 28


def test_few_clips_have_frozen_features():
    found = settings(media="clip", num_train=149)
    assert found["/train"] == "logistic"
    assert found["/embed"] == "frames"
    assert found["/encoder"] == "frame_mean"
    assert not {"epochs", "learning_rate"} & set(found)
    unlabelled = settings(media="volume", has_labels=False, num_train=1000)
    assert unlabelled["/encoder"] == "frame_mean"
    assert not {"/augmentation", "/corruption", "/train", "epochs"} & set(unlabelled)  # of experiment=clusters
