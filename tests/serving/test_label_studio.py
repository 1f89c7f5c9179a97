"""Label Studio's ML backend: the requests that it sends, with their unneeded parts."""

import base64

import pytest

CONFIG = """<View><Image name="img" value="$photo"/>
<Choices name="kind" toName="img"><Choice value="ant"/></Choices></View>"""


def send(client, data, config=CONFIG):
    body = {
        "tasks": [{"id": 1, "data": data, "annotations": []}],
        "project": "1.17",
        "label_config": config,
        "params": {},
    }
    return client.post("/label-studio/predict", json=body)


def test_health_and_setup(client):
    assert client.get("/label-studio/health").json()["status"] == "UP"
    body = {
        "project": "1.17",
        "schema": CONFIG,
        "hostname": "http://studio:8080",
        "access_token": "x",
        "extra_params": {},
    }
    assert client.post("/label-studio/setup", json=body).json() == {"model_version": "local"}
    assert client.post("/label-studio/webhook", json={"action": "ANNOTATION_CREATED"}).status_code == 201


def test_a_task_is_answered_by_choices(client, scans):
    found = send(client, {"photo": f"data:image/png;base64,{base64.b64encode(scans[0]).decode()}"}).json()
    (prediction,) = found["results"]
    (choice,) = prediction["result"]
    assert (choice["from_name"], choice["to_name"], choice["type"]) == ("kind", "img", "choices")
    assert len(choice["value"]["choices"]) == 1
    assert choice["score"] == prediction["score"] > 0
    assert found["model_version"] == prediction["model_version"] == "local"


@pytest.mark.parametrize(
    ("data", "config", "code"),
    [
        ({"photo": "/data/upload/1/a.png"}, CONFIG, "address"),
        ({"photo": "s3://bucket/a.png"}, CONFIG, "address"),
        ({"other": "x"}, CONFIG, "no_picture"),
        ({"photo": 3}, CONFIG, "no_picture"),
        ({"photo": "aGk="}, "<View/>", "label_config"),
        ({"photo": "aGk="}, "no xml", "label_config"),
        ({"photo": "aGk="}, '<!DOCTYPE a [<!ENTITY b "c">]><View>&b;</View>', "label_config"),
    ],
)
def test_what_is_refused(client, data, config, code):
    answer = send(client, data, config)
    assert (answer.status_code, answer.json()["error"]) == (422, code)
