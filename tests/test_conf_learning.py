"""Every option in conf/ that learns, weighs or measures is built and exercised."""

import itertools
import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from conf_options import CONF, chosen, composed, numbers_of_axes, options
from gate_examples import make_contest
from predictions_examples import make_predictions

from pipeline.core import config
from pipeline.core.batches import ImageDataset
from pipeline.core.contracts import BatchMix, Encoder, Risk, Sampling, Task, Trainer
from pipeline.core.evaluation_contracts import Aim, FeatureDistance, Gate, Metric
from pipeline.core.feature_reference import FeatureReference
from pipeline.evaluation.metrics.rate import Rate
from pipeline.training.recipe import SECTIONS, candidate_selection

pytestmark = pytest.mark.xdist_group("conf")  # what one test composes the next one need not
WITHOUT_WEIGHTS = {
    option: {"weights": "none"}
    for option in options("encoder")
    if "\nweights:" in (CONF / f"encoder/{option}.yaml").read_text(encoding="utf-8")
}


def encoder_node(option: str) -> dict[str, Any]:
    """For pictures of 96 pixels, without weights from elsewhere."""
    return {**composed(f"encoder={option}", "image_size=96")["encoder"], **WITHOUT_WEIGHTS.get(option, {})}


OF_MONAI = {option for option in options("encoder") if option.startswith("monai_")}  # an extra that CI has not
ENCODERS = [option for option in options("encoder") if option not in OF_MONAI or find_spec("monai")]


def sample_shape(encoder: Encoder) -> tuple[int, ...]:
    """(3, *spatial) of a small sample: 96 pixels of a picture, and few frames of a clip."""
    return (3, 8, 32, 32) if encoder.spatial_rank == 3 else (3, 96, 96)


@pytest.mark.parametrize("option", ENCODERS)
def test_encoder_contract(option: str) -> None:
    with torch.device("meta"):  # shapes alone, since the largest have 100 million parameters
        encoder = config.build(encoder_node(option), "encoder")
        found = [encoder.eval()(torch.zeros(2, 3, *[32] * (axes - 2), 96, 96)) for axes in numbers_of_axes(encoder)]
    assert isinstance(encoder, Encoder)
    assert {features.shape for features in found} == {(2, encoder.feature_dim)}


OF_EACH_CLASS = {target: option for option, target in config.list_targets("encoder", CONF).items()}.values()


@pytest.mark.slow
@pytest.mark.parametrize("option", ENCODERS)
def test_every_encoder_can_learn(option: str) -> None:
    """The loss of real pictures is a number, and its gradient reaches the first layer.

    No step is taken: the optimizer's state of 100 million parameters takes most of the time, and no option is unlike
    another there. The test below takes steps.
    """
    torch.manual_seed(0)
    encoder = config.build(encoder_node(option), "encoder").train()
    head = torch.nn.Linear(encoder.feature_dim, 2)
    images, targets = torch.rand(4, *sample_shape(encoder)), torch.eye(2).repeat(2, 1)
    task: Task = config.build(chosen("task", "single_label"), "task")
    loss = task.loss(head(encoder(images)), targets)
    assert torch.isfinite(loss)
    for first in [*encoder.parameters(), head.bias][:1]:
        (gradient,) = torch.autograd.grad(loss, [first])
        assert torch.isfinite(gradient).all()
        assert gradient.abs().max() > 0


@pytest.mark.slow
@pytest.mark.parametrize("option", sorted({*OF_EACH_CLASS, "resnet18"}))  # with transformers and with convolutions
@pytest.mark.parametrize("task", ["single_label", "multi_label"])
def test_an_encoder_of_each_class_trains(option: str, task: str) -> None:
    """One step: the loss is a number, and the first layer (without any, the head) has learnt something."""
    torch.manual_seed(0)
    encoder = config.build(encoder_node(option), "encoder")
    before = [one.detach().clone() for one in encoder.parameters()][:1]
    generator = np.random.default_rng(0)
    channels, *spatial = sample_shape(encoder)
    images = generator.integers(0, 256, (6, *spatial, channels), dtype=np.uint8)
    targets = np.eye(2, dtype=np.float32)[[0, 1, 0, 1, 0, 1]]
    transform = config.build({**chosen("transform", "unit"), "image_size": spatial[-1]}, "transform")
    train, val = (ImageDataset(images, rows, targets[rows], transform) for rows in (np.arange(4), np.arange(4, 6)))
    node = {**chosen("train", "finetune"), "epochs": 1, "batch_size": 4, "precision": "fp32"}
    node |= {"ema_decay": None, "min_steps": 0}
    labels: Task = config.build(chosen("task", task), "task")
    risk: Risk = config.build(chosen("risk", "mean"), "risk")
    predictor, history = config.build(node, "train").fit(encoder, labels, risk, train, val, lambda *told: None)
    assert np.isfinite(history[0]["train_loss"])
    after = list(predictor.network.encoder.parameters())[:1]
    assert not any(torch.equal(one, other) for one, other in zip(before, after, strict=True))
    assert predictor.network.head.bias.abs().max() > 0
    assert predictor.predict(images).shape == (6, 2)


@pytest.mark.parametrize("option", options("aim"))
def test_aim_contract(option: str) -> None:
    """Whatever is aimed at, sure scores of the right class are decided so."""
    aim: Aim = config.build(chosen("aim", option), "aim")
    targets = np.eye(2)[np.arange(40) % 2]
    scores = 0.8 * targets + 0.1
    rule = aim(targets, scores, ["a", "b"], True)
    decided = rule.decide(scores, True)
    assert decided is None or (decided == (targets > 0)).all()
    assert rule.note == ""


@pytest.mark.parametrize("option", options("feature_distance"))
def test_feature_distance_contract(option: str) -> None:
    """What is unlike train is farther than what is like it, and the numbers come back from a file as they were."""
    distance: FeatureDistance = config.build(chosen("feature_distance", option), "feature_distance")
    generator = np.random.default_rng(0)
    known, alike = generator.normal(3, 1, (2, 30, 8)).astype(np.float32)
    fitted = distance.fit(known, np.eye(2)[np.arange(30) % 2])
    assert {one.dtype for one in fitted.values()} == {np.dtype(np.float32)}
    reference = FeatureReference(distance=config.build(config.to_node(distance), "feature_distance"), fitted=fitted)
    near, far = reference.measure(alike), reference.measure(-alike)
    assert near.shape == (30,)
    assert 0 <= near.min() <= near.max() < far.min()


@pytest.mark.parametrize("option", options("task"))
def test_task_contract(option: str) -> None:
    task: Task = config.build(chosen("task", option), "task")
    targets = task.targets([["b"], ["a"], ["c"]], ["a", "b", "c"])
    if not task.supervised:
        assert targets.shape == (3, 0)
        found = task.with_outcomes(["x", "y"])
        assert found.outcomes(["a"]) == ["x", "y"]
        assert config.build(config.to_node(found), "card.task") == found
        return
    assert targets.tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 1]]
    right = torch.from_numpy(targets) * 20 - 10
    assert task.loss(right, torch.from_numpy(targets)) < task.loss(-right, torch.from_numpy(targets))
    scores = task.probabilities(right).numpy()
    assert scores.min() >= 0
    assert scores.max() <= 1
    assert (task.decide(scores) == targets.astype(bool)).all()
    assert task.log_loss(targets, scores) < task.log_loss(targets, task.probabilities(-right).numpy())
    learnt = task.fit_class_weights(targets).fit_thresholds(targets, scores)
    assert type(learnt) is type(task)
    assert (
        config.build(config.to_node(learnt), "card.task") == learnt
    )  # what stands in the card is the task that decides
    assert (learnt.decide(scores) == targets.astype(bool)).all()


FINETUNE = "pipeline.training.trainers.finetune.FineTune"
OURS = ("small", "conv3d_small", "constant", "majority", "property_forest")  # in no paper


@pytest.mark.parametrize("option", options("train"))
def test_trainer_is_built(option: str) -> None:
    assert isinstance(config.build(chosen("train", option), "train"), Trainer)


CLUSTERS = "pipeline.training.trainers.clusters.FitClusters"
ESTIMATORS = [
    (option, task)
    for option, target in config.list_targets("train", CONF).items()
    for task in (["clusters"] if target == CLUSTERS else ["single_label", "multi_label"])
    if target != FINETUNE
]


@pytest.mark.parametrize(("option", "task"), ESTIMATORS)
def test_every_estimator_trains(option: str, task: str, tmp_path: Path) -> None:
    """As conf/ has it, on a few pictures; and what was saved says the same when it is loaded."""
    nodes = composed(f"train={option}", "encoder=hog", f"task={task}", "image_size=32", "clusters.num_clusters=2")
    generator = np.random.default_rng(0)
    truth = np.arange(60) % 2
    images = generator.integers(0, 100, (60, 32, 32, 1), dtype=np.uint8)
    images[truth == 1, :, 8:24] += 120  # a bright bar, whose edges are upright
    told = pd.DataFrame({"prop_brightness": images.mean(axis=(1, 2, 3)), "group": np.arange(60).astype(str)})
    targets = np.eye(2, dtype=np.float32)[truth]
    transform = config.build(nodes["transform"], "transform")
    train, val = (
        ImageDataset(images, rows, targets[rows], transform, metadata=told.iloc[rows].reset_index(drop=True))
        for rows in (np.arange(40), np.arange(40, 60))
    )
    encoder = config.build(nodes["encoder"], "encoder")
    labels: Task = config.build(nodes["task"], "task")
    risk: Risk = config.build(nodes["risk"], "risk")
    trainer = config.build(nodes["train"], "train")
    predictor, history = trainer.fit(encoder, labels, risk, train, val, lambda *told: None)
    scores = predictor.with_metadata(told).predict(images)
    decided = predictor.task.decide(scores)
    assert history[0]["epoch"] == 1
    if option == "majority":
        np.testing.assert_allclose(scores, 0.5)
    else:
        right = (decided == (targets > 0)).all(axis=1).mean()
        assert max(right, 1 - right if task == "clusters" else 0) > 0.9  # clusters have no order
    card = {
        **predictor.save(tmp_path),
        "classes": predictor.task.outcomes(["a", "b"]),
        **{name: nodes[name] for name in ("encoder", "transform")},
    }
    loaded = type(predictor).load(tmp_path, json.loads(json.dumps(card)))
    np.testing.assert_array_equal(loaded.with_metadata(told).predict(images), scores)


@pytest.mark.parametrize(("group", "option"), [(g, option) for g in ("encoder", "train") for option in options(g)])
def test_every_encoder_and_trainer_opens_with_paper_command_number_and_time(group: str, option: str) -> None:
    lines = (CONF / group / f"{option}.yaml").read_text(encoding="utf-8").splitlines()
    head = "\n".join(itertools.takewhile(lambda line: line.startswith("#"), lines))
    assert re.search(rf"^#   dvc exp run .*-S {group}={option}\b", head, re.MULTILINE)
    if option not in OURS:
        assert re.search(r"arXiv:\d{4}\.\d{4,5}|doi:10\.\d{4,}/\S+", head), "the paper"
    if option != "constant":
        assert re.search(r"\d+(\.\d+)? %|not known|no weights", head), "the number to expect"
        assert re.search(r"\d (images|samples)/s|\d s\b", head), "the time"
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


REMEDIES = [option for option in options("imbalance") if option != "auto"]


@pytest.mark.parametrize("task", ["single_label", "multi_label"])
@pytest.mark.parametrize("option", REMEDIES)
def test_imbalance_contract(option: str, task: str) -> None:
    """Both tasks take every remedy, learn what it needs, and each changes something but `none`."""
    nodes, without = composed(f"imbalance={option}", f"task={task}"), composed(f"task={task}")
    assert nodes["imbalance"] == option
    assert candidate_selection(nodes) is None
    targets = np.eye(3, dtype=np.float32)[np.repeat(np.arange(3), [8, 3, 1])]
    logits = torch.randn(12, 3, generator=torch.Generator().manual_seed(0))
    learnt = config.build(nodes["task"], "task").fit_class_weights(targets)
    scores = learnt.probabilities(logits)
    assert torch.isfinite(learnt.loss(logits, torch.from_numpy(targets)))
    assert ((scores >= 0) & (scores <= 1)).all()
    assert config.build(config.to_node(learnt), "card.task") == learnt
    plain = config.build(without["task"], "task").fit_class_weights(targets)
    chances = config.build(nodes["sampling"], "sampling")(targets, ["a", "b", "c"], pd.DataFrame(index=range(12)))
    untouched = chances is None and learnt == plain and nodes["augment"] == without["augment"]
    assert untouched == (option == "none")


@pytest.mark.parametrize("task", ["single_label", "multi_label"])
def test_auto_tries_each_remedy_as_it_is_composed_alone(task: str) -> None:
    params = composed("imbalance=auto", f"task={task}")
    selection = candidate_selection(params)
    assert selection is not None
    assert next(iter(selection.candidates)) == "none"
    assert {*selection.candidates} == {*REMEDIES} - {"extra_copies"}  # that one changes what is packed
    for name in selection.candidates:
        alone = composed(f"imbalance={name}", f"task={task}")
        tried = selection.with_candidate(params, name)
        assert {key: tried[key] for key in SECTIONS} == {key: alone[key] for key in SECTIONS}


@pytest.mark.parametrize("option", options("mix"))
def test_mixture_contract(option: str) -> None:
    mix: BatchMix = config.build(chosen("mix", option), "mix")
    targets = torch.eye(3).repeat(2, 1)
    for axes in numbers_of_axes(mix):
        images = torch.rand(6, 3, *[8] * axes, generator=torch.Generator().manual_seed(0))
        once, twice = (mix(images.clone(), targets.clone(), torch.Generator().manual_seed(1)) for _ in range(2))
        assert [one.shape for one in once] == [images.shape, targets.shape]
        assert all(torch.equal(a, b) for a, b in zip(once, twice, strict=True))
        torch.testing.assert_close(once[1].sum(dim=1), torch.ones(6))
        assert torch.equal(once[0], images) == (not mix.mixes)


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
    targets = np.eye(6)[np.arange(30) % 6]
    weights = generator.integers(1, 4, (5, 30)).astype(float)
    for node in chosen("metric", option).values():
        metric: Metric = config.build(node, "metric")
        shape = (5, 6) if metric.per_class else (5,)
        perfect = metric(targets, targets.astype(bool), targets, weights)
        assert perfect.shape == shape
        np.testing.assert_allclose(perfect, 1.0 if metric.larger_is_better else 0.0)
        scores = generator.random((30, 6))
        scores /= scores.sum(axis=1, keepdims=True)
        worse = metric(targets, np.eye(6, dtype=bool)[scores.argmax(axis=1)], scores, weights)
        assert (worse < 1).all() if metric.larger_is_better else (worse > 0).all()
        low, high = metric.bounds
        assert ((low <= worse) & (worse <= high)).all()
        assert metric.support(targets, targets > 0).shape in ((30, 6), (30, 1))


@pytest.mark.parametrize("option", options("gate"))
def test_gate_contract(option: str) -> None:
    """Of two models that decide alike none is shown to be better, and no limit refuses the later one."""
    gate: Gate = config.build(composed(f"gate=[{option}]")["gate"][option], f"gate.{option}", "gate")
    targets = np.eye(2)[np.arange(200) % 2]
    same = make_predictions(targets, targets, groups=np.arange(200) // 2)
    contest = make_contest(same, same, metrics={"f1_macro": Rate(number="f1", averaging="macro")})
    accepted = ("refused", "not_needed") if gate.is_proof else ("passed", "not_needed", "cannot_be_judged")
    if option == "same_clusters":
        accepted = ("passed",)  # which is what it asks for
    found = gate(contest)
    assert found.outcome in accepted
    assert gate.question.endswith("?")
    assert found.sentence
    first = gate(make_contest(same, None))
    assert first.outcome != "refused"
