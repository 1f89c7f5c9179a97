"""colibri serve: MLflow's real server, as the printed line of curl calls it."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pandas as pd
import pytest
from trained_model import make_pictures

from pipeline.commands import serve
from pipeline.commands.main import main
from pipeline.tracking import registry, runs

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


def test_the_command_line(version, store, monkeypatch, capsys):
    calls = []

    def start(words, env):
        calls.append((words, env["MLFLOW_TRACKING_URI"]))
        return subprocess.CompletedProcess(words, 0)

    monkeypatch.setattr(subprocess, "run", start)
    main(["serve", "--model", f"{NAME}/1", "--port", "8123"])
    expected = f"-m mlflow models serve -m models:/{NAME}/1 --env-manager local --host 127.0.0.1 --port 8123"
    assert calls == [([sys.executable, *expected.split()], f"sqlite:///{store / 'mlflow.db'}")]
    shown = capsys.readouterr().out
    assert shown.startswith(f"model: {NAME} version 1\n")
    assert "| curl -s http://127.0.0.1:8123/invocations" in shown


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--port", "0"], 0, "--port must be 1 to 65535, got 0"),
        ([], 3, "MLflow's server ended with code 3; its lines above say why"),
    ],
)
def test_how_it_fails(version, monkeypatch, words, code, message, capsys):
    monkeypatch.setattr(subprocess, "run", lambda words, env: subprocess.CompletedProcess(words, code))
    with pytest.raises(SystemExit):
        main(["serve", "--model", f"{NAME}/1", *words])
    assert capsys.readouterr().err == f"colibri serve: {message}\n"


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
def test_the_printed_line_of_curl(version, store, tmp_path, encode):
    """A picture is classified; one that cannot be read is 400 with the reason, and the server goes on."""
    port = free_port()
    words = [sys.executable, "-m", "pipeline.commands.main", "serve", "--model", f"{NAME}/1", "--port", str(port)]
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(words, stdout=log, stderr=log, start_new_session=True)
        try:
            wait_for(f"http://127.0.0.1:{port}/ping", server)
            (tmp_path / "PICTURE.jpg").write_bytes(encode(make_pictures(1)[0]))
            good = send(port, tmp_path)
            (tmp_path / "PICTURE.jpg").write_text("hello")
            bad = send(port, tmp_path)
        finally:
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


def wait_for(address, server):
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        assert server.poll() is None, "the server has ended"
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    raise TimeoutError(address)


def send(port, folder):
    """The answer to the line that `colibri serve` prints."""
    line = " ".join(serve.usage("127.0.0.1", port)[1:3]).replace("\\ ", "")
    done = subprocess.run(["bash", "-c", line], cwd=folder, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)
