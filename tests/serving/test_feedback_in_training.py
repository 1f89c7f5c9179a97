"""From an answer of a server to a sample of train: feedback, export, ingest, duplicates, split, checks."""

import base64
import json
from pathlib import Path

import numpy as np
import pytest
from trained_model import make_pictures

from pipeline.core import artifacts, config
from pipeline.retraining import data_changes, feedback_step
from pipeline.retraining.drift_reading import measure_new
from pipeline.stages import check, find_duplicates, ingest, split

CONF = Path(__file__).parents[2] / "conf"
QUICK = [
    "check.property_baseline=null",
    "check.shortcut.num_permutations=49",
    "check.property_drift=null",
]


@pytest.fixture
def say(start, tmp_path, project, monkeypatch, encode):
    """Sends a picture to a server that keeps it, and what is right; the project has pictures of its own."""
    calls = []
    monkeypatch.setattr(feedback_step, "call_dvc", lambda *words: calls.append(words))
    store = f"sqlite:///{tmp_path / 'answers.db'}"
    client, service = start(store, keep_pictures=True)
    noise = np.random.default_rng(1)
    for number, name in enumerate(["ant", "bee", "fly"] * 18):
        pixels = np.clip(noise.normal(60 + 60 * (number % 3), 25, (16, 16)), 0, 255).astype(np.uint8)
        (project / "data/raw" / name).mkdir(parents=True, exist_ok=True)
        (project / f"data/raw/{name}/{number}.png").write_bytes(encode(pixels))
    chosen = ["source=folder", "source.name=insects", f"register.model_name={service.watch.current.name}"]
    chosen += [f"retraining.feedback={json.dumps(store)}", "split.max_attribute_values=5", *QUICK]
    config.PARAMS.write_text(config.compose(CONF, chosen))

    def send(data, *said):
        body = {"image": base64.b64encode(data).decode()}
        (entry,) = client.post("/predict", json=body).json()["predictions"]
        for one in said:
            assert client.post("/feedback", json={"id": entry["id"], **one}).status_code == 201
        return entry

    send.calls = calls
    return send


def right(label, who="Ada"):
    return {"action": "correct", "labels": [label], "who": who}


def run_stages():
    for stage in (ingest, find_duplicates, split):
        stage.main()
    return artifacts.read_table(artifacts.SPLITS).set_index("sample_id")["split"]


def test_a_corrected_picture_becomes_a_sample_of_train_and_moves_no_other(say, project, encode):
    params = config.load_params()
    store = params["retraining"]["feedback"]
    assert feedback_step.take_feedback(params, store) == {}  # nobody has said anything
    assert not artifacts.FEEDBACK.exists()
    before = run_stages()
    manifest = artifacts.read_table(artifacts.MANIFEST)
    scans = [encode(one) for one in make_pictures(6)]
    entries = [say(one, right("bee")) for one in scans[:3]]
    say(scans[3], {"action": "discard", "who": "Ada"})
    say(scans[4], right("bee"), right("ant", "Bob"))
    of_test = next(name for name in before.index if before[name] == "test")
    say((project / "data/raw" / of_test).read_bytes(), {"action": "confirm"})

    with feedback_step.feedback_in_advance(params, store) as (root, sentence):
        planned = data_changes.compare_manifests(manifest, data_changes.ingest_now(params, root))
    assert not artifacts.FEEDBACK.exists()
    found = feedback_step.take_feedback(params, store)
    assert say.calls == [("add", "data/feedback/insects")]
    assert found["sentence"] == sentence
    assert sentence.startswith(
        "Feedback: 4 pictures with a label (4 new); left out: 1 discarded, 1 with different labels by different people."
        " Of 5 answers that people looked at "
    )
    now = data_changes.ingest_now(params)
    changes = data_changes.compare_manifests(manifest, now)
    assert changes == planned
    assert (changes.new, changes.from_feedback, changes.total) == (4, 4, 4)
    assert changes.sentence == (
        "Since the last finished run: 4 new (4 of them from feedback); 58 labelled samples, before 54."
    )
    reading, _ = measure_new(params, manifest, now, write=False)
    assert reading.sentence == "No new picture has arrived."  # drift is not measured on what people picked

    after = run_stages()
    assert after[before.index].equals(before)
    added = after.drop(before.index)
    assert sorted(added) == ["none", "train", "train", "train"]
    rows = artifacts.read_table(artifacts.MANIFEST).set_index("sample_id").loc[added.index]
    assert rows.loc[added == "train", "labels"].map(list).tolist() == [["bee"]] * 3
    assert set(rows.loc[added == "train", "attr_of_label_decided"]) == {one["class"] for one in entries}
    assert set(rows["attr_of_label_version"]) == {"local"}
    check.main()  # none of these pictures leaks, so no check stops the run
    bytes_before = artifacts.SPLITS.read_bytes()
    assert feedback_step.take_feedback(params, store)["new"] == 0
    assert run_stages().equals(after)
    assert artifacts.SPLITS.read_bytes() == bytes_before


def test_nothing_is_taken_where_none_is_to_be_read(say, encode):
    say(encode(make_pictures(1)[0]), right("bee"))
    params = config.load_params()
    store = params["retraining"]["feedback"]
    assert feedback_step.take_feedback({**params, "ingest": {**params["ingest"], "feedback": "never"}}, store) == {}
    assert feedback_step.take_feedback(params, None) == {}
    assert feedback_step.take_feedback(params, "project") == {}  # no server of this checkout has stored anything
    with feedback_step.feedback_in_advance(params, "project") as (root, sentence):
        assert (root, sentence) == (None, "")
    assert not artifacts.FEEDBACK.exists()
