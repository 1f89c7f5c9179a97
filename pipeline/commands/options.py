"""Lists what can be chosen: the groups of conf/, the options of one, and the keys that are set most.

A choice is given to one run as KEY=VALUE (colibri run epochs=10) or GROUP=OPTION (colibri run encoder=resnet50);
dvc exp run takes the same after -S, short for --set-param. What stands in conf/ counts for every run.
docs/configuration.md has every key with its type and meaning.

Examples:
  colibri options                  groups, and the keys that are set most
  colibri options encoder          the files of conf/encoder/, and the keys of the one in use
  colibri options evaluate         the keys of a section of conf/config.yaml
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.core import config
from pipeline.core.composition_errors import refuse_missing
from pipeline.core.errors import UserError
from pipeline.core.open_types import Params
from pipeline.core.suggestions import did_you_mean
from pipeline.core.terminal import say, truncate

if TYPE_CHECKING:
    from pipeline.choices.option_files import Option

ROOT_FILE = "config.yaml"
MOST_USED = {  # key to what it means, for all options of its group
    "source": "which pictures; colibri init PATH writes a file for yours",
    "experiment": "a named configuration, which changes several of these",
    "image_size": "pixels: the side of the square that the encoder sees",
    "task": "one label per picture, or several",
    "split": "how pictures are assigned to train, val and test",
    "augmentation": "random changes in training, a list",
    "encoder": "what turns a picture into features",
    "encoder.weights": "initial weights: package, timm, torchvision, none or a file",
    "train": "how the classifier is fitted",
    "epochs": "of train=finetune: passes over train",
    "batch_size": "of train=finetune: pictures per step",
    "learning_rate": "of train=finetune: the highest one, after warm-up",
    "imbalance": "what is done about unequal classes",
    "metric": "which figures are measured, a list",
    "gate.superior.metric": "the figure that decides which model is in use",
}
OF_COMMANDS = {  # group to the command that takes the name of a file
    "leaderboard": "colibri leaderboard NAME",
    "query": "colibri query --strategy NAME",
    "tune": "colibri tune NAME",
}
WIDTH = 118  # characters of a line


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("group", nargs="?", metavar="GROUP", help="a folder of conf/, or a section of conf/config.yaml")


def main(group: str | None) -> None:
    from pipeline.choices.option_files import read_defaults, read_option

    file = config.CONF / ROOT_FILE
    refuse_missing(file)
    whole, chosen = read_option(file), read_defaults(file)
    folders = {path.name: path for path in sorted(config.CONF.iterdir()) if path.is_dir()}
    if group is None:
        say(*_list_groups(folders, chosen), "", *_list_keys(), "", "More: colibri options GROUP; docs/configuration.md")
        return
    sections = [key for key, value in whole.content.items() if isinstance(value, dict) and value]
    if group not in folders and group not in sections:
        known = [*folders, *sections]
        raise UserError(f"there is no group {group!r}{did_you_mean(group, known) or '; there are ' + ', '.join(known)}")
    if group in folders:
        say(*_list_options(group, [read_option(path) for path in sorted(folders[group].glob("*.yaml"))], chosen))
        return
    comments = {
        key.removeprefix(f"{group}."): text for key, text in whole.comments.items() if key.startswith(f"{group}.")
    }
    say(f"{group}: a section of {file}", "", *_list_settings(group, whole.content[group], comments))


def _list_groups(folders: dict[str, Path], chosen: dict[str, list[str]]) -> list[str]:
    rows = [("group", "in use", "options: colibri run GROUP=OPTION")]
    for name, folder in folders.items():
        options = sorted(path.stem for path in folder.glob("*.yaml"))
        used = OF_COMMANDS.get(name) or ", ".join(map(str, chosen.get(name, []))) or "-"
        rows.append((name, used, ", ".join(options)))
    return align(rows)


def _list_keys() -> list[str]:
    import yaml

    params = yaml.safe_load(config.compose())
    rows = [("set most", "in use", "meaning: colibri run KEY=VALUE")]
    for key, meaning in MOST_USED.items():
        rows.append((key, _describe_value(key, params), meaning))
    return align(rows)


def _describe_value(key: str, params: Any) -> str:
    from pipeline.choices.option_files import read_defaults, show_setting

    chosen = read_defaults(config.CONF / ROOT_FILE)
    if key in chosen:
        return ", ".join(map(str, chosen[key])) or "-"
    for part in key.split("."):
        params = params.get(part, {}) if isinstance(params, dict) else {}
    return "-" if params == {} else show_setting(params).strip("`")


def _list_options(group: str, options: list[Option], chosen: dict[str, list[str]]) -> list[str]:
    used = chosen.get(group, [])
    rows = [
        (("* " if option.name in used else "  ") + option.name, option.header.split(". ")[0].rstrip("."))
        for option in options
    ]
    lines = [f"{config.CONF / group}/: colibri run {group}=OPTION; * is in use", "", *align(rows)]
    for option in options:
        if option.name in used and option.content and len(used) == 1:
            lines += ["", f"keys of {option.name}", *_list_settings(group, option.content, option.comments)]
    return lines


def _list_settings(group: str, content: Params, comments: dict[str, str]) -> list[str]:
    import yaml

    from pipeline.choices.option_files import show_setting

    values = {key: value for key, value in content.items() if not key.startswith("_")}
    if any("${" in str(value) for value in values.values()):  # taken from another key
        composed = yaml.safe_load(config.compose()).get(group) or {}
        values = {key: composed.get(key, value) for key, value in values.items()}
    return align(
        [(f"{group}.{key}", show_setting(one).strip("`"), comments.get(key, "")) for key, one in values.items()]
    )


def align(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """A line for each row, in columns; the last one is cut where the line would be too long."""
    widths = [min(max(len(row[place]) for row in rows), 32) for place in range(len(rows[0]) - 1)] if rows else []
    lines = []
    for row in rows:
        *first, last = row
        start = "".join(f"{truncate(cell, width):{width}s}  " for cell, width in zip(first, widths, strict=True))
        lines.append((start + truncate(last, max(20, WIDTH - len(start)))).rstrip())
    return lines
