"""Ends a process early: on a signal, or when the process that started it is gone."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, final

if TYPE_CHECKING:
    import psutil

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
GRACE = 10.0  # seconds within which a second signal is ignored
POLL = 0.5  # seconds
_early: list[Callable[[int, FrameType | None], None]] = []  # the handler of `guard_imports`


@final
class Terminated(BaseException):
    """A signal ends this process. As with KeyboardInterrupt, only what cleans up should catch it."""

    def __init__(self, number: int):
        super().__init__(signal.Signals(number).name)
        self.number = number


@final
class Listener:
    """Turns the first signal into an exception of the main thread; signals during clean-up are ignored."""

    def __init__(self) -> None:
        self.cleaning_up = False
        self._raised_at = -GRACE

    def __call__(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self.cleaning_up or now - self._raised_at < GRACE:
            return
        self._raised_at = now
        raise KeyboardInterrupt if number == signal.SIGINT else Terminated(number)


@contextmanager
def listening() -> Iterator[Listener]:
    """SIGINT raises KeyboardInterrupt in this block, SIGTERM and SIGHUP raise `Terminated`, each once.

    A signal that is ignored when the block begins (as nohup does) stays ignored.
    """
    listener = Listener()
    before = _install(listener) if threading.current_thread() is threading.main_thread() else {}
    try:
        yield listener
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def guard_imports(name: str) -> None:
    """From here to `stage.run` a signal, or an error, hands this process over to `stage.leave` in a new interpreter.

    For the seconds in which a stage loads its libraries. An exception would not do: a library may catch it, and what
    is loaded by half cannot be loaded again to put outputs back.

    Args:
        name: Of the stage.
    """

    def leave(number: int) -> None:
        for handled in SIGNALS:  # the new interpreter leaves these ignored
            signal.signal(handled, signal.SIG_IGN)
        command = f"from pipeline.core.stage_runner import leave; leave({name!r}, {number})"
        os.execv(sys.executable, [sys.executable, "-c", command])  # noqa: S606 no shell is wanted

    def show_error(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        from pipeline.core import terminal

        terminal.show_error(kind, error, trace)
        leave(0)

    _early[:] = [lambda number, frame: leave(number)]
    _install(_early[0])
    sys.excepthook = show_error


def _install(handler: Callable[[int, FrameType | None], None]) -> dict[int, Any]:
    """Makes it the handler of each signal that is not ignored; returns the former handlers."""
    usual = (signal.SIG_DFL, signal.default_int_handler, *_early)
    return {number: signal.signal(number, handler) for number in SIGNALS if signal.getsignal(number) in usual}


@contextmanager
def with_dvc() -> Iterator[None]:
    """Where DVC runs this process, SIGTERM is sent to it when DVC is gone.

    Linux can send a signal itself when a parent dies (prctl), but it means the thread that started the process, and
    DVC's child is a shell, which may stay between the two. So all processes up to DVC are looked up twice a second.
    """
    above = _up_to_dvc()
    done = threading.Event()

    def watch() -> None:
        while not done.wait(POLL):
            if any(map(_gone, above)):
                os.kill(os.getpid(), signal.SIGTERM)
                done.wait(GRACE)  # then again: an exception that is raised in a destructor gets lost

    thread = threading.Thread(target=watch, name="with_dvc", daemon=True)
    if above:
        thread.start()
    try:
        yield
    finally:
        done.set()


def with_parent(parent: int) -> None:
    """Ends this worker process, without a word, when its parent is gone; for the start of a worker.

    Args:
        parent: Number of that process.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(POLL)
        os._exit(1)

    threading.Thread(target=watch, name="with_parent", daemon=True).start()


def _up_to_dvc() -> list[psutil.Process]:
    """The parent, its parent and so on, up to the first without DVC_STAGE in its environment: DVC itself."""
    import psutil

    me = psutil.Process()
    with suppress(psutil.Error):
        if "DVC_STAGE" not in me.environ():
            return []
        found = []
        for process in me.parents():
            found.append(process)
            if "DVC_STAGE" not in process.environ():
                break
        return found
    return [process for process in [me.parent()] if process is not None]  # its environment may not be read


def _gone(process: psutil.Process) -> bool:
    """Whether it has ended, or was never DVC: process 1 adopts a process whose parent has died."""
    import psutil

    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE or _adopts(process)
    except psutil.NoSuchProcess:
        return True
    except psutil.Error:
        return False


def _adopts(process: psutil.Process) -> bool:
    if process.pid != 1 and process.name() != "systemd":
        return False
    return not any(word in part for part in process.cmdline() for word in ("dvc", "python"))
