"""Stands before every call: who may call, how much may be sent, how long it may take."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import json
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, final
from urllib.parse import urlsplit

from pipeline.core import terminal
from pipeline.serving.limits import Limits, Refusal
from pipeline.serving.telemetry import OTHER, Telemetry

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

LOOPBACK = frozenset(["localhost", "127.0.0.1", "::1"])
OPEN_PATHS = frozenset(["/", "/page.js", "/page.css", "/healthz", "/readyz"])  # without a key: they say nothing
CALLS = frozenset(["POST", "PUT", "PATCH", "DELETE"])
LEFT = 499  # the client was gone before an answer
FAULT = Refusal(500, "internal", "the server made a mistake; its terminal shows it")
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "media-src blob:; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}


@final
@dataclass(frozen=True, kw_only=True)
class Access:
    """Who may call.

    Args:
        key: That each call must carry (`Authorization: Bearer KEY`, `X-API-Key: KEY`, or as the password of Basic);
            empty for none.
        hosts: Names by which the server may be called, lower case; empty for any.
    """

    key: str = ""
    hosts: frozenset[str] = LOOPBACK

    def check(self, method: str, path: str, headers: Mapping[str, str]) -> None:
        """Refuses a call from another site, by another name, or without the key.

        A browser sends `Origin` or `Sec-Fetch-Site` with what a page asks it to post; a name that is not ours comes
        from a page whose address was made to lead here.

        Raises:
            Refusal: With status 401, 403 or 421.
        """
        host = headers.get("host", "").lower()
        if self.hosts and _host_name(host) not in self.hosts:
            raise Refusal(421, "unknown_host", f"this server is not called {host[:100]!r}; start it with --allow-host")
        if method in CALLS:
            origin = headers.get("origin")
            is_foreign = origin is not None and urlsplit_host(origin) != host
            if is_foreign or headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
                raise Refusal(403, "another_origin", "pages of another origin may not call this server")
        if self.key and path not in OPEN_PATHS and not _is_same(self.key, _sent_key(headers)):
            raise Refusal(401, "no_key", "send the API key of this server as Authorization: Bearer KEY")


def urlsplit_host(origin: str) -> str:
    """Host and port of an origin, lower case; empty where it is none (`null`)."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _host_name(host: str) -> str:
    """The name without the port: of `[::1]:5001` it is `::1`."""
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]


def _sent_key(headers: Mapping[str, str]) -> str:
    kind, _, value = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return value.strip()
    if kind.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode("utf-8").partition(":")[2]
        except (binascii.Error, ValueError):
            return ""
    return headers.get("x-api-key", "")


def _is_same(key: str, sent: str) -> bool:
    """Compares in constant time."""
    return hmac.compare_digest(key.encode(), sent.encode("utf-8", "surrogateescape"))


@final
class Gate:
    """An ASGI application around another one: checks, limits, times and counts each request.

    Args:
        application: That answers.
        access: Who may call.
        limits: Of a request, and of all at once.
        telemetry: Counts.
        paths: That exist, for the names of the counters.
    """

    def __init__(
        self, application: Application, access: Access, limits: Limits, telemetry: Telemetry, paths: frozenset[str]
    ):
        self.application, self.access, self.limits, self.telemetry = application, access, limits, telemetry
        self.paths = paths
        self.num_requests = self.num_bytes = 0

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.application(scope, receive, send)
            return
        start = time.monotonic()
        answer = _Answer(send)
        body = _Body(self, receive)
        path = scope["path"] if scope["path"] in self.paths else OTHER
        self.num_requests += 1
        self.telemetry.in_flight.inc()
        try:
            await self._answer(scope, body, answer)
        finally:
            self.num_requests -= 1
            self.num_bytes -= body.num_bytes
            self.telemetry.in_flight.dec()
            self.telemetry.requests.labels(path, str(answer.status)).inc()
            self.telemetry.seconds.labels(path).observe(time.monotonic() - start)

    async def _answer(self, scope: Message, body: _Body, answer: _Answer) -> None:
        try:
            headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
            self.access.check(scope["method"], scope["path"], headers)
            self._refuse_by_head(scope["path"], headers)
            async with asyncio.timeout(self.limits.seconds):
                await self.application(scope, body.receive, answer.send)
        except Refusal as error:
            await answer.refuse(error)
        except TimeoutError:
            await answer.refuse(_too_slow(body.is_complete, self.limits))
        except Exception as error:  # a fault of ours: the others go on
            terminal.show_error(type(error), error, error.__traceback__)
            await answer.refuse(FAULT)

    def _refuse_by_head(self, path: str, headers: Mapping[str, str]) -> None:
        """Refuses what the head of a request already rules out.

        Raises:
            Refusal: With status 413, 415 or 503.
        """
        if self.num_requests > self.limits.requests and path not in OPEN_PATHS:
            raise Refusal(503, "busy", f"{self.limits.requests} requests are being answered; send this one again later")
        if headers.get("content-encoding", "identity") != "identity":
            raise Refusal(415, "encoded", "compressed bodies are not unpacked; send it without Content-Encoding")
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length) > self.limits.body_bytes:
            raise self.too_large()

    def too_large(self) -> Refusal:
        """The refusal of a body that is too long."""
        return Refusal(413, "body_too_large", f"a request may have {self.limits.body_bytes:,} bytes")

    def take(self, number: int) -> None:
        """Counts bytes that are in memory.

        Raises:
            Refusal: Those of all requests are too many.
        """
        if self.num_bytes + number > self.limits.bytes_in_flight:
            raise Refusal(503, "busy", "the requests being answered are too large together; send it again later")
        self.num_bytes += number


@final
class _Body:
    """What a client sends, counted as it comes."""

    def __init__(self, gate: Gate, receive: Receive):
        self.gate, self._receive = gate, receive
        self.num_bytes = 0
        self.is_complete = False

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            number = len(message.get("body", b""))
            if self.num_bytes + number > self.gate.limits.body_bytes:
                raise self.gate.too_large()
            self.gate.take(number)
            self.num_bytes += number
            self.is_complete = not message.get("more_body", False)
        return message


@final
class _Answer:
    """What is sent back; a refusal only where nothing was sent yet."""

    def __init__(self, send: Send):
        self._send = send
        self.status = LEFT

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            given = {key.lower() for key, _ in message["headers"]}
            more = [(key.encode(), value.encode()) for key, value in HEADERS.items() if key.encode() not in given]
            message = {**message, "headers": [*message["headers"], *more]}
        await self._send(message)

    async def refuse(self, error: Refusal) -> None:
        if self.status != LEFT:
            return
        data = json.dumps(error.content, ensure_ascii=False).encode("utf-8", "backslashreplace")
        headers = {"content-type": "application/json", "content-length": str(len(data)), **error.headers}
        headers |= (
            {"connection": "close"} if error.status in (408, 413, 503) else {}
        )  # the rest of the body is not read
        headers |= {"www-authenticate": "Bearer"} if error.status == 401 else {}
        pairs = [(key.lower().encode(), value.encode()) for key, value in headers.items()]
        await self.send({"type": "http.response.start", "status": error.status, "headers": pairs})
        await self._send({"type": "http.response.body", "body": data})


def _too_slow(is_received: bool, limits: Limits) -> Refusal:
    took = f"the answer took more than {limits.seconds:g} seconds"
    if is_received:
        return Refusal(504, "too_slow", f"{took}; send fewer {limits.noun}s at once")
    return Refusal(408, "slow_client", f"the request did not arrive within {limits.seconds:g} seconds")
