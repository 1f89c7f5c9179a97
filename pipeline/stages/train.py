"""Packed arrays to a predictor: weights, a card that says what they are, and the curves of training."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.core import artifacts, config, rank, stage_runner, terminal
from pipeline.core.code_digest import code_digest, component_modules
from pipeline.core.contracts import CheckpointStore, Predictor, Split
from pipeline.core.errors import UserError
from pipeline.core.labels import to_lists, without_negatives
from pipeline.core.nouns import import_target
from pipeline.core.uris import mask_credentials
from pipeline.datasets.near_duplicates.groups import add_duplicate_group
from pipeline.datasets.packed import PackedDataset
from pipeline.tracking.connection import root
from pipeline.tracking.runs import TrainingLog, training_run
from pipeline.training import checkpoints as store
from pipeline.training import model_card
from pipeline.training import recipe as training_recipe
from pipeline.training.checkpoints import Checkpoints
from pipeline.training.recipe import SECTIONS, Recipe, no_log, select_recipe


def main() -> None:
    params = config.load_params()
    packed = PackedDataset.load()
    nodes = {name: config.get_section(params, name) for name in SECTIONS}
    name = str(config.get_section(params, "source")["name"])
    key = artifacts.content_digest(
        name.encode(),
        artifacts.canonical_json(nodes),
        *(path.read_bytes() for path in sorted(artifacts.PACKED.glob("*.*")) if path.suffix != ".npy"),
    )
    code = code_digest([Path(training_recipe.__file__), *component_modules(nodes)])
    repeat_key = artifacts.content_digest(key.encode(), code.encode())
    again = second_split(nodes["beside"], packed, nodes["task"])
    recipe, tried = select_recipe(nodes, packed)
    kept = store.open_checkpoints(repeat_key, root(), tell=warn)
    run = training_run(key, params, repeat_key) if rank.is_main_process() else nullcontext(TrainingLog(None))
    with run as log:
        predictor, history = recipe.fit(packed, log, kept)
        beside = beside_predictions(recipe, again, Checkpoints(kept.folder / "beside", warn))
        if rank.is_main_process():
            write(predictor, history, beside, tried, {"source": name, **recipe.card(packed), "training_key": key})
            log.has_made(model_card.predictor_digest(artifacts.PREDICTOR))
            kept.clear()
    rank.finish()


def write(
    predictor: Predictor,
    history: list[dict[str, float]],
    beside: pd.DataFrame,
    tried: pd.DataFrame,
    told: dict[str, Any],
) -> None:
    with artifacts.atomic_write(artifacts.PREDICTOR) as folder:
        folder.mkdir()
        saved = predictor.save(folder)
        artifacts.write_json(folder / model_card.CARD, {**saved, **told})
    artifacts.write_table(artifacts.BESIDE, beside)
    artifacts.write_csv(artifacts.TRAIN_CURVES, pd.DataFrame(history))
    artifacts.write_csv(artifacts.IMBALANCE, tried)


def warn(line: str) -> None:
    if rank.is_main_process():
        terminal.warn(f"train: {mask_credentials(line)}")


def second_split(node: dict[str, Any] | None, packed: PackedDataset, task: dict[str, Any]) -> PackedDataset | None:
    """The same pictures under the split that `beside` names, or None where it is null.

    Raises:
        UserError: A part of it is empty. Told before the first fit, not after.
    """
    if node is None:
        return None
    split: Split = config.build(node, "beside")
    manifest = add_duplicate_group(artifacts.read_table(artifacts.MANIFEST), artifacts.read_table(artifacts.TWINS))
    if import_target(task["_target_"], "task", "task").exclusive:
        manifest = without_negatives(manifest)
    second = split(manifest, None).set_index("sample_id")
    index = packed.index.assign(
        split=packed.index["origin"].map(second["split"]), group=packed.index["origin"].map(second["group"])
    )
    index.loc[(index["origin"] != index["sample_id"]) & (index["split"] != "train"), "split"] = "none"
    empty = sorted({"train", "val", "test"} - set(index["split"]))
    if empty:
        raise UserError(
            f"beside: no sample is left for {', '.join(empty)}; change beside.fractions, or leave beside null"
        )
    return PackedDataset(packed.images, index, packed.card)


def beside_predictions(
    recipe: Recipe, again: PackedDataset | None, checkpoints: CheckpointStore | None = None
) -> pd.DataFrame:
    """Test predictions of the same recipe trained on a second split, or an empty table where there is none.

    It shows what the first split hides: how much of a figure rests on groups that straddle train and test.
    """
    if again is None:
        return pd.DataFrame({"sample_id": [], "group": [], "labels": [], "scores": [], "decided": []})
    predictor, _ = recipe.fit(again, no_log, checkpoints)
    test = again.index[again.index["split"] == "test"]
    scores = predictor.predict(again.images[test.index.to_numpy()], test.reset_index(drop=True))
    decided = to_lists(predictor.task.decide(scores), again.classes)
    return test[["sample_id", "group", "labels"]].assign(scores=list(scores), decided=decided).reset_index(drop=True)


if __name__ == "__main__":
    stage_runner.run("train", main)
