"""Requests at one time, slow ones, and bodies that are too large together."""

import asyncio
import json

import pytest

from pipeline.serving.gate import Access, Gate
from pipeline.serving.limits import Limits
from pipeline.serving.telemetry import Telemetry


async def echo(scope, receive, send):
    """Reads the body, waits where the path says so, and answers its length."""
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message["body"]), message.get("more_body", False)
    await asyncio.sleep(0.2 if scope["path"] == "/slow" else 0)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(size).encode()})


def make_gate(**limits):
    return Gate(echo, Access(), Limits(**limits), Telemetry(), frozenset(["/slow"]))


async def ask(gate, path="/x", parts=(b"abc",), pause=0.0, headers=()):
    """Status, headers and body of an answer."""
    sent, waiting = [], list(parts)

    async def receive():
        await asyncio.sleep(pause)
        part = waiting.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(waiting)}

    async def send(message):
        sent.append(message)

    pairs = [(b"host", b"localhost:5001"), *headers]
    await gate({"type": "http", "method": "POST", "path": path, "headers": pairs}, receive, send)
    found = {key.decode(): value.decode() for key, value in sent[0]["headers"]}
    return sent[0]["status"], found, sent[1]["body"]


def test_a_request_passes_with_the_headers_of_safety():
    status, headers, body = asyncio.run(ask(make_gate(), parts=(b"ab", b"c")))
    assert (status, body) == (200, b"3")
    assert headers["x-content-type-options"] == "nosniff"


def test_too_many_at_one_time_are_503_and_later_ones_are_answered():
    gate = make_gate(requests=3)

    async def run():
        many = await asyncio.gather(*(ask(gate, "/slow") for _ in range(1000)))
        return many, await ask(gate)

    many, later = asyncio.run(run())
    statuses = [status for status, _, _ in many]
    assert (statuses.count(200), statuses.count(503)) == (3, 997)
    refused = next(one for one in many if one[0] == 503)
    assert refused[1]["retry-after"] == "1"
    assert json.loads(refused[2])["error"] == "busy"
    assert later[0] == 200
    assert (gate.num_requests, gate.num_bytes) == (0, 0)


@pytest.mark.parametrize(
    ("limits", "request_", "status", "code"),
    [
        ({"seconds": 0.05}, {"path": "/slow"}, 504, "too_slow"),
        ({"seconds": 0.05}, {"parts": [b"a"] * 20, "pause": 0.01}, 408, "slow_client"),
        ({"body_bytes": 5}, {"parts": [b"abc", b"def"]}, 413, "body_too_large"),
        ({"body_bytes": 5}, {"headers": [(b"content-length", b"6")]}, 413, "body_too_large"),
        ({"bytes_in_flight": 5}, {"parts": [b"abc", b"def"]}, 503, "busy"),
        ({}, {"headers": [(b"content-length", b"99999999999")]}, 413, "body_too_large"),
    ],
)
def test_what_is_refused(limits, request_, status, code):
    gate = make_gate(**limits)
    found = asyncio.run(ask(gate, **request_))
    assert (found[0], json.loads(found[2])["error"]) == (status, code)
    assert gate.num_bytes == 0


@pytest.mark.parametrize(
    ("host", "is_known"),
    [("localhost", True), ("LOCALHOST:80", True), ("[::1]:5001", True), ("127.0.0.1.evil.example", False), ("", False)],
)
def test_hosts(host, is_known):
    from pipeline.serving.limits import Refusal

    if is_known:
        Access().check("GET", "/classes", {"host": host})
    else:
        with pytest.raises(Refusal, match="this server is not called"):
            Access().check("GET", "/classes", {"host": host})
    Access(hosts=frozenset()).check("GET", "/classes", {"host": host})
