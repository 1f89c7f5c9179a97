"""The process that decodes clips, one after the other, and ends where one takes too long.

It is started by `decoder_process.py`, reads what is to be decoded from its standard input and ends with it.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

import numpy as np

from pipeline.clips import messages
from pipeline.clips.reading import read_clip, read_clip_header
from pipeline.clips.sampling import ClipReading
from pipeline.core.errors import ItemRejected, UserError
from pipeline.core.open_types import JsonObject
from pipeline.core.sample_codec import FileSet

MAX_MEMORY = 4 * 2**30  # bytes that decoding may take beyond those that the process starts with
BY_THE_CLOCK = 10  # times the processor time of an item

Answer = tuple[JsonObject, Sequence[memoryview]]


def decode(data: bytes | np.ndarray | FileSet, reading: ClipReading, needs_key_frames: bool) -> Answer:
    """The frames that are taken and the facts of a clip."""
    clip = read_clip(data, reading, needs_key_frames)
    return (
        {"shapes": [clip.frames.shape, clip.key_frames.shape], "facts": asdict(clip.facts)},
        [messages.as_part(clip.frames), messages.as_part(clip.key_frames)],
    )


def header(data: bytes | np.ndarray | FileSet, reading: ClipReading, needs_key_frames: bool) -> Answer:
    """What the container and the first frame say."""
    return {"header": list(read_clip_header(data, reading))}, []


def main() -> None:
    """Answers until the standard input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints goes where its errors go
    for number in (signal.SIGALRM, signal.SIGPROF):
        signal.signal(number, signal.SIG_DFL)
    _bound_memory()
    messages.write_message(answers, {"ready": True}, [])
    while True:
        try:
            content, parts = messages.read_message(sys.stdin.buffer)
        except EOFError:
            return
        _set_timers(content["reading"]["time_limit"])
        answer, answered = _answer(content, parts)
        _set_timers(0.0)
        try:
            messages.write_message(answers, answer, answered)
        except BrokenPipeError:
            return


def _answer(content: JsonObject, parts: Sequence[bytearray]) -> Answer:
    module, _, name = content["function"].partition(":")
    try:
        function: Callable[..., Answer] = getattr(import_module(module), name)
        data = messages.unpack(content, parts)
        return function(data, ClipReading(**content["reading"]), content["needs_key_frames"])
    except ItemRejected as refused:
        return {"rejected": [refused.reason, refused.detail]}, []
    except UserError as error:
        return {"refused": str(error)}, []
    except MemoryError:
        return {"rejected": ["too_large", "there is not enough memory to decode it"]}, []
    except Exception as error:  # a mistake of this code, which the other process raises
        return {"failed": f"{type(error).__name__}: {error}"}, []


def _set_timers(seconds: float) -> None:
    """Lets the system end this process after so long, even within a native call; 0 stops that."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, BY_THE_CLOCK * seconds)


def _bound_memory() -> None:
    """Where the system says how much memory a process has (Linux)."""
    import resource

    statement = Path("/proc/self/statm")
    if statement.exists():
        most = int(statement.read_text(encoding="utf-8").split()[0]) * resource.getpagesize() + MAX_MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
