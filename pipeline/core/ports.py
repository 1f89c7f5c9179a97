"""Ports on which a command listens: refused before a server starts, whose own message comes late and is long."""

from __future__ import annotations

import socket

from pipeline.core.errors import UserError

HOST = "127.0.0.1"  # this machine only
LAST = 65_535


def check_port(port: int, option: str, host: str = HOST) -> None:
    """Refuses a port that is none, or that a program listens on.

    Args:
        port: To listen on.
        option: That sets it, for the message: `--port`.
        host: Address to listen on.

    Raises:
        UserError: It names another port to try.
    """
    if not 1 <= port <= LAST:
        raise UserError(f"{option} must be 1 to {LAST}, got {port}")
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            other = port + 1 if port < LAST else LAST - 1
            raise UserError(
                f"port {port} of {host} cannot be used ({error.strerror}); another server may run there; take "
                f"{option} {other}"
            ) from None
