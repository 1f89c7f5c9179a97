"""Hydra's refusals with the name that was meant, on the conf/ of this project."""

from pathlib import Path

import pytest

from pipeline.core import config
from pipeline.core.composition_errors import explain_key, explain_option
from pipeline.core.errors import UserError

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "trian.epochs=1",
            r"there is no 'trian\.epochs' to override; did you mean 'train\.epochs' or 'pretrain\.epochs'\?",
        ),
        ("train.epoch=1", r"there is no 'train\.epoch' to override; did you mean 'train\.epochs'\?"),
        ("dropout=0.3", r"there is no 'dropout' to override; did you mean 'train\.dropout'\?"),
        ("encodr=resnet50", r"there is no 'encodr' to override; did you mean 'encoder'\?"),
        (
            "encoder=resnet51",
            r"encoder=resnet51: there is no file .*/resnet51\.yaml; did you mean 'resnet50'",
        ),
        ("augmentation=[flip]", r"augmentation=flip: there is no file .*; did you mean 'flips'\?$"),
        ("source=tiny", r"source=tiny: there is no file .*; there are archive, .*coco, .*voc, volumes$"),
        ("imbalance=wieghted", r"imbalance=wieghted: .*; did you mean 'weighted'\?$"),
        ("experiment=dbug", r"experiment=dbug: .*; did you mean 'debug'\?$"),
        (
            "check.shortcut.zzz=3",
            r"'check\.shortcut\.zzz' to override; check\.shortcut has max_balanced_accuracy",
        ),
        ("+train.epochs=3", r"'train\.epochs' exists, so that no \+ is needed: train\.epochs=VALUE$"),
        (
            "train.epochs=1,2",
            r"'train\.epochs=1,2' has several values; a list is KEY=\[1,2\], a text KEY='1,2'; else run",
        ),
        ("train.epochs", r"'train\.epochs' is no override; expected KEY=VALUE"),
    ],
)
def test_the_name_that_was_meant(override, message):
    with pytest.raises(UserError, match=message) as caught:
        config.compose(ROOT / "conf", overrides=[override])
    assert "\n" not in str(caught.value)


def test_a_key_is_never_suggested_for_itself():
    assert explain_key("metric@gate.metric", "metric@gate.metric", {}) == (
        "there is no 'metric@gate.metric' to override (a new key takes a + before its name)"
    )


def test_a_copy_that_git_made_names_the_commit(tmp_path, monkeypatch):
    (tmp_path / "conf/source").mkdir(parents=True)
    (tmp_path / "conf/source/elpv.yaml").touch()
    text = "In 'config': Could not find 'source/tiny'"
    monkeypatch.chdir(tmp_path)
    assert explain_option(text, Path("conf")) == "source=tiny: there is no file conf/source/tiny.yaml; there are elpv"
    copy = tmp_path / ".dvc/tmp/exps/standalone/x"
    copy.mkdir(parents=True)
    (tmp_path / "conf").rename(copy / "conf")
    monkeypatch.chdir(copy)
    assert explain_option(text, Path("conf")).endswith(
        "This copy holds what git has: git add conf/source/tiny.yaml and git commit where it is new"
    )


def test_another_error_is_not_explained():
    assert explain_option("Could not delete from config", Path("conf")) == ""
