"""Starts MLflow's pages on this machine, and prints the address of this project's runs.

The pages show runs, registered models and comparisons. Ctrl-C stops the server.

Examples:
  colibri ui
  colibri ui --port 8080
  MLFLOW_TRACKING_URI=http://mlflow.example.org colibri ui      prints the address there and starts nothing
"""

from __future__ import annotations

import os
import subprocess
import sys
from argparse import ArgumentParser
from contextlib import suppress

from pipeline.core.errors import UserError
from pipeline.core.ports import HOST, check_port
from pipeline.core.terminal import say

PORT = 5000
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
    check_port(port, "--port")
    say(f"Runs: http://{HOST}:{port}{runs_page()}   (Ctrl-C stops the server)")
    with suppress(KeyboardInterrupt):  # the server has it too, and has ended
        environment = {**os.environ, **QUIET, "MLFLOW_BACKEND_STORE_URI": uri}
        code = subprocess.run(command(port), env=environment, check=False).returncode
        if code > 0:
            raise UserError(f"MLflow's server ended with code {code}; its lines above say why")


def command(port: int) -> list[str]:
    """MLflow's server of this environment."""
    return [sys.executable, "-m", "mlflow", "ui", "--host", HOST, "--port", str(port)]
