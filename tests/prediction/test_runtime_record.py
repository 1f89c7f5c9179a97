"""What a card records of the runtime."""

import pytest
from trained_model import make_predictor, save_predictor

from pipeline.core.errors import UserError
from pipeline.prediction import runtime_record
from pipeline.prediction.classifier import PictureClassifier

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")
pytestmark = pytest.mark.xdist_group("onnx")


@pytest.mark.parametrize("record", ["onnx", {"name": "pickle"}, {}, ["onnx"], 1])
def test_a_record_that_cannot_be_read(tmp_path, record):
    folder = save_predictor(make_predictor(), tmp_path / "model", runtime=record)
    with pytest.raises(UserError, match=r"card\.json: runtime names neither torch nor onnx; register the model again$"):
        PictureClassifier.load(folder)


def test_a_file_that_is_gone_or_not_recorded(tmp_path, exported):
    folder = save_predictor(make_predictor(), tmp_path / "model", runtime={"name": "onnx"})
    with pytest.raises(
        UserError, match=r"network\.onnx does not exist, or is no file; restore it, or register the mod"
    ):
        PictureClassifier.load(folder)
    (folder / "network.onnx").write_bytes(exported[1].read_bytes())
    with pytest.raises(UserError, match=r"network\.onnx is another file than its card describes; restore it, or regis"):
        PictureClassifier.load(folder)


def test_a_run_that_would_end_without_its_packages_is_refused(monkeypatch):
    runtime_record.refuse_missing_packages("onnx")
    monkeypatch.setattr(runtime_record, "find_spec", lambda name: None)
    runtime_record.refuse_missing_packages("torch")
    with pytest.raises(
        UserError, match=r"^params\.yaml: register\.runtime is onnx, and the package 'onnx' is missing; i"
    ):
        runtime_record.refuse_missing_packages("onnx")
