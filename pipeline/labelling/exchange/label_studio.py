"""A data set as Label Studio tasks: labels are choices, attributes the `meta` of a task; with the labelling page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from pipeline.core.artifacts import write_json, write_text
from pipeline.labelling.exchange.placing import PlaceNames, place_names, with_places

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject
    from pipeline.labelling.exchange.content import ExchangedSample, ExchangedSet

DOCUMENT, PAGE = "tasks.json", "label_config.xml"
CONTROL, SHOWN = "label", "image"


def write(content: ExchangedSet, folder: Path) -> JsonObject:
    """Writes the tasks and the labelling page; the options of the source that reads the tasks."""
    names = place_names(content)
    tasks = [_task(number, one, names, content.folder) for number, one in enumerate(content.samples, start=1)]
    write_json(folder / DOCUMENT, tasks)
    write_text(folder / PAGE, _page(content))
    target = "pipeline.datasets.sources.label_studio.LabelStudio"
    return {"_target_": target, "path": DOCUMENT, "empty": "negative", **names.options}


def _task(number: int, sample: ExchangedSample, names: PlaceNames, folder: str) -> JsonObject:
    """A task without annotations is an unlabelled sample; a result without choices, one that shows no class."""
    choices = {"from_name": CONTROL, "to_name": SHOWN, "type": "choices", "value": {"choices": [*sample.labels]}}
    result = [choices] if sample.labels else []
    return {
        "id": number,
        "data": {SHOWN: f"/data/local-files/?d={quote(f'{folder}/{sample.path}')}"},
        "meta": with_places(sample, names),
        "annotations": [{"id": number, "result": result}] if sample.is_labelled else [],
        "predictions": [],
    }


def _page(content: ExchangedSet) -> str:
    shown = "Video" if content.media == "clip" else "Image"
    several = "multiple" if content.has_several else "single"
    choices = "".join(f"    <Choice value={quoteattr(name)}/>\n" for name in content.classes)
    return (
        f'<View>\n  <{shown} name="{SHOWN}" value="${SHOWN}"/>\n'
        f'  <Choices name="{CONTROL}" toName="{SHOWN}" choice="{several}">\n{choices}  </Choices>\n</View>\n'
    )
