"""Every option in conf/ that reads, parts, judges or changes pictures is built and exercised."""

import json
import sys
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from conf_options import chosen, composed, names, node, numbers_of_axes, options
from scipy.ndimage import gaussian_filter
from source_examples import MAKERS

from pipeline.checks.check_runner import bound_finding
from pipeline.core import config
from pipeline.core.content import EmbeddedImages
from pipeline.core.contracts import Check, Source, Split, Transform
from pipeline.core.evaluation_contracts import Attribution, Corruption, Intervention
from pipeline.datasets.assignments import assignment_path
from pipeline.datasets.packing import Packing
from pipeline.evaluation.interventions.matching import measure_property
from pipeline.images.storage import SquareFormat
from pipeline.models.encoders.small import Small

WHOLE = ("multi_label",)  # promise the whole picture

pytestmark = pytest.mark.xdist_group("conf")  # what one test composes the next one need not


def example(option: str, folder: Path) -> dict[str, Any]:
    """The section that an option makes of `source`, for its example in a folder where it has one."""
    told = {"watch": folder, **MAKERS[option](folder)} if option in MAKERS else {}
    overrides = (f"source.{key}={quote(value)}" for key, value in told.items())
    section: dict[str, Any] = composed(f"source={option}", *overrides)["source"]
    return section


def quote(value: Any) -> Any:
    """A text as Hydra's command line takes it, whatever is in it."""
    return "'{}'".format(value.replace("'", r"\'")) if isinstance(value, str) else value


@pytest.mark.parametrize("option", options("source"))
def test_source_contract(option: str, tmp_path: Path) -> None:
    made = example(option, tmp_path)
    made_here = "tests/source_examples.py makes no example for it, and its pictures are not here"
    assert option in MAKERS or Path(made["watch"]).exists(), f"{option}: {made_here}"  # one's own source is read itself
    source: Source = config.build(made, "source")
    rows = source.read()
    assert source.watch
    assert source.name
    assert {"path", "labels", "group"} <= set(rows)
    assert all(isinstance(labels, list) and labels == sorted(labels) for labels in rows["labels"])
    assert rows["labels"].explode().nunique() >= 2 or (option == "unlabelled" and not rows["labels"].map(len).any())
    assert not any(Path(path).is_absolute() for path in rows["path"])
    assert isinstance(source.open(rows["path"][0]), (bytes, np.ndarray))
    pd.testing.assert_frame_equal(rows, source.read())


@pytest.mark.parametrize("option", options("source"))
def test_a_source_whose_files_were_moved_is_the_same_data_set(option: str, tmp_path: Path) -> None:
    node = example(option, tmp_path)
    moved = json.loads(json.dumps(node).replace(str(tmp_path), "/elsewhere"))
    split = {"_target_": "pipeline.datasets.splits.random.Random", "seed": 0}
    path = assignment_path(split, config.build(node, "source"))
    assert path == assignment_path(split, config.build(moved, "source"))
    assert path != assignment_path(split, config.build({**node, "name": "another"}, "source"))


PROPERTIES = (
    *("brightness", "contrast", "dark_level", "light_level", "saturation", "sharpness", "entropy"),
    *("border_brightness", "aspect_ratio", "num_pixels", "num_bytes"),
)


def make_manifest(num_samples: int = 120) -> pd.DataFrame:
    generator = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "sample_id": [f"s{position:03d}" for position in range(num_samples)],
            "labels": [["ab"[position % 2]] for position in range(num_samples)],
            "group": [f"g{position // 4}" for position in range(num_samples)],
            "content_hash": [f"{value:032x}" for value in range(num_samples)],
            "perceptual_hash": [f"{value:016x}" for value in generator.integers(0, 2**63, num_samples)],
            "source_order": range(num_samples),
            **{f"prop_{name}": generator.random(num_samples) for name in PROPERTIES},
            "given_split": ["train", "train", "val", "test"] * (num_samples // 4),
        }
    )


@pytest.mark.parametrize("option", options("split"))
def test_split_contract(option: str) -> None:
    split: Split = config.build(chosen("split", option), "split")
    manifest = make_manifest()
    result = split(manifest, None)
    assert list(result) == ["sample_id", "split", "group"]
    assert result["sample_id"].tolist() == manifest["sample_id"].tolist()
    assert set(result["split"]) == {"train", "val", "test"}
    pd.testing.assert_frame_equal(result, split(manifest, None))
    pd.testing.assert_frame_equal(result, split(manifest, result))


@pytest.mark.parametrize("name", names("check"))
def test_check_contract(name: str) -> None:
    check: Check = config.build(node("check", name), f"check.{name}")
    assert type(check).__module__ == f"pipeline.checks.{name}"
    assert check.on_fail in ("error", "warn")
    assert (sys.modules[type(check).__module__].__doc__ or "").splitlines()[0].endswith("?")
    manifest = make_manifest().rename(columns={"group": "source_group"})
    samples = manifest.assign(group=manifest["source_group"], split=np.repeat(["train", "val", "test"], [60, 32, 28]))
    finding = check(samples)
    assert np.isfinite(finding.value)
    assert finding.unit
    assert finding.advice
    assert finding.sentence.endswith(".")
    is_fine = finding.value <= finding.limit or bool(finding.note)
    assert finding.passed == (is_fine and not finding.obstacle)
    json.dumps(bound_finding(check, finding).to_json(), allow_nan=False)


@pytest.mark.parametrize("name", names("curate"))
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_content_check_contract(name: str) -> None:
    check = config.build(node("curate", name), f"curate.{name}")
    assert type(check).__module__ == f"pipeline.checks.{name}"
    manifest = make_manifest().rename(columns={"group": "source_group"})
    samples = manifest.assign(group=manifest["source_group"], split=np.repeat(["train", "val", "test"], [60, 32, 28]))
    generator = np.random.default_rng(0)
    pictures = generator.integers(0, 256, (len(samples), 8, 8, 1), dtype=np.uint8)
    codes = pd.factorize(samples["labels"].str[0])[0]
    pictures[np.arange(len(samples)), codes % 8] = 255  # features that see the classes, else nothing follows from them
    content = EmbeddedImages(
        features=pictures.reshape(len(samples), -1).astype(np.float16),
        policy={},
        pictures=lambda rows: pictures[rows],
        embed=lambda images: images.reshape(len(images), -1).astype(np.float32),
    )
    finding = check(samples, content)
    assert np.isfinite(finding.value)
    assert finding.unit
    assert finding.advice
    assert finding == check(samples, content)


@pytest.mark.parametrize(
    ("group", "option"), [(group, option) for group in ("augmentation", "views") for option in options(group)]
)
def test_augmentation_contract(group: str, option: str) -> None:
    ((_, node),) = chosen(group, option).items()
    augmentation = config.build(node, group)
    shape = (16, 3, *[24] * (augmentation.spatial_rank or 2))  # with any number of axes: the next test
    batch = torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    before = batch.clone()
    once, twice = (augmentation(batch, torch.Generator().manual_seed(1)) for _ in range(2))
    assert once.dtype == torch.uint8
    assert once.shape == batch.shape
    assert torch.equal(once, twice)
    assert torch.equal(batch, before)
    assert not torch.equal(once, augmentation(batch, torch.Generator().manual_seed(2)))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("group", "option"), [(group, option) for group in ("augmentation", "views") for option in options(group)]
)
def test_every_frame_of_a_clip_is_augmented_alike(group: str, option: str, channels: int) -> None:
    """A clip of equal frames stays one, and each of its frames is what the picture becomes by the same generator."""
    ((_, node),) = chosen(group, option).items()
    augmentation = config.build(node, group)
    pictures = torch.randint(0, 256, (6, channels, 24, 24), generator=torch.Generator().manual_seed(0)).byte()
    clips = augmentation(pictures[:, :, None].repeat(1, 1, 3, 1, 1), torch.Generator().manual_seed(1))
    assert torch.equal(clips, clips[:, :, :1].expand_as(clips))
    if augmentation.spatial_rank is None:
        assert torch.equal(clips[:, :, 0], augmentation(pictures, torch.Generator().manual_seed(1)))
    else:
        assert torch.equal(clips[:, :, 0], pictures)  # only frames change places


@pytest.mark.parametrize("option", options("corruption"))
def test_corruption_contract(option: str) -> None:
    """A change that grows with the severity, of each sample by itself."""
    ((name, node),) = chosen("corruption", option).items()
    corruption: Corruption = config.build(node, f"corruption.{name}")
    assert type(corruption).__module__ == f"pipeline.evaluation.corruptions.{name}"
    smooth = gaussian_filter(np.random.default_rng(0).normal(128, 400, (6, 28, 28, 3)), (0, 2, 2, 0))
    smooth = smooth.clip(0, 255).astype(np.uint8)
    frames = smooth[:, None].repeat(2, axis=1) if corruption.spatial_rank is None else smooth[:, :, None].repeat(3, 2)
    shapes = {2: smooth, 3: frames}
    for axes in numbers_of_axes(corruption):
        for channels in (1, 3):
            images = np.ascontiguousarray(shapes[axes][..., :channels])
            before, distances = images.copy(), []
            for severity in range(1, 6):
                once, twice = (corruption(images, severity, np.random.default_rng(1)) for _ in range(2))
                assert once.dtype == np.uint8
                assert once.shape == images.shape
                assert np.array_equal(once, twice)
                distances.append(float(np.abs(once.astype(float) - images).mean()))
            assert np.array_equal(images, before)
            if corruption.in_colour and channels == 1:
                assert distances == [0] * 5
            else:
                assert distances[-1] > distances[0]
                assert distances == pytest.approx(sorted(distances), rel=0.1)


@pytest.mark.parametrize("option", options("transform"))
def test_transform_contract(option: str) -> None:
    transform: Transform = config.build(chosen("transform", option), "transform")
    for channels, axes in product((1, 3), numbers_of_axes(transform)):
        side, others = transform.image_size + 5, [4] * (axes - 2)
        shape = (2, channels, *others, side, side)
        batch = torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(0)).byte()
        result = transform(batch)
        assert result.shape == (2, 3, *others, transform.image_size, transform.image_size)
        assert result.dtype == torch.float32
        assert torch.equal(result, transform(batch))


@pytest.mark.parametrize("name", names("intervention"))
def test_intervention_contract(name: str) -> None:
    """Of grey and of colour pictures, what is to have the property of itself stays as it is."""
    intervention: Intervention = config.build(node("intervention", name), f"intervention.{name}")
    assert intervention.properties
    assert len(set(intervention.properties)) == len(intervention.properties)
    generator = np.random.default_rng(0)
    for channels, known in product((1, 3), intervention.properties[:3]):
        pictures, other = generator.integers(0, 256, (2, 3, 20, 24, channels), dtype=np.uint8)
        assert np.isfinite(measure_property(pictures, known)).all()
        before = pictures.copy()
        results = [*intervention(pictures, pictures, other, known), intervention(pictures, pictures, other, known)[0]]
        results += [one for one in (intervention.remove(pictures), intervention.isolate(pictures)) if one is not None]
        assert {(one.shape, one.dtype) for one in results} == {(pictures.shape, pictures.dtype)}
        assert (results[0] == results[2]).all()
        assert (pictures == before).all()
        same, _ = intervention(pictures, pictures, pictures, known)
        np.testing.assert_allclose(
            measure_property(same, known), measure_property(pictures, known), atol=0.02, rtol=0.01
        )


@pytest.mark.parametrize("option", options("attribution"))
def test_attribution_contract(option: str) -> None:
    """A finite map for each picture, the same again, and none of another picture; the model stays as it is."""
    attribution: Attribution = config.build(chosen("attribution", option), "attribution")
    torch.manual_seed(0)
    model = torch.nn.Sequential(Small(2), torch.nn.Linear(8, 3)).eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    pictures, classes = torch.rand(2, 3, 20, 20), torch.tensor([2, 0])
    maps = attribution(model, pictures, classes)
    assert (maps.shape, maps.dtype, maps.requires_grad) == ((2, 20, 20), torch.float32, False)
    assert torch.isfinite(maps).all()
    assert maps.any() == attribution.explains == bool(attribution.title)
    torch.testing.assert_close(attribution(model, pictures, classes), maps)
    torch.testing.assert_close(attribution(model, pictures[:1], classes[:1]), maps[:1], atol=1e-5, rtol=1e-3)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_no_intervention_names_a_property_that_is_not_measured() -> None:
    picture = np.zeros((1, 16, 16, 3), dtype=np.uint8)
    for name in names("intervention"):
        for known in config.build(node("intervention", name), f"intervention.{name}").properties:
            measure_property(picture, known)  # a KeyError names what is not


def seen_at_prediction(params: dict, picture: np.ndarray) -> torch.Tensor:
    """(3, S, S) what the network gets of a picture, 0 to 255, by the choices of how it is stored and transformed."""
    packing, transform = (
        config.instantiate(Packing, params["augment"], "augment"),
        config.build(params["transform"], "transform"),
    )
    kept = SquareFormat(size=packing.stored_size, fit=packing.fit, channels=3).convert(picture)
    black, white = (transform(torch.full((1, 3, *kept.shape[:2]), one, dtype=torch.uint8)) for one in (0, 255))
    batch = torch.from_numpy(kept.copy()).permute(2, 0, 1)[None]
    return ((transform(batch) - black) / (white - black) * 255)[0]


@pytest.mark.parametrize("shape", [(200, 200), (120, 300), (300, 120)])
@pytest.mark.parametrize("option", options("experiment"))
def test_what_stands_at_an_edge_is_seen_where_the_whole_picture_is_promised(
    option: str, shape: tuple[int, int]
) -> None:
    """A red strip of 5 % at each edge of a grey picture: pad and stretch must show each to the network."""
    params = composed(f"experiment={option}")
    if params["augment"]["fit"] == "crop":
        assert option not in WHOLE
        return
    for edge in range(4):
        picture = np.full((*shape, 3), 128, dtype=np.uint8)
        turned = np.rot90(picture, edge)
        turned[:, : max(1, round(0.05 * turned.shape[1]))] = (255, 0, 0)
        red, green, _ = seen_at_prediction(params, picture)
        share = float(((red > 200) & (green < 50)).sum()) / params["image_size"] ** 2
        assert share >= 0.03 * min(shape) / max(shape), f"{share:.1%} of what the network sees is red, edge {edge}"


def test_the_default_crops_a_known_share_of_each_side() -> None:
    """5.6 %; the page of open points in docs/decisions says why, conf/config.yaml how to lose nothing."""
    params = composed()
    stored = Packing(**params["augment"]).stored_size
    assert (stored - params["image_size"]) / 2 / stored == 1 / 18
    picture = np.full((200, 200, 3), 128, dtype=np.uint8)
    picture[:, :10] = (255, 0, 0)
    assert float(seen_at_prediction(params, picture)[0].max()) < 140
    whole = composed("augment.margin=0")
    assert float(seen_at_prediction(whole, picture)[0].max()) > 200
