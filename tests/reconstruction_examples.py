"""Short pretrainings on striped pictures, for objectives that reconstruct them."""

import torch
from pretraining_examples import make_packed
from torch import nn

from pipeline.core.contracts import Augmentation
from pipeline.core.objective_contracts import Pretext
from pipeline.models.transforms.normalise import Normalise
from pipeline.training.pretraining import Pretraining
from pipeline.training.view_dataset import ViewDataset, make_view_dataset

SIDE = 16
TRANSFORM = Normalise(image_size=SIDE, mean=[0.5] * 3, std=[0.25] * 3)


def make_samples(pretext: Pretext, *views: Augmentation, number: int = 64) -> ViewDataset:
    return make_view_dataset(make_packed(["train"] * number, SIDE), pretext, TRANSFORM, views)


def losses(pretext: Pretext, encoder: nn.Module, *views: Augmentation, epochs: int = 12) -> list[float]:
    """The mean loss of each epoch; the encoder learns."""
    options = Pretraining(
        epochs=epochs,
        batch_size=16,
        learning_rate=0.01,
        weight_decay=0.0,
        warmup_fraction=0.1,
        precision="fp32",
        compile=False,
        deterministic=True,
        checkpoint_seconds=60,
        min_steps=0,
        seed=0,
    )
    history = options.fit(
        encoder, make_samples(pretext, *views), (3, SIDE, SIDE), lambda encoder: {}, lambda epoch, row: None
    )
    return [row["loss"] for row in history]


def gradients(pretext: Pretext, encoder: nn.Module, *views: Augmentation) -> dict[str, float]:
    """The largest gradient of each parameter of encoder and decoder, after the loss of one batch."""
    torch.manual_seed(0)
    objective = pretext.objective(encoder, (3, SIDE, SIDE))
    rows, *facts = make_samples(pretext, *views, number=8).make_batch(torch.arange(8).numpy(), seed=1)
    outputs = objective.network(rows)
    assert outputs.shape[0] == 8
    assert outputs.ndim == 2
    objective.loss(outputs.float(), *facts).backward()
    found = {name: one.grad for name, one in objective.network.named_parameters()}
    return {name: 0.0 if one is None else float(one.abs().max()) for name, one in found.items()}
