"""What is seen of a pretraining, and that it does not notice."""

import math

import pytest
import torch
from pretraining_examples import make_packed
from torch import nn

from pipeline.models.encoders.small import Small
from pipeline.models.transforms.normalise import Normalise
from pipeline.training.augmentations.resized_crop import ResizedCrop
from pipeline.training.feature_watch import FeatureWatch

TRANSFORM = Normalise(image_size=16, mean=[0.5] * 3, std=[0.5] * 3)
CROP = ResizedCrop(min_area=0.5, max_stretch=1.0)
SPLITS = ["train"] * 20 + ["pool"] * 6 + ["val"] * 10 + ["test"] * 5


class Directions(nn.Module):
    """How much a picture changes downwards and to the right: what tells the two textures apart."""

    feature_dim = 2

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x):
        self.rows_seen = getattr(self, "rows_seen", 0) + len(x)
        down, right = (x.diff(dim=axis).square().mean(dim=(1, 2, 3)) for axis in (2, 3))
        return self.scale * torch.stack([down - right, right - down], dim=1)


class Equal(Directions):
    def forward(self, x):
        return self.scale * torch.full((len(x), 2), self.value)


@pytest.fixture(scope="module")
def packed():
    return make_packed(SPLITS)


def test_the_figures_of_an_encoder_that_tells_the_textures_apart(packed):
    figures = FeatureWatch(packed, TRANSFORM, (CROP,))(Directions())
    assert set(figures) == {"effective_rank", "spread", "uniformity", "alignment", "neighbour_accuracy"}
    assert figures["neighbour_accuracy"] == 1
    assert figures["effective_rank"] == pytest.approx(1)  # both features are one number
    assert figures["spread"] > 0.9  # both kinds are opposite: the mean is near 0
    assert figures["alignment"] < 0.5 < -figures["uniformity"]


def test_pictures_and_views_that_are_looked_at(packed, monkeypatch):
    encoder = Directions()
    watch = FeatureWatch(packed, TRANSFORM, (CROP,))
    assert watch.seen.tolist() == list(range(26))
    assert watch.val.tolist() == list(range(26, 36))
    watch(encoder)
    assert encoder.rows_seen == 26 + 2 * 26 + 20 + 10  # those of train again: some of the pool have no label
    monkeypatch.setattr("pipeline.training.feature_watch.MAX_WATCHED", 8)
    monkeypatch.setattr("pipeline.training.feature_watch.MAX_VIEWED", 3)
    encoder = Directions()
    FeatureWatch(packed, TRANSFORM, (CROP,))(encoder)
    assert encoder.rows_seen == 8 + 2 * 3 + 8 + 8


def test_without_labels_or_views_there_is_less_to_see():
    bare = make_packed(["pool"] * 6)
    assert set(FeatureWatch(bare, TRANSFORM)(Directions())) == {"effective_rank", "spread", "uniformity"}
    assert set(FeatureWatch(make_packed(["pool"]), TRANSFORM)(Directions())) == {"effective_rank", "spread"}


class Brightness(Directions):
    """The first pixel as an angle, so that pictures of near brightness are neighbours."""

    def forward(self, x):
        angle = x[:, 0, 0, 0] * math.pi / 2
        return self.scale * torch.stack([angle.cos(), angle.sin()], dim=1)


def packed_greys(labels, splits):
    """Evenly grey pictures, brighter from one to the next, in the order of train, then in that of val."""
    counts = {name: splits.count(name) for name in set(splits)}
    places = [splits[:number].count(name) for number, name in enumerate(splits)]
    packed = make_packed(splits, labels=[list(names) for names in labels])
    for row, (name, place) in enumerate(zip(splits, places, strict=True)):
        packed.images[row] = 20 + 200 * place // counts[name]
    return packed


def test_of_several_labels_the_neighbours_are_counted_label_by_label():
    """Of ten pictures a in the five dark ones, b in the brightest, which one of val has too: each by one neighbour."""
    of_train = ["a", "a", "a", "a", "a", "", "", "", "", "b"]
    of_val = ["a", "ab", "a", "a", "", "", "", "a", "", "b"]
    watch = FeatureWatch(packed_greys([*of_train, *of_val], ["train"] * 10 + ["val"] * 10), TRANSFORM)
    assert (len(watch.train), len(watch.val)) == (10, 10)  # those without a label were looked at, too
    found = watch(Brightness())["neighbour_accuracy"]
    a = (4 / 5 + 4 / 5) / 2  # found in 4 of 5, not found in 4 of 5
    b = (1 / 2 + 1) / 2
    assert found == pytest.approx((a + b) / 2)


def test_a_rare_label_is_found_where_neighbours_have_it_more_often_than_train():
    """Of 40 pictures 4 have b, and a too; two neighbours vote, and one of them suffices."""
    of_train = ["ab" if number in (0, 2, 4, 6) else "a" * (number < 20) for number in range(40)]
    watch = FeatureWatch(packed_greys([*of_train, "ab", "a", "", ""], ["train"] * 40 + ["val"] * 4), TRANSFORM)
    assert watch(Brightness())["neighbour_accuracy"] == 1  # by a majority of votes 0.75: b in none


def test_no_figure_where_val_has_all_labels():
    packed = packed_greys(["ab", "a", "b", "ab", "ab"], ["train"] * 3 + ["val"] * 2)
    assert "neighbour_accuracy" not in FeatureWatch(packed, TRANSFORM)(Brightness())


@pytest.mark.parametrize("value", [3.0, 0.0])
def test_equal_features_have_no_spread(packed, value):
    encoder = Equal()
    encoder.value = value
    figures = FeatureWatch(packed, TRANSFORM, (CROP,))(encoder)
    assert figures["spread"] == pytest.approx(0, abs=1e-7)
    assert figures["uniformity"] == pytest.approx(0)
    assert figures["alignment"] == 0


def test_features_that_are_no_numbers_have_no_figures(packed):
    encoder = Equal()
    encoder.value = math.inf
    (figure,) = FeatureWatch(packed, TRANSFORM, (CROP,))(encoder).items()
    assert figure[0] == "spread"
    assert math.isnan(figure[1])


def test_watching_leaves_no_trace(packed):
    torch.manual_seed(5)
    encoder = Small(width=8).train()
    encoder.body[1].eval()
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    modes = [one.training for one in encoder.modules()]
    state = torch.random.get_rng_state()
    watch = FeatureWatch(packed, TRANSFORM, (CROP,))
    first = watch(encoder)
    assert [one.training for one in encoder.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(one.grad is None and one.requires_grad for one in encoder.parameters())
    assert watch(encoder) == first
    encoder(torch.rand(4, 3, 16, 16)).sum().backward()  # nothing of inference mode is left
