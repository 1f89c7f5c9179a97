"""Runs the application on a port until a signal: requests that run are finished."""

from __future__ import annotations

import json
import logging
import resource
import signal
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any, final

import uvicorn
from PIL import Image
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio

    from pipeline.serving.gate import Gate
    from pipeline.serving.limits import Limits

HEAD_BYTES = 32_768  # of a request
BACKLOG = 2048  # connections that the kernel holds until they are accepted
KEEP_ALIVE = 30  # seconds between two requests of a connection


def run_server(application: Gate, limits: Limits, host: str, port: int) -> None:
    """Serves until SIGINT or SIGTERM, then ends when the requests that run are answered."""
    _raise_file_limit()
    warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # a picture of that size is refused with the reason
    for name in ("uvicorn", "uvicorn.error", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    config = uvicorn.Config(
        application,
        host=host,
        port=port,
        http=limit_protocol(limits),
        ws="none",
        loop="asyncio",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=int(limits.seconds) + 1,
        h11_max_incomplete_event_size=HEAD_BYTES,
    )
    # uvicorn sends the signal again when it has ended: it must not end the process before the records are closed
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        uvicorn.Server(config).run()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _raise_file_limit() -> None:
    """As many open connections as the system allows."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def limit_protocol(limits: Limits) -> type[H11Protocol]:
    """uvicorn's HTTP with a limit of connections and of the time for a head, and refusals in JSON."""

    @final
    class LimitedProtocol(H11Protocol):
        head_timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            if len(self.connections) > limits.connections:
                self.refuse(503, "busy", f"{limits.connections} connections are open; send the request again later")
                return
            self.expect_head()

        def data_received(self, data: bytes) -> None:
            if self.cycle is None or self.cycle.response_complete:
                self.expect_head()
            super().data_received(data)
            if self.cycle is not None and not self.cycle.response_complete:
                self.forget_head()

        def connection_lost(self, exc: Exception | None) -> None:
            self.forget_head()
            super().connection_lost(exc)

        def send_400_response(self, msg: str) -> None:
            self.refuse(400, "bad_request", "this is no request of HTTP/1.1")

        def expect_head(self) -> None:
            if self.head_timer is None:
                self.head_timer = self.loop.call_later(limits.seconds, self.give_up)

        def forget_head(self) -> None:
            if self.head_timer is not None:
                self.head_timer.cancel()
                self.head_timer = None

        def give_up(self) -> None:
            self.refuse(408, "slow_client", f"no request arrived within {limits.seconds:g} seconds")

        def refuse(self, status: int, code: str, message: str) -> None:
            self.forget_head()
            if not self.transport.is_closing():
                self.transport.write(refusal_bytes(status, code, message))
                self.transport.close()

    return LimitedProtocol


def refusal_bytes(status: int, code: str, message: str) -> bytes:
    """A whole answer, for a connection on which no request was read."""
    body = json.dumps({"error": code, "message": message}).encode()
    head = [f"HTTP/1.1 {status} Refused", "content-type: application/json", f"content-length: {len(body)}"]
    head += ["connection: close", *(["retry-after: 1"] * (status == 503))]
    return "\r\n".join([*head, "", ""]).encode() + body
