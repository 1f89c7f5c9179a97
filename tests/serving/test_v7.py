"""V7's bring-your-own-model, with the form of answers that V7 publishes."""

import base64

from trained_model import CLASSES


def check_form(answer):
    """What V7's byom_schema.json demands of an answer: github.com/v7labs/customer-enablement, commit ddec70f."""
    assert answer["status"] in ("succeeded", "failed")
    assert isinstance(answer["results"], list)
    for tag in answer["results"]:
        assert {"name", "label", "confidence"} <= set(tag)
        assert isinstance(tag["name"], str)
        assert 0 <= tag["confidence"] <= 1
        assert tag["tag"] == {}  # exactly one of tag, bounding_box, polygon, ...


def test_a_picture_is_answered_by_tags(client, scans):
    text = base64.b64encode(scans[0]).decode()
    for image in ({"base64": text}, {"url": f"data:image/png;base64,{text}"}):
        found = client.post("/infer", json={"image": image, "session": 3}).json()
        (tag,) = found["results"]
        prediction = found["predictions"][0]
        assert found["status"] == "succeeded"
        assert tag == {
            "name": prediction["class"], "label": prediction["class"], "confidence": prediction["confidence"], "tag": {}
        }  # fmt: skip
        assert prediction["id"]
        check_form(found)
    assert client.get("/classes").json() == [{"name": name, "type": "tag"} for name in CLASSES]


def test_an_address_is_not_opened(client):
    answer = client.post("/infer", json={"image": {"url": "https://example.org/a.png"}})
    assert answer.status_code == 422
    assert answer.json()["error"] == "address"
    assert (answer.json()["status"], answer.json()["results"]) == ("failed", [])
    check_form(answer.json())
    assert client.post("/infer", json={"image": {}}).json()["error"] == "no_picture"
