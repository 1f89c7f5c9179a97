"""A decoder that hangs, dies or fails costs an item, and the next item is decoded."""

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from films import animation, film, numbered, numbers, reading

from pipeline.clips import decoder, decoder_process
from pipeline.clips.decoder_process import DecoderProcess, decode_apart, header_apart
from pipeline.clips.reading import read_clip
from pipeline.core.errors import ItemRejected, UserError
from pipeline.core.sample_codec import FileSet

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True, scope="module")
def _no_process_stays():
    yield
    decoder_process.stop()
    assert decoder_process._idle == []


@pytest.mark.parametrize(
    "data", [film(), animation("GIF"), numbered(), FileSet(files=())], ids=["mp4", "gif", "pixels", "none"]
)
def test_it_answers_as_this_process_would(data):
    if isinstance(data, FileSet):
        with pytest.raises(ItemRejected, match=r"^no_frames: a folder of 0 files"):
            decode_apart(data, reading(), True)
        return
    apart, here = decode_apart(data, reading(), True), read_clip(data, reading(), True)
    np.testing.assert_array_equal(apart.frames, here.frames)
    np.testing.assert_array_equal(apart.key_frames, here.key_frames)
    assert repr(apart.facts) == repr(here.facts)  # NaN is not NaN
    assert header_apart(data, reading()) == (64, 48, 20, False)


FAULTS = {
    "work_for_ever": r"^too_slow: decoding takes more than 0\.1 seconds \(media\.time_limit\)$",
    "wait_for_ever": r"^too_slow: decoding takes more than 0\.1 seconds \(media\.time_limit\)$",
    "die": r"^crashed: it ended the process that decodes clips \(signal 11\)$",
    "leave": r"^crashed: it ended the process that decodes clips \(exit code 3\)$",
    "take_all_memory": r"^too_large: there is not enough memory to decode it$",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_a_rejection_and_the_next_clip_is_decoded(monkeypatch, fault):
    with monkeypatch.context() as patch:
        patch.setattr(decoder_process, "DECODE", f"faulty_decoders:{fault}")
        started = time.monotonic()
        with pytest.raises(ItemRejected, match=FAULTS[fault]):
            decode_apart(film(), reading(time_limit=0.1), False)
        assert time.monotonic() - started < 20
    assert numbers(decode_apart(film(), reading(), False).frames) == [2, 7, 12, 17]


def test_a_mistake_of_the_code_is_no_rejection(monkeypatch):
    monkeypatch.setattr(decoder_process, "DECODE", "faulty_decoders:fail")
    with pytest.raises(RuntimeError, match=r"^the decoder of clips failed: KeyError: 'a mistake'$"):
        decode_apart(film(), reading(), False)


def test_what_a_library_prints_is_no_answer_and_one_process_answers_all(monkeypatch):
    monkeypatch.setattr(decoder_process, "HEADER", "faulty_decoders:chatter")
    first, second = header_apart(b"", reading()), header_apart(b"", reading())
    assert first == second
    assert first.depth != os.getpid()


def test_a_package_that_is_missing_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    content, _ = decoder._answer(
        {
            "function": decoder_process.DECODE,
            "reading": asdict(reading()),
            "needs_key_frames": False,
        },
        [bytearray(b"\0\0\0\x18ftypisom" + bytes(20))],
    )
    assert content["refused"].startswith("clips need the package av, which cannot be loaded (")
    assert content["refused"].endswith("; make install EXTRAS=clips installs it")


def test_a_decoder_that_does_not_start_is_one_line(monkeypatch):
    monkeypatch.setattr(decoder_process, "START", "import no_such_module")
    with pytest.raises(
        UserError, match=r"^the process that decodes clips does not start \(exit code 1\); try it alone: "
    ):
        DecoderProcess()


def test_a_decoder_that_died_while_it_waited_is_blamed_on_no_clip():
    decode_apart(film(), reading(), False)
    waiting = decoder_process._idle[-1]
    waiting._process.kill()
    waiting._process.wait()
    assert numbers(decode_apart(film(), reading(), False).frames) == [2, 7, 12, 17]
    assert waiting not in decoder_process._idle


def test_threads_have_a_process_each():
    found = {}

    def work(number):
        found[number] = numbers(decode_apart(numbered()[number:], reading(num_frames=1), False).frames)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(0, 16, 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {0: [10], 4: [12], 8: [14], 12: [16]}


def test_it_ends_with_the_process_that_started_it():
    code = """
import os, signal
from pipeline.clips.decoder_process import DecoderProcess
print(DecoderProcess()._process.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    end = time.monotonic() + 20
    while Path(f"/proc/{int(done.stdout)}/cmdline").exists() and time.monotonic() < end:
        if not Path(f"/proc/{int(done.stdout)}/cmdline").read_bytes():
            break  # a zombie that nobody waits for
        time.sleep(0.02)
    assert time.monotonic() < end
