"""DINO: its loss, and the centre that it subtracts from the teacher's outputs."""

import numpy as np
import pytest
import torch

from pipeline.models.encoders.small import Small
from pipeline.training.objectives.dino import Dino, Prototypes


@pytest.fixture
def objective():
    torch.manual_seed(0)
    pretext = Dino(
        num_prototypes=3, projection_dim=4, decay=0.5, student_temperature=0.2, teacher_temperature=0.1,
        centre_decay=0.75, batch_norm=True, positives="view",
    )  # fmt: skip
    return pretext.objective(Small(width=8), (3, 16, 16))


def shares(values):
    powers = np.exp(values - values.max())
    return powers / powers.sum()


def test_the_loss_is_the_obvious_one(objective):
    outputs = torch.rand(4, 6, generator=torch.Generator().manual_seed(1)) * 2 - 1
    objective.centre.copy_(torch.tensor([0.2, -0.1, 0.0]))
    student, teacher = outputs[:, :3].double().numpy(), outputs[:, 3:].double().numpy()
    terms = []
    for one, other in ((0, 1), (1, 0), (2, 3), (3, 2)):
        target = shares((teacher[other] - [0.2, -0.1, 0.0]) / 0.1)
        terms.append(-(target * np.log(shares(student[one] / 0.2))).sum())
    assert float(objective.loss(outputs)) == pytest.approx(np.mean(terms), rel=1e-5)


def test_the_centre_follows_the_mean_of_the_teachers_outputs(objective):
    outputs = torch.zeros(4, 6)
    outputs[:, 3:] = torch.tensor([[0.8, 0, 0], [0, 0.4, 0], [0.8, 0, 0], [0, 0, 0.4]])
    objective.loss(outputs)
    assert objective.centre.tolist() == [0, 0, 0]  # a step's own loss is not centred by itself
    objective.after_step()
    assert objective.centre.tolist() == pytest.approx([0.25 * 0.4, 0.25 * 0.1, 0.25 * 0.1])
    objective.loss(outputs)
    objective.after_step()
    assert objective.centre.tolist() == pytest.approx([0.4375 * 0.4, 0.4375 * 0.1, 0.4375 * 0.1])
    assert "centre" in objective.state_dict()


def test_prototypes_compare_directions():
    layer = Prototypes(dim=2, num=2)
    with torch.no_grad():
        layer.directions.copy_(torch.tensor([[0.0, 5.0], [3.0, 4.0]]))
    assert layer(torch.tensor([[0.0, 2.0]])).tolist() == [pytest.approx([1, 0.8])]
