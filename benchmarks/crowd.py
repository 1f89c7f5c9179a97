"""1,000 clients at once on real sockets, most of them bad: each gets its answer or is closed, and the server stays up.

    python -m benchmarks.crowd [--clients 1000] [--seconds 10]

colibri serve runs as a process on 127.0.0.1 with a network of random weights. A tenth of the clients send pictures, one
after the other, as long as the others are there. The others send a byte a second (in the head, or in the body), break
off an upload, leave before the answer, say nothing, send a type that is not known, bodies above the limit (with and
without a length), many bodies that are too large together, or pictures of 20,000 x 20,000 pixels in 400 kilobytes
(PNG, deflated TIFF). Printed are what each kind was answered, how long good clients waited, and the memory of the
server. Ends with 1 where something else than the expected answers came, or the server does not answer afterwards.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import json
import os
import struct
import tempfile
import time
import urllib.request
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

import numpy as np
import psutil

from benchmarks import positive, run_main
from benchmarks.server_process import free_port, make_model, make_pictures, run_process
from pipeline.core.errors import UserError

MEBIBYTE = 2**20
BOMB_SIDE = 20_000  # pixels; 400 MB when decoded
CLOSED = "closed"
EXPECTED = {  # kind of client to the outcomes that are right; `busy` (503) always is
    "good": {"200"},
    "slow head": {"slow_client"},
    "slow body": {"slow_client"},
    "silent": {"slow_client"},
    "breaks off": {CLOSED},
    "leaves": {CLOSED},
    "another type": {"content_type", "encoded"},
    "too large": {"body_too_large"},
    "too large in chunks": {"body_too_large", "slow_client", CLOSED},  # closed while it was sending
    "large": {"not_a_picture", "slow_client", CLOSED},
    "bomb": {"too_large"},
}
BAD = ("slow head", "slow body", "silent", "breaks off", "leaves", "another type", "too large", "bomb")
NUM_LARGE = 20  # clients of the two costly kinds at most


def make_png_bomb(side: int) -> bytes:
    """A black PNG of side x side pixels."""
    rows = zlib.compress(bytes(side * (side + 1)), 9)
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)), (b"IDAT", rows), (b"IEND", b"")]
    parts = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def make_tiff_bomb(side: int) -> bytes:
    """A black deflated TIFF of side x side pixels."""
    strip = zlib.compress(bytes(side * side), 9)
    tags = [(256, side), (257, side), (258, 8), (259, 8), (262, 1), (273, 8), (277, 1), (278, side), (279, len(strip))]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II*\0" + struct.pack("<I", 8 + len(strip)) + strip + struct.pack("<H", len(tags)) + entries + bytes(4)


@final
@dataclass
class Crowd:
    """Clients of one server.

    Args:
        port: On 127.0.0.1.
        pictures: That good clients send.
        bombs: Pictures that are too large when decoded.
        seconds: That the server gives a client; each client ends within three times that.
    """

    port: int
    pictures: list[bytes]
    bombs: list[bytes]
    seconds: float
    outcomes: dict[str, collections.Counter[str]] = field(
        default_factory=lambda: collections.defaultdict(collections.Counter)
    )
    waits: list[float] = field(default_factory=list)
    num_bad: int = 0

    async def run(self, number: int) -> None:
        """Runs so many clients to their end; `outcomes` and `waits` (seconds of good requests) have the results."""
        kinds = [BAD[place % len(BAD)] for place in range(number - number // 10)]
        for place, kind in enumerate(["too large in chunks", "large"] * min(NUM_LARGE, number // 40)):
            kinds[place] = kind
        self.num_bad = len(kinds)
        good = [self.send_pictures(place) for place in range(number // 10)]
        await asyncio.gather(*good, *(self.misbehave(kind, place) for place, kind in enumerate(kinds)))

    def find_unexpected(self) -> list[str]:
        """What no client of its kind should have been answered; empty when all is well."""
        found = [
            f"{kind}: {outcome} ({count} times)"
            for kind, counts in self.outcomes.items()
            for outcome, count in counts.items()
            if outcome not in EXPECTED[kind] | {"busy"}
        ]
        return found + ([] if self.outcomes["good"]["200"] else ["no good client was answered"])

    async def send_pictures(self, place: int) -> None:
        """A good client: a connection each time, until the bad ones are gone; 503 is followed by a pause."""
        while True:
            start = time.monotonic()
            data = self.pictures[place % len(self.pictures)]
            outcome = await self.exchange(self.head("image/jpeg", len(data)) + data)
            self.outcomes["good"][outcome] += 1
            self.waits += [time.monotonic() - start] if outcome == "200" else []
            if not self.num_bad:
                return
            await asyncio.sleep(1.0)

    async def misbehave(self, kind: str, place: int) -> None:
        try:
            self.outcomes[kind][await self.do(kind, place)] += 1
        finally:
            self.num_bad -= 1

    async def do(self, kind: str, place: int) -> str:
        """What a client of this kind is answered."""
        picture = self.pictures[place % len(self.pictures)]
        whole = self.head("image/jpeg", len(picture)) + picture
        if kind == "slow head":
            return await self.exchange(whole, pause=1.0)
        if kind == "slow body":
            return await self.exchange(self.head("image/jpeg", 5000), picture, pause=1.0)
        if kind == "silent":
            return await self.exchange(b"")
        if kind == "breaks off":
            return await self.exchange(whole[: -len(picture) // 2], leaves=True)
        if kind == "leaves":
            return await self.exchange(whole, leaves=True)
        if kind == "another type":
            return await self.exchange(self.head("text/plain", 5, *["Content-Encoding: gzip"] * (place % 2)) + b"hello")
        if kind == "too large":
            return await self.exchange(self.head("image/jpeg", 33 * MEBIBYTE))
        if kind == "too large in chunks":
            piece = b"%x\r\n" % MEBIBYTE + bytes(MEBIBYTE) + b"\r\n"
            return await self.exchange(self.head("image/jpeg", None, "Transfer-Encoding: chunked"), *[piece] * 40)
        if kind == "large":
            return await self.exchange(self.head("image/jpeg", 20 * MEBIBYTE), *[bytes(MEBIBYTE)] * 20)
        bomb = self.bombs[place % len(self.bombs)]
        return await self.exchange(self.head("image/png", len(bomb)) + bomb)

    def head(self, kind: str, length: int | None, *more: str) -> bytes:
        lines = ["POST /predict HTTP/1.1", "Host: 127.0.0.1", f"Content-Type: {kind}", "Connection: close", *more]
        lines += [] if length is None else [f"Content-Length: {length}"]
        return "\r\n".join([*lines, "", ""]).encode()

    async def exchange(self, *parts: bytes, pause: float = 0.0, leaves: bool = False) -> str:
        """Sends parts, the last one byte by byte where there is a pause; the status, or the short name of an error."""
        try:
            async with asyncio.timeout(3 * self.seconds + 10):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                sending = asyncio.create_task(send_parts(writer, parts, pause))
                try:
                    if leaves:
                        await sending
                        return CLOSED
                    return name_answer(await read_all(reader))
                finally:
                    sending.cancel()
                    await asyncio.gather(sending, return_exceptions=True)
                    writer.close()
        except TimeoutError:
            return "neither answered nor closed"
        except OSError:
            return CLOSED


async def read_all(reader: asyncio.StreamReader) -> bytes:
    """What came until the connection was closed, or reset because the server had not read all that we sent."""
    found = b""
    try:
        while part := await reader.read(65_536):
            found += part
    except OSError:
        pass
    return found


async def send_parts(writer: asyncio.StreamWriter, parts: tuple[bytes, ...], pause: float) -> None:
    for part in parts[:-1] if pause else parts:
        writer.write(part)
        await writer.drain()
    for byte in parts[-1] if pause else b"":
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(pause)


def name_answer(answer: bytes) -> str:
    """200, or the short name of the error in the JSON of an answer."""
    head, _, body = answer.partition(b"\r\n\r\n")
    if not head:
        return CLOSED
    status = head.split(b" ", 2)[1].decode()
    if status == "200":
        return status
    try:
        return str(json.loads(body)["error"])
    except (ValueError, KeyError):
        return f"{status} without a reason"


async def watch_memory(process: psutil.Process, found: list[int]) -> None:
    """Adds the resident bytes of a process to a list, ten times a second."""
    while True:
        found.append(process.memory_info().rss)
        await asyncio.sleep(0.1)


async def run_watched(crowd: Crowd, number: int) -> list[int]:
    """Runs the clients; the memory of the server meanwhile."""
    connections = psutil.net_connections("tcp")
    (pid,) = {one.pid for one in connections if one.status == "LISTEN" and one.laddr and one.laddr[1] == crowd.port}
    found: list[int] = []
    watching = asyncio.create_task(watch_memory(psutil.Process(pid), found))
    await crowd.run(number)
    watching.cancel()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=positive, default=1000)
    parser.add_argument("--seconds", type=positive, default=10, help="that the server gives a client")
    options = parser.parse_args()
    bombs = [make_png_bomb(BOMB_SIDE), make_tiff_bomb(BOMB_SIDE)]
    print(f"bombs of {', '.join(f'{len(one):,}' for one in bombs)} bytes; load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = make_model(folder / "predictor", "tf_efficientnet_lite0", 64)
        port = free_port()
        words = ["-m", "pipeline.commands.main", "serve", "--model", str(model), "--max-seconds", str(options.seconds)]
        words += ["--store", f"sqlite:///{folder / 'answers.db'}", "--port", str(port)]
        with run_process(words, port, "/healthz", folder / "log"):
            crowd = Crowd(port, make_pictures(8, 120), bombs, options.seconds)
            start = time.monotonic()
            memory = asyncio.run(run_watched(crowd, options.clients))
            print(f"{options.clients:,} clients at once, {time.monotonic() - start:.0f} s")
            for kind, counts in sorted(crowd.outcomes.items()):
                print(f"{kind:20}", ", ".join(f"{what}: {count}" for what, count in counts.most_common()))
            if crowd.waits:
                low, high = np.percentile(crowd.waits, (50, 99))
                print(f"good clients waited {low:.2f} s (median), {high:.2f} s (99 %)")
            print(f"memory of the server: {memory[0] / 1e6:.0f} MB before, {max(memory) / 1e6:.0f} MB at most")
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=20) as answer:
                print("afterwards:", answer.read().decode())
        traces = (folder / "log").read_text().count("Traceback")
    unexpected = crowd.find_unexpected() + ([f"{traces} traces"] if traces else [])
    if unexpected:
        raise UserError("; ".join(unexpected))


if __name__ == "__main__":
    run_main(main)
