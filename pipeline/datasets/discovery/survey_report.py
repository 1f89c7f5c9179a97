"""What `colibri init` says of a source that it has looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipeline.core.errors import UserError
from pipeline.core.terminal import bar_chart, escape_control_characters
from pipeline.datasets.discovery.file_listing import FileListing, list_obstacles
from pipeline.datasets.discovery.survey import HeaderSample, SourceSummary
from pipeline.datasets.discovery.survey_warnings import find_obstacle, warnings_for


def check_usable(counted: SourceSummary, looked: HeaderSample, path: str) -> None:
    """Refuses samples from which no run could start, after the report about them."""
    if looked.num and all(refused.reason == "missing" for _, refused in looked.refused) and not looked.sizes:
        raise UserError(
            f"none of the {counted.num_pictures:,} {looked.noun}s that {path!r} names exists, only their labels; "
            f"nothing was written; put the {looked.noun}s below it, or name their folder with --pictures"
        )
    if not looked.sizes:
        obstacle = find_obstacle(counted, looked)
        raise UserError(f"no {looked.noun} below {path!r} can be read: {obstacle}; nothing was written")
    if len(counted.labels) < 2 and counted.task != "clusters":
        others = f"; --empty own_label makes one of the {counted.num_negative:,} {looked.noun}s without any"
        found = f"{[*counted.labels]}{others if counted.num_negative else ''}"
        raise UserError(f"a classifier needs at least two labels, found {found}; nothing was written")


def refused_share(counted: SourceSummary, looked: HeaderSample) -> float:
    """The share of all items that count against ingest's limit, estimated from the sample; 0 to 1."""
    unreadable = counted.num_pictures * len(looked.refused) / max(looked.num, 1)
    from pipeline.datasets.ingestion import NOT_COUNTED

    refused = sum(number for reason, number in counted.refused.items() if reason not in NOT_COUNTED)
    return (refused + unreadable) / counted.num_items


def report_lines(counted: SourceSummary, looked: HeaderSample, notes: Sequence[str]) -> Iterator[str]:
    """The report of what was found, as lines."""
    noun = looked.noun
    several = f"several on one {noun}" if counted.num_several else f"one on each labelled {noun}"
    several = several if counted.labels else f"none on any {noun}"
    num_named = counted.num_items - counted.refused.get("no_row", 0)
    yield f"  items: {num_named:,}, labels: {len(counted.labels):,}, {several} (task {counted.task})"
    yield from ("", *(f"  {line}" for line in bar_chart(counted.labels)))
    if counted.labels and (counted.splits or counted.num_groups or looked.sizes):
        yield ""
    if counted.splits:
        yield "  given split: " + ", ".join(f"{name} {number:,}" for name, number in counted.splits.items())
    if counted.num_groups:
        yield f"  groups that stay together: {counted.num_groups:,}"
    if looked.sizes:
        yield f"  sizes of {len(looked.sizes):,} {noun}s looked at: {looked.size_text}"
    odd = [*notes, *warnings_for(counted, looked)]
    if odd:
        yield from ("", "Worth knowing:", *(f"  - {escape_control_characters(one)}" for one in odd))


def list_notes(place: FileListing) -> Iterator[str]:
    """Lines about files that are not read, or whose changes DVC does not notice."""
    listing = place.listing
    if listing.of_tools:
        names = ", ".join(f"{name} ({number:,})" for name, number in sorted(listing.of_tools.items()))
        yield f"ignored, since programs left them there: {names}"
    if listing.loops:
        yield f"ignored links to a folder that holds them: {len(listing.loops):,}, such as {listing.loops[0]!r}"
    if listing.linked:
        yield (
            f"folders that are links: {len(listing.linked):,}, such as {listing.linked[0]!r}; DVC does not look into "
            "them, so after a change there run dvc repro -f -s ingest, or set watch: to the folder they lead to"
        )
    yield from list_obstacles(listing)
