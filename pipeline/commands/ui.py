"""Starts MLflow's pages on this machine, and prints the address of this project's runs.

The pages show runs, registered models and comparisons. Ctrl-C stops the server.

Examples:
  colibri ui
  colibri ui --port 8080
  MLFLOW_TRACKING_URI=http://mlflow.example.org colibri ui      prints the address there and starts nothing
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from argparse import ArgumentParser
from contextlib import suppress

from pipeline.core.errors import UserError
from pipeline.core.terminal import say

HOST, PORT = "127.0.0.1", 5000
QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=PORT, help=f"(default: {PORT})")


def main(port: int = PORT) -> None:
    from pipeline.core.uris import mask_credentials
    from pipeline.tracking.connection import tracking_uri
    from pipeline.tracking.experiments import runs_page

    uri = tracking_uri()
    if uri.startswith(("http://", "https://")):
        say(f"MLflow runs elsewhere: {mask_credentials(uri.rstrip('/'))}{runs_page()}")
        return
    check_port(port)
    say(f"Runs: http://{HOST}:{port}{runs_page()}   (Ctrl-C stops the server)")
    with suppress(KeyboardInterrupt):  # the server has it too, and has ended
        environment = {**os.environ, **QUIET, "MLFLOW_BACKEND_STORE_URI": uri}
        code = subprocess.run(command(port), env=environment, check=False).returncode
        if code > 0:
            raise UserError(f"MLflow's server ended with code {code}; its lines above say why")


def command(port: int) -> list[str]:
    """MLflow's server of this environment."""
    return [sys.executable, "-m", "mlflow", "ui", "--host", HOST, "--port", str(port)]


def check_port(port: int) -> None:
    """Refuses a port that is none, or that a program listens on.

    Raises:
        UserError: It names another port to try.
    """
    if not 1 <= port <= 65_535:
        raise UserError(f"--port must be 1 to 65535, got {port}")
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((HOST, port))
        except OSError as error:
            other = port + 1 if port < 65_535 else PORT
            raise UserError(
                f"port {port} of {HOST} cannot be used ({error.strerror}); another colibri ui may run there, or take "
                f"--port {other}"
            ) from None
