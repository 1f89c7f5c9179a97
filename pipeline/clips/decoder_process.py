"""Clips decoded in a process of their own: a decoder that hangs or dies costs an item and not the run."""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from threading import Lock
from typing import IO, final

import numpy as np

from pipeline.clips import decoder, messages
from pipeline.clips.reading import ClipFacts, DecodedClip
from pipeline.clips.sampling import ClipReading
from pipeline.core.errors import ItemRejected, UserError
from pipeline.core.open_types import JsonObject
from pipeline.core.sample_codec import FileSet, SampleHeader

DECODE = f"{decoder.__name__}:{decoder.decode.__name__}"
HEADER = f"{decoder.__name__}:{decoder.header.__name__}"
START = f"from {decoder.__name__} import main; main()"
OUT_OF_TIME = (-signal.SIGALRM, -signal.SIGPROF)  # by which a process ends whose timer is over
_idle: list[DecoderProcess] = []
_lock = Lock()


def decode_apart(data: bytes | np.ndarray | FileSet, reading: ClipReading, needs_key_frames: bool) -> DecodedClip:
    """As `read_clip`, in another process.

    Raises:
        ItemRejected: As `read_clip`; `too_slow` beyond the time limit, `crashed` where the decoder dies.
    """
    content, parts = _call(DECODE, data, reading, needs_key_frames)
    frames, key_frames = (messages.as_array(*one) for one in zip(parts, content["shapes"], strict=True))
    return DecodedClip(frames=frames, facts=ClipFacts(**content["facts"]), key_frames=key_frames)


def header_apart(data: bytes | np.ndarray | FileSet, reading: ClipReading) -> SampleHeader:
    """As `read_clip_header`, in another process; raises as `decode_apart`."""
    return SampleHeader(*_call(HEADER, data, reading, False)[0]["header"])


def _call(
    function: str, data: bytes | np.ndarray | FileSet, reading: ClipReading, needs_key_frames: bool
) -> tuple[JsonObject, list[bytearray]]:
    described, parts = messages.pack(data)
    request = {**described, "function": function, "reading": asdict(reading), "needs_key_frames": needs_key_frames}
    process = _take()
    try:
        content, answered = process.answer(request, parts, reading.time_limit)
    except BaseException:  # also a signal, which leaves a request half answered
        process.end()
        raise
    with _lock:
        _idle.append(process)
    if "rejected" in content:
        raise ItemRejected(*content["rejected"])
    if "refused" in content:
        raise UserError(content["refused"])
    if "failed" in content:
        raise RuntimeError(f"the decoder of clips failed: {content['failed']}")
    return content, answered


def _take() -> DecoderProcess:
    """A process that waits, or a new one: as many are alive as threads decode at once.

    One that the system ended while it waited is passed over: no clip is to blame.
    """
    with _lock:
        while _idle:
            process = _idle.pop()
            if process.owner != os.getpid():  # a fork has the list of its parent
                continue
            if process.is_alive:
                return process
            process.end()
    return DecoderProcess()


@atexit.register
def stop() -> None:
    """Ends the processes that wait."""
    while _idle:
        process = _idle.pop()
        if process.owner == os.getpid():
            process.end()


@final
class DecoderProcess:
    """A process that decodes clips, one at a time.

    It does not get the signals of the terminal (a session of its own) and ends with the process that started it: at
    the end of its input, or by its own timer while it decodes.
    """

    def __init__(self) -> None:
        self.owner = os.getpid()
        folders = [folder or str(Path.cwd()) for folder in sys.path]
        self._process = subprocess.Popen(
            [sys.executable, "-c", START],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(folders)},
            start_new_session=True,
        )
        try:
            messages.read_message(_stream(self._process.stdout))
        except EOFError:
            self.end()
            raise UserError(
                f"the process that decodes clips does not start (exit code {self._process.returncode}); try it alone: "
                f"{sys.executable} -c '{START}'"
            ) from None

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def answer(
        self, request: JsonObject, parts: list[bytes | memoryview], time_limit: float
    ) -> tuple[JsonObject, list[bytearray]]:
        """The answer to a request.

        Raises:
            ItemRejected: `too_slow` or `crashed`; the process has ended.
        """
        try:
            messages.write_message(_stream(self._process.stdin), request, parts)
            return messages.read_message(_stream(self._process.stdout))
        except (BrokenPipeError, EOFError):
            code = self._process.wait()
        if code in OUT_OF_TIME:
            raise ItemRejected("too_slow", f"decoding takes more than {time_limit:g} seconds (media.time_limit)")
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        raise ItemRejected("crashed", f"it ended the process that decodes clips ({how})")

    def end(self) -> None:
        """Ends it at once."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            try:
                _stream(stream).close()
            except BrokenPipeError:  # what it has not read
                continue


def _stream(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    return stream
