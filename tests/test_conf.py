"""Every file in conf/ is composed, built and exercised: a new option is tested the day it appears."""

import itertools
import json
import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from source_examples import MAKERS

from pipeline.core import config
from pipeline.core.choosing import Choosing
from pipeline.core.content import Content
from pipeline.core.contracts import (
    Check,
    Encoder,
    Metric,
    Mixture,
    Risk,
    Sampling,
    Source,
    Split,
    Task,
    Trainer,
    Transform,
)
from pipeline.core.findings import entry
from pipeline.core.samples import Samples
from pipeline.experiments import listing, tuning
from pipeline.experiments.space import changed
from pipeline.stages.train import Recipe

ROOT = Path(__file__).parents[1]
CONF = ROOT / "conf"
LISTS = ("check", "curate", "augmentation", "metric")  # several options at once, each a named entry


def options(group: str) -> list[str]:
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


def composed(*overrides: str) -> dict[str, Any]:
    return dict(yaml.load(text(*overrides), yaml.CSafeLoader))


@cache
def text(*overrides: str) -> str:
    return config.compose(CONF, list(overrides))


def chosen(group: str, option: str) -> Any:
    return composed(f"{group}=[{option}]" if group in LISTS else f"{group}={option}")[group]


GROUPS = sorted(path.name for path in CONF.iterdir() if path.is_dir())


@pytest.mark.parametrize(("group", "option"), [(group, option) for group in GROUPS for option in options(group)])
def test_every_option_composes(group: str, option: str) -> None:
    params = composed(f"{group}=[{option}]" if group in LISTS else f"{group}={option}")
    assert group == "experiment" or params[group]


COMMANDS = sorted(
    {
        line.partition("dvc exp run")[2]
        for path in [*CONF.rglob("*.yaml"), ROOT / "docs/sources.md", ROOT / "docs/learners.md"]
        for line in path.read_text(encoding="utf-8").splitlines()
        if "dvc exp run -S" in line and not re.search(r"<name>|=\.\.\.", line)
    }
)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_that_conf_and_docs_give_composes(command: str) -> None:
    words = shlex.split(command, comments=True)
    overrides = [words[position + 1] for position, word in enumerate(words) if word == "-S"]
    assert overrides
    composed(*overrides)


@pytest.mark.parametrize("option", options("source"))
def test_every_source_opens_with_what_it_is(option: str) -> None:
    first, *rest = (CONF / "source" / f"{option}.yaml").read_text(encoding="utf-8").splitlines()
    assert first.startswith("# ")
    assert len(first) > 40
    comment = list(itertools.takewhile(lambda line: line.startswith("#"), rest))
    assert option == "elpv" or any("dvc exp run" in line for line in comment)  # elpv is the default


def test_params_yaml_is_what_conf_says() -> None:
    committed = subprocess.run(
        ["git", "show", "HEAD:params.yaml"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert committed.stdout == config.compose(CONF)  # the working tree's may be an experiment's


def test_every_variant_has_a_conf_file() -> None:
    """One variant is one code file and one conf file."""
    targets = {
        line.split("_target_:")[1].strip()
        for path in CONF.rglob("*.yaml")
        for line in path.read_text(encoding="utf-8").splitlines()
        if "_target_:" in line and not line.lstrip().startswith("#")
    }
    modules = {target.rpartition(".")[0] for target in targets}
    contracts = {
        "Source",
        "Split",
        "Check",
        "ContentCheck",
        "Augmentation",
        "Transform",
        "Encoder",
        "Task",
        "Sampling",
        "Mixture",
        "Risk",
        "Trainer",
        "Metric",
        "Gate",
    }
    for path in sorted((ROOT / "pipeline").glob("*/*.py")):
        text = path.read_text(encoding="utf-8")
        if path.parent.name != "core" and any(f"({noun})" in text or f", {noun})" in text for noun in contracts):
            assert ".".join(path.relative_to(ROOT).with_suffix("").parts) in modules, (
                f"{path.name} has no file in conf/"
            )


@pytest.mark.parametrize("option", options("source"))
def test_source_contract(option: str, tmp_path: Path) -> None:
    told = {"watch": tmp_path, **MAKERS[option](tmp_path)} if option in MAKERS else {}
    node = composed(f"source={option}", *(f"source.{key}={value}" for key, value in told.items()))["source"]
    made_here = "tests/source_examples.py makes no example for it, and its pictures are not here"
    assert option in MAKERS or Path(node["watch"]).exists(), f"{option}: {made_here}"  # one's own source is read itself
    source: Source = config.build(node, "source")
    rows = source.read()
    assert source.watch
    assert source.name
    assert {"path", "labels", "group"} <= set(rows)
    assert all(isinstance(labels, list) and labels == sorted(labels) for labels in rows["labels"])
    assert rows["labels"].explode().nunique() >= 2
    assert not any(Path(path).is_absolute() for path in rows["path"])
    assert isinstance(source.open(rows["path"][0]), (bytes, np.ndarray))
    pd.testing.assert_frame_equal(rows, source.read())


PROPERTIES = (
    *("brightness", "contrast", "dark_level", "light_level", "saturation", "sharpness", "entropy"),
    *("border_brightness", "aspect_ratio", "num_pixels", "num_bytes"),
)


def make_manifest(num_samples: int = 120) -> pd.DataFrame:
    generator = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "sample_id": [f"s{position:03d}" for position in range(num_samples)],
            "labels": [["ab"[position % 2]] for position in range(num_samples)],
            "group": [f"g{position // 4}" for position in range(num_samples)],
            "content_hash": [f"{value:032x}" for value in range(num_samples)],
            "perceptual_hash": [f"{value:016x}" for value in generator.integers(0, 2**63, num_samples)],
            "source_order": range(num_samples),
            **{f"prop_{name}": generator.random(num_samples) for name in PROPERTIES},
            "given_split": ["train", "train", "val", "test"] * (num_samples // 4),
        }
    )


@pytest.mark.parametrize("option", options("split"))
def test_split_contract(option: str) -> None:
    split: Split = config.build(chosen("split", option), "split")
    manifest = make_manifest()
    result = split(manifest, None)
    assert list(result) == ["sample_id", "split", "group"]
    assert result["sample_id"].tolist() == manifest["sample_id"].tolist()
    assert set(result["split"]) == {"train", "val", "test"}
    pd.testing.assert_frame_equal(result, split(manifest, None))
    pd.testing.assert_frame_equal(result, split(manifest, result))


@pytest.mark.parametrize("option", options("check"))
def test_check_contract(option: str) -> None:
    ((name, node),) = chosen("check", option).items()
    assert name == option
    check: Check = config.build(node, "check")
    assert check.on_fail in ("error", "warn")
    assert (sys.modules[type(check).__module__].__doc__ or "").splitlines()[0].endswith("?")
    manifest = make_manifest().rename(columns={"group": "told_group"})
    samples = manifest.assign(group=manifest["told_group"], split=np.repeat(["train", "val", "test"], [60, 32, 28]))
    finding = check(samples)
    assert np.isfinite(finding.value)
    assert finding.unit
    assert finding.advice
    assert finding.sentence.endswith(".")
    assert finding.passed == (finding.value <= finding.limit)
    json.dumps(entry(check, finding), allow_nan=False)


@pytest.mark.parametrize("option", options("curate"))
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_content_check_contract(option: str) -> None:
    ((name, node),) = chosen("curate", option).items()
    assert name == option
    check = config.build(node, "curate")
    manifest = make_manifest().rename(columns={"group": "told_group"})
    samples = manifest.assign(group=manifest["told_group"], split=np.repeat(["train", "val", "test"], [60, 32, 28]))
    generator = np.random.default_rng(0)
    pictures = generator.integers(0, 256, (len(samples), 8, 8, 1), dtype=np.uint8)
    content = Content(
        features=pictures.reshape(len(samples), -1).astype(np.float16),
        policy={},
        pictures=lambda rows: pictures[rows],
        embed=lambda images: images.reshape(len(images), -1).astype(np.float32),
    )
    finding = check(samples, content)
    assert np.isfinite(finding.value)
    assert finding.unit
    assert finding.advice
    assert finding == check(samples, content)


@pytest.mark.parametrize("option", options("augmentation"))
def test_augmentation_contract(option: str) -> None:
    ((_, node),) = chosen("augmentation", option).items()
    augmentation = config.build(node, "augmentation")
    batch = torch.randint(0, 256, (16, 3, 24, 24), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    before = batch.clone()
    once, twice = (augmentation(batch, torch.Generator().manual_seed(1)) for _ in range(2))
    assert once.dtype == torch.uint8
    assert once.shape == batch.shape
    assert torch.equal(once, twice)
    assert torch.equal(batch, before)
    assert not torch.equal(once, augmentation(batch, torch.Generator().manual_seed(2)))


@pytest.mark.parametrize("option", options("transform"))
def test_transform_contract(option: str) -> None:
    transform: Transform = config.build(chosen("transform", option), "transform")
    for channels in (1, 3):
        side = transform.size + 5
        batch = torch.randint(0, 256, (2, channels, side, side), generator=torch.Generator().manual_seed(0)).byte()
        result = transform(batch)
        assert result.shape == (2, 3, transform.size, transform.size)
        assert result.dtype == torch.float32
        assert torch.equal(result, transform(batch))


WITHOUT_WEIGHTS = {
    option: {"weights": "none"}
    for option in options("encoder")
    if "\nweights:" in (CONF / f"encoder/{option}.yaml").read_text(encoding="utf-8")
}


def encoder_node(option: str) -> dict[str, Any]:
    """For pictures of 96 pixels, without weights from elsewhere."""
    return {**composed(f"encoder={option}", "transform.size=96")["encoder"], **WITHOUT_WEIGHTS.get(option, {})}


@pytest.mark.parametrize("option", options("encoder"))
def test_encoder_contract(option: str) -> None:
    with torch.device("meta"):  # shapes alone, since the largest have 100 million parameters
        encoder = config.build(encoder_node(option), "encoder")
        features = encoder.eval()(torch.zeros(2, 3, 96, 96))
    assert isinstance(encoder, Encoder)
    assert features.shape == (2, encoder.feature_dim)


@pytest.mark.slow
@pytest.mark.parametrize("task", ["single_label", "multi_label"])
@pytest.mark.parametrize("option", options("encoder"))
def test_every_encoder_trains(option: str, task: str) -> None:
    """Two steps: the loss is a number, and the first layer (without any, the head) has learnt something."""
    torch.manual_seed(0)
    encoder = config.build(encoder_node(option), "encoder")
    before = [one.detach().clone() for one in encoder.parameters()][:1]
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (6, 96, 96, 3), dtype=np.uint8)
    targets = np.eye(2, dtype=np.float32)[[0, 1, 0, 1, 0, 1]]
    transform = config.build({**chosen("transform", "unit"), "size": 96}, "transform")
    train, val = (Samples(images, rows, targets[rows], transform) for rows in (np.arange(4), np.arange(4, 6)))
    node = {**chosen("train", "finetune"), "epochs": 1, "batch_size": 2, "precision": "fp32", "ema_decay": None}
    labels: Task = config.build(chosen("task", task), "task")
    risk: Risk = config.build(chosen("risk", "mean"), "risk")
    predictor, history = config.build(node, "train").fit(encoder, labels, risk, train, val, lambda *told: None)
    assert np.isfinite(history[0]["train_loss"])
    after = list(predictor.network.encoder.parameters())[:1]
    assert not any(torch.equal(one, other) for one, other in zip(before, after, strict=True))
    assert predictor.network.head.bias.abs().max() > 0
    assert predictor.predict(images).shape == (6, 2)


@pytest.mark.parametrize("option", options("task"))
def test_task_contract(option: str) -> None:
    task: Task = config.build(chosen("task", option), "task")
    targets = task.targets([["b"], ["a"], ["c"]], ["a", "b", "c"])
    assert targets.tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 1]]
    right = torch.from_numpy(targets) * 20 - 10
    assert task.loss(right, torch.from_numpy(targets)) < task.loss(-right, torch.from_numpy(targets))
    scores = task.probabilities(right).numpy()
    assert scores.min() >= 0
    assert scores.max() <= 1
    assert (task.decide(scores) == targets.astype(bool)).all()
    assert task.log_loss(targets, scores) < task.log_loss(targets, task.probabilities(-right).numpy())
    learnt = task.weighed(targets).tuned(targets, scores)
    assert type(learnt) is type(task)
    assert config.build(config.node(learnt), "card.task") == learnt  # what stands in the card is the task that decides
    assert (learnt.decide(scores) == targets.astype(bool)).all()


FINETUNE = "pipeline.trainers.finetune.FineTune"
OURS = ("small", "nothing", "majority", "nuisances")  # in no paper


@pytest.mark.parametrize("option", options("train"))
def test_trainer_is_built(option: str) -> None:
    assert isinstance(config.build(chosen("train", option), "train"), Trainer)


ESTIMATORS = [option for option in options("train") if config.targets("train", CONF)[option] != FINETUNE]


@pytest.mark.parametrize("task", ["single_label", "multi_label"])
@pytest.mark.parametrize("option", ESTIMATORS)
def test_every_estimator_trains(option: str, task: str, tmp_path: Path) -> None:
    """As conf/ has it, on a few pictures; and what was saved says the same when it is loaded."""
    nodes = composed(f"train={option}", "encoder=hog", f"task={task}", "transform.size=32")
    generator = np.random.default_rng(0)
    truth = np.arange(60) % 2
    images = generator.integers(0, 100, (60, 32, 32, 1), dtype=np.uint8)
    images[truth == 1, :, 8:24] += 120  # a bright bar, whose edges are upright
    told = pd.DataFrame({"prop_brightness": images.mean(axis=(1, 2, 3))})
    targets = np.eye(2, dtype=np.float32)[truth]
    transform = config.build(nodes["transform"], "transform")
    train, val = (
        Samples(images, rows, targets[rows], transform, told=told.iloc[rows].reset_index(drop=True))
        for rows in (np.arange(40), np.arange(40, 60))
    )
    encoder = config.build(nodes["encoder"], "encoder")
    labels: Task = config.build(nodes["task"], "task")
    risk: Risk = config.build(nodes["risk"], "risk")
    trainer = config.build(nodes["train"], "train")
    predictor, history = trainer.fit(encoder, labels, risk, train, val, lambda *told: None)
    scores = predictor.predict(images, told)
    decided = predictor.task.decide(scores)
    assert history[0]["epoch"] == 1
    if option == "majority":
        np.testing.assert_allclose(scores, 0.5)
    else:
        assert (decided == (targets > 0)).all(axis=1).mean() > 0.9
    card = {
        **predictor.save(tmp_path),
        "classes": ["a", "b"],
        **{name: nodes[name] for name in ("encoder", "transform")},
    }
    loaded = type(predictor).load(tmp_path, json.loads(json.dumps(card)))
    np.testing.assert_array_equal(loaded.predict(images, told), scores)


@pytest.mark.parametrize(("group", "option"), [(g, option) for g in ("encoder", "train") for option in options(g)])
def test_every_encoder_and_trainer_opens_with_paper_command_number_and_time(group: str, option: str) -> None:
    lines = (CONF / group / f"{option}.yaml").read_text(encoding="utf-8").splitlines()
    head = "\n".join(itertools.takewhile(lambda line: line.startswith("#"), lines))
    assert re.search(rf"^#   dvc exp run .*-S {group}={option}\b", head, re.MULTILINE)
    if option not in OURS:
        assert re.search(r"arXiv:\d{4}\.\d{4,5}|doi:10\.\d{4,}/\S+", head), "the paper"
    if option != "nothing":
        assert re.search(r"\d+(\.\d+)? %|not known|no weights", head), "the number to expect"
        assert re.search(r"\d images/s|\d s\b", head), "the time"
        assert re.search(r"EPYC|core", head), "on which hardware"


def nuisances() -> tuple[np.ndarray, pd.DataFrame]:
    """Two classes, eight samples each; brightness goes with the class in three of four."""
    targets = np.eye(2, dtype=np.float32)[np.arange(16) % 2]
    aligned = np.where(np.arange(16) < 12, np.arange(16) % 2, 1 - np.arange(16) % 2)
    return targets, pd.DataFrame({"prop_brightness": aligned + np.linspace(0, 0.1, 16)})


@pytest.mark.parametrize("option", options("sampling"))
def test_sampling_contract(option: str) -> None:
    sampling: Sampling = config.build(chosen("sampling", option), "sampling")
    targets, index = nuisances()
    chances = sampling(targets, ["a", "b"], index)
    assert chances is None or (chances.shape == (16,) and np.isclose(chances.sum(), 1) and (chances > 0).all())


@pytest.mark.parametrize("task", ["single_label", "multi_label"])
@pytest.mark.parametrize("option", options("imbalance"))
def test_imbalance_contract(option: str, task: str) -> None:
    """Both tasks take every option, learn what it needs, and each changes something but `none`."""
    params = composed(f"imbalance={option}", f"task={task}")
    choosing: Choosing = config.call(Choosing, params["imbalance"], "imbalance")
    targets = np.eye(3, dtype=np.float32)[np.repeat(np.arange(3), [8, 3, 1])]
    logits = torch.randn(12, 3, generator=torch.Generator().manual_seed(0))
    assert list(choosing.candidates) == ([option] if option != "auto" else [*choosing.candidates])
    assert option != "auto" or next(iter(choosing.candidates)) == "none"
    for name in choosing.candidates:
        nodes = choosing.changed(params, name)
        learnt = config.build(nodes["task"], "task").weighed(targets)
        plain = config.build(params["task"], "task").weighed(targets)
        chances = config.build(nodes["sampling"], "sampling")(targets, ["a", "b", "c"], pd.DataFrame(index=range(12)))
        scores = learnt.probabilities(logits)
        assert torch.isfinite(learnt.loss(logits, torch.from_numpy(targets)))
        assert ((scores >= 0) & (scores <= 1)).all()
        assert config.build(config.node(learnt), "card.task") == learnt
        assert (chances is None and learnt == plain) == (name == "none")


@pytest.mark.parametrize("option", options("mixture"))
def test_mixture_contract(option: str) -> None:
    mixture: Mixture = config.build(chosen("mixture", option), "mixture")
    images, targets = torch.rand(6, 3, 8, 8, generator=torch.Generator().manual_seed(0)), torch.eye(3).repeat(2, 1)
    once, twice = (mixture(images.clone(), targets.clone(), torch.Generator().manual_seed(1)) for _ in range(2))
    assert [one.shape for one in once] == [images.shape, targets.shape]
    assert all(torch.equal(a, b) for a, b in zip(once, twice, strict=True))
    torch.testing.assert_close(once[1].sum(dim=1), torch.ones(6))
    assert torch.equal(once[0], images) == (not mixture.mixes)


@pytest.mark.parametrize("option", options("risk"))
def test_risk_contract(option: str) -> None:
    risk: Risk = config.build(chosen("risk", option), "risk")
    task: Task = config.build(chosen("task", "single_label"), "task")
    targets, index = nuisances()
    cells = torch.from_numpy(risk.cells(targets, index))
    weights = torch.full((int(cells.max()) + 1,), 1 / (int(cells.max()) + 1), dtype=torch.float64)
    logits = torch.zeros(16, 2, requires_grad=True)
    value, weights = risk(task, logits, torch.from_numpy(targets), cells, weights)
    value.backward()
    assert value.item() == pytest.approx(np.log(2))  # knowing nothing costs the same in every cell
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
    assert weights.sum().item() == pytest.approx(1)


@pytest.mark.parametrize("option", options("metric"))
def test_metric_contract(option: str) -> None:
    generator = np.random.default_rng(0)
    targets = np.eye(3)[np.arange(30) % 3]
    weights = generator.integers(1, 4, (5, 30)).astype(float)
    for node in chosen("metric", option).values():
        metric: Metric = config.build(node, "metric")
        shape = (5, 3) if metric.per_class else (5,)
        perfect = metric(targets, targets.astype(bool), targets, weights)
        assert perfect.shape == shape
        np.testing.assert_allclose(perfect, 1.0 if metric.larger_is_better else 0.0)
        scores = generator.random((30, 3))
        worse = metric(targets, np.eye(3, dtype=bool)[scores.argmax(axis=1)], scores, weights)
        assert (worse < 1).all() if metric.larger_is_better else (worse > 0).all()


@pytest.mark.parametrize("option", options("gate"))
def test_gate_contract(option: str) -> None:
    node = chosen("gate", option)
    gate = config.build({**node, "metric": config.build(node["metric"], "gate.metric")}, "gate")
    targets = list(np.eye(2)[np.arange(20) % 2])
    table = pd.DataFrame(
        {
            "sample_id": [str(position) for position in range(20)],
            "group": [str(position // 2) for position in range(20)],
            "targets": targets,
            "decided": [one.astype(bool) for one in targets],
            "scores": targets,
        }
    )
    assert gate(table, None).promote
    assert not gate(table, table).promote
    assert gate(table, table).reasons


@pytest.mark.parametrize("option", [one for one in options("experiment") if one.startswith("leaderboard_")])
def test_leaderboard_lists_experiments_that_compose(option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    listed, params = listing.read(option.removeprefix(listing.PREFIX))
    assert listed.metric in params["metric"]
    for one in listed.experiments:
        assert listed.metric in composed(f"experiment={one}")["metric"]


@pytest.mark.parametrize("option", options("tune"))
def test_search_chooses_what_training_reads(option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    search, params = tuning.read(option, None, None)
    lowest = {key: one.choices[0] if one.choices else one.low for key, one in search.space.items()}
    Recipe(changed(tuning.nodes_of(params), lowest))


@pytest.mark.parametrize("option", options("experiment"))
def test_experiment_builds_everything(option: str) -> None:
    params = composed(f"experiment={option}")
    for group in ("source", "split", "task", "transform", "sampling", "mixture", "risk", "train"):
        config.build(params[group], group)
    for group in LISTS:
        for name, node in params[group].items():
            config.build(node, f"{group}.{name}")
    if params["beside"] is not None:
        config.build(params["beside"], "beside")


def names_within(value: Any) -> set[str]:
    """Every key of nested mappings."""
    return (
        {key for name, inner in value.items() for key in (name, *names_within(inner))}
        if isinstance(value, dict)
        else set()
    )


def test_what_dvc_leaves_out_is_told_again() -> None:
    """DVC's run-cache passes over keys called size or nfiles: another size would bring back the earlier output."""
    params = composed()
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    told = 0
    for name, one in stages.items():
        for section in [key for key in one.get("params", []) if "." not in key]:
            if {"size", "nfiles"} & names_within(params[section]):
                assert f"sides.{section}" in one["params"], f"{name} depends on {section}.size, which DVC passes over"
                told += 1
    assert told == 4
    changed = composed("augment.size=150", "transform.size=140", "embed.transform.size=100")["sides"]
    assert changed == {"augment": 150, "transform": 140, "embed": 100}
