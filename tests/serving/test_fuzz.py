"""Bodies of every kind: each is answered by JSON with a reason, and the server goes on."""

import base64
import json

from hypothesis import given
from hypothesis import strategies as st

KINDS = st.sampled_from(
    ["image/png", "application/json", "multipart/form-data; boundary=b", "application/octet-stream", "text/plain", ""]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
PATHS = st.sampled_from(["/predict", "/feedback", "/infer", "/label-studio/predict", "/label-studio/setup"])


def check(answer):
    assert 200 <= answer.status_code < 500, answer.text
    content = answer.json()
    assert answer.status_code < 300 or (content["error"] and content["message"])


@given(path=PATHS, kind=KINDS, body=st.binary(max_size=300))
def test_any_bytes(client, path, kind, body):
    check(client.post(path, content=body, headers={"Content-Type": kind}))


@given(path=PATHS, body=VALUES)
def test_any_json(client, path, body):
    check(client.post(path, json=body))


@given(data=st.data())
def test_a_damaged_picture(client, scans, data):
    """A picture with bytes cut, changed or put in, in each of the forms."""
    picture = bytearray(data.draw(st.sampled_from(scans)))
    for place in data.draw(st.lists(st.integers(0, len(picture) - 1), max_size=5)):
        picture[place] = data.draw(st.integers(0, 255))
    damaged = bytes(picture[: data.draw(st.integers(0, len(picture)))])
    check(client.post("/predict", content=damaged, headers={"Content-Type": "image/png"}))
    check(client.post("/predict", json={"image": base64.b64encode(damaged).decode()}))
    check(client.post("/predict", files=[("files", ("a", damaged)), ("files", ("b", scans[0]))]))


@given(name=st.text(max_size=30), text=st.text(max_size=60))
def test_any_name_and_any_text_for_a_picture(client, scans, name, text):
    check(client.post("/predict", files=[("files", (name, scans[0]))]))
    check(client.post("/predict", json={"images": [text]}))


@given(
    action=st.none() | st.sampled_from(["correct", "confirm", "discard", "delete"]),
    labels=st.none() | st.lists(st.sampled_from(["ant", "bee", "wasp", ""]) | st.text(max_size=5), max_size=3),
    who=st.text(max_size=8) | st.none() | st.integers(),
    note=st.text(st.characters(exclude_categories=[]), max_size=8),
)
def test_any_feedback_about_an_answer(client, scans, action, labels, who, note):
    found = client.post("/predict", content=scans[0], headers={"Content-Type": "image/png"}).json()
    body = {"id": found["predictions"][0]["id"], "action": action, "labels": labels, "who": who, "note": note}
    check(client.post("/feedback", content=json.dumps(body), headers={"Content-Type": "application/json"}))
