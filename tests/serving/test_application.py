"""The calls of colibri serve, in this process."""

import asyncio
import base64
import json
import threading
import time
import uuid

import pytest
from starlette.testclient import TestClient
from trained_model import CLASSES

from pipeline.prediction.classifier import PictureClassifier
from pipeline.serving.answer_tables import read_answers, read_feedback
from pipeline.serving.limits import Refusal
from pipeline.serving.uploads import Upload, decode_text

PNG = {"Content-Type": "image/png"}


def as_text(data):
    return base64.b64encode(data).decode()


def post_picture(client, data):
    return client.post("/predict", content=data, headers=PNG)


def test_the_three_forms_of_a_picture_give_the_decision_of_the_classifier(client, trained, scans):
    """Scores and labels are those of the same PictureClassifier that colibri predict uses."""
    classifier = PictureClassifier.load(trained)
    expected = classifier.classify([classifier.read(one) for one in scans[:4]])
    files = [("files", (f"{number}.png", data)) for number, data in enumerate(scans[:4])]
    form = client.post("/predict", files=files).json()
    texts = client.post("/predict", json={"images": [as_text(one) for one in scans[:4]]}).json()
    raw = [post_picture(client, one).json() for one in scans[:4]]
    assert [one["file"] for one in form["predictions"]] == ["0.png", "1.png", "2.png", "3.png"]
    assert (form["model"], form["version"]) == (trained.name, "local")
    for found in (form["predictions"], texts["predictions"], [one["predictions"][0] for one in raw]):
        assert [one["labels"] for one in found] == expected.labels
        assert [one["class"] for one in found] == [one[0] for one in expected.labels]
        for one, scores in zip(found, expected.scores, strict=True):
            assert one["scores"] == pytest.approx(dict(zip(CLASSES, scores.tolist(), strict=True)), abs=2e-6)
            assert one["confidence"] == one["scores"][one["class"]]
    ids = [one["id"] for one in form["predictions"]]
    assert len(set(ids)) == 4
    assert [str(uuid.UUID(one)) for one in ids] == ids


def test_an_answer_is_stored_with_what_was_measured(client, service, store, scans):
    found = post_picture(client, scans[5]).json()["predictions"][0]
    table = read_answers(store).set_index("id")
    row = table.loc[found["id"]]
    assert row["scores"] == found["scores"]
    assert (row["class"], row["version"], row["call"]) == (found["class"], "local", "predict")
    assert row["prop_num_bytes"] == len(scans[5])
    assert row["prop_num_pixels"] == 256
    assert row["time"].tzname() == "UTC"


def test_a_picture_that_cannot_be_read_is_an_entry_among_others_and_400_alone(client, scans):
    files = [("files", ("a.png", scans[0])), ("files", ("b.png", b"hello"))]
    good, bad = client.post("/predict", files=files).json()["predictions"]
    assert good["class"] in CLASSES
    assert bad == {"file": "b.png", "error": "not_a_picture", "message": "starts with b'hello'"}
    alone = post_picture(client, scans[0][:60])
    assert alone.status_code == 400
    assert alone.json()["error"] == "truncated"
    assert alone.json()["refused"][0]["error"] == "truncated"


@pytest.mark.parametrize(
    ("options", "status", "code"),
    [
        ({"content": b"", "headers": PNG}, 400, "empty"),
        ({"content": b"x", "headers": {"Content-Type": "text/plain"}}, 415, "content_type"),
        ({"content": b"x"}, 415, "content_type"),
        ({"content": b"{", "headers": {"Content-Type": "application/json"}}, 422, "bad_request"),
        ({"content": b"[" * 100_000, "headers": {"Content-Type": "application/json"}}, 422, "bad_request"),
        ({"json": {}}, 422, "no_picture"),
        ({"json": {"images": []}}, 422, "bad_request"),
        ({"json": {"image": "x", "path": "/etc/passwd"}}, 422, "bad_request"),
        ({"json": {"image": "/etc/passwd"}}, 422, "address"),
        ({"json": {"image": "../../secret.png"}}, 422, "address"),
        ({"json": {"image": "file:///etc/passwd"}}, 422, "address"),
        ({"json": {"image": "http://127.0.0.1:1/x.png"}}, 422, "address"),
        ({"json": {"image": "!!!"}}, 422, "no_base64"),
        ({"json": {"image": "data:image/png;base64,/!"}}, 422, "no_base64"),
        ({"json": {"images": ["aGVsbG8="] * 5}}, 413, "too_many_pictures"),
        ({"files": [("files", ("a", b"x"))] * 5}, 413, "too_many_pictures"),
        ({"data": {"text": "no file"}, "files": {}}, 415, "content_type"),
        ({"content": b"x" * 200_001, "headers": PNG}, 413, "body_too_large"),
        ({"content": b"x", "headers": {**PNG, "Content-Encoding": "gzip"}}, 415, "encoded"),
        ({"content": b"--b\r\n\r\n", "headers": {"Content-Type": "multipart/form-data; boundary=b"}}, 400, "bad_form"),
        ({"content": b"--b", "headers": {"Content-Type": "multipart/form-data"}}, 400, "bad_form"),
    ],
)
def test_what_is_refused(client, options, status, code):
    answer = client.post("/predict", **options)
    assert (answer.status_code, answer.json()["error"]) == (status, code), answer.text
    assert answer.json()["message"]


@pytest.mark.parametrize("text", ["/" + " " * 100_000 + "!", "/" + " /" * 50_000 + "!"], ids=["blanks", "slashes"])
def test_a_text_made_to_be_slow_is_refused_at_once(text):
    """The time is that of one pass: a search that begins again at each blank takes a minute."""
    start = time.process_time()
    with pytest.raises(Refusal, match="addresses and paths are not opened") as caught:
        decode_text(text)
    assert caught.value.code == "address"
    assert time.process_time() - start < 1.0


def test_base64_that_begins_like_a_path(scans):
    jpeg = b"\xff\xd8\xff\xe0" + scans[0]
    assert as_text(jpeg).startswith("/9j/")
    assert decode_text(as_text(jpeg)) == decode_text(f" {as_text(jpeg)[:40]}\n{as_text(jpeg)[40:]}\n") == jpeg


def test_a_body_without_a_length_is_counted_as_it_comes(client):
    def send():
        for _ in range(5):
            yield b"x" * 50_000

    answer = client.post("/predict", content=send(), headers=PNG)
    assert (answer.status_code, answer.json()["error"]) == (413, "body_too_large")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")  # as run_server does
def test_a_decompression_bomb_is_refused_before_it_is_decoded(client, encode):
    import numpy as np

    answer = post_picture(client, encode(np.zeros((1000, 1000), dtype=np.uint8)))
    assert answer.status_code == 400
    assert answer.json()["error"] == "too_large"
    wide = post_picture(client, encode(np.zeros((120, 120), dtype=np.uint8)))
    assert wide.json()["message"].endswith("120 x 120 pixels, at most 10000 allowed")


def test_feedback_is_stored_and_joined_with_the_answer(client, store, scans):
    found = post_picture(client, scans[1]).json()["predictions"][0]
    right = next(name for name in CLASSES if name != found["class"])
    body = {"id": found["id"], "labels": [right], "who": "Ada", "note": "wings\r\n\ttwo"}
    answer = client.post("/feedback", json=body)
    assert answer.status_code == 201
    assert client.post("/feedback", json={"id": found["id"], "action": "confirm"}).json()["labels"] == [found["class"]]
    assert client.post("/feedback", json={"id": found["id"], "action": "discard"}).json()["labels"] is None
    table = read_feedback(store)
    table = table[table["id"] == found["id"]]
    assert table["action"].tolist() == ["correct", "confirm", "discard"]
    assert table["right"].tolist() == [[right], [found["class"]], None]
    assert table["is_right"].tolist()[:2] == [False, True]
    assert table["feedback_id"].iloc[0] == answer.json()["id"]
    assert table[["who", "note"]].iloc[0].tolist() == ["Ada", "wings\r\n\ttwo"]
    assert table["has_picture"].all()


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"id": str(uuid.UUID(int=7))}, 404, "unknown_id"),
        ({"id": "1"}, 422, "bad_request"),
        ({"labels": ["wasp"]}, 422, "unknown_label"),
        ({"labels": []}, 422, "one_label"),
        ({"labels": ["ant", "bee"]}, 422, "one_label"),
        ({"labels": None}, 422, "no_labels"),
        ({"who": "a\0b"}, 422, "bad_request"),
        ({"who": "a\rb"}, 422, "bad_request"),
        ({"who": "a\u0085b"}, 422, "bad_request"),
        ({"note": "a\x1bb"}, 422, "bad_request"),
        ({"labels": ["ant\x1b"]}, 422, "bad_request"),
        ({"note": "x" * 2001}, 422, "bad_request"),
        ({"time": "2020-01-01"}, 422, "bad_request"),
    ],
)
def test_feedback_that_is_refused(client, scans, change, status, code):
    identity = post_picture(client, scans[2]).json()["predictions"][0]["id"]
    answer = client.post("/feedback", json={"id": identity, "labels": ["ant"], **change})
    assert (answer.status_code, answer.json()["error"]) == (status, code)


def test_a_form_of_another_page_cannot_post_feedback(client, scans):
    """Without a preflight a browser sends only simple types, with its Origin; both are refused."""
    identity = post_picture(client, scans[2]).json()["predictions"][0]["id"]
    text = json.dumps({"id": identity, "labels": ["ant"]})
    plain = client.post("/feedback", content=text, headers={"Content-Type": "text/plain"})
    assert (plain.status_code, plain.json()["error"]) == (415, "content_type")
    for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = client.post("/feedback", json=json.loads(text), headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (403, "another_origin")
    assert "access-control-allow-origin" not in answer.headers
    own = client.post("/feedback", json=json.loads(text), headers={"Origin": "http://127.0.0.1:5001"})
    assert own.status_code == 201


def test_a_name_that_leads_here_is_refused(client):
    answer = client.get("/classes", headers={"Host": "rebound.example"})
    assert (answer.status_code, answer.json()["error"]) == (421, "unknown_host")


def test_state_classes_and_figures(client, service):
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {
        "ready": True,
        "model": service.watch.current.name,
        "version": "local",
        "waiting": 0,
    }
    assert client.get("/classes").json() == [{"name": name, "type": "tag"} for name in CLASSES]
    text = client.get("/metrics").text
    assert 'colibri_requests_total{path="/classes",status="200"}' in text
    assert f'colibri_model{{name="{service.watch.current.name}",version="local"}} 1.0' in text
    assert "colibri_batch_pictures_count" in text


def test_the_database_is_never_used_by_the_thread_that_answers(client, service, scans, monkeypatch):
    """Nor by those that decode: one that hangs would hold up every call."""
    threads = []

    def note(method):
        def noted(*words):
            try:
                asyncio.get_running_loop()
                threads.append("event loop")
            except RuntimeError:
                threads.append(threading.current_thread().name)
            return method(*words)

        return noted

    monkeypatch.setattr(service.store, "is_writable", note(service.store.is_writable))
    monkeypatch.setattr(service.store, "find_answer", note(service.store.find_answer))
    identity = post_picture(client, scans[3]).json()["predictions"][0]["id"]
    assert client.get("/readyz").json()["ready"]
    assert client.post("/feedback", json={"id": identity, "action": "confirm"}).status_code == 201
    assert len(threads) == 2
    assert not any(name.startswith(("decode", "event loop")) for name in threads)


def test_an_unknown_call_is_json_too(client):
    answer = client.get("/secret")
    assert (answer.status_code, answer.json()["error"]) == (404, "no_such_call")
    assert client.get("/predict").status_code == 405
    assert 'path="/secret"' not in client.get("/metrics").text


def test_the_page_asks_nobody_else(client):
    page = client.get("/")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    text = page.text + client.get("/page.css").text + client.get("/page.js").text
    assert "http://" not in text
    assert "https://" not in text
    assert "innerHTML" not in text  # names of classes are set as text
    assert "<script>" not in text


def test_the_description_names_every_call(client):
    found = client.get("/openapi.json").json()
    calls = {"/predict", "/feedback", "/classes", "/healthz", "/readyz", "/metrics", "/infer", "/preview"}
    assert calls | {f"/label-studio/{name}" for name in ("health", "setup", "predict", "webhook")} == set(
        found["paths"]
    )
    assert "$defs" not in json.dumps(found)
    kinds = found["paths"]["/predict"]["post"]["requestBody"]["content"]
    raw = {"image/*", "video/*", "application/zip", "application/octet-stream"}
    assert set(kinds) == {"multipart/form-data", "application/json", *raw}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"X-API-Key": "wrong"}, 401),
        ({"Authorization": "Basic !"}, 401),
        ({"X-API-Key": "0123456789abcdef"}, 200),
        ({"Authorization": "Bearer 0123456789abcdef"}, 200),
        ({"Authorization": "Basic " + as_text(b"label-studio:0123456789abcdef")}, 200),
    ],
)
def test_the_key(keyed, headers, status):
    assert keyed.get("/classes", headers=headers).status_code == status
    assert keyed.get("/metrics", headers=headers).status_code == status
    assert keyed.get("/healthz", headers=headers).status_code == 200


@pytest.fixture(scope="module")
def keyed(start, tmp_path_factory) -> TestClient:
    return start(f"sqlite:///{tmp_path_factory.mktemp('keyed') / 'a.db'}", key="0123456789abcdef")[0]


def test_a_fault_of_ours_is_500_and_the_server_goes_on(client, service, scans, monkeypatch, capsys):
    def fail(pictures):
        raise RuntimeError("the network broke")

    broken = service.watch.current
    monkeypatch.setattr(type(broken.classifier), "classify", lambda self, pictures: fail(pictures))
    answer = post_picture(client, scans[0])
    assert (answer.status_code, answer.json()["error"]) == (500, "internal")
    assert "broke" not in answer.text
    assert "the network broke" in capsys.readouterr().err
    monkeypatch.undo()
    assert post_picture(client, scans[0]).status_code == 200


def test_a_client_that_leaves_in_the_middle_is_no_fault_of_ours(client, capsys):
    """Else strangers could fill the terminal with traces."""
    parts = [{"type": "http.request", "body": b"half", "more_body": True}, {"type": "http.disconnect"}]
    sent = []

    async def receive():
        return parts.pop(0)

    async def send(message):
        sent.append(message)

    headers = [(b"host", b"127.0.0.1"), (b"content-type", b"application/json"), (b"content-length", b"9")]
    scope = {"type": "http", "method": "POST", "path": "/predict", "headers": headers, "query_string": b""}
    asyncio.run(client.app(scope, receive, send))
    assert sent[0]["status"] == 499
    assert capsys.readouterr().err == ""
    assert 'colibri_requests_total{path="/predict",status="499"}' in client.get("/metrics").text


def test_no_picture_stays_in_the_count_of_those_that_wait(client, service, scans, monkeypatch):
    """Where it cannot be decoded, where measuring fails after it was put into the queue, and where nobody waits."""
    from pipeline.images import properties

    post_picture(client, b"no picture")
    with monkeypatch.context() as patched:
        patched.setattr(properties, "measure", lambda *words: 1 / 0)
        assert post_picture(client, scans[0]).status_code == 500
    is_free = threading.Event()
    blocked = [service.pool.submit(is_free.wait, 20) for _ in range(service.pool._max_workers)]

    async def give_up():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await service.answer([Upload("", scans[0])], "predict")

    asyncio.run(give_up())
    is_free.set()
    assert [one.result(20) for one in blocked] == [True] * len(blocked)
    assert post_picture(client, scans[0]).status_code == 200
    assert service.batcher.num_expected == 0
