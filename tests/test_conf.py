"""Every file in conf/ is composed: a new option is tested the day it appears."""

import itertools
import re
import shlex
import subprocess
from typing import Any

import pytest
import yaml
from conf_options import ALONE, CONF, OF_COMMANDS, ROOT, chosen, composed, options

from pipeline.core import config
from pipeline.experiments import listing, tuning
from pipeline.experiments.space import as_overrides, compose_nodes, make_distributions
from pipeline.training.recipe import Recipe

pytestmark = pytest.mark.xdist_group("conf")  # what one test composes the next one need not
GROUPS = sorted(path.name for path in CONF.iterdir() if path.is_dir())


@pytest.mark.parametrize(("group", "option"), [(group, option) for group in GROUPS for option in options(group)])
def test_every_option_composes(group: str, option: str) -> None:
    if group in OF_COMMANDS:
        assert config.compose_option(group, option, CONF)
    elif group in ALONE:
        assert composed(f"{group}={option}")
    else:
        assert chosen(group, option)


COMMANDS = sorted(
    {
        line.partition("dvc exp run")[2]
        for path in [*CONF.rglob("*.yaml"), ROOT / "docs/sources.md", ROOT / "docs/learners.md"]
        for line in path.read_text(encoding="utf-8").splitlines()
        if "dvc exp run -S" in line and not re.search(r"<name>|=\.\.\.", line)
    }
)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_that_conf_and_docs_give_composes(command: str) -> None:
    words = shlex.split(command, comments=True)
    overrides = [words[position + 1] for position, word in enumerate(words) if word == "-S"]
    assert overrides
    composed(*overrides)


@pytest.mark.parametrize("option", options("source"))
def test_every_source_opens_with_what_it_is(option: str) -> None:
    first, *rest = (CONF / "source" / f"{option}.yaml").read_text(encoding="utf-8").splitlines()
    assert first.startswith("# ")
    assert len(first) > 40
    comment = list(itertools.takewhile(lambda line: line.startswith("#"), rest))
    assert option == "elpv" or any("dvc exp run" in line for line in comment)  # elpv is the default


@pytest.mark.parametrize("option", options("experiment"))
def test_whole_pictures_are_whole_wherever_they_are_looked_at(option: str) -> None:
    """A cut to a square takes the edge away, and what a label names may stand there: for features as for training."""
    params = composed(f"experiment={option}")
    if params["augment"]["fit"] == "pad":
        assert params["embed"]["fit"] == "pad"
        assert params["augment"]["size"] == params["transform"]["size"]


def test_params_yaml_is_what_conf_says() -> None:
    committed = subprocess.run(
        ["git", "show", "HEAD:params.yaml"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert committed.stdout == config.compose(CONF)  # the working tree's may be an experiment's


def test_every_variant_has_a_conf_file() -> None:
    """One variant is one code file and one conf file."""
    targets = {
        line.split("_target_:")[1].strip()
        for path in CONF.rglob("*.yaml")
        for line in path.read_text(encoding="utf-8").splitlines()
        if "_target_:" in line and not line.lstrip().startswith("#")
    }
    modules = {target.rpartition(".")[0] for target in targets}
    contracts = {
        "Source",
        "Split",
        "Check",
        "ContentCheck",
        "Augmentation",
        "Transform",
        "Encoder",
        "Task",
        "Sampling",
        "Mixture",
        "Risk",
        "Trainer",
        "Metric",
        "Gate",
    }
    for path in sorted((ROOT / "pipeline").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if path.parent.name != "core" and any(f"({noun})" in text or f", {noun})" in text for noun in contracts):
            assert ".".join(path.relative_to(ROOT).with_suffix("").parts) in modules, (
                f"{path.name} has no file in conf/"
            )


@pytest.mark.parametrize("option", options("leaderboard"))
def test_leaderboard_lists_experiments_that_compose(option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    listed, params = listing.read(option)
    assert listed.metric in params["metric"]
    for one in listed.experiments:
        assert listed.metric in composed(f"experiment={one}")["metric"]


@pytest.mark.parametrize("option", options("tune"))
def test_search_chooses_what_training_reads(option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    search, _ = tuning.read(option, None, None)
    lowest = {
        key: one.choices[0] if hasattr(one, "choices") else one.low
        for key, one in make_distributions(search.space).items()
    }
    Recipe(compose_nodes([*config.select_experiment(search.experiment), *as_overrides(lowest)]))


@pytest.mark.parametrize("option", options("experiment"))
def test_experiment_builds_everything(option: str) -> None:
    params = composed(f"experiment={option}")
    for group in ("source", "split", "task", "transform", "sampling", "mix", "risk", "train"):
        config.build(params[group], group)
    for group in config.LISTS:
        for name, node in params[group].items():
            config.build(node, f"{group}.{name}")


def names_within(value: Any) -> set[str]:
    """Every key of nested mappings."""
    return (
        {key for name, inner in value.items() for key in (name, *names_within(inner))}
        if isinstance(value, dict)
        else set()
    )


def test_what_dvc_leaves_out_is_told_again() -> None:
    """DVC's run-cache passes over keys called size or nfiles: another size would bring back the earlier output."""
    params = composed()
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    told = 0
    for name, one in stages.items():
        for section in [key for key in one.get("params", []) if "." not in key]:
            if {"size", "nfiles"} & names_within(params[section]):
                assert f"sides.{section}" in one["params"], f"{name} depends on {section}.size, which DVC passes over"
                told += 1
    assert told == 5
    changed = composed("augment.size=150", "transform.size=140", "embed.transform.size=100")["sides"]
    assert changed == {"augment": 150, "transform": 140, "embed": 100}
