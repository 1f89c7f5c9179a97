"""ONNX Runtime gives the scores of the model, and reads no file that it should not."""

import os
import pickle

import numpy as np
import pytest
from trained_model import make_pictures

from pipeline.core.errors import UserError
from pipeline.prediction import onnx_network
from pipeline.prediction.onnx_network import OnnxNetwork, file_digest

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")
pytestmark = pytest.mark.xdist_group("onnx")


def make_model(nodes, tensors=(), domains=(), functions=()):
    """The bytes of a model from (N, 4) `pictures` to `scores`."""
    helper = onnx.helper
    inputs, outputs = ([helper.make_tensor_value_info(name, 1, ["N", 4])] for name in ("pictures", "scores"))
    graph = helper.make_graph(nodes, "graph", inputs, outputs, list(tensors))
    opsets = [helper.make_opsetid("", 18), *(helper.make_opsetid(one, 1) for one in domains)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9, functions=list(functions)).SerializeToString()


def stored_elsewhere(name="weights", place="weights.bin"):
    """A tensor whose four numbers are in a file."""
    tensor = onnx.TensorProto(name=name, data_type=1, dims=[4], data_location=onnx.TensorProto.EXTERNAL)
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", place
    return tensor


@pytest.mark.parametrize("number", [0, 1, 70])
def test_scores_are_those_of_the_model(exported, number):
    model, path = exported
    network = OnnxNetwork.load(path, threads=1, digest=file_digest(path))
    pictures = make_pictures(number)[..., None]
    scores, distances = network.predict(pictures)
    assert (scores.shape, scores.dtype, distances) == ((number, 3), np.float32, None)
    np.testing.assert_allclose(scores, model.predictor.predict(pictures), atol=1e-5)


def test_another_process_can_have_it(exported):
    network = OnnxNetwork.load(exported[1], threads=1)
    copy = pickle.loads(pickle.dumps(network))
    pictures = make_pictures(3)[..., None]
    assert (copy.threads, copy.outputs) == (1, ("scores",))
    assert copy.predict(pictures)[0].tobytes() == network.predict(pictures)[0].tobytes()


def test_pictures_of_another_shape(exported):
    network = OnnxNetwork.load(exported[1], threads=1)
    with pytest.raises(UserError, match=r"^ONNX Runtime refuses pictures of shape \(8, 8, 1\): "):
        network.predict(np.zeros((2, 8, 8, 1), np.uint8))


def test_another_file_than_the_card_describes(exported, tmp_path):
    data = bytearray(exported[1].read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "network.onnx").write_bytes(data)
    with pytest.raises(UserError, match=r"network\.onnx is another file than its card describes; restore it, or reg"):
        OnnxNetwork.load(tmp_path / "network.onnx", threads=1, digest=file_digest(exported[1]))


def test_numbers_in_other_files_are_not_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.ones(4, np.float32).tofile("weights.bin")
    node = onnx.helper.make_node("Add", ["pictures", "weights"], ["scores"])
    (tmp_path / "top.onnx").write_bytes(make_model([node], [stored_elsewhere()]))
    branch = onnx.helper.make_graph(
        [onnx.helper.make_node("Constant", [], ["inner"], value=stored_elsewhere("value"))],
        "branch",
        [],
        [onnx.helper.make_tensor_value_info("inner", 1, [4])],
    )
    condition = onnx.helper.make_node("Constant", [], ["yes"], value=onnx.helper.make_tensor("yes", 9, [], [True]))
    choice = onnx.helper.make_node("If", ["yes"], ["weights"], then_branch=branch, else_branch=branch)
    (tmp_path / "inner.onnx").write_bytes(make_model([condition, choice, node]))
    for name in ("top.onnx", "inner.onnx"):
        with pytest.raises(UserError, match=rf"{name} has numbers in other files, which are not read; export it again"):
            OnnxNetwork.load(tmp_path / name, threads=1)


def test_operators_that_are_not_of_the_standard(tmp_path):
    path = tmp_path / "m.onnx"
    own = onnx.helper.make_node("Steal", ["pictures"], ["scores"], domain="evil")
    path.write_bytes(make_model([own], domains=["evil"]))
    with pytest.raises(UserError, match=r"m\.onnx has operators of 'evil', and only those of the standard run; exp"):
        OnnxNetwork.load(path, threads=1)
    identity = onnx.helper.make_node("Identity", ["pictures"], ["scores"])
    function = onnx.helper.make_function(
        "ai.onnx", "Twice", ["x"], ["y"], [onnx.helper.make_node("Add", ["x", "x"], ["y"])],
        [onnx.helper.make_opsetid("", 18)],
    )  # fmt: skip
    path.write_bytes(make_model([identity], functions=[function]))
    with pytest.raises(UserError, match=r"m\.onnx defines operators of its own, and only those of the standard run"):
        OnnxNetwork.load(path, threads=1)


def make_both(content, own):
    """An ONNX file that ONNX Runtime would take for one of its own format, with another network.

    Args:
        content: Of the ONNX file.
        own: Of the file in ONNX Runtime's format, which is recognized by the letters ORTM.
    """
    head = b"\x08\x08\x0d\0ORTM\0\0\0\0"  # three numbers of ONNX; in the other format a place and its letters
    shift = int.from_bytes(head[:4], "little") - int.from_bytes(own[:4], "little")
    size = shift + len(own) - len(head) - 5
    length = bytes([size & 127 | 128, size >> 7 & 127 | 128, size >> 14])
    field = b"\xa2\x06" + length  # number 100, which a reader of ONNX passes over
    return (head + field).ljust(shift + 8, b"\0") + own[8:] + content


def test_a_file_of_another_format_is_not_read(tmp_path):
    """What is looked at is what runs: a file can be of both formats at once."""
    path, options = tmp_path / "own.ort", onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.optimized_model_filepath = str(path)
    options.add_session_config_entry("session.save_model_format", "ORT")
    make, zeros = onnx.helper.make_node, onnx.helper.make_tensor("w", 1, [4], [0.0] * 4)
    nodes = [make("Gelu", ["pictures"], ["p"], domain="com.microsoft"), make("Add", ["p", "w"], ["scores"])]
    onnxruntime.InferenceSession(make_model(nodes, [zeros], ["com.microsoft"]), options, ["CPUExecutionProvider"])
    assert path.read_bytes()[0] % 8 == 0  # so that all numbers stay where they are read
    both = make_both(make_model([onnx.helper.make_node("Neg", ["pictures"], ["scores"])]), path.read_bytes())
    pictures = np.array([[1, 2, 3, 4]], np.float32)
    (theirs,) = onnxruntime.InferenceSession(both, providers=["CPUExecutionProvider"]).run(None, {"pictures": pictures})
    assert (theirs > 0).all()  # Gelu, as ONNX Runtime chooses by itself
    (tmp_path / "both.onnx").write_bytes(both)
    scores, _ = OnnxNetwork.load(tmp_path / "both.onnx", threads=1).predict(pictures)
    assert scores.tolist() == [[-1, -2, -3, -4]]
    with pytest.raises(UserError, match=r"own\.ort is no "):
        OnnxNetwork.load(path, threads=1)


def test_a_file_that_is_no_network(tmp_path, monkeypatch):
    path = tmp_path / "m.onnx"
    with pytest.raises(UserError, match=r"m\.onnx does not exist, or is no file; restore it, or register the model ag"):
        OnnxNetwork.load(path, threads=1)
    os.mkfifo(path)  # to read it would wait for ever
    with pytest.raises(UserError, match=r"m\.onnx does not exist, or is no file"):
        OnnxNetwork.load(path, threads=1)
    path.unlink()
    path.write_bytes(b"garbage")
    with pytest.raises(UserError, match=r"m\.onnx is no ONNX file \(.*\); restore it$"):
        OnnxNetwork.load(path, threads=1)
    path.write_bytes(b"")
    with pytest.raises(UserError, match=r"m\.onnx is no network that ONNX Runtime reads \(.*\); restore it$"):
        OnnxNetwork.load(path, threads=1)
    monkeypatch.setattr(onnx_network, "MAX_BYTES", 3)
    path.write_bytes(b"long")
    with pytest.raises(UserError, match=r"m\.onnx is larger than 3 bytes, which no ONNX file is; restore it$"):
        OnnxNetwork.load(path, threads=1)


def test_a_network_of_something_else(tmp_path):
    path = tmp_path / "m.onnx"
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Identity", ["sound"], ["words"])],
        "graph",
        *([onnx.helper.make_tensor_value_info(name, 1, ["N"])] for name in ("sound", "words")),
    )
    opset = [onnx.helper.make_opsetid("", 18)]
    path.write_bytes(onnx.helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString())
    with pytest.raises(UserError, match=r"m\.onnx goes from sound to words, expected pictures to scores; write it wit"):
        OnnxNetwork.load(path, threads=1)


def test_a_missing_package(tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_network, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"m\.onnx needs the package 'onnx', which is not installed; install Colibri's"):
        OnnxNetwork.load(tmp_path / "m.onnx", threads=1)
