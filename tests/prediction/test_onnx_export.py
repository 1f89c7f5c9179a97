"""The exported graph gives the scores of the model."""

import json
import re

import numpy as np
import pytest
from policy_examples import make_policy
from trained_model import CLASSES, make_pictures, make_predictor, save_predictor

from pipeline.commands.main import main
from pipeline.core import config
from pipeline.core.errors import UserError
from pipeline.core.feature_reference import FeatureReference, write_tensors
from pipeline.core.policy import OutOfDistribution, Policy
from pipeline.prediction import onnx_comparison, onnx_export
from pipeline.prediction.classifier import PictureClassifier
from pipeline.prediction.onnx_comparison import Parity, compare_with_torch, load_network
from pipeline.prediction.onnx_export import export_onnx
from pipeline.training.distances.mahalanobis import Mahalanobis
from pipeline.training.distances.nearest_neighbours import NearestNeighbours

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")
SPEED = r"(.*) at a time: ONNX Runtime \d+ pictures/s on \d+ threads?, torch \d+ on (the GPU|\d+ threads?)"
pytestmark = [
    pytest.mark.xdist_group("onnx"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),  # torch's, when it exports
]


@pytest.mark.parametrize("number", [1, 7])
def test_scores_are_those_of_the_model_for_any_number_of_pictures(exported, number):
    model, path = exported
    pictures = make_pictures(number)[..., None]
    session = onnxruntime.InferenceSession(str(path))
    (scores,) = session.run(["scores"], {"pictures": pictures})
    np.testing.assert_allclose(scores, model.predictor.predict(pictures), atol=1e-5)


def test_the_file_says_how_to_use_it(exported):
    facts = {entry.key: json.loads(entry.value) for entry in onnx.load(str(exported[1])).metadata_props}
    assert facts["classes"] == CLASSES
    assert (facts["packing"]["size"], facts["packing"]["fit"]) == (16, "crop")
    assert facts["task"]["_target_"].endswith("SingleLabel")
    assert [path.name for path in sorted(exported[1].parent.iterdir())] == ["model.onnx", "predictor"]


def test_the_policy_is_in_the_file_and_decides_alike(tmp_path):
    policy = make_policy(3, temperatures=(0.3,) * 3, set_thresholds=(0.3,) * 3, abstention="sets")
    folder = save_predictor(make_predictor(), tmp_path / "model", policy=policy.to_json())
    model = PictureClassifier.load(folder)
    export_onnx(model, tmp_path / "m.onnx")
    facts = {entry.key: json.loads(entry.value) for entry in onnx.load(str(tmp_path / "m.onnx")).metadata_props}
    assert Policy.from_json(facts["policy"], CLASSES, "m.onnx") == policy
    pictures = make_pictures(20)[..., None]
    (scores,) = onnxruntime.InferenceSession(str(tmp_path / "m.onnx")).run(["scores"], {"pictures": pictures})
    theirs, ours = policy.decide(scores, model.predictor.task), model.classify(list(pictures))
    assert theirs.abstains.tolist() == ours.abstains.tolist()
    assert 0 < ours.abstains.sum() < 20
    assert [[CLASSES[one] for one in row.nonzero()[0]] for row in theirs.sets] == ours.sets
    assert compare_with_torch(model, load_network(model, tmp_path / "m.onnx"), pictures).num_same == 20


@pytest.mark.parametrize("distance", [NearestNeighbours(k=2), Mahalanobis(num_directions=3)], ids=["near", "mean"])
def test_the_graph_gives_the_distance_from_train(tmp_path, distance):
    predictor, pictures = make_predictor(["identity", "half_turn"]), make_pictures(20)[..., None]
    features = predictor.predict_with_features(pictures)[1]
    reference = FeatureReference(distance=distance, fitted=distance.fit(features[:8], np.eye(2)[[0, 1] * 4]))
    limit = float(np.median(reference.measure(features)))
    flag = OutOfDistribution(
        distance=config.to_node(distance), reference=reference.digest, limit=limit, share=0.5, abstains=True
    )
    policy = make_policy(3, out_of_distribution=flag)
    folder = save_predictor(predictor, tmp_path / "model", policy=policy.to_json())
    write_tensors(folder / "feature_reference.safetensors", reference.fitted)
    model = PictureClassifier.load(folder)
    export_onnx(model, tmp_path / "m.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "m.onnx"))
    scores, distances = session.run(["scores", "distance"], {"pictures": pictures})
    facts = {entry.key: json.loads(entry.value) for entry in onnx.load(str(tmp_path / "m.onnx")).metadata_props}
    theirs = Policy.from_json(facts["policy"], CLASSES, "m.onnx").decide(scores, predictor.task, distances)
    ours = model.classify(list(pictures))
    np.testing.assert_allclose(theirs.out_of_distribution, ours.out_of_distribution, rtol=1e-3, atol=1e-3)
    assert theirs.abstains.tolist() == ours.abstains.tolist()
    assert ours.abstains.sum() == 10
    assert compare_with_torch(model, load_network(model, tmp_path / "m.onnx"), pictures).num_same == 20


def test_the_command(exported, project, capsys):
    main(["export", "--onnx", "--model", str(exported[1].parent / "predictor"), "--out", "new/m.onnx"])
    shown = capsys.readouterr().out.splitlines()
    assert shown[1].startswith("compared on 64 pictures of noise (data/packed has none for this model): largest differ")
    assert shown[1].endswith("same decision for 64")
    figures = [re.fullmatch(SPEED, line) for line in shown[2:4]]
    assert [found and found[1] for found in figures] == ["1 picture", "32 pictures"]
    assert shown[4].startswith("wrote new/m.onnx, ")
    assert shown[5:7] == ["input pictures: (N, 16, 16, 1) uint8, fit 'crop'", "output scores: (N, 3) float32"]
    assert all("register.runtime=onnx" in line for line in shown[7:])


def test_a_file_that_decides_otherwise_is_not_written(exported, project, monkeypatch, capsys):
    monkeypatch.setattr(onnx_export, "export_onnx", lambda _, path: path.write_bytes(exported[1].read_bytes()))
    parity = Parity(num_pictures=64, largest_difference=0.01, num_same=63)
    monkeypatch.setattr(onnx_comparison, "compare_with_torch", lambda *_: parity)
    monkeypatch.setattr(onnx_comparison, "measure_speeds", lambda *_: [])
    with pytest.raises(SystemExit):
        main(["export", "--model", str(exported[1].parent / "predictor"), "--out", "m.onnx"])
    said = "colibri export: ONNX Runtime decides otherwise for 1 of 64 pictures; m.onnx is not written\n"
    assert capsys.readouterr().err == said
    assert not list(project.glob("*.onnx"))


def test_another_ending(project, capsys):
    with pytest.raises(SystemExit):
        main(["export", "--out", "model.pt"])
    assert capsys.readouterr().err == "colibri export: --out 'model.pt' must end in .onnx\n"


def test_a_missing_package(classifier, project, monkeypatch):
    monkeypatch.setattr(onnx_export, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"^ONNX needs the package 'onnx', which is not installed; install Colibri's"):
        export_onnx(classifier, project / "m.onnx")


def test_an_estimator_is_refused(classifier, project):
    class Other:
        task = classifier.predictor.task

    model = PictureClassifier(predictor=Other(), card=classifier.card)
    with pytest.raises(
        UserError, match=r"^this model is an estimator of scikit-learn .* only networks are exported to"
    ):
        export_onnx(model, project / "m.onnx")
    assert not (project / "m.onnx").exists()
