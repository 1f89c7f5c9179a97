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


OF_COMMANDS = ("leaderboard", "tune")  # composed by a command, and not by config.yaml
ALONE = ("experiment", *OF_COMMANDS)  # these reach into others


def chosen(group: str, option: str) -> Any:
    """The section that an option makes of its group."""
    return composed(*in_company(options(group).index(option)))[group]


def in_company(position: int) -> list[str]:
    """Overrides that take one option of every group at once: composing is slow, and groups do not touch each other."""
    groups = sorted(path.name for path in CONF.iterdir() if path.is_dir() and path.name not in ALONE)
    taken = {group: options(group)[position % len(options(group))] for group in groups}
    return [f"{group}=[{one}]" if group in config.LISTS else f"{group}={one}" for group, one in taken.items()]
