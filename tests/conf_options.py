"""What stands in conf/, and what it composes to."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from pipeline.core import config

ROOT = Path(__file__).parents[1]
CONF = ROOT / "conf"


def options(group: str) -> list[str]:
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


def composed(*overrides: str) -> dict[str, Any]:
    return dict(yaml.load(text(*overrides), yaml.CSafeLoader))


@cache
def text(*overrides: str) -> str:
    return config.compose(CONF, list(overrides))


OF_COMMANDS = ("engine", "leaderboard", "query", "tune")  # composed where they are used, and not by config.yaml
# groups of which a list of files is chosen
LISTED = ("augmentation", "corruption", "gate", "intervention", "metric", "monitor", "retrain", "views")
ALONE = ("experiment", "imbalance", *OF_COMMANDS)  # these reach into others


def chosen(group: str, option: str) -> Any:
    """The section that an option makes of its group."""
    return composed(*in_company(options(group).index(option)))[group]


def names(group: str) -> list[str]:
    """Of a group of mappings, each entry that some file of it switches on."""
    return sorted({name for option in options(group) for name in _switched_on(group, option)})


def node(group: str, name: str) -> dict[str, Any]:
    """An entry of a mapping, as the file that switches it on has it."""
    option = next(option for option in options(group) if name in _switched_on(group, option))
    return dict(composed(f"{group}={option}")[group][name])


def _switched_on(group: str, option: str) -> list[str]:
    content = yaml.safe_load((CONF / group / f"{option}.yaml").read_text(encoding="utf-8"))
    return [name for name, one in content.items() if isinstance(one, dict) and "_target_" in one]


def in_company(position: int) -> list[str]:
    """Overrides that take one option of every group at once: composing is slow, and groups do not touch each other."""
    groups = sorted(path.name for path in CONF.iterdir() if path.is_dir() and path.name not in ALONE)
    taken = {group: options(group)[position % len(options(group))] for group in groups}
    return [f"{group}=[{one}]" if group in LISTED else f"{group}={one}" for group, one in taken.items()]


def numbers_of_axes(noun: Any) -> list[int]:
    """With how many spatial axes a component is tried: as many as it takes, or two and three where it takes any."""
    return [2, 3] if noun.spatial_rank is None else [noun.spatial_rank]
