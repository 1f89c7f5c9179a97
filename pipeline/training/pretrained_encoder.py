"""The folder `data/encoder/`: the encoder that training starts from, as a card and, after a pretraining, weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import save_file
from torch import nn

from pipeline.core import artifacts, config
from pipeline.core.errors import UserError
from pipeline.core.nouns import CARD, import_target
from pipeline.training.trainers.network import WEIGHTS, load_weights

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject, Params

MADE_OF = ("encoder", "objective", "views", "pretrain", "transform")  # sections that the weights rest on


def build_encoder(nodes: Params, seed: int) -> Any:
    """The encoder with its initial weights: of a file or package, or random ones of this seed."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return config.build(nodes["encoder"], "encoder")


def write_encoder(folder: Path, encoder: nn.Module, card: JsonObject) -> None:
    """Writes the weights and the card of a pretrained encoder.

    Args:
        folder: New.
        encoder: An `Encoder`.
        card: `encoder` and what it was pretrained with.
    """
    folder.mkdir()
    weights = {name: value.detach().cpu().contiguous() for name, value in encoder.state_dict().items()}
    save_file(weights, folder / WEIGHTS)
    artifacts.write_json(folder / CARD, {"pretrained": True, **card})


def write_unchanged(folder: Path) -> None:
    """Writes the card of an encoder that was not pretrained: it is built as params.yaml says."""
    folder.mkdir()
    artifacts.write_json(folder / CARD, {"pretrained": False})


def load_pretrained(encoder: nn.Module, node: Any, folder: Path = artifacts.ENCODER) -> bool:
    """Loads the weights of a pretraining into an encoder with initial weights; returns whether there was one.

    Args:
        encoder: As `node` builds it.
        node: The parameters of the encoder.
        folder: `data/encoder/`; without it there was no pretraining.

    Raises:
        UserError: Another encoder was pretrained.
    """
    if not (folder / CARD).is_file():
        return False
    card = artifacts.read_json(folder / CARD)
    if not card["pretrained"]:
        return False
    if card["encoder"] != node:
        raise UserError(
            f"{folder / CARD}: another encoder was pretrained than params.yaml has ({describe(card['encoder'])} and "
            f"{describe(node)}); run dvc repro pretrain, or set objective=none"
        )
    load_weights(encoder, folder / WEIGHTS, "pretrain")
    return True


def read_pretraining(folder: Path = artifacts.ENCODER) -> JsonObject | None:
    """What the encoder was pretrained with: objective, views, options, pictures of each split and the last figures.

    None where it was not pretrained.
    """
    card = artifacts.read_json(folder / CARD) if (folder / CARD).is_file() else {"pretrained": False}
    return (
        {key: value for key, value in card.items() if key not in ("pretrained", "encoder", "transform")}
        if card["pretrained"]
        else None
    )


def refuse_stale(params: Params, folder: Path = artifacts.ENCODER) -> None:
    """Refuses an encoder that was made with other choices than these, for commands that DVC does not bring up to date.

    Raises:
        UserError: It was pretrained with others, or has to be pretrained.
    """
    card = artifacts.read_json(folder / CARD) if (folder / CARD).is_file() else {"pretrained": False}
    node = params.get("objective") or {}  # of an earlier version params.yaml has none
    trains = bool(node) and import_target(node.get("_target_"), "objective", "objective").trains
    other = [key for key in MADE_OF if card.get(key) != params.get(key)] if trains else []
    if card["pretrained"] != trains or other:
        what = "with another " + " and ".join(other) if card["pretrained"] and other else "with another objective"
        raise UserError(f"{folder}/ was made {what} than params.yaml has; run dvc repro pretrain")


def describe(node: Any) -> str:
    """An encoder's parameters in a few words."""
    name = str(node.get("_target_", "")).rpartition(".")[2]
    return " ".join([name, *(f"{key}={value}" for key, value in node.items() if key != "_target_")])[:120]


def name_encoder(node: Any) -> str:
    """An encoder in a word: its architecture, else its class."""
    return str(node.get("architecture") or str(node["_target_"]).rpartition(".")[2])


def encoder_digest(folder: Path = artifacts.ENCODER) -> bytes:
    """What training depends on of this folder: nothing where the encoder was not pretrained."""
    card = artifacts.read_json(folder / CARD) if (folder / CARD).is_file() else {"pretrained": False}
    if not card["pretrained"]:
        return b""
    return artifacts.content_digest((folder / CARD).read_bytes(), (folder / WEIGHTS).read_bytes()).encode()
