"""Fine-tuning learns, reproduces, keeps the best epoch, and says what is wrong."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from attribute_pictures import LABELS, attribute_labels, attribute_picture
from file_options import from_file
from train_choices import CHOICES

from pipeline.core.batches import ImageDataset
from pipeline.core.errors import UserError
from pipeline.models.encoders.small import Small
from pipeline.models.transforms.normalise import Normalise
from pipeline.training.augmentations.orthogonal import Orthogonal
from pipeline.training.inference import score
from pipeline.training.risks.mean import Mean
from pipeline.training.schedule import learning_rate_factor
from pipeline.training.tasks.multi_label import MultiLabel
from pipeline.training.tasks.single_label import SingleLabel
from pipeline.training.trainers.finetune import FineTune
from pipeline.training.validation_metrics import validation_figures

TASK = SingleLabel(label_smoothing=0.0)
GREY = {"mean": [0.5] * 3, "std": [0.5] * 3}


@pytest.fixture
def fit(stripes):
    """Trains a network of 1,100 parameters, always from the same first weights; gives predictor and history."""

    def build(train=None, val=None, encoder=None, log=lambda epoch, figures: None, **choices):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            encoder = encoder or Small(width=4)
        train, val = train or stripes(96), val or stripes(48, seed=1)
        return FineTune(**{**CHOICES, **choices}).fit(encoder, TASK, Mean(), train, val, log)

    return build


def evaluate(predictor, samples):
    return validation_figures(predictor.task, samples.targets, score(predictor, samples))


def weights(predictor):
    return torch.cat([value.flatten().float() for value in predictor.network.state_dict().values()])


@pytest.mark.parametrize("changes", [{}, {"ema_decay": 0.8}, {"precision": "bf16"}, {"dropout": 0.2}], ids=str)
def test_it_learns(fit, stripes, changes):
    predictor, history = fit(**changes)
    assert history[-1]["train_loss"] < 0.7 * history[0]["train_loss"]
    test = stripes(60, seed=2)
    right = TASK.decide(predictor.predict(test.images)) == (test.targets > 0)
    assert right.all(axis=1).mean() > 0.9  # chance is 0.5, three standard deviations of 60 samples are 0.2


def test_it_learns_two_attributes_that_have_nothing_to_do_with_each_other():
    def samples(num, seed):
        labels = attribute_labels(num, seed)
        generator = np.random.default_rng(seed)
        images = np.stack([attribute_picture(names, generator) for names in labels])[..., None]
        targets = several.targets(labels, LABELS)
        return ImageDataset(
            images=images, rows=np.arange(num), targets=targets, transform=Normalise(image_size=24, **GREY)
        )

    several = MultiLabel(class_weights="balanced", max_class_weight=20.0)
    train, val, test = samples(128, 0), samples(64, 1), samples(100, 2)
    torch.manual_seed(0)
    choices = {**CHOICES, "epochs": 10}
    predictor, history = FineTune(**choices).fit(
        Small(width=4), several, Mean(), train, val, lambda epoch, figures: None
    )
    assert history[-1]["train_loss"] < 0.7 * history[0]["train_loss"]
    assert history[-1]["val_f1_macro"] > 0.6
    right = predictor.task.decide(predictor.predict(test.images)) == (test.targets > 0)
    # always answering the commoner side gets 70 % of the discs and 50 % of the stripes
    assert (right.mean(axis=0) > (0.85, 0.85)).all()
    assert predictor.task.weights == several.fit_class_weights(train.targets).weights
    tuned = several.fit_class_weights(train.targets).fit_thresholds(val.targets, predictor.predict(val.images))
    assert predictor.task.thresholds == pytest.approx(tuned.thresholds, abs=1e-5)


def test_what_cannot_be_learnt_is_not_learnt(fit, stripes):
    truth = np.random.default_rng(0).integers(0, 2, 48)
    val = stripes(48, seed=1, targets=np.eye(2, dtype=np.float32)[truth])
    _, history = fit(val=val)
    assert history[-1]["val_accuracy"] < 0.75


def test_history_has_one_row_of_figures_per_epoch_and_so_has_the_log(fit):
    logged = []
    _, history = fit(log=lambda epoch, figures: logged.append((epoch, figures)))
    names = ["epoch", "train_loss", "val_loss", "val_accuracy", "val_f1_macro", "learning_rate"]
    assert [list(row) for row in history] == [names] * 3
    assert [row["epoch"] for row in history] == [epoch for epoch, _ in logged] == [1, 2, 3]
    speeds = [figures.pop("images_per_second") for _, figures in logged]
    assert all(speed > 0 for speed in speeds)
    assert [figures for _, figures in logged] == history  # no time in what is written to reports/


def test_the_same_seed_gives_the_same_bits_and_another_seed_does_not(fit):
    choices = {"dropout": 0.2, "ema_decay": 0.8}
    one, history = fit(**choices)
    torch.manual_seed(123)  # the caller's state must not matter
    same, same_history = fit(**choices)
    other, other_history = fit(**choices, seed=1)
    assert torch.equal(weights(one), weights(same))
    assert history == same_history
    assert not torch.equal(weights(one), weights(other))
    assert history != other_history


def test_augmentations_are_drawn_in_training_only(fit, stripes):
    turn = Orthogonal(horizontal_flip=False, vertical_flip=False, transpose=True)  # swaps the two classes at random
    _, history = fit(train=stripes(96, augmentations=(turn,)))
    assert history[-1]["train_loss"] > 0.6  # ln 2 = 0.69 is knowing nothing
    _, plain = fit()
    _, still = fit(val=stripes(48, seed=1, augmentations=(turn,)))
    assert still == plain


@pytest.mark.parametrize("learning_rate", [0.01, 1e30])
def test_the_callers_random_state_and_settings_are_left_as_they_were(fit, learning_rate):
    torch.manual_seed(7)
    np.random.seed(7)  # noqa: NPY002 - the state that must not be touched
    before, settings = torch.random.get_rng_state(), torch.are_deterministic_algorithms_enabled()
    numpy_before = np.random.get_state()[1].copy()  # noqa: NPY002
    filled = torch.utils.deterministic.fill_uninitialized_memory
    try:
        fit(epochs=1, learning_rate=learning_rate)
    except UserError:
        assert learning_rate > 1
    assert torch.equal(torch.random.get_rng_state(), before)
    assert (np.random.get_state()[1] == numpy_before).all()  # noqa: NPY002
    assert torch.are_deterministic_algorithms_enabled() == settings
    assert torch.utils.deterministic.fill_uninitialized_memory == filled


def test_the_best_epoch_on_val_is_kept(fit, stripes):
    val = stripes(48, seed=1)
    wrong = stripes(48, seed=1, targets=val.targets[:, ::-1].copy())  # the better it learns, the higher the loss
    predictor, history = fit(val=wrong)
    losses = [row["val_loss"] for row in history]
    assert losses[0] == min(losses) < losses[-1]
    assert evaluate(predictor, wrong)["val_loss"] == losses[0]
    predictor, history = fit(val=val)
    assert evaluate(predictor, val)["val_loss"] == min(row["val_loss"] for row in history)


def test_the_average_of_weights_follows_its_formula(fit, stripes):
    encoder, steps = Small(width=4), []

    def after_each_step(epoch, figures):
        steps.append([one.detach().clone() for one in encoder.parameters()])

    train = stripes(32)
    predictor, history = fit(train, encoder=encoder, log=after_each_step, epochs=5, batch_size=32, ema_decay=0.6)
    best = min(history, key=lambda row: row["val_loss"])["epoch"]
    assert best > 2
    expected = steps[0]
    for step, now in enumerate(steps[1:best], start=1):
        decay = min(0.6, (1 + step) / (10 + step))
        expected = [decay * average + (1 - decay) * one for average, one in zip(expected, now, strict=True)]
    kept = predictor.network.encoder.parameters()
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(kept, expected, strict=True))
    assert not all(torch.allclose(a, b, atol=1e-4) for a, b in zip(expected, steps[best - 1], strict=True))


def test_with_few_steps_the_average_is_no_worse_than_the_weights(fit, stripes):
    # 96 samples, 3 steps an epoch: a constant decay of 0.98 would still hold 0.75 of the start after 15 steps
    train, test = stripes(96), stripes(200, seed=2)

    def right(**choices):
        predictor, _ = fit(train, epochs=5, batch_size=32, **choices)
        return (TASK.decide(predictor.predict(test.images)) == (test.targets > 0)).all(axis=1).mean()

    plain = right()
    assert plain > 0.9
    assert right(ema_decay=0.98) >= plain - 0.02


def test_epochs_are_added_until_there_are_enough_steps(fit, stripes, capsys):
    # 2 steps an epoch: 5 needs 3 epochs; 1 epoch more than asked for is no reason for fewer
    _, history = fit(stripes(16), epochs=1, batch_size=8, min_steps=5)
    assert capsys.readouterr().out.splitlines()[0] == (
        "train: 3 epochs instead of 1, for at least 5 steps (steps per epoch: 2); set train.min_steps=0 to keep to 1"
    )
    assert [row["epoch"] for row in history] == [1, 2, 3]
    assert history[-1]["learning_rate"] == pytest.approx(0.0, abs=1e-9)
    assert len(fit(stripes(16), epochs=3, batch_size=8, min_steps=5)[1]) == 3
    assert len(fit(stripes(16), epochs=4, batch_size=8, min_steps=5)[1]) == 4
    assert "instead of" not in capsys.readouterr().out


def test_frozen_epochs_count_among_those_that_were_added(fit, stripes):
    """2 steps an epoch, 3 epochs of which the first is frozen: the encoder learns, since 3 is more than 1."""
    encoder = Small(width=4)
    before = [one.detach().clone() for one in encoder.parameters()]
    fit(stripes(16), encoder=encoder, epochs=1, batch_size=8, min_steps=5, frozen_epochs=1)
    assert not all(torch.equal(*pair) for pair in zip(before, encoder.parameters(), strict=True))
    still = [one.detach().clone() for one in encoder.parameters()]
    fit(stripes(16), encoder=encoder, epochs=1, batch_size=8, min_steps=5, frozen_epochs=3)
    assert all(torch.equal(*pair) for pair in zip(still, encoder.parameters(), strict=True))


def test_after_one_step_the_average_is_the_weights(fit, stripes):
    train = stripes(16)
    plain, _ = fit(train, epochs=1, batch_size=16)
    averaged, _ = fit(train, epochs=1, batch_size=16, ema_decay=0.9)
    assert torch.equal(weights(plain), weights(averaged))


def test_a_batch_of_all_samples_of_which_there_are_two(fit, stripes):
    predictor, history = fit(stripes(2), stripes(1), epochs=1, batch_size=2)
    assert len(history) == 1
    assert predictor.predict(stripes(3).images).shape == (3, 2)


@pytest.mark.parametrize("choices", [{"batch_size": 17}, {"batch_size": 8, "accumulation": 3}])
def test_a_batch_is_as_large_as_train_at_most(fit, stripes, choices):
    fills = {"batch_size": 16 // choices.get("accumulation", 1), "accumulation": choices.get("accumulation", 1)}
    predictor, history = fit(stripes(16), epochs=2, **choices)
    same, expected = fit(stripes(16), epochs=2, **fills)
    assert history == expected
    assert torch.equal(weights(predictor), weights(same))


def test_too_few_samples_for_a_step(fit, stripes):
    with pytest.raises(UserError, match=r"^training needs at least 6 samples in train and 1 in val, found 5 and "):
        fit(stripes(5), accumulation=3)


def test_a_loss_that_is_not_a_number_stops_with_the_step(fit):
    with pytest.raises(
        UserError, match=r"^the loss became (nan|inf) at step [2-9], in epoch 1; lower train\.learning_rate$"
    ):
        fit(learning_rate=1e30)


def test_poisoned_pictures_stop_at_the_first_step(fit, stripes):
    def poisoned(batch):
        return torch.full((len(batch), 3, 16, 16), torch.nan)

    with pytest.raises(UserError, match=r"^the loss became nan at step 1, in epoch 1;"):
        fit(stripes(16, transform=poisoned))
    with pytest.raises(UserError, match=r"^val loss was never a finite number; lower train\.learning_rate$"):
        fit(val=stripes(16, transform=poisoned), epochs=1)


@pytest.mark.parametrize(("num_train", "num_val"), [(1, 4), (0, 4), (4, 0)])
def test_too_few_samples(stripes, num_train, num_val):
    message = rf"at least 2 samples in train and 1 in val, found {num_train} and {num_val}$"
    with pytest.raises(UserError, match=message):
        FineTune(**CHOICES).fit(
            Small(width=1), TASK, Mean(), stripes(num_train), stripes(num_val), lambda epoch, figures: None
        )


def test_weight_decay_spares_biases_and_normalisation(fit, stripes):
    train = stripes(16)
    plain, _ = fit(train, epochs=1, batch_size=16, weight_decay=0.0)
    decayed, _ = fit(train, epochs=1, batch_size=16, weight_decay=10.0)
    rate = 0.01 / 1.1  # one step: warm-up of a tenth of it gives the factor (0 + 1) / (0.1 + 1)
    torch.manual_seed(0)  # as in fit
    first = Small(width=4)
    for (name, a), b, start in zip(
        plain.network.encoder.named_parameters(),
        decayed.network.encoder.parameters(),
        first.parameters(),
        strict=True,
    ):
        expected = a - rate * 10.0 * start if a.ndim > 1 else a
        torch.testing.assert_close(b, expected, atol=1e-6, rtol=1e-5, msg=name)


class Fixed(list):
    """Samples whose pictures are the scores themselves, in two batches."""

    targets = np.eye(2)[[0, 0, 0, 1]]

    def batches(self, batch_size):
        return [(np.array(self[:3]), None, None), (np.array(self[3:]), None, None)]


def test_evaluate_by_hand():
    samples = Fixed([[0.8, 0.2], [0.4, 0.6], [0.5, 0.5], [0.1, 0.9]])
    found = evaluate(SimpleNamespace(score=lambda images: images, task=TASK), samples)
    # decided 0, 1, 0, 1: F1 of the first class 4 / (3 + 2), of the second 2 / (1 + 2)
    assert found == {
        "val_loss": pytest.approx(-np.log([0.8, 0.4, 0.5, 0.9]).mean()),
        "val_accuracy": 3 / 4,
        "val_f1_macro": pytest.approx((4 / 5 + 2 / 3) / 2),
    }


@pytest.mark.parametrize(
    ("num_steps", "warmup_fraction", "expected"),
    [
        (10, 0.2, {0: 1 / 3, 1: 2 / 3, 2: 1, 6: 1 / 2, 10: 0}),
        (4, 0.0, {0: 1, 1: 0.5 + np.sqrt(1 / 8), 2: 0.5, 3: 0.5 - np.sqrt(1 / 8), 4: 0}),
        (4, 1.0, {0: 1 / 5, 3: 4 / 5, 4: 1}),
        (1, 0.1, {0: 1 / 1.1, 1: 0.5 * (1 + np.cos(0.9 * np.pi))}),
    ],
)
def test_learning_rate_factor(num_steps, warmup_fraction, expected):
    factor = learning_rate_factor(num_steps, warmup_fraction)
    assert {step: factor(step) for step in expected} == pytest.approx(expected, abs=1e-12)


def test_the_learning_rate_in_the_history_is_what_the_next_step_would_take(fit):
    _, history = fit()
    factor = learning_rate_factor(3 * 12, 0.1)
    assert [row["learning_rate"] for row in history] == pytest.approx([0.01 * factor(step) for step in (12, 24, 36)])


def test_with_a_decay_by_layer_the_history_tells_the_learning_rate_of_the_head(fit):
    _, plain = fit()
    _, history = fit(layer_decay=0.5)
    assert [row["learning_rate"] for row in history] == [row["learning_rate"] for row in plain]
    assert history[-1]["train_loss"] < history[0]["train_loss"]
    assert [row["train_loss"] for row in history] != [row["train_loss"] for row in plain]


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"epochs": 0}, r"^epochs must be at least 1, got 0$"),
        ({"batch_size": 1}, r"^batch_size must be at least 2, got 1$"),
        ({"learning_rate": 0.0}, r"^learning_rate must be above 0, got 0\.0$"),
        ({"learning_rate": float("nan")}, r"^learning_rate must be a finite number, got nan$"),
        ({"weight_decay": -0.1}, r"^weight_decay must be at least 0, got -0\.1$"),
        ({"warmup_fraction": 1.1}, r"^warmup_fraction must be 0 to 1, got 1\.1$"),
        ({"warmup_fraction": -0.1}, r"^warmup_fraction must be 0 to 1, got -0\.1$"),
        ({"dropout": 1.0}, r"^dropout must be at least 0 and below 1, got 1\.0$"),
        ({"min_steps": -1}, r"^min_steps must be at least 0, got -1$"),
        ({"ema_decay": 0.0}, r"^ema_decay must be null or above 0 and below 1, got 0\.0$"),
        ({"ema_decay": 1.0}, r"^ema_decay must be null or above 0 and below 1, got 1\.0$"),
        ({"layer_decay": 0.0}, r"^layer_decay must be null or above 0 and at most 1, got 0\.0$"),
        ({"layer_decay": 1.1}, r"^layer_decay must be null or above 0 and at most 1, got 1\.1$"),
        ({"frozen_epochs": -1}, r"^frozen_epochs must be at least 0, got -1$"),
        ({"views": []}, r"^views must have at least 1 item, got \[\]$"),
        (
            {"views": ["identity", "upside_down"]},
            r"^views\.1 must be 'identity', .*, got \['identity', 'up",
        ),
        ({"precision": "fp16"}, r"^precision must be 'auto', 'fp32' or 'bf16', got 'fp16'$"),
    ],
)
def test_wrong_choices(choices, message):
    with pytest.raises(ValueError, match=message):
        from_file(FineTune, **{**CHOICES, **choices})
