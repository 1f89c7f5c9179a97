"""A trained model in data/predictor, and pictures to classify."""

import warnings

import pytest
from trained_model import make_pictures, make_predictor, save_predictor

from pipeline.prediction.classifier import PictureClassifier
from pipeline.prediction.onnx_export import export_onnx


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A folder with card and weights."""
    return save_predictor(make_predictor(), tmp_path_factory.mktemp("predictor"))


@pytest.fixture(scope="session")
def classifier(trained):
    return PictureClassifier.load(trained)


@pytest.fixture
def scans(project, encode):
    """Ten pictures in scans/, three files that are none, a table, and what systems leave behind."""
    for number, picture in enumerate(make_pictures(10)):
        path = project / "scans" / ("old" if number % 2 else "new") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(picture))
    (project / "scans/new/0b.jpg").write_text("hello")
    (project / "scans/old/empty.png").touch()
    (project / "scans/old/half.png").write_bytes((project / "scans/old/1.png").read_bytes()[:60])
    (project / "scans/labels.csv").write_text("file,label\n")
    (project / "scans/.hidden.png").write_bytes(b"x")
    (project / "scans/Thumbs.db").write_bytes(b"x")
    return project / "scans"


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """A model with two views, and its ONNX file."""
    folder = tmp_path_factory.mktemp("views")
    model = PictureClassifier.load(save_predictor(make_predictor(["identity", "half_turn"]), folder / "predictor"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's, when it exports
        export_onnx(model, folder / "model.onnx")
    return model, folder / "model.onnx"
