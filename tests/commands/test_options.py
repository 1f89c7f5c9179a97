"""`colibri options`: groups, files and keys of this project's conf/."""

from pathlib import Path

import pytest
import yaml

from pipeline.commands import options
from pipeline.commands.main import main
from pipeline.core import config
from pipeline.core.errors import UserError

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def here(monkeypatch):
    monkeypatch.chdir(ROOT)


def shown(capsys, *words):
    main(["options", *words])
    return capsys.readouterr().out.splitlines()


def test_groups_and_keys(capsys):
    lines = shown(capsys)
    folders = {path.name for path in (ROOT / "conf").iterdir() if path.is_dir()}
    assert folders <= {line.split()[0] for line in lines if line}
    assert next(line for line in lines if line.startswith("tune ")).split()[1:4] == ["colibri", "tune", "NAME"]
    assert any(line.split()[:2] == ["gate.superior.metric", "f1_macro"] for line in lines)
    assert all(len(line) <= options.WIDTH for line in lines)


def test_the_keys_that_are_set_most_exist():
    params = yaml.safe_load(config.compose())
    groups = {path.name for path in (ROOT / "conf").iterdir() if path.is_dir()}
    assert len(options.MOST_USED) == 15
    for key in options.MOST_USED:
        node = params
        for part in key.split("."):
            if key in groups:
                break
            assert part in node, key
            node = node[part]


def test_the_files_of_a_group_and_the_keys_of_the_one_in_use(capsys):
    lines = shown(capsys, "train")
    names = {path.stem for path in (ROOT / "conf/train").glob("*.yaml")}
    assert {line.removeprefix("* ").split()[0] for line in lines[2 : 2 + len(names)]} == names
    assert next(line for line in lines if line.startswith("* ")).startswith("* finetune")
    epochs = next(line for line in lines if line.startswith("train.epochs "))
    assert epochs.split()[1:4] == ["5", "of", "conf/config.yaml"]


def test_a_section(capsys):
    lines = shown(capsys, "evaluate")
    assert lines[0] == "evaluate: a section of conf/config.yaml"
    assert next(line for line in lines if line.startswith("evaluate.min_slice ")).split()[1] == "20"
    assert not any("_target_" in line for line in lines)


def test_a_misspelt_group():
    message = r"^there is no group 'trian'; did you mean 'train' or 'retrain' or 'pretrain'\?$"
    with pytest.raises(UserError, match=message):
        options.main("trian")
    with pytest.raises(
        UserError, match=r"^there is no group 'zzz'; there are aim, attribution, augmentation, check, .*register"
    ):
        options.main("zzz")


def test_outside_of_a_project(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"^conf/config\.yaml does not exist here; run this in the project's folder"):
        options.main(None)


def test_columns_are_cut():
    rows = [("a" * 50, "b" * 200), ("c", "d")]
    assert options.align(rows) == [
        f"{'a' * 29}...  {'b' * (options.WIDTH - 34 - 3)}...",
        f"c{' ' * 33}d",
    ]
    assert options.align([]) == []
