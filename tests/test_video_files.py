"""Films from a folder to a manifest, to a server, to what a person says of them, and back into the manifest."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from clip_model import save_clip_model
from films import animation, film
from PIL import Image
from starlette.testclient import TestClient

from pipeline.core import artifacts, config
from pipeline.media.choice import media_of_params
from pipeline.retraining import feedback_step
from pipeline.serving.application import create_application
from pipeline.serving.gate import Access
from pipeline.serving.limits import Limits
from pipeline.serving.service import Service
from pipeline.stages import find_duplicates, ingest, split

CONF = Path(__file__).parents[1] / "conf"
CONTAINERS = {"mp4": "libx264", "webm": "libvpx", "avi": "mpeg4"}


def moving(seed, step, start=0, num_frames=10):
    """(num_frames, 32, 32, 3) frames of a texture that moves by (rows, columns) pixels a frame."""
    blocks = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    texture = np.asarray(Image.fromarray(blocks).resize((32, 32), Image.Resampling.BICUBIC))
    return np.stack(
        [np.roll(texture, (time * step[0], time * step[1]), axis=(0, 1)) for time in range(start, start + num_frames)]
    )


def write_films(folder):
    """Two cuts of each of five videos of a class; a video is a film of each container, a GIF or a folder of frames."""
    for name, step in (("ant", (2, 0)), ("bee", (0, 2))):
        (folder / name).mkdir(parents=True)
        for video, kind in enumerate(["mp4", "mp4", "webm", "avi", "gif"]):
            for cut in (1, 2):
                frames = moving(len(name) * 100 + video + 10 * (name == "bee"), step, start=20 * cut)
                encoded = animation("GIF", frames) if kind == "gif" else film(frames, *container(kind))
                (folder / name / f"{name}{video}_{cut}.{kind}").write_bytes(encoded)
    frames_of = folder / "bee" / "bee9_1"
    frames_of.mkdir()
    for number, frame in enumerate(moving(99, (0, 2))):
        Image.fromarray(frame).save(frames_of / f"{number}.png")


def container(kind):
    return "matroska" if kind == "webm" else kind, CONTAINERS[kind]


def zip_frames(frames):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number, frame in enumerate(frames):
            shown = io.BytesIO()
            Image.fromarray(frame).save(shown, "PNG")
            archive.writestr(f"{number}.png", shown.getvalue())
    return buffer.getvalue()


@pytest.fixture
def server(project, tmp_path, monkeypatch):
    """A server that keeps clips, for a project of films whose feedback is of its database."""
    monkeypatch.setattr(feedback_step, "call_dvc", lambda *words: None)
    write_films(project / "data/raw")
    store = f"sqlite:///{tmp_path / 'answers.db'}"
    service = Service(str(save_clip_model(tmp_path / "model")), Limits(), store, True, True, 0.0, lambda line: None)
    chosen = ["source=clips", "media.num_frames=4", f"retraining.feedback={json.dumps(store)}"]
    chosen += [f"register.model_name={service.watch.current.name}"]
    config.PARAMS.write_text(config.compose(CONF, chosen))
    with TestClient(create_application(service, Access()), base_url="http://127.0.0.1:5001") as client:
        yield client
    service.close()


def test_corrected_films_come_back_with_the_label_that_a_person_gave(server, project):
    params = config.load_params()
    assert media_of_params(params) == "clip"
    assert ingest.main() == ["21 clips, 2 classes"]
    manifest = artifacts.read_table(artifacts.MANIFEST).set_index("sample_id")
    assert sorted(manifest["format"].unique()) == ["avi", "frames", "gif", "matroska", "mov"]
    assert manifest["prop_num_frames"].eq(10).all()
    assert manifest.groupby("group").size().sort_values().tolist() == [1] + [2] * 10

    sent = {"a.mp4": film(moving(500, (2, 0))), "b.zip": zip_frames(moving(501, (0, 2)))}
    found = server.post("/predict", files=[("files", one) for one in sent.items()]).json()["predictions"]
    assert [one["class"] for one in found] == ["bee", "bee"]
    for entry, label in zip(found, ("ant", "bee"), strict=True):
        body = {"id": entry["id"], "labels": [label], "who": "Ada"}
        assert server.post("/feedback", json=body).status_code == 201
    taken = feedback_step.take_feedback(params, params["retraining"]["feedback"])
    assert taken["sentence"].startswith("Feedback: 2 clips with a label (2 new). Of 2 answers that people looked at 1 ")
    stored = sorted(one.suffix for one in (project / "data/feedback/clips/pictures").iterdir())
    assert stored == [".mp4", ".zip"]

    assert ingest.main() == ["23 clips, 2 classes, 2 from feedback"]
    again = artifacts.read_table(artifacts.MANIFEST).set_index("sample_id")
    added = again.drop(manifest.index)
    assert {Path(name).suffix: list(labels) for name, labels in added["labels"].items()} == {
        ".mp4": ["ant"],
        ".zip": ["bee"],
    }
    assert set(added["format"]) == {"mov", "frames"}
    assert again.loc[manifest.index, "content_hash"].equals(manifest["content_hash"])
    for stage in (find_duplicates, split):
        stage.main()
    splits = artifacts.read_table(artifacts.SPLITS).set_index("sample_id")["split"]
    assert set(splits[added.index]) == {"train"}
    assert splits.loc[manifest.index].groupby(manifest["group"]).nunique().eq(1).all()
