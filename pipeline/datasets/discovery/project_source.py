"""The line of conf/config.yaml that says which pictures the project trains on, and its careful replacement."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import final

import yaml

from pipeline.core.artifacts import write_text
from pipeline.core.errors import UserError
from pipeline.core.open_types import Params

LINE = re.compile(
    r"^(?P<start>[ \t]*-[ \t]+source:[ \t]+)(?P<name>[\w.-]+)(?P<rest>[ \t]*(?:#[^\r\n]*)?\r?)$", re.MULTILINE
)
OF_INIT = "Written by colibri init"


@final
@dataclass(frozen=True, kw_only=True)
class SourceLine:
    """What became of the line.

    Attributes:
        before: The source that the project had; empty where the line was not understood.
        is_new: Whether the line names the new source now.
        obstacle: Why the line was left alone; empty where it was not.
    """

    before: str = ""
    is_new: bool = False
    obstacle: str = ""


def read_defaults(conf: Path) -> Params:
    """The values in config.yaml itself, without those of any option.

    Raises:
        UserError: The file is missing or is no mapping.
    """
    file = conf / "config.yaml"
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{file} cannot be read: {error}") from None
    if not isinstance(values, dict):
        raise UserError(f"{file} must be a mapping, found {type(values).__name__}")
    return values


def use_source(name: str, conf: Path) -> SourceLine:
    """Makes a file of conf/source/ the project's source: one word of one line is replaced, the rest stays as it is.

    The file is left alone where it has no such line, or several, and where a person changed the line since the last
    commit, other than by an earlier call of this function.

    Args:
        name: Of the file in `conf`/source/.
        conf: The folder of choices.
    """
    file = conf / "config.yaml"
    try:
        text = file.read_bytes().decode()
    except (OSError, UnicodeDecodeError):
        return SourceLine(obstacle=f"{file} cannot be read as UTF-8 text")
    lines = list(LINE.finditer(text))
    if len(lines) != 1:
        return SourceLine(
            obstacle=f"{file} has {len(lines) or 'no'} line{'s' * (len(lines) > 1)} like '- source: NAME'"
        )
    (line,) = lines
    before = line["name"]
    if before == name:
        return SourceLine(before=before, is_new=True)
    committed = _committed_line(file)
    if committed is not None and committed != line[0].rstrip("\r") and not _is_of_init(line, committed, conf):
        return SourceLine(before=before, obstacle=f"this line of {file} has an edit that is not committed")
    write_text(file, text[: line.start("name")] + name + text[line.end("name") :])
    return SourceLine(before=before, is_new=True)


def _is_of_init(line: re.Match[str], committed: str, conf: Path) -> bool:
    """Whether the line differs from the last commit only by the name of a file that init wrote."""
    same = line["start"] + "\0" + line["rest"].rstrip("\r") == LINE.sub(r"\g<start>" + "\0" + r"\g<rest>", committed)
    try:
        return same and OF_INIT in (conf / "source" / f"{line['name']}.yaml").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False


def _committed_line(file: Path) -> str | None:
    """The line as of the last commit; empty where that has none, None where there is no commit of the file."""
    try:
        done = subprocess.run(["git", "show", f"HEAD:./{file}"], capture_output=True, check=False)
    except OSError:
        return None
    if done.returncode != 0:
        return None
    found = LINE.search(done.stdout.decode(errors="replace"))
    return found[0].rstrip("\r") if found else ""
