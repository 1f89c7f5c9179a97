"""An augmentation that makes another class of a picture is named, with the size up to which it does not."""

import numpy as np
import pytest
import torch
from content_examples import content_of, only, samples_of
from file_options import from_file

from pipeline.checks.augmentation_safety import (
    LIST,
    MAX_CLASSES,
    AugmentationSafety,
    UnchangedPictures,
    _common_label_codes,
    _pairs,
)
from pipeline.core.content import EmbeddedImages
from pipeline.datasets.sources.digits import Digits
from pipeline.training.augmentations.colour import Colour
from pipeline.training.augmentations.orthogonal import Orthogonal

CHOICES = {"num_pictures": 80, "max_loss": 0.1, "seed": 0, "on_fail": "warn"}


def digits(which: str, num_per_class: int):
    source = Digits(name="digits", num_per_class=num_per_class, watch="x")
    rows = source.read()
    rows = rows[rows["labels"].map(lambda names: names[0] in which)]
    return samples_of([names[0] for names in rows["labels"]]), [source.open(path) for path in rows["path"]]


def discs(num_per_class: int = 40):
    """Red, green and blue discs, of random size, place and light; nothing but colour tells them apart."""
    generator = np.random.default_rng(0)
    rows, columns = np.mgrid[:32, :32]
    images, labels = [], []
    for label, colour in (("red", (210, 40, 40)), ("green", (40, 210, 40)), ("blue", (40, 40, 210))):
        for _ in range(num_per_class):
            inside = np.hypot(*(np.stack([rows, columns]) - generator.uniform(10, 22, (2, 1, 1)))) < generator.uniform(
                6, 9
            )
            pixels = np.where(inside[..., None], np.array(colour) * generator.uniform(0.8, 1.2), 128)
            images.append(np.clip(pixels + generator.normal(0, 6, (32, 32, 3)), 0, 255).astype(np.uint8))
            labels.append(label)
    return samples_of(labels), images


def test_a_mirror_that_changes_the_class_is_named_to_be_removed():
    """A bright bar is on the left or on the right; the features are the pixels."""
    images = np.random.default_rng(0).integers(0, 60, (80, 16, 16, 1)).astype(np.uint8)
    images[::2, 4:12, 2:6] = 250
    images[1::2, 4:12, 10:14] = 250

    def embed(pictures):
        return (pictures.reshape(len(pictures), -1) / 255).astype(np.float32)

    content = EmbeddedImages(
        features=embed(images).astype(np.float16),
        policy={"mirror": Orthogonal(horizontal_flip=True, vertical_flip=False, transpose=False)},
        pictures=lambda rows: images[rows],
        embed=embed,
    )
    found = AugmentationSafety(**CHOICES)(samples_of(["left", "right"] * 40), content)
    assert not found.passed
    assert found.advice == f"Remove mirror from {LIST}."


@pytest.mark.slow
def test_a_six_turned_is_a_nine():
    samples, images = digits("0169", 50)
    found = AugmentationSafety(**CHOICES)(samples, content_of(images, "hog", "orthogonal"))
    assert not found.passed
    assert found.value > 0.2
    turned = found.worst["orthogonal as a whole"]
    assert "mostly 6 and 9" in turned
    assert "orthogonal" in found.sentence
    assert "augmentation.orthogonal.vertical_flip to false" in found.advice
    (shown,) = found.pictures.values()
    assert {samples["labels"][int(name[1:])][0] for name in shown} <= {"6", "9"}


@pytest.mark.slow
def test_what_digits_bear_is_safe():
    samples, images = digits("0169", 50)
    found = AugmentationSafety(**CHOICES)(samples, content_of(images, "hog", "shift,exposure"))
    assert found.passed
    assert found.value <= 0.05
    assert found.pictures == {}
    assert next(iter(found.worst)).startswith("shift.max_fraction=0.03")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("embed", "num_per_class", "num_pictures"), [("hog", 40, 300), ("efficientnet_lite0", 30, 200)]
)
def test_ten_digits_under_quarter_turns(embed, num_per_class, num_pictures):
    samples, images = digits("0123456789", num_per_class)
    choices = {**CHOICES, "num_pictures": num_pictures}
    found = AugmentationSafety(**choices)(samples, content_of(images, embed, "orthogonal"))
    assert not found.passed
    assert next(iter(found.worst)) == "orthogonal as a whole"
    assert embed == "efficientnet_lite0" or "6 and 9" in found.worst["orthogonal.vertical_flip=True"]


def test_colour_is_the_class():
    samples, images = discs()
    content = content_of(images, "color_histogram", "colour")
    hue = Colour(max_saturation=0.0, max_hue=0.5, max_cast=0.0)
    found = AugmentationSafety(**CHOICES)(
        samples, EmbeddedImages(content.features, {"hue": hue}, content.pictures, content.embed)
    )
    assert found.value > 0.3  # half of the turns go past the next colour
    assert next(iter(found.worst)) == "hue.max_hue=0.5"
    sizes = {row["size"]: row["loss"] for row in found.table}
    assert sizes[0.5] > sizes[0.25] > sizes[min(sizes)]
    assert min(sizes) in (0.125, 0.0625)
    assert found.advice == f"Set augmentation.hue.max_hue to at most {min(sizes)}."
    assert "hue.max_hue" in found.sentence


def test_the_same_every_time():
    samples, images = discs(20)
    content = content_of(images, "color_histogram", "colour")
    assert AugmentationSafety(**CHOICES)(samples, content) == AugmentationSafety(**CHOICES)(samples, content)


def test_a_probe_and_its_changes_by_hand():
    """Black and white pictures: turned to their negative each is of the other class, and the probe never errs."""
    images = np.repeat(np.array([20, 230], dtype=np.uint8), 40)[:, None, None, None] * np.ones((1, 4, 4, 1), np.uint8)
    embed = lambda pictures: pictures.reshape(len(pictures), -1).astype(np.float32)  # noqa: E731
    policy = {"negative": lambda batch, generator: 255 - batch}
    content = EmbeddedImages(embed(images).astype(np.float16), policy, lambda rows: images[rows], embed)
    found = AugmentationSafety(**CHOICES)(samples_of("b" * 40 + "w" * 40), content)
    assert found.value == 1.0
    assert found.worst == {"negative as a whole": "100.0 % lost, 100.0 % change, mostly b and w"}
    assert found.table == [
        {"choice": "negative", "size": None, "loss": 1.0, "low": 1.0}
        | {"own_accuracy": 1.0, "change_class": 1.0, "mostly": "b and w"}
    ]


def test_the_loss_and_its_interval_by_hand():
    # of class 0 four pictures in four groups, of class 1 two in the last two: a picture weighs 1/8 or 1/4
    known = UnchangedPictures(
        codes=np.array([0, 0, 0, 0, 1, 1]), groups=np.array([0, 1, 2, 3, 2, 3]), before=np.zeros(6, int)
    )
    assert known.accuracy == 0.5
    loss, low = known.loss(np.array([1, 0, 0, 0, 0, 1]))  # one of class 0 lost, one of class 1 gained
    assert loss == pytest.approx(1 / 8 - 1 / 4)
    # by group 1/8, 0, 0, -1/4, mean -1/32: 4/3 x (0.0244 + 2 x 0.00098 + 0.0479) = 0.0990; t(3) = 3.182
    assert low == pytest.approx(-1 / 8 - 3.182 * 0.0990**0.5, abs=2e-3)
    alone = UnchangedPictures(codes=known.codes, groups=np.zeros(6, int), before=known.before)
    assert alone.loss(np.ones(6, int))[1] == -1.0


def test_a_weak_probe_excuses_no_flip():
    """Left or right, of which the probe tells 75 %: turned over it is wrong as often, and 50 % change their mind."""
    generator = np.random.default_rng(0)
    side = np.arange(600) % 2
    seen = np.where(generator.random(600) < 0.75, side, 1 - side)
    images = np.zeros((600, 4, 4, 1), dtype=np.uint8)
    images[np.arange(600), :, np.where(seen == 1, 3, 0)] = 200
    embed = lambda pictures: pictures.reshape(len(pictures), -1).astype(np.float32)  # noqa: E731
    flip = {"flip": Orthogonal(horizontal_flip=True, vertical_flip=False, transpose=False)}
    content = EmbeddedImages(embed(images).astype(np.float16), flip, lambda rows: images[rows], embed)
    found = AugmentationSafety(**{**CHOICES, "num_pictures": 300})(samples_of(["lr"[one] for one in side]), content)
    assert found.table[0]["own_accuracy"] == pytest.approx(0.75, abs=0.05)
    assert found.state == "failed"
    assert found.value == pytest.approx(0.25, abs=0.08)


def test_a_probe_that_knows_nothing_judges_nothing():
    generator = np.random.default_rng(0)
    images = generator.integers(0, 255, (200, 4, 4, 1), dtype=np.uint8)
    embed = lambda pictures: pictures.reshape(len(pictures), -1).astype(np.float32)  # noqa: E731
    flip = {"flip": Orthogonal(horizontal_flip=True, vertical_flip=False, transpose=False)}
    content = EmbeddedImages(embed(images).astype(np.float16), flip, lambda rows: images[rows], embed)
    found = AugmentationSafety(**CHOICES)(samples_of("ab" * 100), content)
    assert found.state == "cannot_be_judged"
    assert "too close to chance (50 %) to measure a loss" in found.obstacle


def test_three_groups_tell_no_loss_from_chance():
    """Black and white pictures of six groups, of which three are judged: two become their negative and one does not."""
    images = np.repeat(np.array([20, 230] * 6, dtype=np.uint8), 10)[:, None, None, None] * np.ones(
        (1, 4, 4, 1), np.uint8
    )
    groups = np.repeat([f"g{one}" for one in range(6)], 20)
    images[:, 0, 0] = (np.arange(120) // 20 % 3 == 0)[:, None] * 100  # a mark of the groups that stay
    embed = lambda pictures: pictures[:, 1:].reshape(len(pictures), -1).astype(np.float32)  # noqa: E731
    policy = {"some": lambda batch, generator: torch.where(batch[:, :, :1, :1] > 0, batch, 255 - batch)}
    content = EmbeddedImages(embed(images).astype(np.float16), policy, lambda rows: images[rows], embed)
    samples = samples_of(list("b" * 10 + "w" * 10) * 6, groups)
    found = AugmentationSafety(**{**CHOICES, "num_pictures": 60})(samples, content)
    assert found.state == "cannot_be_judged"
    assert "but the test pictures are of only 3 groups, too few to separate that from chance" in found.obstacle


@pytest.mark.parametrize(
    ("labels", "groups", "policy"),
    [
        ("abab", None, {}),
        ("abab", ["g"] * 4, {"flip": Orthogonal(horizontal_flip=True, vertical_flip=False, transpose=False)}),
        ("aaaa", None, {"flip": Orthogonal(horizontal_flip=True, vertical_flip=False, transpose=False)}),
        ([[], [], [], []], None, {"flip": Orthogonal(horizontal_flip=True, vertical_flip=False, transpose=False)}),
    ],
    ids=["no policy", "one group", "one class", "no label"],
)
def test_where_nothing_can_be_tried(labels, groups, policy):
    found = AugmentationSafety(**CHOICES)(samples_of(labels, groups), only(np.eye(4), policy))
    assert (found.value, found.passed) == (0.0, not policy)  # what is not chosen cannot harm
    assert found.sentence.startswith("No augmentation was tested")
    assert found.obstacle.startswith("There are fewer than two labels in two groups") == bool(policy)


def test_groups_are_learnt_or_judged_never_both():
    groups = np.repeat([f"g{number}" for number in range(30)], 4)
    codes = np.arange(120) % 2
    learnt, judged = AugmentationSafety(**CHOICES)._split(codes, groups)
    assert 20 <= len(judged) <= 60
    assert not set(groups[learnt]) & set(groups[judged])


def test_only_the_commonest_labels_are_learnt():
    rows, codes, classes = _common_label_codes(samples_of([*"aab", [], ["a", "b"]])["labels"])
    assert (rows.tolist(), codes.tolist(), classes) == ([0, 1, 2, 4], [0, 0, 2, 1], ["a", "a and b", "b"])
    many = samples_of([*("often" for _ in range(2)), *(f"c{number:03d}" for number in range(80))])["labels"]
    rows, _, classes = _common_label_codes(many)
    assert (len(classes), len(rows), "often" in classes) == (MAX_CLASSES, MAX_CLASSES + 1, True)


def test_what_goes_both_ways_comes_first():
    counts = np.array([[0, 9, 0], [0, 0, 2], [0, 3, 0]])  # 0 to 1 nine times; 1 and 2 for each other
    assert _pairs(counts) == [(1, 2), (0, 1)]
    assert _pairs(np.zeros((2, 2), dtype=int)) == []


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"num_pictures": 19}, r"^num_pictures must be at least 20, got 19$"),
        ({"max_loss": 1.1}, r"^max_loss must be 0 to 1, got 1\.1$"),
    ],
)
def test_refused_choices(choices, message):
    with pytest.raises(ValueError, match=message):
        from_file(AugmentationSafety, **{**CHOICES, **choices})


def test_one_of_torchvision_that_goes_too_far_is_named_and_a_strength_is_tried_smaller():
    samples, images = digits("0169", 50)
    strict = {**CHOICES, "max_loss": 0.02}
    found = AugmentationSafety(**strict)(samples, content_of(images, "hog", "trivial_augment"))
    assert not found.passed
    assert next(iter(found.worst)) == "trivial_augment as a whole"  # it has no strength
    assert found.advice == f"Remove trivial_augment from {LIST}."
    found = AugmentationSafety(**strict)(samples, content_of(images, "hog", "rand_augment"))
    sizes = [row["size"] for row in found.table if row["choice"] == "rand_augment.max_magnitude"]
    assert 9 in sizes
    assert set(sizes) <= {9, 4, 2, 1}
