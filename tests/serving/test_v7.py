"""V7's bring-your-own-model, as its documentation describes it."""

import base64


def test_a_picture_is_answered_by_tags(client, scans):
    text = base64.b64encode(scans[0]).decode()
    for image in ({"base64": text}, {"url": f"data:image/png;base64,{text}"}):
        found = client.post("/infer", json={"image": image, "session": 3}).json()
        (tag,) = found["result"]
        prediction = found["predictions"][0]
        assert found["status"] == "succeeded"
        assert tag == {
            "name": prediction["class"], "label": prediction["class"], "confidence": prediction["confidence"], "tag": {}
        }  # fmt: skip
        assert prediction["id"]


def test_an_address_is_not_opened(client):
    answer = client.post("/infer", json={"image": {"url": "https://example.org/a.png"}})
    assert answer.status_code == 422
    assert answer.json()["error"] == "address"
    assert answer.json()["status"] == "failed"
    assert client.post("/infer", json={"image": {}}).json()["error"] == "no_picture"
