"""The text of a file in conf/source/: a source and the recipe for its pictures, each setting with its reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from pipeline.core.open_types import Params
from pipeline.core.terminal import escape_control_characters
from pipeline.datasets.discovery.recipe import Setting

PLAIN = ("_target_", "name")  # made of letters, digits and dots alone


def compose_text(node: Params, layout: str, settings: Sequence[Setting]) -> str:
    """The text; values of a person or a file are quoted, so that YAML and Hydra read them as text.

    Args:
        node: The section `source`.
        layout: What the pictures look like on disk, for the heading.
        settings: The recipe.
    """
    heading = escape_control_characters(layout[0].upper() + layout[1:])
    overrides = [one for one in settings if one.key.startswith("/")]
    values = _by_section([one for one in settings if not one.key.startswith("/")])
    return "\n".join(
        [
            "# @package _global_",
            f"# {heading}. Written by colibri init; edit it as you like.",
            f"#   colibri run -S source={node['name']}",
            *(["defaults:", *map(_override, overrides), ""] if overrides else []),
            "source:",
            *_source_lines(node, "  "),
            *(["", "# The recipe: these values replace those of conf/config.yaml"] if values else []),
            *_values(values),
            "",
        ]
    )


def _source_lines(node: Params, indent: str) -> Iterator[str]:
    """A line for each option of a source, and those of the source within it below `inner`."""
    for key, value in node.items():
        if isinstance(value, dict) and "_target_" in value:
            yield f"{indent}{key}:"
            yield from _source_lines(value, f"{indent}  ")
        else:
            yield f"{indent}{key}: {value if key in PLAIN else _quote(value)}"


def _override(setting: Setting) -> str:
    if setting.value is None:
        entry = setting.key
    else:
        value = f"[{', '.join(setting.value)}]" if isinstance(setting.value, list) else setting.value
        entry = f"override {setting.key}: {value}"
    return f"  - {entry}   # {setting.reason}"


def _by_section(settings: Sequence[Setting]) -> list[Setting]:
    """The settings of a section one after the other, in the order of first mention; of one key the last counts."""
    last = {setting.key: setting for setting in settings}
    order: dict[str, int] = {}
    for key in last:
        order.setdefault(key.partition(".")[0], len(order))
    return sorted(last.values(), key=lambda setting: order[setting.key.partition(".")[0]])


def _values(settings: Sequence[Setting]) -> Iterator[str]:
    """A line for each value, below the names of its sections."""
    before: list[str] = []
    for setting in settings:
        *sections, name = setting.key.split(".")
        for depth, section in enumerate(sections):
            if before[: depth + 1] != sections[: depth + 1]:
                yield f"{'  ' * depth}{section}:"
        yield f"{'  ' * len(sections)}{name}: {_quote(setting.value)}   # {setting.reason}"
        before = sections


def _quote(value: Any) -> str:
    if value is None or isinstance(value, (bool, int, float)):
        return "null" if value is None else str(value).lower()
    if isinstance(value, Mapping) and all(isinstance(one, float) for one in value.values()):
        return f"{{{', '.join(f'{key}: {one}' for key, one in value.items())}}}"
    return yaml.safe_dump(value, default_style='"', default_flow_style=True, allow_unicode=True, width=10**9).strip()
