"""Serves a model over HTTP with MLflow's server, and prints a line of curl that works.

Takes the champion of the project's source, or another registered version (--model). The server answers on this machine
only, unless --host is 0.0.0.0. POST /invocations classifies pictures, GET /health says whether it is ready. A picture
that cannot be read is answered with 400 and the reason. Ctrl-C stops it.

Examples:
  colibri serve
  colibri serve --port 8080 --model 3
  colibri serve --model colibri-elpv@challenger --host 0.0.0.0
"""

from __future__ import annotations

import subprocess
import sys
from argparse import ArgumentParser
from contextlib import suppress

from pipeline.core.errors import UserError
from pipeline.core.ports import HOST, check_port
from pipeline.core.terminal import say

PORT = 5001  # colibri ui takes MLflow's 5000


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--model",
        help="NAME@champion, NAME/3, 3 or @challenger of this project, or a models:/ URI (default: the champion)",
    )
    parser.add_argument("--port", type=int, default=PORT, help=f"(default: {PORT})")
    parser.add_argument("--host", default=HOST, help=f"address to listen on (default: {HOST})")


def main(model: str | None, port: int, host: str) -> None:
    from pipeline.tracking.model_choice import find_version, serving_environment

    check_port(port, "--port", host)
    version = find_version(model)
    say(f"model: {version}", *usage(host, port), "")
    with suppress(KeyboardInterrupt):  # the server has had it too, and has ended
        code = subprocess.run(command(version.uri, host, port), env=serving_environment()).returncode
        if code:
            raise UserError(f"MLflow's server ended with code {code}; its lines above say why")


def command(uri: str, host: str, port: int) -> list[str]:
    """MLflow's server of a model, in this environment: no other one is built from the version's requirements."""
    options = ["-m", uri, "--env-manager", "local", "--host", host, "--port", str(port)]
    return [sys.executable, "-m", "mlflow", "models", "serve", *options]


def usage(host: str, port: int) -> list[str]:
    """How to send a picture, and what the answer looks like."""
    address = f"http://{HOST if host == '0.0.0.0' else host}:{port}"  # noqa: S104 - compared, not listened on
    body = """printf '{"dataframe_records": [{"image": "%s"}]}' "$(base64 < PICTURE.jpg | tr -d '\\n')" \\"""
    return [
        "Once the server is running, send a picture:",
        f"  {body}",
        f"    | curl -s {address}/invocations -H 'Content-Type: application/json' -d @-",
        'Answer: {"predictions": [{"class": "...", "scores": {"...": 0.97, "...": 0.03}}]}',
    ]
