"""New samples are copied once, whole, into the place where the source reads them, or refused with a reason."""

import io
import json
import os
from pathlib import Path

import numpy as np
import pytest
from exchange_examples import ingest_into_project, params_of, picture
from fastapi import FastAPI
from fastapi.testclient import TestClient
from PIL import Image

from pipeline.commands.add import describe
from pipeline.core import artifacts, config
from pipeline.core.errors import UserError
from pipeline.datasets.class_list import LabelClass, write_classes
from pipeline.datasets.label_decisions import read_decisions
from pipeline.labelling.additions import add_samples as adding
from pipeline.labelling.additions.add_samples import add_samples
from pipeline.labelling.additions.added_samples import Labelling
from pipeline.labelling.additions.new_samples import NewSample, find_new
from pipeline.labelling.additions.sample_target import find_target
from pipeline.labelling.web.sample_uploads import create_router
from pipeline.serving.limits import Limits

ROOT = Path("data/pictures/things")
ADA = Labelling(label="cat", who="Ada", when="2026-11-30")


@pytest.fixture
def new(tmp_path, monkeypatch):
    """A folder outside the project, which is the working folder."""
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "new"


def unlabelled():
    return params_of(
        {
            "_target_": "pipeline.datasets.sources.unlabelled.Unlabelled",
            "name": "things",
            "path": str(ROOT),
            "watch": str(ROOT),
        }
    )


def folders():
    for number, name in enumerate(("cat/0.png", "cat/1.png", "dog/0.png", "dog/1.png")):
        picture(ROOT / name, number)
    source = {
        "_target_": "pipeline.datasets.sources.folder.Folder",
        "name": "things",
        "path": str(ROOT),
        "watch": str(ROOT),
    }
    params = params_of(source)
    ingest_into_project(params)
    return params


def add(params, *paths, to=None, labelling=None):
    target = find_target(params, to)
    return add_samples([*find_new(paths, target)], target, params, labelling)


def test_each_is_copied_once_and_the_names_of_others_stay(new):
    params = unlabelled()
    picture(ROOT / "a.png", 0)
    ingest_into_project(params)
    picture(new / "a.png", 1)
    picture(new / "same.png", 0)
    picture(new / "deep/b.png", 2)
    picture(new / "deeper/b.png", 2)
    (new / "broken.png").write_bytes(b"\x89PNG no more")
    (new / "notes.txt").write_text("no picture")
    done = add(params, new)
    assert [one.name for one in done.added] == ["a.png", "deep/b.png"]
    first, second = (one.sample_id for one in done.added)
    assert first.startswith("a-")
    assert second == "deep/b.png"
    assert [(one.name, one.of) for one in done.duplicates] == [("same.png", "a.png"), ("deeper/b.png", "deep/b.png")]
    assert [(one.name, one.reason) for one in done.refused] == [("broken.png", "not_a_picture")]
    assert (ROOT / first).read_bytes() == (new / "a.png").read_bytes()
    assert (ROOT / "a.png").read_bytes() == picture(new / "again.png", 0)
    assert list(describe(done, find_target(params)))[:2] == [
        "added 2 pictures to data/pictures/things, 0 with a label",
        "2 already there, not copied:",
    ]
    assert len(add(params, new).added) == 0  # before the next ingest, too
    assert len(ingest_into_project(params)) == 3


def test_a_label_is_a_decision_where_no_folder_gives_it(new):
    params = unlabelled()
    picture(new / "a.png", 1)
    add(params, new)
    picture(new / "b.png", 2)
    done = add(params, new, labelling=ADA)
    assert (len(done.added), len(done.duplicates), done.num_labelled) == (1, 1, 2)
    lines = read_decisions(artifacts.decisions_file("things"))
    assert {one.sample_id: (one.labels, one.who, one.is_selected) for one in lines} == {
        "a.png": (["cat"], "Ada", False),
        "b.png": (["cat"], "Ada", False),
    }
    assert add(params, new, labelling=ADA).num_labelled == 0
    manifest = ingest_into_project(params)
    assert manifest["labels"].map(list).tolist() == [["cat"], ["cat"]]


def test_class_folders_give_the_label(new):
    params = folders()
    picture(new / "cat/x.png", 11)
    picture(new / "loose.png", 12)
    picture(new / "bird/y.png", 13)
    done = add(params, new)
    assert {one.sample_id: one.label for one in done.added} == {"cat/x.png": "cat", "unlabelled/loose.png": None}
    assert [(one.name, one.reason) for one in done.refused] == [("bird/y.png", "unknown_class")]
    picture(new / "z.png", 14)
    assert add(params, new / "z.png", labelling=ADA).added[0].sample_id == "cat/z.png"
    picture(new / "w.png", 15)
    assert add(params, new / "w.png", to=str(ROOT / "dog")).added[0].label == "dog"
    manifest = ingest_into_project(params)
    found = dict(zip(manifest["path"], manifest["labels"].map(list), strict=True))
    assert found["cat/x.png"] == found["cat/z.png"] == ["cat"]
    assert found["dog/w.png"] == ["dog"]
    assert found["unlabelled/loose.png"] == []


def test_what_looks_almost_the_same_is_named(new):
    params = unlabelled()
    smooth = np.add.outer(np.arange(64), 2 * np.arange(64)).astype(np.uint8)
    ROOT.mkdir(parents=True)
    Image.fromarray(smooth).save(ROOT / "a.png")
    ingest_into_project(params)
    new.mkdir()
    Image.fromarray(np.minimum(smooth, 188)).save(new / "b.png")
    assert [(one.sample_id, one.near) for one in add(params, new).added] == [("b.png", "a.png")]


def test_where_nothing_can_be_added_a_line_says_what_to_do(new):
    picture(new / "a.png", 1)
    params = unlabelled()
    params["source"] |= {"path": str(new)}
    with pytest.raises(UserError, match=r"is outside the project, .* copy the samples there yourself"):
        find_target(params)
    table = {
        "_target_": "pipeline.datasets.sources.coco.Coco",
        "name": "t",
        "path": "a.json",
        "pictures": "x",
        "watch": "x",
    }
    with pytest.raises(
        UserError, match=r"the source 't' \(coco\) names its samples elsewhere .* add the samples there"
    ):
        find_target(params_of(table))
    with pytest.raises(UserError, match="must be data/pictures/things or a folder below it"):
        find_target(unlabelled(), "data/pictures")
    with pytest.raises(UserError, match="does not exist"):
        add(unlabelled(), new / "none")
    (new / "empty").mkdir()
    with pytest.raises(UserError, match="holds no picture that the source reads"):
        add(unlabelled(), new / "empty")


def test_a_label_must_be_a_class(new):
    picture(new / "a.png", 1)
    params = folders()
    with pytest.raises(UserError, match="no class is called 'bird'; the classes are cat, dog"):
        add(params, new, labelling=Labelling(label="bird", who="Ada", when="2026-11-30"))
    with pytest.raises(UserError, match="begins like a formula"):
        add(unlabelled(), new, labelling=Labelling(label="=a()", who="Ada", when="2026-11-30"))
    write_classes(artifacts.classes_file("things"), [LabelClass(name="cat"), LabelClass(name="dog")])
    with pytest.raises(UserError, match="no class is called 'bird'"):
        add(unlabelled(), new, labelling=Labelling(label="bird", who="Ada", when="2026-11-30"))
    with pytest.raises(UserError, match="--to names a class folder"):
        add(params, new, to=str(ROOT / "cat"), labelling=ADA)


def test_a_call_that_is_killed_leaves_whole_files_and_the_next_one_goes_on(new, monkeypatch):
    params = unlabelled()
    for number in range(4):
        picture(new / f"{number}.png", number)
    write, calls = adding._write, []

    def die(path, data):
        calls.append(path)
        if len(calls) == 3:
            path.write_bytes(data[:100])
            os._exit(9)
        write(path, data)

    child = os.fork()
    if not child:
        monkeypatch.setattr(adding, "_write", die)
        try:
            add(params, new)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert sorted(one.name for one in ROOT.glob("[0-9]*")) == ["0.png", "1.png"]
    assert len([*ROOT.glob(".*.tmp")]) == 1
    done = add(params, new)
    assert (len(done.added), len(done.duplicates)) == (2, 2)
    assert sorted(os.listdir(ROOT)) == [f"{number}.png" for number in range(4)]


def test_a_full_disk_is_one_line_and_leaves_whole_files(new, monkeypatch):
    params = unlabelled()
    picture(new / "0.png", 0)
    picture(new / "1.png", 1)
    write = adding._write

    def fill(path, data):
        if path.name.startswith(".1.png"):
            path.write_bytes(data[:50])
            raise OSError(28, "No space left on device")
        write(path, data)

    monkeypatch.setattr(adding, "_write", fill)
    with pytest.raises(UserError, match=r"1.png cannot be written: No space left on device; 1 were added before"):
        add(params, new)
    assert os.listdir(ROOT) == ["0.png"]


@pytest.fixture
def server(new):
    app = FastAPI()
    app.include_router(create_router(unlabelled, Limits(body_bytes=20_000, pictures=4)))
    return TestClient(app)


def sent(*files):
    return {"files": [("files", (name, data, "image/png")) for name, data in files]}


def test_pictures_can_be_sent(server, new):
    data = picture(new / "a.png", 1)
    names = ("../../../etc/évil\n.png", "..\\x", ".hidden.png")
    files = [(name, picture(new / "a.png", number)) for number, name in enumerate(names)]
    answer = server.post("/samples?label=cat&who=Ada", **sent(*files, ("again.png", data)))
    assert answer.status_code == 201
    done = answer.json()
    assert [one["sample_id"] for one in done["added"]] == ["évil%0A.png", "x.png", "hidden.png"]
    assert [one["of"] for one in done["duplicates"]] == ["x.png"]
    assert done["num_labelled"] == 3
    assert sorted(os.listdir(ROOT)) == ["hidden.png", "x.png", "évil%0A.png"]


def test_what_is_sent_is_bounded(server, new):
    data = picture(new / "a.png", 1)
    assert server.post("/samples", content=data, headers={"content-type": "image/png"}).status_code == 415
    many = server.post("/samples", **sent(*[(f"{n}.png", data) for n in range(5)]))
    assert (many.status_code, many.json()["error"]) == (413, "too_many_pictures")
    large = server.post("/samples", **sent(("a.png", data + bytes(30_000))))
    assert (large.status_code, large.json()["error"]) == (413, "body_too_large")
    text = server.post("/samples", **sent(("a.png", b"<html>")))
    assert (text.status_code, text.json()["refused"][0]["reason"]) == (201, "not_a_picture")
    nobody = server.post("/samples?label=cat", **sent(("a.png", data)))
    assert (nobody.status_code, nobody.json()["error"]) == (422, "not_added")
    assert not ROOT.exists() or os.listdir(ROOT) == []


def test_a_picture_of_too_many_pixels_is_refused(new):
    file = io.BytesIO()
    Image.new("L", (1_100, 1_000)).save(file, format="PNG")
    params = unlabelled()
    done = add_samples([NewSample(name="large.png", data=file.getvalue())], find_target(params), params)
    assert [one.reason for one in done.refused] == ["too_large"]
    assert not ROOT.exists()


def test_the_server_of_a_model_takes_no_samples():
    from pipeline.serving import application

    assert "/samples" not in Path(application.__file__).read_text()


def test_a_clip_of_frames_is_one_sample(new):
    for name in ("run", "walk"):
        for clip in range(2):
            for frame in range(5):
                picture(ROOT / f"{name}/{clip}/{frame}.png", 100 * clip + frame + (7000 if name == "run" else 0))
    source = {
        "_target_": "pipeline.datasets.sources.clips.Clips",
        "name": "things",
        "path": str(ROOT),
        "watch": str(ROOT),
    }
    params = params_of(source, "clip")
    ingest_into_project(params)
    for frame in range(5):
        picture(new / f"{frame}.png", 900 + frame)
    done = add(params, new, labelling=Labelling(label="walk", who="Ada", when="2026-11-30"))
    assert [one.sample_id for one in done.added] == ["walk/new"]
    assert len(os.listdir(ROOT / "walk/new")) == 5
    assert "walk/new" in set(ingest_into_project(params)["path"])
    assert config.build(source, "source").media == "clip"
    json.dumps(done.to_json())
