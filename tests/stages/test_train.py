"""A recipe is everything but the data; the card says both."""

import numpy as np
import pytest
import torch
from train_choices import CHOICES

from pipeline.core import artifacts, config
from pipeline.core.errors import UserError
from pipeline.training.model_card import CARD, load_predictor
from pipeline.training.recipe import CHOSEN, SECTIONS, Recipe, select_recipe
from pipeline.training.tasks.single_label import SingleLabel

FRACTIONS = {"train": 0.6, "val": 0.2, "test": 0.2}
NODES = {
    "task": {"_target_": "pipeline.training.tasks.single_label.SingleLabel", "label_smoothing": 0.0},
    "imbalance": "none",
    "transform": {
        "_target_": "pipeline.models.transforms.normalise.Normalise",
        "image_size": 12,
        "mean": [0.5, 0.5, 0.5],
        "std": [0.5, 0.5, 0.5],
    },
    "encoder": {"_target_": "pipeline.models.encoders.small.Small", "width": 2},
    "sampling": {"_target_": "pipeline.training.samplings.shuffled.Shuffled"},
    "mix": {"_target_": "pipeline.training.mixes.unmixed.Unmixed"},
    "risk": {"_target_": "pipeline.training.risks.mean.Mean"},
    "train": {
        "_target_": "pipeline.training.trainers.finetune.FineTune",
        **CHOICES,
        "epochs": 1,
        "batch_size": 4,
        "weight_decay": 0.0,
    },
    "augmentation": {
        "mirror": {
            "_target_": "pipeline.training.augmentations.orthogonal.Orthogonal",
            "horizontal_flip": True,
            "vertical_flip": False,
            "transpose": False,
        }
    },
}
BY_CLASS = "pipeline.training.samplings.by_class.ByClass"


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    torch.set_num_threads(1)


def silent(epoch, figures):
    pass


def weights(predictor):
    return torch.cat([value.flatten().float() for value in predictor.network.state_dict().values()])


def test_nodes_are_the_sections_that_training_depends_on():
    assert tuple(NODES) == SECTIONS


def test_fit_takes_train_and_val_with_augmentations_on_train_only(packed, monkeypatch):
    recipe, seen = Recipe(NODES), {}

    def fit(self, encoder, task, risk, train, val, log, kept):
        seen.update(train=train, val=val, encoder=encoder)
        return "predictor", []

    monkeypatch.setattr(type(recipe.trainer), "fit", fit)
    assert recipe.fit(packed, silent) == ("predictor", [])
    assert seen["train"].rows.tolist() == list(range(12))
    assert seen["val"].rows.tolist() == list(range(12, 16))
    assert seen["train"].augmentations == tuple(recipe.policy.values())
    assert len(recipe.policy) == 1
    assert seen["val"].augmentations == ()


def test_an_augmentation_that_is_switched_off_is_left_out(packed):
    recipe = Recipe({**NODES, "augmentation": {**NODES["augmentation"], "off": None}})
    assert recipe.policy.keys() == NODES["augmentation"].keys()
    _, train = recipe.inputs(packed)
    assert len(train.augmentations) == len(NODES["augmentation"])


def test_each_fit_starts_anew_and_gives_the_same_weights(packed):
    recipe = Recipe(NODES)
    one, history = recipe.fit(packed, silent)
    torch.manual_seed(99)  # what happened before must not matter, also where an encoder starts from random weights
    same, again = recipe.fit(packed, silent)
    assert torch.equal(weights(one), weights(same))
    assert history == again


def test_the_seed_decides_the_first_weights_of_an_encoder_too(packed):
    slow = {**NODES["train"], "learning_rate": 1e-12}
    convolutions = [
        Recipe({**NODES, "train": {**slow, "seed": seed}}).fit(packed, silent)[0].network.encoder.body[0].weight
        for seed in (0, 1)
    ]
    assert not torch.allclose(*convolutions, atol=1e-3)


def test_a_fit_leaves_the_callers_random_state(packed):
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    Recipe(NODES).fit(packed, silent)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_card_is_enough_to_load_the_predictor(project, packed):
    packed_folder = project / artifacts.PACKED
    packed_folder.mkdir(parents=True)
    artifacts.write_table(packed_folder / "index.parquet", packed.index)
    recipe = Recipe(NODES)
    predictor, _ = recipe.fit(packed, silent)
    card = {**predictor.save(project), **recipe.card(packed, predictor.task)}
    artifacts.write_json(project / CARD, card)
    loaded, read = load_predictor(project)
    np.testing.assert_array_equal(loaded.predict(packed.images), predictor.predict(packed.images))
    assert read["classes"] == ["a", "b"]
    assert read["packing"] == {"size": 12, "fit": "crop", "channels": 1, "max_pixels": 10_000}
    assert read["num_samples"] == {"train": 12, "val": 4, "test": 4}
    assert {name: read[name] for name in CHOSEN} == {name: NODES[name] for name in CHOSEN}
    assert config.build(read["task"], "card.task") == SingleLabel(label_smoothing=0.0)
    assert read["imbalance"] == "none"
    assert read["data_hash"] == artifacts.content_digest((packed_folder / "index.parquet").read_bytes())


@pytest.mark.parametrize(
    ("name", "node", "message"),
    [
        (
            "task",
            {**NODES["task"], "label_smoothing": 2},
            r"task\.label_smoothing must be at least 0 and below 1, got 2",
        ),
        ("train", {**NODES["train"], "epochs": 0}, r"train\.epochs must be at least 1, got 0"),
        ("augmentation", {"mirror": {}}, r"augmentation\.mirror must be a mapping with _target_"),
    ],
)
def test_wrong_choices_are_named_before_anything_is_trained(name, node, message):
    with pytest.raises(UserError, match=message):
        Recipe({**NODES, name: node})


class Sure:
    """Scores class a with the mean brightness of the picture."""

    task = SingleLabel(label_smoothing=0.0)

    def with_metadata(self, metadata):
        return self

    def predict(self, images):
        bright = images.mean(axis=(1, 2, 3)) / 255
        return np.stack([bright, 1 - bright], axis=1)


def test_one_overlay_for_imbalance_is_taken_as_it_is(packed):
    overlay = {"imbalance": "both", "task": {"class_weights": "balanced"}}
    overlay |= {"sampling": {"_target_": BY_CLASS, "strength": 1.0}}
    recipe, tried = select_recipe({**NODES, "imbalance": {"candidates": {"both": overlay}}}, packed)
    assert tried.empty
    assert recipe.task == SingleLabel(label_smoothing=0.0, class_weights="balanced")
    assert recipe.sampling.strength == 1.0
    assert recipe.nodes["imbalance"] == "both"
    composed, tried = select_recipe(recipe.nodes, packed)  # as conf/ composes it where it is chosen by its name
    assert tried.empty
    assert composed.nodes == recipe.nodes


def test_a_misspelt_option_is_named_before_any_is_fitted(packed, monkeypatch):
    monkeypatch.setattr(Recipe, "fit", lambda *told: pytest.fail("fitted"))
    candidates = {"none": {}, "wrong": {"task": {"class_weight": "balanced"}}}
    with pytest.raises(UserError, match=r"task has no parameter 'class_weight'; did you mean 'class_weights'"):
        select_recipe({**NODES, "imbalance": {"candidates": candidates}}, packed)
    with pytest.raises(UserError, match=r"imbalance: candidates may change task and sampling, got 'risk'"):
        select_recipe({**NODES, "imbalance": {"candidates": {"none": {"risk": {}}}}}, packed)


def test_several_options_are_fitted_on_train_and_judged_on_val(packed, monkeypatch):
    fitted = []

    def fit(self, packed, log):
        fitted.append(self)
        return Sure(), []

    monkeypatch.setattr(Recipe, "fit", fit)
    candidates = {"none": {}, "weighted": {"task": {"class_weights": "balanced"}}}
    recipe, tried = select_recipe({**NODES, "imbalance": {"candidates": candidates, "num_resamples": 100}}, packed)
    assert [one.task.class_weights for one in fitted] == ["none", "balanced"]
    assert tried["option"].tolist() == ["none", "weighted"]
    assert tried["value"].tolist() == [0.0, 0.0]  # Sure says a where the picture is bright, and b is
    assert recipe.nodes["imbalance"] == "none"


def test_samples_of_several_cells_are_not_mixed(packed):
    mixing = {"_target_": "pipeline.training.mixes.mixup.Mixup", "alpha": 0.2}
    risk = {
        "_target_": "pipeline.training.risks.group_dro.GroupDro",
        "by": "attr_site",
        "num_bins": 2,
        "step_size": 0.01,
    }
    with pytest.raises(UserError, match=r"^mix blends samples of different cells, which risk must keep apart; set"):
        Recipe({**NODES, "mix": mixing, "risk": risk}).fit(packed, silent)
    _, history = Recipe({**NODES, "mix": mixing}).fit(packed, silent)
    _, plain = Recipe(NODES).fit(packed, silent)
    assert history != plain
    assert np.isfinite(history[0]["train_loss"])
