"""A Label Studio JSON export: the labels of a picture are the choices that most annotators made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, final
from urllib.parse import parse_qs, unquote, urlsplit

import pandas as pd

from pipeline.core.errors import ItemRejected, UserError
from pipeline.datasets.discovery.file_listing import MAX_NAMES, FileListing, FormatMatch
from pipeline.datasets.discovery.format_clues import match_documents, starts_with, strings
from pipeline.datasets.discovery.format_detector import FormatDetector
from pipeline.datasets.discovery.sample_suffixes import SAMPLE_SUFFIXES, suffix
from pipeline.datasets.sources.document_source import DocumentSource
from pipeline.datasets.sources.documents import expect, read_json
from pipeline.datasets.sources.items import Empty, Item, mark_negatives, relative

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject

MAX_URL_LENGTH = 4096  # a longer one is a picture written out as text
Answer = dict[str, set[str]]  # control of the labelling page to the choices made there


@final
@dataclass(frozen=True, kw_only=True)
class LabelStudio(DocumentSource, FormatDetector):
    """Choices, single or multiple; a task without annotations is an unlabelled picture, predictions do not count.

    Where the labelling page has several choice controls, the one that was used most gives the labels and the others
    become attributes. Several annotators vote: of single choices the most frequent wins, of multiple ones each that
    more than half made. A tie leaves the label out and sets `attr_disagreement`. Where they agree on no choice,
    the picture shows none of the labels. Cancelled annotations do not vote. Texts, numbers and truth values of a task's
    `meta` become attributes.

    A picture is looked up below `pictures` by its full path (of an upload, a URL, a bucket or `local-files/?d=`), then
    by that path without its first folders, as an export stores it.

    Args:
        path: The file exported as JSON (not JSON-MIN).

    Source: labelstud.io/guide/export.
    """

    def read(self) -> pd.DataFrame:
        return self.read_items("the path of a task's picture", self._items)

    def _items(self, document: Path, pictures: Path) -> list[Item]:
        tasks = expect(read_json(document), list, str(document))
        if not tasks:
            raise UserError(f"{document} holds no task; expected one for each picture")
        answers = [_answers(task, f"{document}: task {position + 1}") for position, task in enumerate(tasks)]
        used = Counter(control for task in answers for answer in task for control in answer)
        controls = sorted(used, key=lambda control: (-used[control], control))
        return [_item(pictures, task, given, controls, self.empty) for task, given in zip(tasks, answers, strict=True)]

    @classmethod
    def recognise(cls, place: FileListing, options: Mapping[str, Any]) -> Iterator[FormatMatch]:
        names = {
            document: _endings(place, data)
            for document in place.documents(".json".__eq__)
            if starts_with(data := place.head_and_tail(document), b"[")
            and all(key in data for key in (b'"data"', b'"annotations"'))
        }
        return match_documents("Label Studio JSON", place, names, options)


def _answers(task: Any, where: str) -> list[Answer]:
    """The choices of each annotator."""
    expect(task, dict, where)
    if "data" not in task:
        raise UserError(f"{where} has no data; export as JSON, not as JSON-MIN")
    expect(task["data"], dict, f"{where}, data")
    answers = []
    for annotation in expect(task.get("annotations") or [], list, f"{where}, annotations"):
        if expect(annotation, dict, f"{where}, annotations").get("was_cancelled"):
            continue
        answer: Answer = {}
        for result in expect(annotation.get("result") or [], list, f"{where}, result"):
            if expect(result, dict, f"{where}, result").get("type") != "choices":
                continue
            value = expect(result.get("value"), dict, f"{where}, value")
            choices = expect(value.get("choices"), list, f"{where}, choices")
            chosen = answer.setdefault(str(result.get("from_name", "")), set())
            chosen.update(expect(one, str, f"{where}, choices") for one in choices)
        answers.append(answer)
    return answers


def _item(root: Path, task: JsonObject, answers: list[Answer], controls: list[str], empty: Empty) -> Item:
    url = _picture(task["data"])
    if url is None:
        detail = f"data names no picture, it has {sorted(task['data'])}"
        return Item(path=f"task {task.get('id')}", refused=ItemRejected("bad_annotation", detail))
    labels, disagree = vote([answer.get(controls[0], set()) for answer in answers]) if controls else (set(), False)
    attributes: JsonObject = {"disagreement": disagree}
    for control in controls[1:]:
        chosen, _ = vote([answer.get(control, set()) for answer in answers])
        attributes[control] = "; ".join(sorted(chosen)) or None
    marked = mark_negatives(labels, empty if answers and not disagree else "unlabelled")
    attributes |= dict(_meta(task))
    return Item(path=locate_picture(root, url), **marked, attributes=attributes)


def _meta(task: JsonObject) -> Iterator[tuple[str, Any]]:
    """What the project that made the task says of it."""
    meta = task.get("meta")
    for name, value in meta.items() if isinstance(meta, dict) else ():
        if isinstance(value, (str, int, float)):
            yield name, value


def vote(answers: list[set[str]]) -> tuple[set[str], bool]:
    """The choices that won, and whether a tie left one out."""
    num_votes = Counter(choice for answer in answers for choice in answer)
    if all(len(answer) <= 1 for answer in answers):
        most = max(Counter(map(frozenset, answers)).values(), default=0)
        winners = [set(one) for one, number in Counter(map(frozenset, answers)).items() if number == most]
        return (winners[0], False) if len(winners) == 1 else (set(), len(winners) > 1)
    won = {choice for choice, number in num_votes.items() if 2 * number > len(answers)}
    return won, any(2 * number == len(answers) for number in num_votes.values())


def _picture(data: JsonObject) -> str | None:
    """The value of `image`, else the first that ends like a picture."""
    values = [data.get("image"), *(data[key] for key in sorted(data) if key != "image")]
    texts = [one for one in values if isinstance(one, str) and 0 < len(one) <= MAX_URL_LENGTH]
    if data.get("image") in texts:
        return texts[0]
    return next((one for one in texts if suffix(next(_paths(one))) in SAMPLE_SUFFIXES), None)


def locate_picture(root: Path, url: str) -> str:
    """The path, relative to the root, of the file that a task names; the full one where there is no such file."""
    paths = list(_paths(url))
    for path in paths:
        parts = PurePosixPath(path).parts
        if ".." in parts:
            return path
        for start in range(len(parts)):
            shorter = "/".join(parts[start:])
            if _is_there(root, shorter):
                return shorter
    return paths[0]


def _endings(place: FileListing, edges: bytes) -> list[str]:
    """The paths of the pictures of the tasks, without first folders that the place does not have."""
    paths = (path for text in strings(edges) for path in _paths(text))
    named = [path for path in islice(paths, 50 * MAX_NAMES) if suffix(path) in SAMPLE_SUFFIXES][:MAX_NAMES]
    deepest = max((path.count("/") for path in named), default=0)
    shorter = ([path.split("/", start)[-1] for path in named] for start in range(deepest + 1))
    return next((paths for paths in shorter if place.common_parent(paths) is not None), named)


def _is_there(root: Path, path: str) -> bool:
    try:
        return (root / relative(root, path)).is_file()
    except (ItemRejected, OSError, ValueError):  # leaves the root; a name too long; a null byte
        return False


def _paths(url: str) -> Iterator[str]:
    """The possible paths of a picture, from the text of a task, the most likely first."""
    try:
        parts = urlsplit(url)
        local = parse_qs(parts.query).get("d")
    except ValueError:  # a bracket in the place of a host
        yield url
        return
    if parts.path.endswith("/local-files/") and local:
        yield local[0]
    elif parts.scheme or url.startswith("/data/upload/"):
        path = unquote(parts.path)
        yield path.removeprefix("/data/upload/").lstrip("/")
        yield parts.path.removeprefix("/data/upload/").lstrip("/")
    else:
        yield url
        yield unquote(url)
