"""Who hears of a retraining, and what happens where nobody can."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from conf_options import composed

from pipeline.choices.retraining_options import Options
from pipeline.core import config
from pipeline.core.errors import UserError
from pipeline.retraining import notification


def options(**changes: Any) -> Options:
    return Options(**(composed()["retraining"] | changes))


def test_a_notification_that_fails_is_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    wait = [sys.executable, "-c", "import time; time.sleep(60)"]
    notification.notify(options(notify_command=wait, notify_seconds=0.2), {})
    notification.notify(options(notify_command=["/nowhere/notify"]), {})
    notification.notify(options(notify_command=[sys.executable, "-c", "raise SystemExit('no mail')"]), {})
    notification.notify(options(notify_webhook="http://127.0.0.1:9/secret", notify_seconds=2), {})
    said = " ".join(capsys.readouterr().err.split())
    assert "took longer than 0.2 s and was ended" in said
    assert "/nowhere/notify cannot be started (No such file or directory)" in said
    assert "ended with 1 (no mail)" in said
    assert "the webhook of 127.0.0.1 fails (ConnectionError)" in said
    assert "secret" not in said


def test_a_webhook_gets_the_result() -> None:
    from http.server import BaseHTTPRequestHandler, HTTPServer
    from threading import Thread

    received = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            self.send_response(500 if "bad" in self.path else 204)
            self.end_headers()

        def log_message(self, *words: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Hook) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{server.server_port}"
        said = [
            notification.notify(options(notify_webhook=f"{base}/{name}"), {"outcome": name}) for name in ("good", "bad")
        ]
        server.shutdown()
    assert said == [
        ["the webhook of 127.0.0.1 answers 204"],
        ["the webhook of 127.0.0.1 answers 500 Internal Server Error"],
    ]
    assert received == [("/good", {"outcome": "good"}), ("/bad", {"outcome": "bad"})]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"notify_webhook": "ftp://x"}, "notify_webhook must be a URL"),
        ({"notify_command": []}, "notify_command is an empty list"),
        ({"commit": "-f"}, "commit must be the name of a branch or null, got '-f'"),
    ],
)
def test_wrong_options_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        config.instantiate(Options, composed()["retraining"] | change, "retraining")
