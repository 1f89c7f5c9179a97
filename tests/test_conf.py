"""Every file in conf/ is composed: a new option is tested the day it appears."""

import itertools
import re
import shlex
import subprocess
from importlib import import_module
from typing import Any

import pytest
import yaml
from conf_options import ALONE, CONF, OF_COMMANDS, ROOT, chosen, composed, options

from pipeline.core import choices, config
from pipeline.core.contracts import Predictor
from pipeline.core.errors import UserError
from pipeline.core.nouns import KINDS
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
        for path in [*CONF.rglob("*.yaml"), CONF / "README.md", ROOT / "docs/sources.md", ROOT / "docs/learners.md"]
        for line in path.read_text(encoding="utf-8").splitlines()
        if "dvc exp run -S" in line and not re.search(r"<name>|=\.\.\.", line)
    }
)


def overrides_of(command: str) -> tuple[str, ...]:
    words = shlex.split(command, comments=True)
    return tuple(dict.fromkeys(words[position + 1] for position, word in enumerate(words) if word == "-S"))


def packed(commands: list[str]) -> list[list[str]]:
    """Commands that are composed at once, as composing is slow: none of them changes a section that another changes.

    One that takes an experiment or a data set is composed alone, since these reach into all sections.
    """
    alone: list[list[str]] = []
    packs: list[tuple[set[str], list[str]]] = []
    for overrides in dict.fromkeys(map(overrides_of, commands)):
        sections = {re.split(r"[.@=]", one.lstrip("+~"))[0] for one in overrides}
        sections |= {re.split(r"[.=]", one.split("@")[1])[0] for one in overrides if "@" in one.partition("=")[0]}
        found = next((pack for pack in packs if not pack[0] & sections), None)
        if sections & {"experiment", "source", "imbalance"}:
            alone.append([*overrides])
        elif found is None:
            packs.append((sections, [*overrides]))
        else:
            found[0].update(sections)
            found[1].extend(overrides)
    return [*alone, *(overrides for _, overrides in packs)]


@pytest.mark.parametrize("overrides", packed(COMMANDS), ids=lambda overrides: overrides[0])
def test_every_command_that_conf_and_docs_give_composes(overrides: list[str]) -> None:
    composed(*overrides)


def test_commands_are_all_composed() -> None:
    """Each once, and no two of a pack on one section."""
    assert all(map(overrides_of, COMMANDS))
    assert {one for pack in packed(COMMANDS) for one in pack} == {
        one for command in COMMANDS for one in overrides_of(command)
    }
    assert packed([" -S a=1", " -S a=2 -S b.c=1", " -S b=3", " -S d@a.x=1"]) == [
        ["a=1", "b=3"],
        ["a=2", "b.c=1"],
        ["d@a.x=1"],
    ]


@pytest.mark.parametrize(("group", "option"), [(group, option) for group in GROUPS for option in options(group)])
def test_every_file_opens_with_what_it_is_and_how_to_choose_it(group: str, option: str) -> None:
    lines = (
        (CONF / group / f"{option}.yaml").read_text(encoding="utf-8").removeprefix("# @package _global_\n").splitlines()
    )
    assert re.match(r"# \w.{20}", lines[0]), lines[0]
    head = "\n".join(itertools.takewhile(lambda line: line.startswith("#"), lines))
    default = yaml.safe_load((CONF / "config.yaml").read_text(encoding="utf-8"))["defaults"]
    assert (
        f"{group}={option}" in head
        or f"{group}: [..., {option}]" in head
        or f"COLIBRI_{group.upper()}={option}" in head
        or re.search(rf"colibri {group} {option}\b|colibri leaderboard|experiment={option}\b", head)
        or {group: option} in default
    ), head


@pytest.mark.parametrize("option", options("source"))
def test_every_source_opens_with_what_it_is(option: str) -> None:
    text = (CONF / "source" / f"{option}.yaml").read_text(encoding="utf-8")
    first, *rest = text.removeprefix("# @package _global_\n").splitlines()
    assert first.startswith("# ")
    assert len(first) > 40
    comment = list(itertools.takewhile(lambda line: line.startswith("#"), rest))
    assert any(re.search("(dvc exp|colibri) run", line) for line in comment)


@pytest.mark.parametrize("option", options("experiment"))
def test_whole_pictures_are_whole_wherever_they_are_looked_at(option: str) -> None:
    """A cut to a square takes the edge away, and what a label names may stand there: for features as for training."""
    params = composed(f"experiment={option}")
    if params["augment"]["fit"] == "pad":
        assert params["embed"]["fit"] == "pad"
        assert params["augment"]["margin"] == 0


def test_params_yaml_is_what_conf_says() -> None:
    committed = subprocess.run(
        ["git", "show", "HEAD:params.yaml"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert committed.stdout == config.compose(CONF)  # the working tree's may be an experiment's


def test_every_variant_has_a_conf_file() -> None:
    """One variant is one code file and one conf file."""
    targets = {
        line.split("_target_:")[1].split("#")[0].strip()
        for path in CONF.rglob("*.yaml")
        for line in path.read_text(encoding="utf-8").splitlines()
        if "_target_:" in line and not line.lstrip().startswith("#")
    }
    for kind in KINDS.values():
        for path in sorted((ROOT / "pipeline" / kind.package.replace(".", "/")).glob("*.py")):
            for noun in vars(import_module(f"pipeline.{kind.package}.{path.stem}")).values():
                if isinstance(noun, type) and issubclass(noun, kind.contract) and vars(noun).get("__final__"):
                    target = f"{noun.__module__}.{noun.__qualname__}"
                    assert target in targets or kind.contract is Predictor, f"{target} has no file in conf/"


@pytest.mark.parametrize("option", options("leaderboard"))
def test_leaderboard_lists_experiments_that_compose(option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    listed, params = listing.read(option)
    assert listed.metric in params["metric"]
    for overrides in listed.rows.values():
        assert listed.metric in composed(*overrides)["metric"]


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
    empty = {"views"}  # some objectives take pictures as they are
    if option.endswith("clusters"):
        empty |= {
            "augmentation",
            "metric",
            "corruption",
            "intervention",
        }  # which change or measure a training for labels
    if not params["media"]["_target_"].endswith(".Image"):
        empty.add("intervention")  # which changes pictures
    for group in config.MAPPINGS:
        assert config.build_all(params, group) or group in empty


def keys_within(value: Any) -> set[str]:
    """Every key of nested mappings and lists."""
    if isinstance(value, dict):
        return {key for name, inner in value.items() for key in (name, *keys_within(inner))}
    return {key for inner in value for key in keys_within(inner)} if isinstance(value, list) else set()


def test_no_key_has_a_name_that_dvc_leaves_out() -> None:
    """DVC's run-cache passes over keys called size or nfiles: another size would bring back the earlier output."""
    for path in CONF.rglob("*.yaml"):
        found = keys_within(yaml.safe_load(path.read_text(encoding="utf-8"))) & {"size", "nfiles"}
        assert not found, f"{path.name}: DVC 3.67 leaves out keys called {found} when it looks for an earlier run"


def test_a_change_of_the_policy_trains_nothing_again() -> None:
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    before, after = composed("encoder=hog"), composed("encoder=hog", "aim=best_f1", "policy.abstain=confidence")
    changed = {key for key in before if before[key] != after[key]}
    assert changed == {"aim", "policy"}
    assert [name for name, one in stages.items() if changed & {*one.get("params", [])}] == ["validate", "calibrate"]
    assert stages["calibrate"]["outs"] == ["data/policy.json", "data/feature_reference.safetensors"]
    assert [name for name, one in stages.items() if "data/policy.json" in one["deps"]] == [
        "explain",
        "evaluate",
        "register",
    ]


def test_one_image_size_reaches_every_stage_that_depends_on_it() -> None:
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    before, after = composed("encoder=hog"), composed("encoder=hog", "image_size=96")
    changed = {key for key in before if before[key] != after[key]}
    assert changed == {"image_size", "augment", "transform", "encoder"}
    assert {name for name, one in stages.items() if changed & {*one.get("params", [])}} == {
        "augment",
        "pretrain",
        "train",
        "calibrate",
        "perturb",
        "intervene",
        "explain",
        "evaluate",
    }
    embedded = composed("encoder=hog", "embed=hog", "embed.image_size=32")
    assert embedded["embed"]["encoder"]["image_size"] == embedded["embed"]["transform"]["image_size"] == 32
    assert embedded["transform"] == before["transform"]


@pytest.mark.parametrize("group", ["check", "curate"])
def test_null_switches_one_check_off_and_the_others_stay(group: str) -> None:
    before = composed()[group]
    name = list(before)[-1]
    after = composed(f"{group}.{name}=null")
    assert after[group] == {**before, name: None}
    assert {*config.build_all(after, group)} == {*config.build_all({group: before}, group)} - {name}
    choices.refuse_unknown_names(after, CONF)
    with pytest.raises(
        UserError, match=rf"conf/: there is no '{group}\.nothing' to override; {group} has {next(iter(before))}, "
    ):
        composed(f"{group}.nothing=null")
    with pytest.raises(UserError, match=rf"{group}\.nothing is null, which switches it off, and .* has no 'nothing'"):
        choices.refuse_unknown_names(composed(f"+{group}.nothing=null"), CONF)
