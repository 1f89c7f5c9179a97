"""Maps of models whose attribution is known."""

import pytest
import torch
from torch import nn

from pipeline.core.errors import UserError
from pipeline.evaluation.attributions.grad_cam import GradCam
from pipeline.evaluation.attributions.integrated_gradients import IntegratedGradients
from pipeline.evaluation.attributions.none import NoAttribution
from pipeline.evaluation.attributions.occlusion import Occlusion

CLASSES = torch.tensor([1, 0])


def pictures(side=10):
    return torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(0))


class Linear(nn.Module):
    """Class 1 counts the pixels by weights, class 0 against them."""

    def __init__(self, weights):
        super().__init__()
        self.weights = nn.Parameter(weights)

    def forward(self, x):
        output = (x * self.weights).sum(dim=(1, 2, 3))
        return torch.stack([-output, output], dim=1)


def parts(batch, weights):
    """(2, H, W): what each place adds, relative to the mean colour of the picture."""
    added = ((batch - batch.mean(dim=(2, 3), keepdim=True)) * weights).sum(dim=1)
    return added * torch.tensor([1.0, -1.0])[:, None, None]


def test_integrated_gradients_of_a_linear_model_are_its_parts():
    batch, weights = pictures(), torch.randn(3, 10, 10, generator=torch.Generator().manual_seed(1))
    maps = IntegratedGradients(num_steps=3, batch_size=4)(Linear(weights), batch, CLASSES)
    torch.testing.assert_close(maps, parts(batch, weights), atol=1e-4, rtol=1e-4)


def test_occlusion_of_a_linear_model_is_the_sum_of_its_parts_in_each_square():
    batch, weights = pictures(), torch.randn(3, 10, 10, generator=torch.Generator().manual_seed(1))
    maps = Occlusion(window=0.2, stride=0.2, batch_size=8)(Linear(weights), batch, CLASSES)
    squares = parts(batch, weights).unflatten(1, (5, 2)).unflatten(3, (5, 2)).sum(dim=(2, 4))
    wanted = squares.repeat_interleave(2, dim=1).repeat_interleave(2, dim=2)
    torch.testing.assert_close(maps, wanted, atol=1e-4, rtol=1e-4)


def test_occlusion_does_not_depend_on_the_size_of_the_batch():
    batch, weights = pictures(), torch.ones(3, 10, 10)
    maps = [Occlusion(window=0.3, stride=0.1, batch_size=size)(Linear(weights), batch, CLASSES) for size in (1, 64)]
    torch.testing.assert_close(*maps)


class Bright(nn.Module):
    """A feature map of brightness, and its mean: class 1 for it, class 0 against it."""

    def __init__(self):
        super().__init__()
        self.map = nn.Conv2d(3, 1, 1, bias=False)
        nn.init.ones_(self.map.weight)
        self.head = nn.Linear(1, 2, bias=False)
        self.head.weight = nn.Parameter(torch.tensor([[-1.0], [1.0]]))

    def forward(self, x):
        return self.head(self.map(x).mean(dim=(2, 3)))


def test_grad_cam_of_a_mean_of_brightness_is_brightness():
    batch = pictures()
    maps = GradCam()(Bright(), batch, CLASSES)
    torch.testing.assert_close(maps, torch.stack([batch[0].sum(dim=0), -batch[1].sum(dim=0)]) / 100)


def clips(frames=4, side=10):
    return torch.rand(2, 3, frames, side, side, generator=torch.Generator().manual_seed(0))


class LinearOfClips(nn.Module):
    """Class 1 counts the pixels of every frame by weights, class 0 against them."""

    def __init__(self, weights):
        super().__init__()
        self.weights = nn.Parameter(weights)

    def forward(self, x):
        output = (x * self.weights).sum(dim=(1, 2, 3, 4))
        return torch.stack([-output, output], dim=1)


def parts_of_clips(batch, weights):
    """(2, T, H, W): what each place adds, relative to the mean colour of the whole clip."""
    added = ((batch - batch.mean(dim=(2, 3, 4), keepdim=True)) * weights).sum(dim=1)
    return added * torch.tensor([1.0, -1.0])[:, None, None, None]


def test_maps_of_a_clip_have_its_frames():
    batch, weights = clips(), torch.randn(3, 4, 10, 10, generator=torch.Generator().manual_seed(1))
    model, wanted = LinearOfClips(weights), parts_of_clips(batch, weights)
    found = IntegratedGradients(num_steps=3, batch_size=4)(model, batch, CLASSES)
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)
    maps = Occlusion(window=0.5, stride=0.5, batch_size=8)(model, batch, CLASSES)
    cuboids = wanted.unflatten(1, (2, 2)).unflatten(3, (2, 5)).unflatten(5, (2, 5)).sum(dim=(2, 4, 6))
    for axis, times in ((1, 2), (2, 5), (3, 5)):
        cuboids = cuboids.repeat_interleave(times, dim=axis)
    torch.testing.assert_close(maps, cuboids, atol=1e-3, rtol=1e-4)


def test_along_frames_a_cuboid_moves_by_its_whole_length():
    batch, weights = clips(), torch.randn(3, 4, 10, 10, generator=torch.Generator().manual_seed(1))
    calls = []
    model = LinearOfClips(weights)
    model.register_forward_hook(lambda module, given, output: calls.append(len(given[0])))
    Occlusion(window=0.5, stride=0.1, batch_size=1)(model, batch, CLASSES)
    assert sum(calls) == 2 * (1 + 2 * 6 * 6)  # the clips as they are; 2 places along the frames, 6 x 6 within them


class BrightClips(Bright):
    """The same map over three axes at once, or of one frame after the other."""

    def __init__(self, by_frame):
        super().__init__()
        self.by_frame = by_frame
        if not by_frame:
            self.map = nn.Conv3d(3, 1, 1, bias=False)
            nn.init.ones_(self.map.weight)

    def forward(self, x):
        if self.by_frame:
            frames = self.map(x.movedim(2, 1).flatten(0, 1)).mean(dim=(2, 3))
            return self.head(frames.unflatten(0, (len(x), -1)).mean(dim=1))
        return self.head(self.map(x).mean(dim=(2, 3, 4)))


@pytest.mark.parametrize("by_frame", [False, True])
def test_grad_cam_of_clips(by_frame):
    batch = clips()
    maps = GradCam()(BrightClips(by_frame), batch, CLASSES)
    wanted = torch.stack([batch[0].sum(dim=0), -batch[1].sum(dim=0)]) / 400
    torch.testing.assert_close(maps, wanted)


def test_grad_cam_refuses_a_transformer_of_clips():
    class Patches(nn.Module):  # channels come last before the norm, as in Video Swin
        def __init__(self):
            super().__init__()
            self.patches, self.norm, self.head = nn.Conv3d(3, 4, 2, 2), nn.LayerNorm(4), nn.Linear(4, 2)

        def forward(self, x):
            return self.head(self.norm(self.patches(x).movedim(1, -1)).mean(dim=(1, 2, 3)))

    with pytest.raises(UserError, match=r"^attribution=grad_cam needs a convolutional network"):
        GradCam()(Patches(), clips(), CLASSES)


@pytest.mark.parametrize("method", [GradCam(), IntegratedGradients(num_steps=2, batch_size=2)])
def test_a_model_without_gradients_is_refused(method):
    class Estimator(nn.Module):
        def forward(self, x):
            return torch.zeros(len(x), 2)

    with pytest.raises(UserError, match=r"^attribution=\w+ needs gradients, .*; set attribution=occlusion"):
        method(Estimator(), pictures(), CLASSES)


def test_grad_cam_refuses_a_network_without_a_last_map():
    linear = nn.Sequential(nn.Flatten(), nn.Linear(300, 2))
    patches = nn.Sequential(nn.Conv2d(3, 4, 5, 5), nn.Flatten(2), nn.Linear(4, 4), nn.Flatten(), nn.Linear(16, 2))
    for network in (linear, patches):
        with pytest.raises(UserError, match=r"^attribution=grad_cam needs a convolutional network, .*=occlusion"):
            GradCam()(network, pictures(), CLASSES)


def test_a_square_that_leaves_gaps_is_refused():
    with pytest.raises(ValueError, match=r"^stride 0.5 is larger than window 0.2: .*; set stride to window or less$"):
        Occlusion(window=0.2, stride=0.5, batch_size=1)


def test_no_attribution_gives_zeros():
    assert not NoAttribution.explains
    assert not NoAttribution()(Bright(), pictures(), CLASSES).any()
