"""Two models class by class and slice by slice, in lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipeline.core.terminal import count_of, truncate
from pipeline.evaluation.part_comparison import CLASS, PartChange

MAX_ROWS = 10
NAME_WIDTH = 32


def describe_parts(parts: Sequence[PartChange], before: str, after: str, every: bool = False) -> Iterator[str]:
    """The counts of all samples, a table of the parts, and what the comparison shows, or could have shown.

    Args:
        parts: As `compare_parts` returns them: all samples first.
        before: Short name of the earlier model.
        after: Short name of the later one.
        every: Show all parts; else those with the largest differences, shown ones first.
    """
    overall, *others = parts
    counts = overall.counts
    yield (
        f"right: {before} and {after} {counts.both:,}, only {before} {counts.only_before:,}, only {after} "
        f"{counts.only_after:,}, neither {counts.neither:,}{describe_detectable(overall)}"
    )
    compared = [one for one in others if one.gain.interval is not None]
    if not others:
        yield "no class or slice is large enough to compare (evaluate.min_slice)"
        return
    rows = others if every else rank_parts(others)[:MAX_ROWS]
    names = [truncate(describe_name(one), NAME_WIDTH) for one in rows]
    width = max(map(len, names))
    yield f"{'':{width}} {'n':>6} {'only ' + before:>7} {'only ' + after:>7} {'gain':>7}  interval"
    for name, one in zip(names, rows, strict=True):
        counts = one.counts
        yield f"{name:{width}} {one.gain.n:6,} {counts.only_before:7,} {counts.only_after:7,} {describe_row(one)}"
    if len(rows) < len(others):
        yield f"... and {len(others) - len(rows)} more; --all shows them"
    yield describe_result(compared, after)


def rank_parts(parts: Sequence[PartChange]) -> list[PartChange]:
    """Those whose interval excludes 0 first, then the largest differences."""
    return sorted(parts, key=lambda one: (not one.is_shown, one.gain.interval is None, -abs(one.gain.value or 0.0)))


def describe_name(part: PartChange) -> str:
    """`class cat`, or `site = north`."""
    return f"class {part.name}" if part.kind == CLASS else f"{part.kind} = {part.name}"


def describe_row(part: PartChange) -> str:
    """The gain, its interval, and what that shows."""
    shown = (
        "no interval: fewer than 5 groups"
        if part.gain.interval is None
        else "[{:+z.3f}, {:+z.3f}]".format(*part.gain.interval)
    )
    verdict = ("better" if (part.gain.value or 0) > 0 else "worse") if part.is_shown else ""
    return f"{part.gain.value or 0.0:+7.3f}  {shown}  {verdict}".rstrip()


def describe_result(compared: Sequence[PartChange], after: str) -> str:
    """How many parts differ, by intervals that hold all at once; where none does, which differences could be seen."""
    if not compared:
        return "no class or slice has 5 groups, so none has an interval"
    number = count_of(len(compared), "class or slice", "classes and slices")
    shown = [one for one in compared if one.is_shown]
    if shown:
        better = sum((one.gain.value or 0) > 0 for one in shown)
        worse = len(shown) - better
        return f"of {number}, {better} better and {worse} worse with {after}; all intervals hold at once (95 %)"
    sizes = [one.detectable for one in compared if one.detectable is not None]
    least, most = (f"{100 * one:.0f}" for one in (min(sizes), max(sizes)))
    between = f"{least} points" if least == most else f"{least} (the largest part) to {most} points (the smallest)"
    return f"no difference shown in {number}; one of {between} would have been found in 4 of 5 such comparisons"


def describe_detectable(overall: PartChange) -> str:
    """What the comparison of all samples would have found, where it shows nothing."""
    if overall.is_shown or overall.detectable is None:
        return ""
    size = f"{100 * overall.detectable:.1f} points"
    return f"; no difference shown: one of {size} would have been found in 4 of 5 such comparisons"
