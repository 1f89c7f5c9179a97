"""Evaluation, prediction, serving and ONNX decide alike on the same pictures: class, abstention and prediction set."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from policy_examples import make_policy
from trained_model import CLASSES, make_pictures, make_predictor, save_predictor

from pipeline.core import artifacts, config
from pipeline.core.decision_rule import Rule
from pipeline.core.errors import UserError
from pipeline.core.feature_reference import FeatureReference, predict_with_distances, read_reference, write_tensors
from pipeline.core.labels import labels_to_text
from pipeline.core.policy import OutOfDistribution, Policy
from pipeline.datasets.packed import PackedDataset
from pipeline.evaluation.split_evaluation import predict_splits
from pipeline.prediction.classifier import PictureClassifier
from pipeline.prediction.tables import predict_files, stored_predictions
from pipeline.tracking.promotion import predictor_with_policy
from pipeline.tracking.pyfunc_model import PyfuncClassifier
from pipeline.training.distances.nearest_neighbours import NearestNeighbours
from pipeline.training.model_card import load_predictor

POLICIES = {
    "sets": make_policy(3, temperatures=(1.7,) * 3, set_thresholds=(0.35, 0.3, 0.4), abstention="sets"),
    "confidence": make_policy(
        3,
        temperatures=(0.3,) * 3,
        rule=Rule(thresholds=(None, None, 0.45)),
        abstention="confidence",
        min_confidence=0.45,
        set_thresholds=(0.1 + 0.2,) * 3,
    ),
    "far": make_policy(3, abstention="confidence", min_confidence=0.4),
    "costs": make_policy(3, rule=Rule(costs=((0.0, 1.0, 1.0), (1.05, 0.0, 1.05), (1.0, 1.0, 0.0)))),
}


def flag_half(policy, predictor, pictures):
    """The policy that abstains where the features are farther than the median from those of the three darkest."""
    _, features = predictor.predict_with_features(pictures)
    distance = NearestNeighbours(k=1)
    reference = FeatureReference(distance=distance, fitted=distance.fit(features[:3], np.ones((3, 1))))
    flag = OutOfDistribution(
        distance=config.to_node(distance),
        reference=reference.digest,
        limit=float(np.median(reference.measure(features))),
        share=0.5,
        abstains=True,
    )
    return reference, replace(policy, out_of_distribution=flag)


@pytest.mark.parametrize(("name", "policy"), POLICIES.items(), ids=POLICIES)
def test_all_decide_alike(project, encode, name, policy):
    save_predictor(make_predictor(), artifacts.PREDICTOR, training_key="key")
    predictor, _ = load_predictor(artifacts.PREDICTOR)
    pictures = make_pictures(20)
    reference, policy = (None, policy) if name != "far" else flag_half(policy, predictor, pictures[..., None])
    write_tensors(artifacts.REFERENCE, {} if reference is None else reference.fitted)
    artifacts.write_json(artifacts.POLICY, policy.to_json())

    # evaluate
    index = pd.DataFrame({"sample_id": [f"{row:02d}.png" for row in range(20)], "origin": "", "content_hash": ""})
    index = index.assign(split="test", labels=[["ant"]] * 20, group=[f"g{row}" for row in range(20)])
    packed = PackedDataset(pictures[..., None], index, {"classes": CLASSES})
    evaluated = predict_splits(predictor, packed, policy, read_reference(policy, artifacts.REFERENCE))
    artifacts.write_table(artifacts.PREDICTIONS, evaluated, metadata={"classes": CLASSES})

    # colibri predict, from the folder and from a registered model; what evaluate stored
    for file, picture in zip(index["sample_id"], pictures, strict=True):
        (project / file).write_bytes(encode(picture))
    local = PictureClassifier.load(artifacts.PREDICTOR)
    assert local.policy == policy
    predicted = pd.concat(predict_files(local, index["sample_id"].tolist()), ignore_index=True)
    exported = stored_predictions("test")

    # the model as it is registered, served
    with predictor_with_policy(artifacts.PREDICTOR, policy) as folder:
        assert Policy.from_json(artifacts.read_json(folder / "card.json")["policy"], CLASSES, "") == policy
        served_model = PyfuncClassifier()
        served_model.load_context(SimpleNamespace(artifacts={"predictor": str(folder)}))
    served = served_model.predict(None, pd.DataFrame({"image": [encode(one) for one in pictures]}))

    expected = [labels_to_text(one) for one in evaluated["decided"]]
    assert len(set(expected)) > 1
    for found in (predicted, exported, served):
        assert found["class"].tolist() == expected
        assert found["abstains"].tolist() == evaluated["abstains"].tolist()
        if policy.set_thresholds is not None:
            assert found["set"].tolist() == [labels_to_text(one) for one in evaluated["prediction_set"]]
        else:
            assert "set" not in found
        if reference is None:
            assert "out_of_distribution" not in found
        else:
            far = evaluated["out_of_distribution"]
            assert found["out_of_distribution"].tolist() == pytest.approx(far.tolist(), rel=1e-5)
            assert (far > 1).sum() == 10
    if reference is not None:
        for found in (predicted, served):
            assert found["reason"].tolist() == ["out of distribution" if one > 1 else "" for one in far]
    if policy.abstention != "never":
        assert 0 < evaluated["abstains"].sum() < 20
    for row, scores in enumerate(np.stack(evaluated["scores"])):
        assert list(served["scores"][row].values()) == pytest.approx(scores.tolist(), rel=1e-5)
        assert [predicted[f"score_{one}"][row] for one in CLASSES] == pytest.approx(scores.tolist(), rel=1e-5)
    assert json.loads(artifacts.POLICY.read_text()) == json.loads(json.dumps(policy.to_json()))


def test_a_model_that_was_registered_before_there_were_policies(project, encode):
    folder = save_predictor(make_predictor(), project / "old")
    classifier = PictureClassifier.load(folder)
    assert classifier.policy is None
    (project / "a.png").write_bytes(encode(make_pictures(1)[0]))
    table = pd.concat(predict_files(classifier, ["a.png"]))
    assert list(table) == ["file", "class", "confidence", *(f"score_{name}" for name in CLASSES), "reason"]
    model = PyfuncClassifier()
    model.load_context(SimpleNamespace(artifacts={"predictor": str(folder)}))
    assert list(model.predict(None, pd.DataFrame({"image": [encode(make_pictures(1)[0])]}))) == ["class", "scores"]


def test_a_file_that_cannot_be_read_is_left_to_a_person(project, encode):
    save_predictor(make_predictor(), artifacts.PREDICTOR, training_key="key")
    artifacts.write_json(artifacts.POLICY, POLICIES["sets"].to_json())
    (project / "a.png").write_text("hello")
    table = pd.concat(predict_files(PictureClassifier.load(artifacts.PREDICTOR), ["a.png"]))
    assert table[["class", "abstains", "set"]].to_numpy().tolist() == [["", True, ""]]


def test_a_policy_of_another_training_or_of_other_classes_is_refused(project):
    save_predictor(make_predictor(), artifacts.PREDICTOR, training_key="newer")
    artifacts.write_json(artifacts.POLICY, POLICIES["sets"].to_json())
    with pytest.raises(UserError, match=r"^data/policy\.json was fitted to another predictor than data/predictor"):
        PictureClassifier.load(artifacts.PREDICTOR)
    folder = save_predictor(make_predictor(), project / "model", policy=make_policy(2).to_json())
    with pytest.raises(UserError, match=r"card\.json: policy is for 2 classes, expected 3"):
        PictureClassifier.load(folder)


def test_a_reference_that_does_not_fit_is_refused(project):
    save_predictor(make_predictor(), artifacts.PREDICTOR, training_key="key")
    predictor, _ = load_predictor(artifacts.PREDICTOR)
    reference, policy = flag_half(POLICIES["far"], predictor, make_pictures(20)[..., None])
    artifacts.write_json(artifacts.POLICY, policy.to_json())
    with pytest.raises(
        UserError, match=r"^data/feature_reference\.safetensors cannot be read \(No such file .*; run dvc"
    ):
        PictureClassifier.load(artifacts.PREDICTOR)
    artifacts.REFERENCE.write_bytes(b"hello")
    with pytest.raises(UserError, match=r"^data/feature_reference\.safetensors cannot be read \(.*; run dvc repro cal"):
        PictureClassifier.load(artifacts.PREDICTOR)
    write_tensors(artifacts.REFERENCE, {"directions": np.ones((1, 2), np.float32)})
    with pytest.raises(UserError, match=r"is of another policy than the one that is read; run dvc repro calibrate$"):
        PictureClassifier.load(artifacts.PREDICTOR)
    other = replace(reference, fitted={"directions": np.ones((1, 2), np.float32)})
    with pytest.raises(UserError, match=r"^the policy was fitted to other features \(.*; run dvc repro calibrate$"):
        predict_with_distances(predictor, make_pictures(2)[..., None], other)
    with pytest.raises(UserError, match=r"^object has no features to measure; run dvc repro calibrate$"):
        predict_with_distances(object(), make_pictures(2)[..., None], reference)
