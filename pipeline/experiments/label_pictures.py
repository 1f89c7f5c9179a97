"""The pictures and encoders of `colibri label-efficiency`: labelled ones of train and val, never of test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np
import pandas as pd

from pipeline.core import artifacts, config
from pipeline.core.errors import UserError
from pipeline.core.manifest_schema import property_columns, short_name
from pipeline.datasets.packed import PackedDataset
from pipeline.datasets.properties import stratified_group_sample
from pipeline.evaluation.label_efficiency_results import EMBEDDED, INITIAL, PRETRAINED, PROPERTIES
from pipeline.features.cluster_stability import sample_groups
from pipeline.features.extractor import FrozenEncoder
from pipeline.features.store import Embeddings
from pipeline.training.pretrained_encoder import build_encoder, describe, load_pretrained

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject, Params

MAX_TRAIN, MAX_VAL = 20_000, 10_000  # pictures; of more a sample, of train with the classes in even shares
BATCH = 64


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class LabelledPictures:
    """Those of train, then those of val.

    Attributes:
        packed: All pictures.
        index: A row for each, with `row`, its position in `packed`, and `code`, its class.
        num_train: Of them in train.
        labelled: `train` and `val` to the class of each labelled picture, before a sample was taken.
    """

    packed: PackedDataset
    index: pd.DataFrame
    num_train: int
    labelled: Mapping[str, np.ndarray]

    @property
    def codes(self) -> np.ndarray:
        return self.index["code"].to_numpy()

    @property
    def groups(self) -> np.ndarray:
        return self.index["group"].to_numpy(dtype=str)


def read_pictures(params: Params, seed: int) -> LabelledPictures:
    """The labelled pictures of train and val, without extra copies; of many a sample.

    Val keeps its mix of classes, since accuracy is of a mix.

    Raises:
        UserError: A picture has several labels, or there are too few.
    """
    if not str(params["task"].get("_target_", "")).endswith(".SingleLabel"):
        raise UserError(
            "label-efficiency counts labels a class, which needs one label per picture, and task has several labels; "
            "set task=single_label"
        )
    packed = PackedDataset.load()
    index = packed.index.assign(row=np.arange(len(packed.index)))
    index = index[(index["origin"] == index["sample_id"]) & (index["labels"].map(len) == 1)]
    index = index.assign(code=pd.Index(packed.classes).get_indexer(index["labels"].str[0]))
    train, val = (index[index["split"] == split] for split in ("train", "val"))
    chosen = val.iloc[sample_groups(val["group"].to_numpy(dtype=str), MAX_VAL, seed)]
    parts = [stratified_group_sample(train, MAX_TRAIN, seed), chosen]
    for name, part in zip(("train", "val"), parts, strict=True):
        if part["labels"].str[0].nunique() < 2:
            raise UserError(
                f"{artifacts.PACKED}: {name} has labelled pictures of {part['labels'].str[0].nunique()} classes, and "
                "label-efficiency needs 2; add labels, or choose another split"
            )
    labelled = {"train": train["code"].to_numpy(), "val": val["code"].to_numpy()}
    both = pd.concat(parts, ignore_index=True)
    return LabelledPictures(packed=packed, index=both, num_train=len(parts[0]), labelled=labelled)


def read_card() -> JsonObject:
    """The card of the pretrained encoder.

    Raises:
        UserError: Nothing was pretrained.
    """
    path = artifacts.ENCODER / "card.json"
    card: JsonObject = artifacts.read_json(path) if path.is_file() else {"pretrained": False}
    if not card["pretrained"]:
        raise UserError(
            f"{path}: no encoder was pretrained, so there is nothing to compare; colibri run objective=simclr does it"
        )
    return card


def extract_features(
    params: Params, pictures: LabelledPictures, advance: Callable[[int], None]
) -> tuple[dict[str, np.ndarray], dict[str, str], dict[str, str]]:
    """Kind to (N, D) float32 features, kind to its words, and kind to why there are none.

    Args:
        params: All parameters.
        pictures: Whose features.
        advance: Called with the number of pictures that an encoder has done.
    """
    transform = config.build(params["transform"], "transform")
    features, words, missing = {}, {}, {}
    name = _name(params["encoder"])
    for kind, title in ((INITIAL, "initial weights"), (PRETRAINED, "pretrained")):
        encoder = build_encoder(params, params["pretrain"]["seed"])
        if kind == PRETRAINED:
            load_pretrained(encoder, params["encoder"])
        frozen = FrozenEncoder(encoder, transform, BATCH)
        found = np.empty((len(pictures.index), frozen.feature_dim), dtype=np.float32)
        rows = pictures.index["row"].to_numpy()
        for start in range(0, len(rows), BATCH):
            found[start : start + BATCH] = frozen(list(pictures.packed.images[rows[start : start + BATCH]]))
            advance(len(rows[start : start + BATCH]))
        features[kind], words[kind] = found, f"{title} ({name})"
    try:
        stored = Embeddings.load()
        features[EMBEDDED] = np.asarray(stored.of(pictures.index["sample_id"]), dtype=np.float32)
        words[EMBEDDED] = f"features of embed ({_name(stored.card['embed']['encoder'])})"
    except KeyError:
        missing[EMBEDDED] = f"{artifacts.EMBEDDINGS} is of other pictures; dvc repro embed makes it"
    except UserError as error:
        missing[EMBEDDED] = str(error)
    table = varied_properties(pictures.index)
    if table.shape[1]:
        features[PROPERTIES] = table.to_numpy(dtype=np.float32)
        words[PROPERTIES] = "measured properties alone"
    else:
        missing[PROPERTIES] = "no property varies"
    return features, words, missing


def _name(node: Params) -> str:
    """Of an encoder: its architecture where it has one."""
    return str(node.get("architecture") or describe(node))


def varied_properties(index: pd.DataFrame) -> pd.DataFrame:
    """The `prop_*` columns that are known for all pictures and differ between them, without the prefix."""
    table = index[property_columns(index)].astype(np.float64)
    table = table.loc[:, table.notna().all()]
    table = table.loc[:, table.std() > 1e-9]
    return table.rename(columns=short_name)
