"""MLflow's real server, called by the line of curl in docs/prediction.md; a champion that changes in a real store."""

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import closing, suppress
from pathlib import Path

import pandas as pd
import pytest
from trained_model import make_pictures, make_predictor, save_predictor

from benchmarks.server_process import free_port
from pipeline.prediction.classifier import PictureClassifier
from pipeline.serving.served_model import ModelWatch
from pipeline.tracking import registry, runs
from pipeline.tracking.model_choice import serving_environment

pytestmark = [
    pytest.mark.xdist_group("tracking"),
    pytest.mark.filterwarnings("ignore:Operation with range is deprecated"),  # MLflow's own use of pandas
]
NAME = "colibri-served"


@pytest.fixture
def version(client, predictor_folder, pictures, encode, monkeypatch):
    monkeypatch.setattr(sys, "path", sys.path)
    if registry.find_version(NAME, "served") is None:
        run_id, _ = runs.completed_run("served", "served", {"a": 1}, pd.DataFrame(), {})
        registry.create_version(NAME, run_id, "served", predictor_folder, encode(pictures[0]), {})
    return "1"


def add_version(predictor_folder, pictures, encode):
    """Another version of the model, which nothing names as yet."""
    run_id, _ = runs.completed_run("served again", "served again", {"a": 2}, pd.DataFrame(), {})
    return registry.create_version(NAME, run_id, "served again", predictor_folder, encode(pictures[0]), {})


def test_a_new_champion_is_taken_over(version, predictor_folder, pictures, encode):
    """By the alias in the store, as `colibri promote` moves it; the answer of before is not lost."""
    registry.set_alias(NAME, "champion", "1")
    lines, prepared = [], []
    watch = ModelWatch(f"{NAME}@champion", 0.0, prepared.append, lines.append)
    assert (watch.current.name, watch.current.version, watch.look()) == (NAME, "1", False)
    registry.set_alias(NAME, "champion", second := add_version(predictor_folder, pictures, encode))
    assert watch.look()
    assert [one.version for one in prepared] == ["1", second]
    assert lines == [f"model: {NAME} version {second} (champion), before: {NAME} version 1 (champion)"]
    assert watch.current.classifier.classes == ["ant", "bee", "fly"]
    watch.close()


@pytest.fixture
def two_versions(client, predictor_folder, encode, tmp_path):
    """Two registered versions of a model with opposite weights, the first one champion: name, version to folder."""
    name, opposite = "colibri-exchanged", make_predictor()
    opposite.network.head.weight.data *= -1
    folders = {"1": predictor_folder, "2": save_predictor(opposite, tmp_path / "opposite")}
    for version, folder in folders.items():
        run_id, _ = runs.completed_run(name, version, {"a": int(version)}, pd.DataFrame(), {})
        assert registry.create_version(name, run_id, version, folder, encode(make_pictures(1)[0]), {}) == version
    registry.set_alias(name, "champion", "1")
    return name, folders


@pytest.mark.slow
def test_no_request_fails_while_the_champion_changes(two_versions, tmp_path, encode):
    """8 clients send all the time; each answer has the scores of the version that it names, and none goes back."""
    name, folders = two_versions
    picture, port = encode(make_pictures(1)[0]), free_port()
    scores = {}
    for version, folder in folders.items():
        classifier = PictureClassifier.load(folder)
        scores[version] = classifier.classify([classifier.read(picture)]).scores[0].tolist()
    words = [sys.executable, "-m", "pipeline.commands.main", "serve", "--model", f"{name}@champion"]
    words += ["--poll", "0.2", "--port", str(port), "--store", f"sqlite:///{tmp_path / 'answers.db'}"]
    answers, is_over = [[] for _ in range(8)], threading.Event()

    def send_all(found):
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
            while not is_over.is_set():
                connection.request("POST", "/predict", picture, {"Content-Type": "image/png"})
                answer = connection.getresponse()
                found.append((answer.status, json.loads(answer.read())))

    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(words, stdout=log, stderr=log)
        try:
            wait_for(f"http://127.0.0.1:{port}/readyz", server, tmp_path / "log")
            threads = [threading.Thread(target=send_all, args=[found]) for found in answers]
            for thread in threads:
                thread.start()
            wait_until(lambda: all(answers))
            registry.set_alias(name, "champion", "2")
            wait_until(lambda: all(found[-1][1].get("version") == "2" for found in answers))
            is_over.set()
            for thread in threads:
                thread.join(60)
        finally:
            is_over.set()
            server.send_signal(signal.SIGTERM)
            assert server.wait(60) == 0
    assert {status for found in answers for status, _ in found} == {200}
    for found in answers:
        versions = [content["version"] for _, content in found]
        assert versions == sorted(versions)
        assert set(versions) == {"1", "2"}
        for _, content in found:
            (prediction,) = content["predictions"]
            assert list(prediction["scores"].values()) == pytest.approx(scores[content["version"]], abs=2e-6)
    assert "Traceback" not in (tmp_path / "log").read_text()


def wait_until(is_true):
    deadline = time.monotonic() + 120
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
def test_the_documented_line_of_curl(version, store, tmp_path, encode):
    """A picture is classified; one that cannot be read is 400 with the reason, and the server goes on."""
    port = free_port()
    registry.set_alias(NAME, "champion", version)
    serve = ["models", "serve", "-m", f"models:/{NAME}@champion", "--env-manager", "local", "--port", str(port)]
    words = [sys.executable, "-m", "mlflow", *serve]
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(words, stdout=log, stderr=log, env=serving_environment(), start_new_session=True)
        try:
            wait_for(f"http://127.0.0.1:{port}/ping", server, tmp_path / "log")
            (tmp_path / "PICTURE.jpg").write_bytes(encode(make_pictures(1)[0]))
            good = send(port, tmp_path)
            (tmp_path / "PICTURE.jpg").write_text("hello")
            bad = send(port, tmp_path)
        finally:
            with suppress(ProcessLookupError):  # it has ended
                os.killpg(server.pid, signal.SIGINT)
            server.wait(30)
    (found,) = good["predictions"]
    assert found["class"] == max(found["scores"], key=found["scores"].get)
    assert sum(found["scores"].values()) == pytest.approx(1, abs=1e-5)
    assert bad == {
        "error_code": "BAD_REQUEST",
        "message": "1 of 1 pictures cannot be read, the first is row 0: not_a_picture: starts with b'hello'; "
        "leave them out",
        "refused": [{"row": 0, "reason": "not_a_picture", "detail": "starts with b'hello'"}],
    }


def wait_for(address, server, log):
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        assert server.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    raise TimeoutError(address)


def send(port, folder):
    """The answer to the line in docs/prediction.md."""
    text = (Path(__file__).parents[2] / "docs/prediction.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"^(printf .*\\\n.*/invocations.*)$", text, re.MULTILINE)
    line = line.replace(":5002/", f":{port}/")
    done = subprocess.run(["bash", "-c", line], cwd=folder, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)
