"""Packed arrays to a predictor: weights, a card that says what they are, and the curves of training."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pandas as pd

from pipeline.core import artifacts, config, rank, stage_runner, terminal
from pipeline.core.code_digest import code_digest, component_modules
from pipeline.core.contracts import Predictor
from pipeline.core.open_types import JsonObject
from pipeline.core.uris import mask_credentials
from pipeline.datasets.packed import PackedDataset
from pipeline.tracking.connection import root
from pipeline.tracking.parameters import data_facts
from pipeline.tracking.runs import TrainingLog, training_run
from pipeline.training import checkpoints as store
from pipeline.training import model_card
from pipeline.training import recipe as training_recipe
from pipeline.training.pretrained_encoder import encoder_digest, read_pretraining
from pipeline.training.recipe import SECTIONS, select_recipe
from pipeline.training.training_display import describe_history


def main() -> list[str]:
    params = config.load_params()
    packed = PackedDataset.load()
    nodes = {name: config.get_section(params, name) for name in SECTIONS}
    name = str(config.get_section(params, "source")["name"])
    key = artifacts.content_digest(
        name.encode(),
        artifacts.canonical_json(nodes),
        *filter(None, [encoder_digest()]),
        *(path.read_bytes() for path in sorted(artifacts.PACKED.glob("*.*")) if path.suffix != ".npy"),
    )
    code = code_digest([Path(training_recipe.__file__), *component_modules(nodes)])
    resume_key = artifacts.content_digest(key.encode(), code.encode())
    repeat_key = artifacts.content_digest(resume_key.encode(), code_digest([Path(__file__)]).encode())
    recipe, tried = select_recipe(nodes, packed)
    states = store.open_checkpoints(resume_key, root(), tell=warn)
    is_main = rank.is_main_process()
    facts = data_facts(packed, read_pretraining())
    run = training_run(key, params, repeat_key, facts) if is_main else nullcontext(TrainingLog(None))
    fact = ""
    with run as log:
        predictor, history = recipe.fit(packed, log, states)
        if rank.is_main_process():
            card = recipe.card(packed, predictor.task)
            write(predictor, history, tried, {"source": name, **card, "training_key": key})
            log.record_output(model_card.training_digest())
            fact = describe_history(history, recipe.task.exclusive)
    if rank.is_main_process():  # a run that was interrupted while it waited for MLflow goes on from the last of them
        states.clear()
    rank.finish()
    return [fact]


def write(
    predictor: Predictor,
    history: list[dict[str, float]],
    tried: pd.DataFrame,
    facts: JsonObject,
) -> None:
    with artifacts.atomic_write(artifacts.PREDICTOR) as folder:
        folder.mkdir()
        saved = predictor.save(folder)
        artifacts.write_json(folder / model_card.CARD, {**saved, **facts})
    artifacts.write_csv(artifacts.TRAIN_CURVES, pd.DataFrame(history))
    artifacts.write_csv(artifacts.IMBALANCE, tried)


def warn(line: str) -> None:
    if rank.is_main_process():
        terminal.warn(f"train: {mask_credentials(line)}")


if __name__ == "__main__":
    stage_runner.run("train", main)
