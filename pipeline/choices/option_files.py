"""What the files of conf/ say about themselves: their comments, their values and the comment behind each."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from pipeline.core.open_types import Params


@dataclass(frozen=True, kw_only=True)
class Option:
    """One file of a group, or a section of config.yaml.

    Attributes:
        name: Of the file; empty for a section of config.yaml.
        header: The comment at the top, without the commands.
        content: What the file holds, apart from its defaults list.
        comments: Dotted key to the comment behind it.
    """

    name: str
    header: str
    content: Params
    comments: dict[str, str] = field(default_factory=dict)


def read_defaults(path: Path) -> dict[str, list[str]]:
    """Group to what the defaults list of a file takes of it, in the order of the list."""
    found: dict[str, list[str]] = {}
    for entry in (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("defaults", []):
        if isinstance(entry, dict):
            for group, taken in entry.items():
                found[group.split()[-1].lstrip("/")] = [taken] if isinstance(taken, str) else list(taken or [])
    return found


def read_option(path: Path) -> Option:
    text = path.read_text(encoding="utf-8")
    content = yaml.safe_load(text) or {}
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        if not re.match(r"#\s*(@package|dvc |colibri |mkdir |python )|#\s{2,}", line):
            lines.append(line.lstrip("# "))
    options = {key: value for key, value in content.items() if key != "defaults"}
    comments, group = read_comments(text), path.parent.name
    if isinstance(
        options.get(group), dict
    ):  # the section of its own group; the rest is a recipe, values of other sections
        options = options[group]
        comments = {key.removeprefix(f"{group}."): one for key, one in comments.items() if key.startswith(f"{group}.")}
    return Option(name=path.stem, header=" ".join(lines), content=options, comments=comments)


def read_comments(text: str) -> dict[str, str]:
    """Dotted key to the comment on its line, with the lines of comment that continue it."""
    found: dict[str, str] = {}
    path: list[tuple[int, str]] = []
    for line in text.splitlines():
        key = re.match(r"(\s*)([\w.@/-]+):(?:\s|$)", line)
        comment = re.search(r"(?:^|\s)#\s+(.*)", line)
        if key:
            indent = len(key[1])
            path = [*(one for one in path if one[0] < indent), (indent, key[2])]
            if comment:
                found[".".join(one for _, one in path)] = comment[1].strip()
        elif comment and path and line.startswith(" ") and ".".join(one for _, one in path) in found:
            found[".".join(one for _, one in path)] += f" {comment[1].strip()}"
    return found


def show_setting(value: Any) -> str:
    """A value as a file would write it, for a cell of a table."""
    if isinstance(value, str) and value:
        return f"`{value}`"
    text = (
        yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10**6)
        .removesuffix("\n")
        .removesuffix("\n...")
    )
    return f"`{text.strip()}`"
