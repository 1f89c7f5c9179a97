"""colibri serve as a process: it starts, answers, takes feedback, finishes what runs, and ends with 0."""

import asyncio
import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing

import pytest

from benchmarks.crowd import Crowd, make_png_bomb, make_tiff_bomb
from benchmarks.fuzz_serve import send_all
from benchmarks.server_process import free_port
from pipeline.commands.main import main
from pipeline.serving.answer_tables import read_answers, read_feedback


def call(port, method, path, body=None, kind="application/json"):
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request(method, path, body, {"Content-Type": kind})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def wait_until_ready(port, process):
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server has ended"
        try:
            if call(port, "GET", "/readyz")[0] == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError


@pytest.fixture
def process(trained, tmp_path):
    port, store = free_port(), f"sqlite:///{tmp_path / 'answers.db'}"
    words = ["serve", "--model", str(trained), "--port", str(port), "--store", store, "--keep-pictures"]
    with (tmp_path / "log").open("w") as log:
        running = subprocess.Popen(
            [sys.executable, "-m", "pipeline.commands.main", *words, "--max-seconds", "3"], stdout=log, stderr=log
        )
        try:
            wait_until_ready(port, running)
            yield running, port, store
        finally:
            running.kill()
            running.wait()


@pytest.mark.slow
def test_a_request_that_runs_is_finished_when_the_server_is_ended(process, scans, tmp_path):
    running, port, store = process
    status, found = call(port, "POST", "/predict", scans[0], "image/png")
    assert status == 200
    identity = found["predictions"][0]["id"]
    assert call(port, "POST", "/feedback", json.dumps({"id": identity, "action": "confirm"}))[0] == 201

    with socket.create_connection(("127.0.0.1", port)) as client:  # half of a request, then the signal, then the rest
        head = (
            f"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: {len(scans[1])}"
        )
        client.sendall(head.encode() + b"\r\n\r\n" + scans[1][:50])
        time.sleep(0.3)
        running.send_signal(signal.SIGTERM)
        threading.Timer(0.5, client.sendall, [scans[1][50:]]).start()
        text = b""
        while part := client.recv(65536):
            text += part
    assert text.startswith(b"HTTP/1.1 200"), text
    assert running.wait(30) == 0
    last = json.loads(text.partition(b"\r\n\r\n")[2])["predictions"][0]["id"]
    assert set(read_answers(store)["id"]) == {identity, last}
    assert read_feedback(store)["id"].tolist() == [identity]
    assert (tmp_path / "log").read_text().endswith("stopped; every answer that was sent is stored\n")


@pytest.mark.slow
def test_kill_loses_nothing_that_was_answered_and_bad_clients_do_no_harm(process, scans, tmp_path):
    running, port, store = process
    crowd = Crowd(port, scans, [make_png_bomb(1000), make_tiff_bomb(1000)], seconds=3)
    asyncio.run(crowd.run(60))
    assert crowd.find_unexpected() == []
    assert set(crowd.outcomes) > {"slow head", "slow body", "silent", "breaks off", "leaves", "too large", "bomb"}
    found = asyncio.run(send_all(port, 120, 1, scans[0]))
    outcomes = {what for counts in found.values() for what in counts}
    assert {what for what in outcomes if what != "closed" and not what.isdigit()} == set()
    assert {"200", "400", "413", "415", "422"} <= outcomes
    assert "Traceback" not in (tmp_path / "log").read_text()
    before = set(read_answers(store)["id"])
    with (
        socket.create_connection(("127.0.0.1", port)) as garbage,
        socket.create_connection(("127.0.0.1", port)) as slow,
    ):
        garbage.sendall(b"\x00\x01 nonsense\r\n\r\n")
        assert b'"error": "bad_request"' in garbage.recv(4096)
        slow.sendall(b"POST /predict HTTP/1.1\r\nHost: loc")
        ids = [call(port, "POST", "/predict", one, "image/png")[1]["predictions"][0]["id"] for one in scans]
        slow.settimeout(20)
        assert b'"error": "slow_client"' in slow.recv(4096)
    running.kill()
    running.wait()
    assert set(read_answers(store)["id"]) == before | set(ids)
    assert len(before) >= crowd.outcomes["good"]["200"]


@pytest.mark.parametrize(
    ("words", "key", "message"),
    [
        (["--port", "0"], "", "--port must be 1 to 65535, got 0"),
        (["--max-pictures", "0"], "", "--max-pictures must be above 0, got 0"),
        (["--host", "0.0.0.0"], "", "--host 0.0.0.0 lets other machines call; set COLIBRI_API_KEY to a secret"),
        ([], "short", "COLIBRI_API_KEY must have at least 16 printable ASCII characters, got 5"),
        (["--store", "nonsense"], "", "the answers cannot be stored in nonsense (Could not parse"),
        (["--store", "sqlite:////dev/null/a.db"], "", "the answers cannot be stored in sqlite:////dev/null/a.db"),
    ],
)
def test_how_it_fails(trained, words, key, message, monkeypatch, capsys):
    monkeypatch.setenv("COLIBRI_API_KEY", key)
    with pytest.raises(SystemExit):
        main(["serve", "--model", str(trained), "--port", str(free_port()), *words])
    shown = capsys.readouterr().err
    assert shown.startswith(f"colibri serve: {message}")
    assert shown.count("\n") == 1
