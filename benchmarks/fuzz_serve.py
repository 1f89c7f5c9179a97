"""Fuzzes colibri serve on real sockets: schemathesis by its OpenAPI document, then damaged HTTP of our own.

    uv venv fuzz && uv pip install --python fuzz/bin/python schemathesis      # not part of the environment
    python -m benchmarks.fuzz_serve --schemathesis fuzz/bin/schemathesis [--seconds 120] [--requests 2000] [--seed 1]

The server runs as a process on 127.0.0.1 with an API key, a network of random weights and a store of its own.
schemathesis runs all its checks but `positive_data_acceptance`: a schema cannot say which bytes are a picture, so a
text that it allows is often refused. The second part sends requests that no client library would send (broken forms,
chunks without sense, wrong lengths, floods of headers, other protocols); each connection must be answered by HTTP with
a reason in JSON, or be closed, within `LONGEST` seconds. Ends with 1 where a check fails, the server writes a trace, or
does not answer afterwards.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import json
import os
import random
import subprocess
import tempfile
import urllib.request
from collections.abc import Callable
from pathlib import Path

from benchmarks import natural, positive, run_main
from benchmarks.server_process import free_port, make_model, make_pictures, run_process
from pipeline.core.errors import UserError

KEY = "key of a fuzzing server"
PARALLEL = 16
LONGEST = 8.0  # seconds; the server gives a client 5
PATHS = ("/predict", "/feedback", "/infer", "/label-studio/predict", "/label-studio/setup", "/classes", "/metrics", "/")
KINDS = (
    "image/png",
    "application/json",
    "multipart/form-data; boundary=b",
    "text/plain",
    "multipart/form-data",
    "\xe9",
)
Random = random.Random


def write_head(path: str, kind: str, *lines: bytes, method: str = "POST") -> bytes:
    """The head of a request that is otherwise right."""
    first = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {KEY}\r\nContent-Type: {kind}"
    return b"\r\n".join([first.encode("latin-1"), *lines, b"", b""])


def with_length(rng: Random, kind: str, body: bytes) -> bytes:
    path = "/predict" if rng.random() < 0.6 else rng.choice(PATHS)
    return write_head(path, kind, b"Content-Length: %d" % len(body)) + body


def send_noise(rng: Random, picture: bytes) -> bytes:
    return rng.randbytes(rng.randrange(1, 3000))


def send_other_protocol(rng: Random, picture: bytes) -> bytes:
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + rng.randbytes(64)
    upgrade = write_head("/", "text/plain", b"Connection: Upgrade", b"Upgrade: websocket", method="GET")
    known = [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /\r\n",
        b"GET / HTTP/0.9\r\n\r\n",
        hello,
        upgrade,
        b"\r\n" * 500,
    ]
    return rng.choice(known)


def send_odd_target(rng: Random, picture: bytes) -> bytes:
    names = [
        "*",
        "//evil/predict",
        "http://evil/predict",
        "/" + "a" * 60_000,
        "/%00",
        "/../../etc/passwd",
        "/predict?" + "a=" * 999,
    ]
    return write_head(rng.choice(names), "text/plain", method=rng.choice(["GET", "CONNECT", "TRACE", "X" * 300, "get"]))


def send_broken_form(rng: Random, picture: bytes) -> bytes:
    part = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a"\r\nContent-Type: image/png\r\n\r\n'
    pieces = [part, picture, b"\r\n", b"--b--", b"--b\r\n", b"--", b"\r\n\r\n", b'name="', b"\x00", b"--c\r\n"]
    pieces += [
        b"Content-Disposition: form-data; filename*=UTF-8''%ff",
        b"X-H: " + b"h" * 9000,
        b"Content-Length: 9\r\n",
    ]
    body = b"".join(rng.choices(pieces, k=rng.randrange(1, 12)))
    return with_length(rng, "multipart/form-data; boundary=" + rng.choice(["b", "", '"b', "b" * 500, "\xe9"]), body)


def send_nonsense_chunks(rng: Random, picture: bytes) -> bytes:
    sizes = [b"5", b"-1", b"ffffffffffffffffff", b"zz", b"", b"0x5", b"5;x=" + b"y" * 5000, b"0"]
    chunks = b"".join(
        rng.choice(sizes) + rng.choice([b"\r\n", b"\n", b""]) + b"hello\r\n" for _ in range(rng.randrange(9))
    )
    coding = rng.choice([b"chunked", b"gzip, chunked", b"chunked, chunked", b"identity", b"\x0bchunked"])
    return write_head(rng.choice(PATHS), rng.choice(KINDS), b"Transfer-Encoding: " + coding) + chunks


def send_wrong_length(rng: Random, picture: bytes) -> bytes:
    lengths = [
        b"0",
        b"-5",
        b"99999999999999999999",
        b"1e3",
        b"",
        b"%d" % (len(picture) // 2),
        b"%d" % (len(picture) + 9),
    ]
    lines = [b"Content-Length: " + rng.choice(lengths) for _ in range(rng.randrange(1, 3))]
    lines += [b"Transfer-Encoding: chunked"] * (rng.random() < 0.3)
    return write_head(rng.choice(PATHS), "image/png", *lines) + picture


def send_flood_of_headers(rng: Random, picture: bytes) -> bytes:
    lines = [
        [b"X-%d: y" % number for number in range(rng.choice([100, 3000]))],
        [b"X: " + b"y" * rng.choice([9000, 200_000])],
        [b"no colon here", b" folded", b"X\x00: y"],
        [b"Host: evil.example"] * 3,
        [b"Authorization: Basic " + b"!" * 999, b"Content-Encoding: gzip"],
        [b"Expect: 100-continue", b"Content-Length: 3"],
        [b"Origin: " + rng.choice([b"null", b"http://[", b"\xff"]), b"Sec-Fetch-Site: cross-site"],
    ]
    return write_head(rng.choice(PATHS), rng.choice(KINDS), *rng.choice(lines), method=rng.choice(["GET", "POST"]))


def send_damaged_picture(rng: Random, picture: bytes) -> bytes:
    body = bytearray(picture)
    for _ in range(rng.randrange(1, 30)):
        body[rng.randrange(len(body))] = rng.randrange(256)
    return with_length(rng, rng.choice(KINDS), bytes(body[: rng.randrange(len(body))]))


def send_odd_json(rng: Random, picture: bytes) -> bytes:
    texts = [
        b"[" * 90_000,
        b'{"image": "' + b"A" * rng.randrange(50) + b'"}',
        b"\xff\xfe{}",
        b'{"image": 1e999}',
        b"nul",
    ]
    texts += [b'{"id": "%s"}' % (b"0" * 36), b'{"image": "\\ud800"}', b'{"a":' * 2000, b'{"images": ["","",3]}']
    texts += [b'{"tasks": [{"data": {}}], "label_config": "<a><b/></a>"}', b'{"image": {"url": "file:///etc/passwd"}}']
    return with_length(rng, "application/json", rng.choice(texts))


def send_two_at_once(rng: Random, picture: bytes) -> bytes:
    """Two requests before the first answer, the second one damaged."""
    first = write_head("/classes", "text/plain", method="GET")
    return first + rng.choice(BUILDERS[:-1])(rng, picture)


BUILDERS: list[Callable[[Random, bytes], bytes]] = [
    *(send_noise, send_other_protocol, send_odd_target, send_broken_form, send_nonsense_chunks, send_wrong_length),
    *(send_flood_of_headers, send_damaged_picture, send_odd_json, send_two_at_once),
]


def read_answers(data: bytes) -> list[str]:
    """The status of each answer of a connection; what is wrong with one in words."""
    found = []
    while data:
        head, _, rest = data.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        status = lines[0].split(b" ")[1:2]
        if not lines[0].startswith(b"HTTP/1.1 ") or not status or not status[0].isdigit():
            return [*found, f"no HTTP: {data[:60]!r}"]
        headers = {name.strip().lower(): value.strip() for name, _, value in (one.partition(b":") for one in lines[1:])}
        length = int(headers.get(b"content-length", b"0"))
        body, data = rest[:length], rest[length:]
        code = status[0].decode()
        found.append(code if is_explained(int(code), body) else f"{code} without a reason: {body[:60]!r}")
    return found


def is_explained(status: int, body: bytes) -> bool:
    """Whether an answer of 400 and more says why in JSON; 500 is never right."""
    if status < 400:
        return True
    try:
        content = json.loads(body)
    except ValueError:
        return False
    return status != 500 and bool(content["error"]) and bool(content["message"])


async def send(port: int, data: bytes) -> list[str]:
    """What a connection is answered; the client ends its side when all is sent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    found = b""
    try:
        async with asyncio.timeout(LONGEST):
            writer.write(data)
            await writer.drain()
            writer.write_eof()
            found = await reader.read(-1)
    except TimeoutError:
        return ["neither answered nor closed"]
    except OSError:  # the server closed it while we were sending
        return ["closed"]
    finally:
        writer.close()
    return read_answers(found) or ["closed"]


async def send_all(port: int, number: int, seed: int, picture: bytes) -> dict[str, collections.Counter[str]]:
    """What each kind of damage was answered, and how often."""
    rng = Random(seed)
    work = [(build.__name__, build(rng, picture)) for build in (rng.choice(BUILDERS) for _ in range(number))]
    found: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    places = iter(work)

    async def client() -> None:
        for name, data in places:
            found[name].update(await send(port, data))

    await asyncio.gather(*(client() for _ in range(PARALLEL)))
    return found


def run_schemathesis(program: str, port: int, seconds: int, seed: int, folder: Path) -> bool:
    """Runs it and prints its summary; whether no check failed."""
    words = [program, "run", f"http://127.0.0.1:{port}/openapi.json", "--header", f"Authorization: Bearer {KEY}"]
    words += [
        "--checks",
        "all",
        "--exclude-checks",
        "positive_data_acceptance",
        "--phases",
        "examples,coverage,fuzzing",
    ]
    words += [
        "--max-time",
        str(seconds),
        "--seed",
        str(seed),
        "--no-shrink",
        "--continue-on-failure",
        "--warnings",
        "off",
    ]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    text = done.stdout + done.stderr
    print(text[text.find("=== FAILURES") :] if done.returncode else text[text.find("API Operations:") :])
    return done.returncode == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--schemathesis", metavar="PROGRAM", help="left out where it is not given")
    parser.add_argument("--seconds", type=positive, default=120, help="of schemathesis")
    parser.add_argument("--requests", type=positive, default=2000, help="of damaged HTTP")
    parser.add_argument("--seed", type=natural, default=1)
    options = parser.parse_args()
    os.environ["COLIBRI_API_KEY"] = KEY
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = make_model(folder / "predictor", "tf_efficientnet_lite0", 32)
        port = free_port()
        words = ["-m", "pipeline.commands.main", "serve", "--model", str(model), "--max-seconds", "5"]
        words += ["--store", f"sqlite:///{folder / 'answers.db'}", "--port", str(port)]
        with run_process(words, port, "/healthz", folder / "log"):
            is_clean = True
            if options.schemathesis:
                is_clean = run_schemathesis(options.schemathesis, port, options.seconds, options.seed, folder)
            found = asyncio.run(send_all(port, options.requests, options.seed, make_pictures(1, 60)[0]))
            for kind, counts in sorted(found.items()):
                print(f"{kind:24}", ", ".join(f"{what}: {count}" for what, count in sorted(counts.items())))
            bad = [what for counts in found.values() for what in counts if what != "closed" and not what.isdigit()]
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
                print("afterwards:", answer.read().decode())
        log = (folder / "log").read_text()
        traces = log.count("Traceback")
        print(f"{sum(one.total() for one in found.values()):,} answers or closed connections, {traces} traces")
        print(log[log.find("Traceback") :][:4000] if traces else "", end="")
        if bad or not is_clean or traces:
            raise UserError(f"the server failed: {bad[:5]}, {traces} traces" if bad or traces else "a check failed")


if __name__ == "__main__":
    run_main(main)
