"""Decoders that hang, die or fail, for the process that decodes clips."""

import ctypes
import os
import re
import signal


def work_for_ever(data, reading, needs_key_frames):
    """A native call that ends when the sun is cold."""
    return re.match(r"(a+)+$", "a" * 64 + "b")


def wait_for_ever(data, reading, needs_key_frames):
    """A native call that takes no processor time."""
    ctypes.CDLL(None).pause()


def die(data, reading, needs_key_frames):
    os.kill(os.getpid(), signal.SIGSEGV)


def leave(data, reading, needs_key_frames):
    os._exit(3)


def take_all_memory(data, reading, needs_key_frames):
    return bytearray(2**40)


def fail(data, reading, needs_key_frames):
    raise KeyError("a mistake")


def chatter(data, reading, needs_key_frames):
    """Writes to the standard output, as some libraries do, and answers."""
    os.write(1, b"%d" % os.getpid())
    return {"header": [1, 2, os.getpid(), False]}, []
