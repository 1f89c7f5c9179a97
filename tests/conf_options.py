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


def chosen(group: str, option: str) -> Any:
    return composed(f"{group}=[{option}]" if group in config.LISTS else f"{group}={option}")[group]
