"""A teacher: what it computes, how it moves, and that nothing else moves it."""

import copy
import math

import pytest
import torch
from torch import nn

from pipeline.models.encoders.small import Small
from pipeline.training.objectives.byol import Byol
from pipeline.training.objectives.dino import Dino
from pipeline.training.objectives.teacher import Likeness, StudentAndTeacher, split_views
from pipeline.training.parameter_groups import parameter_groups

BYOL = Byol(decay=0.9, projection_dim=8, predictor=True, batch_norm=True, positives="view")
DINO = Dino(
    num_prototypes=12, projection_dim=8, decay=0.9, student_temperature=0.1, teacher_temperature=0.04,
    centre_decay=0.9, batch_norm=True, positives="view",
)  # fmt: skip
PICTURES = torch.randn(8, 3, 16, 16, generator=torch.Generator().manual_seed(0))


@pytest.fixture(params=[BYOL, DINO], ids=["byol", "dino"])
def objective(request):
    torch.manual_seed(0)
    return request.param.objective(Small(width=8), (3, 16, 16)).train()


def state(module):
    return {name: value.clone() for name, value in module.state_dict().items()}


def same(one, other):
    return all(torch.equal(value, other[name]) for name, value in one.items())


def test_a_teacher_moves_by_its_decay():
    student = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        student.weight.fill_(0.5)
        network = StudentAndTeacher(student, decay=0.75)
        student.weight.fill_(1.5)
    weight = network.teacher.module.weight
    assert weight.item() == 0.5
    network.update_teacher()
    assert weight.item() == 0.75 * 0.5 + 0.25 * 1.5
    network.update_teacher()
    assert weight.item() == 0.75 * 0.75 + 0.25 * 1.5


def test_a_decay_of_0_copies_the_student():
    network = StudentAndTeacher(nn.Linear(2, 2), decay=0)
    with torch.no_grad():
        network.student.weight.normal_()
    network.update_teacher()
    assert torch.equal(network.teacher.module.weight, network.student.weight)


def test_the_student_gets_a_gradient_and_the_teacher_none(objective):
    network = objective.network
    optimiser = torch.optim.AdamW(parameter_groups(network, weight_decay=0.5, learning_rate=0.1))
    teacher, student = state(network.teacher.module), state(network.student)
    objective.loss(network(PICTURES)).backward()
    assert all(one.grad.abs().sum() > 0 for one in network.student.parameters() if one.ndim > 1)
    assert all(one.grad is not None for one in network.predictor.parameters())
    assert all(one.grad is None and not one.requires_grad for one in network.teacher.parameters())
    optimiser.step()
    parameters = {name for name, _ in network.teacher.module.named_parameters()}
    moved = state(network.teacher.module)
    assert all(torch.equal(moved[name], teacher[name]) for name in parameters)  # neither a step nor weight decay
    assert not any(one in optimiser.state for one in network.teacher.parameters())
    trained = {name: value.detach().clone() for name, value in network.student.named_parameters()}
    assert not any(torch.equal(value, student[name]) for name, value in trained.items() if value.ndim > 1)
    objective.after_step()
    for name, value in network.teacher.module.named_parameters():
        torch.testing.assert_close(value, 0.9 * teacher[name] + 0.1 * trained[name])
    assert same(trained, state(network.student))


def test_the_encoder_is_the_students_and_the_teacher_has_a_copy():
    encoder = Small(width=8)
    network = BYOL.objective(encoder, (3, 16, 16)).network
    assert network.student.encoder is encoder
    ours = {id(one) for one in encoder.parameters()}
    assert not ours & {id(one) for one in network.teacher.parameters()}


def test_the_teacher_normalises_by_the_batch(objective):
    """With equal weights it computes what the student does, whatever its running means are."""
    network = objective.network
    network.predictor = nn.Identity()
    for name, buffer in network.teacher.named_buffers():
        if name.endswith("running_mean"):
            buffer.fill_(1e6)
    student, teacher = network(PICTURES).chunk(2, dim=1)
    assert torch.equal(student, teacher)


def test_views_of_a_pair_change_places():
    outputs = torch.tensor([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0], [4.0, 40.0]])
    students, teachers = split_views(outputs)
    assert students.flatten().tolist() == [1, 2, 3, 4]
    assert teachers.flatten().tolist() == [20, 10, 40, 30]


def test_likeness_is_the_mean_cosine_of_different_pictures():
    likeness = Likeness()
    first = torch.tensor([[2.0, 0.0], [0.0, 9.0], [5.0, 0.0], [9.0, 9.0], [0.0, 1.0], [9.0, 0.0]])
    likeness.add(first)  # of rows 0, 2 and 4: cosines 1, 0 and 0
    likeness.add(torch.tensor([[1.0, 1.0], [0.0, 0.0], [0.0, 3.0], [0.0, 0.0]]))
    assert likeness.take() == pytest.approx((1 / 3 + math.sqrt(0.5)) / 2)
    likeness.add(first)
    assert likeness.take() == pytest.approx(1 / 3)


def test_what_an_epoch_measured_survives_a_checkpoint(objective):
    other = copy.deepcopy(objective)
    objective.loss(objective.network(PICTURES))
    other.load_state_dict(objective.state_dict())
    assert other.epoch_figures() == objective.epoch_figures()
    assert same(state(objective), state(other))
