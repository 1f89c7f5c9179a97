"""A frozen encoder stays as it is, statistics too; then it learns."""

import torch
from train_choices import CHOICES

from pipeline.models.encoders.small import Small
from pipeline.training.freezing import Freezing
from pipeline.training.risks.mean import Mean
from pipeline.training.tasks.single_label import SingleLabel
from pipeline.training.trainers.finetune import FineTune
from pipeline.training.trainers.network import Classifier

PLAIN = {**CHOICES, "epochs": 2, "weight_decay": 0.5, "warmup_fraction": 0.0}


def states(stripes, **choices):
    """What the network holds before training and after each epoch."""
    torch.manual_seed(0)
    encoder = Small(width=2)
    seen = [{name: value.clone() for name, value in encoder.state_dict().items()}]
    FineTune(**{**PLAIN, **choices}).fit(
        encoder,
        SingleLabel(label_smoothing=0.0),
        Mean(),
        stripes(32),
        stripes(8, seed=1),
        lambda epoch, figures: seen.append({name: value.clone() for name, value in encoder.state_dict().items()}),
    )
    return seen


def test_nothing_in_the_encoder_moves_then_everything_does(stripes):
    before, frozen, free = states(stripes, frozen_epochs=1)
    assert all(torch.equal(before[name], frozen[name]) for name in before)
    assert not any(torch.equal(frozen[name], free[name]) for name in frozen)


def test_without_frozen_epochs_it_moves_at_once(stripes):
    before, first, _ = states(stripes)
    assert not any(torch.equal(before[name], first[name]) for name in before)


def test_layers_learn_at_their_rates(stripes):
    """One step of Adam moves each parameter by its learning rate, whatever the gradient."""
    before, after = states(stripes, epochs=1, batch_size=32, weight_decay=0.0, layer_decay=0.1)
    moved = {name: (after[name] - before[name]).abs().max().item() for name in before if name.endswith("weight")}
    expected = {0: 1e-5, 1: 1e-5, 4: 1e-4, 5: 1e-4, 8: 1e-3, 9: 1e-3}
    for place, rate in expected.items():
        assert abs(moved[f"body.{place}.weight"] / rate - 1) < 0.02, place


def test_the_head_learns_while_the_encoder_is_frozen():
    network = Classifier(Small(width=2), 2, dropout=0.0).train()
    freezing = Freezing(frozen_epochs=2)
    for epoch, learns in ((1, False), (2, False), (3, True)):
        network.train()
        freezing(network, epoch)
        assert all(one.requires_grad == learns for one in network.encoder.parameters())
        assert all(one.requires_grad for one in network.head.parameters())
        assert all(module.training == learns for module in network.encoder.modules())
        assert network.dropout.training
