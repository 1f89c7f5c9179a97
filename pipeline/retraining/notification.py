"""Says what a retraining did: to a command, to a webhook, or to both; a failure of either is a warning."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pipeline.choices.retraining_options import Options
from pipeline.core.terminal import warn

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject


def notify(options: Options, result: JsonObject) -> list[str]:
    """Sends the result; returns what was sent and what failed, one line each."""
    said = []
    text = json.dumps(result, ensure_ascii=False) + "\n"
    if options.notify_command:
        said.append(_call(options.notify_command, text, options.notify_seconds))
    if options.notify_webhook:
        said.append(_post(options.notify_webhook, text, options.notify_seconds))
    return said


def _call(words: list[str], text: str, seconds: float) -> str:
    try:
        done = subprocess.run(words, input=text.encode(), capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return _fail(f"{words[0]} took longer than {seconds:g} s and was ended")
    except OSError as error:
        return _fail(f"{words[0]} cannot be started ({error.strerror})")
    if done.returncode:
        printed = " ".join(done.stderr.decode(errors="replace").split())[:200]
        return _fail(f"{words[0]} ended with {done.returncode}{f' ({printed})' if printed else ''}")
    return f"{words[0]} has the result"


def _post(url: str, text: str, seconds: float) -> str:
    import requests

    shown = f"the webhook of {urlsplit(url).hostname}"  # its path is often a secret
    headers = {"Content-Type": "application/json"}
    try:
        answer = requests.post(url, text.encode(), headers=headers, timeout=seconds, allow_redirects=False)
    except requests.RequestException as error:
        return _fail(f"{shown} fails ({type(error).__name__})")
    if not answer.ok or answer.is_redirect:
        return _fail(f"{shown} answers {answer.status_code} {answer.reason}")
    return f"{shown} answers {answer.status_code}"


def _fail(line: str) -> str:
    warn(f"retrain: notification: {line}")
    return line
