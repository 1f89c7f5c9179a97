"""Adds pictures, clips or volumes to the project: copies them below the folder of its source.

A PATH is a file, or a folder with all it holds. What the project has already is not copied again, by its pixels and
not by its name, and what cannot be read is named with the reason. New samples have no label, unless --label gives one
to all of them, or they come from folders that are called like classes, and the source has class folders. Nothing that
exists is written over, and a call that was ended early goes on when it is given again.

The source must read a folder of the project (folder, clips, volumes, unlabelled). Others name their samples elsewhere,
in a table or a document; add a row there.

Examples:
  colibri add ~/camera/2026-11-30
  colibri add a.png b.png --label scratch --who Ada
  colibri add ~/new --to data/pictures/screws/scratch       a class folder, which gives the label
"""

from __future__ import annotations

import shlex
from argparse import ArgumentParser
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core import artifacts, config
from pipeline.core.errors import UserError
from pipeline.core.sample_codec import noun_of
from pipeline.core.terminal import count_of, say

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipeline.labelling.additions.added_samples import AddedSamples
    from pipeline.labelling.additions.sample_target import SampleTarget

NUM_SHOWN = 10


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("paths", metavar="PATH", nargs="+", help="a file, or a folder")
    parser.add_argument("--to", metavar="FOLDER", help="below the folder of the source (default: that one)")
    parser.add_argument("--label", metavar="NAME", help="the class of all of them")
    parser.add_argument("--who", metavar="NAME", help="who says so; needed with --label")


def main(paths: Sequence[str], to: str | None = None, label: str | None = None, who: str | None = None) -> None:
    from datetime import date

    from pipeline.labelling.additions.add_samples import add_samples
    from pipeline.labelling.additions.added_samples import Labelling
    from pipeline.labelling.additions.new_samples import find_new
    from pipeline.labelling.additions.sample_target import find_target

    if label is not None and not (who or "").strip():
        raise UserError("--label needs --who NAME; a decision must say who made it")
    params = config.load_params()
    target = find_target(params, to)
    labelling = None if label is None else Labelling(label=label, who=str(who), when=date.today().isoformat())
    done = add_samples([*find_new(paths, target)], target, params, labelling)
    say(*describe(done, target))


def describe(done: AddedSamples, target: SampleTarget) -> Iterator[str]:
    """What became of the samples, and what to type next."""
    noun = noun_of(target.media)
    labels = Counter(one.label for one in done.added if one.label)
    yield f"added {count_of(len(done.added), noun)} to {target.root}, {sum(labels.values()):,} with a label"
    if done.num_labelled:
        yield f"wrote {count_of(done.num_labelled, 'line')} to {artifacts.decisions_file(str(target.source.name))}"
    yield from _some([f"{one.name} is {one.of}" for one in done.duplicates], "already there, not copied")
    near = [f"{one.name} looks like {one.near}" for one in done.added if one.near]
    yield from _some(near, "nearly the same as another, which the split keeps together")
    yield from _some([f"{one.name}: {one.reason}, {one.detail}" for one in done.refused], "refused")
    if done.added or done.num_labelled:
        yield "next:"
        yield from (f"  {line}" for line in next_steps(target))


def _some(lines: list[str], what: str) -> Iterator[str]:
    if lines:
        yield f"{len(lines):,} {what}:"
        yield from (f"  {line}" for line in lines[:NUM_SHOWN])
        if len(lines) > NUM_SHOWN:
            yield f"  and {len(lines) - NUM_SHOWN:,} more"


def next_steps(target: SampleTarget) -> Iterator[str]:
    """Commands by which DVC and git record the samples."""
    recorded = [one for one in (target.root, *target.root.parents) if Path(f"{one}.dvc").is_file()]
    folder = recorded[0] if recorded else target.root
    decisions = artifacts.decisions_file(str(target.source.name))
    files = [f"{folder}.dvc"]
    files += [] if recorded else [str(folder.parent / ".gitignore")]
    files += [str(decisions)] if decisions.exists() else []
    yield f"dvc add {shlex.quote(str(folder))}"
    yield f"git add {shlex.join(files)} && git commit -m 'Pictures: more of {target.source.name}'"
    yield "colibri run"
