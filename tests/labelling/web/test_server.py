"""Every call of the page, and what each refuses."""

import errno
import io
import os

import pandas as pd
import pytest
from PIL import Image

from pipeline.core import artifacts
from pipeline.labelling.queries import label_queue
from pipeline.labelling.web import filters, session
from pipeline.labelling.web.suggestions import Suggestion

KEY = "a-token-of-the-test"


@pytest.fixture
def labelling(begin):
    return begin()


@pytest.fixture
def client(labelling, connect):
    return connect(labelling)


def rows(client, **query):
    answer = client.get("/view", params={"who": "Ada", **query})
    assert answer.status_code == 200, answer.text
    return answer.json()["rows"]


def label(client, **body):
    return client.post("/decisions", json={"who": "Ada", **body})


def test_the_page_and_what_it_needs(client):
    page = client.get("/")
    assert page.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
    assert (page.headers["x-content-type-options"], page.headers["cache-control"]) == ("nosniff", "no-store")
    assert client.get("/page.js").headers["content-type"].startswith("text/javascript")
    assert "innerHTML" not in client.get("/page.js").text
    assert client.get("/page.css").status_code == 200
    state = client.get("/state").json()
    assert [one["name"] for one in state["classes"]] == ["cat", "dog"]
    assert state["properties"] == [{"name": "brightness", "low": 0.0, "high": pytest.approx(11 / 12)}]
    assert (state["noun"], state["exclusive"], state["splits"]) == ("picture", True, ["pool", "train", "val"])


def test_a_click_is_on_the_disk_when_it_is_answered(client, lines):
    answer = label(client, rows=[6, 7], labels=["cat"], attributes={"mood": "calm"}, seconds=0.5)
    assert (answer.status_code, len(lines())) == (201, 2)
    assert [one["labels"] for one in answer.json()["samples"]] == [["cat"], ["cat"]]
    assert client.post("/undo", json={"who": "Ada"}).json()["redo"] == 1
    assert client.post("/redo", json={"who": "Ada"}).json()["undo"] == 1
    assert len(lines()) == 6


def test_others_see_that_something_changed_and_how_much_is_done(client):
    shown = client.get("/view", params={"who": "Ben", "view": "all"}).json()
    label(client, rows=[6], labels=["cat"])
    found = client.get("/changes", params={"who": "Ben", "since": shown["version"], "shown": shown["shown"]}).json()
    assert (found["all"], found["rows"], found["num_decided"], found["num_shown"]) == (False, [6], 1, 12)
    assert found["annotators"] == ["Ada"]
    assert client.get("/changes", params={"since": 0}).json()["all"]


def test_pictures_small_and_large(client):
    small = client.get("/samples/3/thumbnail?v=abc")
    assert small.headers["cache-control"] == "private, max-age=86400, immutable"
    assert Image.open(io.BytesIO(small.content)).size == (30, 20)
    assert Image.open(io.BytesIO(client.get("/samples/3/picture").content)).getpixel((0, 0)) == (60, 60, 60)
    assert client.get("/samples/3/frames/0").json()["error"] == "no_frames"


def test_a_picture_that_changed_since_the_run_is_gone(client, labelling):
    labelling.pictures.items[3] = (labelling.pictures.items[3][0], "another")
    answer = client.get("/samples/3/picture")
    assert (answer.status_code, answer.json()["error"]) == (410, "unreadable")


def test_one_sample_with_what_is_like_it(client):
    label(client, rows=[6], labels=["cat"])
    found = client.get("/samples/6", params={"who": "Ada"}).json()
    assert (found["facts"], found["properties"]) == ([["site", "north"]], [["brightness", 0.5]])
    cosines = [one["cosine"] for one in found["neighbours"]]
    assert (len(cosines), cosines) == (11, sorted(cosines, reverse=True))
    assert [one["who"] for one in found["decisions"]] == ["Ada"]
    assert client.get("/samples/6", params={"who": "Ben"}).json()["decisions"] == []


def test_views_and_the_commands_that_make_them(client, project, monkeypatch):
    assert rows(client, view="all") == list(range(12))
    assert rows(client, view="like", like=3)[0] == 3
    for name, text in {"queue": "colibri query", "suspects": "colibri run", "clusters": "colibri clusters"}.items():
        answer = client.get("/view", params={"view": name})
        assert (answer.status_code, answer.json()["error"]) == (404, "no_view")
        assert text in answer.json()["message"]
    (project / "reports").mkdir()
    queue = {"sample_id": ["dog/7.png", "gone", "cat/6.png"], "batch": ["margin/1"] * 3, "order": [2, 0, 1]}
    more = {"strategy": "margin", "score": 0.5, "why": ["unsure", "", "odd"]}
    pd.DataFrame({**queue, **more}).to_csv(label_queue.QUEUE, index=False)
    answer = client.get("/view", params={"view": "queue"}).json()
    assert (answer["rows"], answer["notes"]) == ([6, 7], {"6": "odd", "7": "unsure"})
    clusters = {"sample_id": ["cat/0.png", "dog/1.png", "cat/2.png"], "cluster": [1, 0, 1], "score": [0.1, 0.5, 0.9]}
    pd.DataFrame(clusters).to_csv(artifacts.CLUSTERS_TABLE, index=False)
    answer = client.get("/view", params={"view": "clusters"}).json()
    assert (answer["rows"], answer["groups"]) == ([1, 2, 0], [["Cluster 0", 0], ["Cluster 1", 1]])
    answer = client.get("/view", params={"view": "clusters", "label": "cat"}).json()
    assert answer["groups"] == [["Cluster 1", 0]]
    artifacts.write_table(artifacts.DUPLICATES, pd.DataFrame({"left": [], "right": []}, dtype=str))
    answer = client.get("/view", params={"view": "duplicates"})
    assert answer.json()["rows"] == list(range(12))  # each pair of pictures has one hash
    suspects = {"sample_id": ["dog/1.png"], "labels": ["cat"], "p_suggested": [0.9], "split": ["train"]}
    pd.DataFrame(suspects).to_csv(artifacts.SUSPECTS, index=False)
    assert client.get("/view", params={"view": "suspects"}).json()["notes"] == {"1": "cat suggested"}
    monkeypatch.setattr(session, "is_blind", lambda name, batch, seed: name == "dog/1.png")
    assert client.get("/view", params={"view": "suspects"}).json()["notes"] == {}  # what is suggested is a prediction


def test_filters(client, labelling, monkeypatch):
    label(client, rows=[6], labels=["cat"])
    label(client, rows=[7], action="drop")
    client.post("/decisions", json={"who": "Ben", "rows": [8], "labels": ["dog"]})
    assert rows(client, label="cat") == [0, 2, 4, 6]
    assert rows(client, label=filters.NO_LABEL, status="unlabelled") == [8, 9, 10, 11]  # 8 is Ben's
    assert rows(client, split="val") == [4, 5]
    assert rows(client, annotator="Ben") == [8]
    assert rows(client, status="mine") == [6, 7]
    assert rows(client, status="others") == [8]
    assert rows(client, status="dropped") == [7]
    assert rows(client, status="undecided", split="pool") == [9, 10, 11]
    assert rows(client, property="brightness", low=0.1, high=0.2) == [2]
    assert rows(client, search="DOG/1") == [1, 11]
    guess = Suggestion(labels=("dog",), scores=(("dog", 0.8),), by="probe")
    labelling.session.suggest({9: guess, 10: guess})
    monkeypatch.setattr(type(labelling.session), "is_blind", lambda self, row: row == 10)
    assert rows(client, min_score=0.7) == [9]


def test_classes_through_http(client):
    version = client.get("/classes").json()["list_version"]
    name = "<img src=x onerror=alert(1)>"
    answer = client.post("/classes", json={"version": version, "edit": "add", "name": name})
    assert (answer.status_code, answer.json()["classes"][2]["name"]) == (201, name)
    assert label(client, rows=[6], labels=[name]).json()["samples"][0]["labels"] == [name]
    assert client.post("/classes", json={"version": version, "edit": "add", "name": "cow"}).status_code == 409


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/samples/..%2f..%2fetc%2fpasswd", None, 404),
        ("GET", "/samples/../../etc/passwd/picture", None, 404),
        ("GET", "/samples/-1/thumbnail", None, 404),
        ("GET", "/samples/12/thumbnail", None, 404),
        ("GET", "/samples/٣/picture", None, 404),
        ("GET", "/samples/1/frames/..%5c0", None, 404),
        ("GET", "/samples?rows=1,..", None, 422),
        ("GET", "/samples?rows=99", None, 404),
        ("GET", "/view?view=../all", None, 422),
        ("GET", "/view?view=like&like=99", None, 404),
        ("GET", "/view?property=secret", None, 422),
        ("GET", "/view?who=%3D1%2B1", None, 422),
        ("GET", "/changes?since=x", None, 422),
        ("GET", "/docs", None, 404),
        ("PUT", "/decisions", None, 405),
        ("POST", "/decisions", {"who": "", "rows": [6], "labels": ["cat"]}, 422),
        ("POST", "/decisions", {"who": "=cmd", "rows": [6], "labels": ["cat"]}, 422),
        ("POST", "/decisions", {"who": "a\nb", "rows": [6], "labels": ["cat"]}, 422),
        ("POST", "/decisions", {"who": "Ada", "rows": [], "labels": ["cat"]}, 422),
        ("POST", "/decisions", {"who": "Ada", "rows": [6.5], "labels": ["cat"]}, 422),
        ("POST", "/decisions", {"who": "Ada", "rows": [6], "labels": ["cat"], "when": "2020-01-01"}, 422),
        ("POST", "/decisions", {"who": "Ada", "rows": [6], "labels": ["cat"], "seconds": -1}, 422),
        ("POST", "/decisions", {"who": "Ada", "rows": list(range(10_001)), "labels": ["cat"]}, 422),
        ("POST", "/classes", {"version": "0", "edit": "add", "name": "cow"}, 409),
        ("POST", "/undo", {"who": "Ada"}, 409),
        ("POST", "/samples", {"who": "Ada"}, 405),
    ],
)
def test_what_is_refused(client, project, method, path, body, status):
    answer = client.request(method, path, json=body)
    assert (answer.status_code, set(answer.json())) == (status, {"error", "message"}), answer.text
    assert not (project / "data/label_decisions/pets.csv").exists()


def test_a_forged_token_and_another_site_change_nothing(labelling, connect, project):
    guarded = connect(labelling, KEY)
    body = {"who": "Ada", "rows": [6], "labels": ["cat"]}
    assert guarded.get("/").status_code == 200  # says nothing
    for path in ("/state", "/view", "/samples?rows=1", "/samples/1/thumbnail", "/changes", "/classes"):
        assert guarded.get(path, headers={"x-api-key": "forged-token-of-it"}).status_code == 401
    for path in ("/decisions", "/undo", "/redo", "/classes"):
        assert guarded.post(path, json=body).status_code == 401
    given = {"x-api-key": KEY}
    assert guarded.post("/decisions", json=body, headers={**given, "origin": "https://evil.test"}).status_code == 403
    assert guarded.post("/decisions", json=body, headers={**given, "sec-fetch-site": "cross-site"}).status_code == 403
    assert guarded.post("/decisions", json=body, headers={**given, "host": "evil.test"}).status_code == 421
    form = {**given, "content-type": "text/plain"}
    assert guarded.post("/decisions", content='{"who":"Ada"}', headers=form).status_code == 415
    assert not (project / "data/label_decisions/pets.csv").exists()
    assert guarded.post("/decisions", json=body, headers=given).status_code == 201


def test_a_full_disk_is_a_clear_answer(client, monkeypatch):
    def fill(number):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fill)
    answer = label(client, rows=[6], labels=["cat"])
    assert (answer.status_code, answer.json()["error"]) == (507, "disk_full")
    version = client.get("/classes").json()["list_version"]
    monkeypatch.setattr(artifacts, "atomic_write", fill)
    answer = client.post("/classes", json={"version": version, "edit": "add", "name": "cow"})
    assert (answer.status_code, answer.json()["error"]) == (507, "disk_full")
