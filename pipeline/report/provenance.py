"""The provenance section: facts about the predictor, and all parameters as a tree."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipeline.core.sample_codec import noun_of
from pipeline.core.terminal import count_of
from pipeline.media.choice import media_of_card
from pipeline.report.formatting import SPACE, file_size, whole

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject, Params


@dataclass(frozen=True, kw_only=True)
class Node:
    """One parameter (`text`) or a group of them (`children`)."""

    name: str
    text: str = ""
    children: list[Node] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """What the section shows: `facts` in words, `hashes` with their notes, and the parameters."""

    facts: list[tuple[str, str]]
    hashes: list[tuple[str, str, str]]
    parameters: list[Node]


def model_facts(card: JsonObject, num_epochs: int, num_bytes: int) -> list[tuple[str, str]]:
    """What a reader wants to know of a model before its figures: name and value; what the card lacks is left out.

    Args:
        card: Of the predictor.
        num_epochs: Rows of `reports/train.csv`.
        num_bytes: Of the predictor's files.
    """
    encoder, train, samples = (card.get(name) or {} for name in ("encoder", "train", "num_samples"))
    noun = noun_of(media_of_card(card.get("packing") or {}))
    trained = _describe_trainer(train)
    if samples.get("train"):
        epochs = "" if "estimator" in train else f"{count_of(num_epochs, 'epoch')} of "
        trained += f", {epochs}{count_of(samples['train'], noun)}"
    sizes = [f"{whole(card['num_parameters'])} parameters"] if "num_parameters" in card else []
    pixels = (card.get("transform") or {}).get("image_size")
    facts = [
        ("Model", encoder.get("architecture") or _words(encoder)),
        ("Training", trained.lstrip(", ")),
        (f"{noun.capitalize()} size", f"{pixels}{SPACE}pixels" if pixels else ""),
        ("Model size", ", ".join([file_size(num_bytes), *sizes])),
    ]
    return [(name, value) for name, value in facts if value]


def provenance(params: Params, card: JsonObject) -> Provenance:
    encoder, packing, train = (card.get(name) or {} for name in ("encoder", "packing", "train"))
    noun = noun_of(media_of_card(packing))
    facts = [
        ("Encoder", encoder.get("architecture") or _words(encoder)),
        ("Pretrained weights", _describe_weights(encoder["weights"]) if "weights" in encoder else ""),
        ("Training", _describe_trainer(train)),
        ("Task", _words(card.get("task") or {})),
        ("Parameters", whole(card["num_parameters"]) if "num_parameters" in card else ""),
        (
            f"{noun.capitalize()}s stored at",
            f"{packing['size']} pixels, {packing['fit']}" if {"size", "fit"} <= packing.keys() else "",
        ),
        (
            f"{noun.capitalize()}s seen at",
            f"{card['transform']['image_size']} pixels" if "image_size" in (card.get("transform") or {}) else "",
        ),
    ]
    hashes = [
        ("Data hash", card.get("data_hash", ""), f"the same for the same {noun}s, labels and splits"),
        ("Training key", card.get("training_key", ""), "the same for the same data and parameters"),
    ]
    return Provenance(
        facts=[(name, value) for name, value in facts if value],
        hashes=[(name, value, note) for name, value, note in hashes if value],
        parameters=tree(params),
    )


def tree(value: Any) -> list[Node]:
    """A mapping or a list as nodes."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    return [
        Node(name=str(name), children=tree(inner))
        if (isinstance(inner, dict) and inner) or (isinstance(inner, list) and any(_is_nested(one) for one in inner))
        else Node(name=str(name), text=_format_value(inner))
        for name, inner in pairs
    ]


def _is_nested(value: Any) -> bool:
    return isinstance(value, (dict, list))


def _format_value(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_format_value(one) for one in value)}]"
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return str(value)


def _describe_weights(value: Any) -> str:
    return "of an installed package" if value == "package" else _format_value(value)


def _describe_trainer(train: Params) -> str:
    """Of an estimator its name: logistic regression on frozen features."""
    estimator = _words(train.get("estimator") or {})
    return f"{estimator} on frozen features" if estimator else _words(train)


def _words(node: Params) -> str:
    """The class that a node builds, in words: fine tune."""
    name = str(node.get("_target_", "")).rpartition(".")[2]
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower() if name != name.upper() else name
