"""Looks at your pictures, writes conf/source/NAME.yaml with settings for them, and makes it the project's source.

Recognised are a folder per class (also below train, val and test), tables (CSV, TSV, JSONL, Parquet), COCO, Pascal VOC,
CVAT, V7 Darwin, Label Studio and IDX; also in a zip or tar, which is unpacked to .cache/trees, and at https://, s3://
and gs://, which is fetched there. Your pictures are not changed. What people decided before on a data set of this name
(data/label_decisions/NAME.csv) counts as its labels.

Examples:
  colibri init ~/pictures/screws
  colibri init ~/pictures/screws --name screws_2 --no-use
  colibri init data/raw/labels.csv --label-column diagnosis --group-column patient
  colibri init data/raw/coco.json --pictures data/raw/images
  colibri init labels.csv --pictures /mnt/images
  colibri init pictures.zip
  colibri init s3://bucket/pictures
  colibri init ~/pictures/sites --label-level 2
  colibri init ~/pictures/camera --format unlabelled     # no labels: the pictures are grouped
"""

from __future__ import annotations

import re
import shlex
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Mapping, Sequence
from inspect import signature
from pathlib import Path
from typing import Any

from pipeline.core import config, progress
from pipeline.core.artifacts import decisions_file, write_text
from pipeline.core.contracts import Source
from pipeline.core.errors import UserError
from pipeline.core.nouns import import_target
from pipeline.core.sample_codec import noun_of
from pipeline.core.terminal import count_of, say
from pipeline.datasets.discovery.file_walk import listed_once
from pipeline.datasets.discovery.format_detection import detect_format
from pipeline.datasets.discovery.places import check_path, last_part, open_place
from pipeline.datasets.discovery.project_source import SourceLine, read_defaults, use_source
from pipeline.datasets.discovery.recipe import Setting, measure, propose
from pipeline.datasets.discovery.source_file import compose_text
from pipeline.datasets.discovery.survey import SourceSummary, sample_headers, summarise_source
from pipeline.datasets.discovery.survey_report import check_usable, list_notes, refused_share, report_lines
from pipeline.media.choice import build_media

Choice = str | int | bool
CHOICES = {  # of a source, which a person may set instead of the guess
    "pictures": "the folder that the paths in a table or document are relative to",
    "image_column": "of a table: holds the path of the picture",
    "label_column": "of a table: holds the label, or several",
    "label_separator": "of a table: stands between several labels in one field; [] for lists, '' for none",
    "group_column": "of a table: holds what must stay together, for example the patient",
    "split_column": "of a table: holds train, val or test",
    "delimiter": "of a table: stands between its fields",
    "header": "of a table: whether its first line names the columns",
    "names": "of an archive: the code page of its names, where it does not say, for example gbk",
    "encoding": "of a table: how its text is written, for example cp1252",
    "empty": "of annotations: what a picture with none is: negative (none of the labels), unlabelled, or own_label",
    "label_level": "of folders: the level that names the class, 1 for the topmost below the folders of a split",
    "group_pattern": "of clips and volumes: a regular expression on the path; its first group is what stays together",
    "split_folders": "of folders: whether those called train, test or the like are the split (yes), or classes (no)",
}
YES_OR_NO = {"yes": True, "no": False}
KINDS: dict[str, Callable[[str], Choice]] = {
    "label_level": int,
    "split_folders": YES_OR_NO.__getitem__,
    "header": YES_OR_NO.__getitem__,
}
EMPTY = ("negative", "unlabelled", "own_label")
SPLITS = ("given", "grouped", "random")
MAX_PIXELS = 100_000_000  # of pictures that are decoded to be looked at
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
NO_NAME = frozenset(["null", "true", "false", "yes", "no", "on", "off", "nan", "inf"])  # words of YAML and Hydra


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "path", metavar="PATH", help="the folder, archive (zip, tar) or URL of your pictures, or the file with labels"
    )
    parser.add_argument("--name", help="of the data set, in conf/source/, MLflow and on the page; else from PATH")
    parser.add_argument(
        "--format", help="how to read PATH, where several ways fit: a name of a file in pipeline/datasets/sources"
    )
    parser.add_argument("--split", choices=SPLITS, help="the split that is written, instead of the guess")
    parser.add_argument(
        "--no-use",
        action="store_false",
        dest="use",
        help="only write conf/source/NAME.yaml; the project goes on with the source that it has",
    )
    parser.add_argument("--force", action="store_true", help="write over conf/source/NAME.yaml where it exists")
    for key, text in CHOICES.items():
        choices = EMPTY if key == "empty" else [*YES_OR_NO] if key in ("split_folders", "header") else None
        parser.add_argument(f"--{key.replace('_', '-')}", choices=choices, help=text)


@listed_once()
def main(
    path: str,
    name: str | None,
    format: str | None,
    force: bool,
    split: str | None = None,
    use: bool = True,
    **given: str | None,
) -> None:
    from pipeline.datasets.discovery.decided_rows import with_decisions
    from pipeline.datasets.discovery.source_media import find_media, media_node  # loads pandas

    targets = config.list_targets("source")
    check_path(path)
    name = check_name(name, path)
    file = config.CONF / "source" / f"{name}.yaml"
    choices: dict[str, Any] = {key: parse_value(key, value) for key, value in given.items() if value is not None}
    with progress.show(f"list {path}"):
        place = open_place(path, name, choices)
    choices = {key: value for key, value in choices.items() if key != "names" or not place.around}
    if "pictures" in choices:
        choices["pictures"] = place.folder(choices["pictures"])
    with progress.show(f"find the format of {path}"):
        target, found = detect_format(place.listing, sorted(set(targets.values())), choices, format)
    layout = place.describe(found.layout)
    inner = {**found.choices, **choices}
    taken = set(signature(import_target(target, "source", "source")).parameters)
    inner = {"_target_": target, "name": name, **inner, "watch": place.watch(inner)}
    check_writable(inner, set(choices) - taken, target)
    node = place.wrap(inner)
    source: Source = config.build(node, "source")
    with progress.show(f"read {path}"):
        rows = source.read()
        decided, num_decisions = with_decisions(rows, name)
        counted = summarise_source(decided)
    if "pictures" not in choices and (folder := absolute_folder(counted)):
        say(f"the paths in {path} are absolute; the pictures are read from {folder} (--pictures names another folder)")
        main(path, name, format, force, split, use, **{**given, "pictures": folder})
        return
    media = find_media(source, rows)
    with progress.show(f"look at {noun_of(media)}s"):
        looked = sample_headers(source, rows, build_media(media_node(media)).codec({"max_pixels": MAX_PIXELS}))
    say(
        f"{path}: {layout}",
        *report_lines(counted, looked, [*place.notes, *found.notes, *list_notes(place.listing)]),
    )
    if num_decisions:
        say(f"  labels are counted with the {count_of(num_decisions, 'line')} of {decisions_file(name)}")
    check_usable(counted, looked, path)
    if file.exists() and not force:
        raise UserError(f"{file} exists; choose another name with --name, or write over it with --force")
    limits = read_defaults(config.CONF)
    validate = limits["validate"]
    settings = propose(measure(counted, looked, split), validate["min_samples"], validate["min_side"])
    before = compose_now() if use and config.PARAMS.exists() else ""
    write_text(file, compose_text(node, layout, settings))
    say("", f"Wrote {file}, with settings for these {noun_of(media)}s:", *(_setting_lines(settings)))
    most = limits["ingest"]["max_quarantine_fraction"]
    if refused_share(counted, looked) > most:
        advice = "repair what is refused, or raise the limit"
        say("", f"ingest will stop at ingest.max_quarantine_fraction {most}; {advice}")
    say(*next_steps(name, use_source(name, config.CONF) if use else None, f"{noun_of(media)}s"))
    if counted.task == "clusters":
        again = shlex.join(["colibri", "init", path, "--name", name, "--format", "unlabelled", "--force"])
        say("To train on labels, label pictures after the run (docs/labelling.md), then write settings for labels:")
        say(f"  {again}")
    if before:
        compose_params(before)


def parse_value(key: str, value: str) -> Choice:
    """A choice as the constructor of a source takes it."""
    try:
        return KINDS.get(key, str)(value)
    except (ValueError, KeyError):
        raise UserError(f"--{key.replace('_', '-')} takes a whole number, got {value!r}") from None


def check_name(name: str | None, path: str) -> str:
    """The given name, else one made of the path's last part.

    Raises:
        UserError: It cannot be the name of a file, an option of Hydra and a model.
    """
    if name is None:
        name = re.sub(r"[^A-Za-z0-9]+", "_", last_part(path)).strip("_").lower()[:64]
        if not NAME.fullmatch(name) or name in NO_NAME:
            raise UserError(
                f"{path!r} gives no good name for the data set; choose one with --name, such as --name screws"
            )
    if not NAME.fullmatch(name) or name.lower() in NO_NAME:
        raise UserError(f"--name {name!r} must start with a letter and hold only letters, digits, - and _, at most 64")
    return name


def check_writable(node: Mapping[str, Any], unknown: set[str], target: str) -> None:
    """Refuses what the source does not take, and what a conf file cannot hold."""
    if unknown:
        raise UserError(f"--{min(unknown).replace('_', '-')} has no effect on {target.split('.')[-2]}; leave it out")
    for key, value in node.items():
        if "${" in str(value) or str(value).encode(errors="ignore").decode() != str(value):
            raise UserError(
                f"{key} would be {value!r}: Hydra takes ${{ for a reference and reads only UTF-8; rename it"
            )


def absolute_folder(counted: SourceSummary) -> str:
    """The folder of this disk that holds every named picture, where all are absolute paths elsewhere; else empty."""
    folder = Path(counted.absolute)
    is_usable = bool(counted.absolute) and not counted.num_pictures and folder.is_dir()
    return str(folder) if is_usable and not Path.cwd().is_relative_to(folder.resolve()) else ""


def _setting_lines(settings: Sequence[Setting]) -> Iterator[str]:
    widest = max(len(setting.text) for setting in settings)
    yield from (f"  {setting.text:{widest}s}  {setting.reason}" for setting in settings)


def compose_now() -> str:
    """What conf/ composes to; empty where it cannot be composed, since a file of the source is broken."""
    try:
        return config.compose()
    except UserError:
        return ""


def compose_params(before: str) -> None:
    """Brings params.yaml up to date: DVC reads there which folder it watches, before a run composes it again.

    Args:
        before: What conf/ composed to before it was changed; params.yaml with this text has no edits.
    """
    from pipeline.stages.compose import write_params

    try:
        write_params(force=config.PARAMS.read_text(encoding="utf-8") == before)
    except UserError:
        say(f"{config.PARAMS} holds values that conf/ does not explain; the run will list them.")


def next_steps(name: str, line: SourceLine | None, nouns: str = "pictures") -> Iterator[str]:
    """What became of conf/config.yaml, and what to type next.

    Args:
        name: Of the source.
        line: The line of conf/config.yaml; None where it was not to be replaced.
        nouns: What samples are called.
    """
    main, run = config.CONF / "config.yaml", "colibri run"
    yield ""
    if line is None or line.obstacle:
        run += f" source={name}"
        if line is not None:
            yield f"{main} was left as it is: {line.obstacle}."
        yield f"To make these the {nouns} of the project, write '- source: {name}' into the defaults of {main}."
    elif line.before != name:
        yield f"{main}: '- source: {line.before}' is now '- source: {name}', so every run takes these {nouns}."
        yield f"To go back, write '- source: {line.before}' there again."
    yield "Next:"
    yield f"  git add {config.CONF} && git commit -m '{nouns.capitalize()}: {name}'"
    yield f"  {run}"
    yield "  colibri report"
