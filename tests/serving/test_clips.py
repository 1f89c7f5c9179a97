"""A server of a model of clips: films, zips of frames, and what strangers send."""

import base64
import io
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from clip_model import PACKING, save_clip_model
from films import animation, film, numbered
from PIL import Image
from starlette.testclient import TestClient

from pipeline.core.errors import UserError
from pipeline.core.sample_codec import FileSet
from pipeline.media.choice import codec_of_card
from pipeline.serving.answer_tables import read_answers
from pipeline.serving.application import create_application
from pipeline.serving.gate import Access
from pipeline.serving.limits import MEBIBYTE, Limits
from pipeline.serving.pictures import bounded_codec
from pipeline.serving.served_model import refuse_other_media
from pipeline.serving.service import Service


def zipped(*entries):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return buffer.getvalue()


def png(frame):
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(frame)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def of_clips(tmp_path_factory):
    folder = save_clip_model(tmp_path_factory.mktemp("clips"))
    store = f"sqlite:///{tmp_path_factory.mktemp('answers') / 'answers.db'}"
    limits = Limits(large_body_bytes=MEBIBYTE, pictures=4, seconds=20.0)
    service = Service(str(folder), limits, store, True, True, 0.0, lambda line: None)
    with TestClient(create_application(service, Access()), base_url="http://127.0.0.1:5001") as client:
        yield client, service, store
    service.close()


@pytest.fixture(scope="module")
def client(of_clips):
    return of_clips[0]


@pytest.fixture(scope="module")
def mp4():
    return film(numbered(8, 32, 32))


def test_a_film_as_bytes_form_and_text(client, mp4):
    raw = client.post("/predict", content=mp4, headers={"Content-Type": "video/mp4"})
    form = client.post("/predict", files={"files": ("a.mp4", mp4)})
    text = client.post("/predict", json={"clip": base64.b64encode(mp4).decode()})
    several = client.post("/predict", json={"clips": [base64.b64encode(mp4).decode()] * 2})
    answers = [one.json()["predictions"] for one in (raw, form, text, several)]
    assert [len(one) for one in answers] == [1, 1, 1, 2]
    assert {one["class"] for found in answers for one in found} == {"bee"}
    assert answers[1][0]["file"] == "a.mp4"


def test_frames_in_a_zip_are_one_clip_and_its_measurements_are_stored(of_clips):
    client, store = of_clips[0], of_clips[2]
    frames = [(f"c/{number}.png", png(frame)) for number, frame in enumerate(numbered(8, 32, 32))]
    found = client.post("/predict", files={"files": ("c.zip", zipped(*frames))}).json()["predictions"][0]
    stored = read_answers(store, ids=[found["id"]]).iloc[0]
    codec = codec_of_card(PACKING)
    folder = FileSet(files=tuple((name.partition("/")[2], data) for name, data in frames))
    measured = codec.examine(folder)
    assert stored["content_hash"] == measured.content_hash
    assert stored["prop_brightness"] == pytest.approx(measured.properties["brightness"])


def test_one_film_in_a_zip_and_an_animation(client, mp4):
    sent = [("files", ("a.zip", zipped(("a.mp4", mp4)))), ("files", ("b.gif", animation("GIF", numbered(4, 24, 24))))]
    assert [one["class"] for one in client.post("/predict", files=sent).json()["predictions"]] == ["bee", "bee"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"no film at all, only text", "not_a_clip"),
        (png(np.zeros((20, 20, 3), np.uint8)), "not_a_clip"),
        (zipped(), "empty"),
        (zipped(("../../etc/cron.d/x.png", b"x"), ("1.png", b"x")), "outside"),
        (zipped(("deep.zip", zipped(("1.png", b"x")))), "unsupported"),
        (zipped(("zeros.png", bytes(4_000_000))), "too_large"),
        (zipped(("a/1.png", b"x"), ("b/1.png", b"x")), "ambiguous"),
        (zipped(("1.png", b"text"), ("2.png", b"text")), "not_a_picture"),
        (zipped(("1.txt", b"text"), ("2.txt", b"text")), "no_frames"),
        (b"PK\x03\x04 and nothing more", "unreadable"),
    ],
)
def test_what_strangers_send_is_refused_with_a_reason_and_the_server_lives(client, data, reason):
    answer = client.post("/predict", files={"files": ("a.mp4", data)})
    assert (answer.status_code, answer.json()["error"]) == (400, reason)
    assert answer.json()["message"].startswith("1 of 1 clips cannot be read, the first: ")
    assert client.get("/healthz").status_code == 200


def test_a_clip_is_shown_as_four_frames_and_nothing_is_stored(of_clips, mp4):
    client, service, store = of_clips
    before = len(read_answers(store))
    frames = zipped(*((f"{number}.png", png(frame)) for number, frame in enumerate(numbered(8, 32, 40))))
    for data, width in ((mp4, 64), (frames, 80)):
        answer = client.post("/preview", files={"files": ("a", data)})
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
        shown = np.asarray(Image.open(io.BytesIO(answer.content)).convert("L")).astype(int)
        assert shown.shape == (64, width)
        corners = [shown[4, 4], shown[4, -4], shown[-4, 4], shown[-4, -4]]
        assert corners == sorted(corners)  # each frame is brighter than the one before
        assert corners[-1] - corners[0] >= 48
    large = client.post("/preview", content=film(numbered(2, 600, 800)), headers={"Content-Type": "video/mp4"})
    assert max(Image.open(io.BytesIO(large.content)).size) == 480
    assert len(read_answers(store)) == before
    assert service.batcher.num_expected == 0


def test_what_cannot_be_shown(client, mp4):
    answer = client.post("/preview", content=b"no film at all, only text", headers={"Content-Type": "video/mp4"})
    assert (answer.status_code, answer.json()["error"]) == (400, "not_a_clip")
    several = client.post("/preview", files=[("files", ("a", mp4)), ("files", ("b", mp4))])
    assert (several.status_code, several.json()["message"]) == (413, "2 clips; one is shown at a time")


def test_refusals_name_clips(client, mp4):
    texts = {
        "send either clip, a text in base64, or clips, a list of such texts": client.post("/predict", json={}),
        "5 clips; a request may have 4": client.post("/predict", json={"clips": ["YQ=="] * 5}),
        "the clip is not in base64": client.post("/predict", json={"clip": "#"}),
        "send video/*, application/zip, multipart/form-data or application/json; got 'text/plain'": client.post(
            "/predict", content=mp4, headers={"Content-Type": "text/plain"}
        ),
    }
    for text, answer in texts.items():
        assert answer.json()["message"] == text


def test_a_film_that_ends_early(client, mp4):
    answer = client.post("/predict", files={"files": ("a.mp4", mp4[: len(mp4) // 2])})
    assert answer.status_code == 400
    assert client.get("/readyz").json()["waiting"] == 0


def test_the_state_names_the_media_and_clips_may_be_larger(of_clips):
    client, service, _ = of_clips
    assert client.get("/readyz").json()["media"] == "clip"
    assert service.limits.body_bytes == MEBIBYTE
    answer = client.post("/predict", content=bytes(MEBIBYTE + 1), headers={"Content-Type": "video/mp4"})
    assert (answer.status_code, answer.json()["error"]) == (413, "body_too_large")


def test_the_limits_of_pictures_stay():
    assert Limits().for_media("image") == Limits()
    assert Limits().for_media("clip").body_bytes == 256 * MEBIBYTE


def test_a_request_bounds_the_time_and_the_pixels_of_a_clip():
    codec = bounded_codec(PACKING, replace(Limits(), seconds=3.0, pixels=5000))
    assert (codec.reading.time_limit, codec.reading.max_pixels) == (3.0, 5000)


def test_a_champion_of_another_media_does_not_take_over(of_clips):
    model = of_clips[1].watch.current
    with pytest.raises(UserError, match="takes clips, and this server was started for pictures; start it again"):
        refuse_other_media(model, "image")
    refuse_other_media(model, "clip")
