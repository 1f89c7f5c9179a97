"""A `python` whose libraries are imported already, for tests that run many short processes one after the other.

A stage spends its time on imports: 4 to 13 seconds of them, where the tiny set needs one. So one process imports the
libraries, and forks for each `python -m pipeline...` and `python -m dvc ...` that finds this `python` on its PATH, and
for the launchers of torch and Accelerate and what they launch by `python -u -m`. The fork has the caller's folder,
environment and streams, and the caller ends as the fork did, also by a signal. It imports the project's own code
itself, from the caller's PYTHONPATH. Everything else is run by the usual interpreter.

Linux only. Not for tests of what becomes of a process when its parent dies: the parent of a fork is the server.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import io
import json
import os
import pickle
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

LIBRARIES = (
    *(
        "scipy.stats",
        "pandas",
        "pyarrow.parquet",
        "sklearn.ensemble",
        "sklearn.linear_model",
        "sklearn.model_selection",
    ),
    *("cleanlab.filter", "faiss", "matplotlib.pyplot", "jinja2", "hydra", "omegaconf", "pydantic", "skops.io"),
    *("torch", "torch._dynamo", "torchvision", "timm", "accelerate", "safetensors.torch"),
    *("mlflow", "mlflow.pyfunc", "mlflow.store.tracking.sqlalchemy_store", "great_expectations"),
    *("dvc.cli", "dvc.repo", "dvc.commands.repro", "dvc.commands.experiments.run", "dvc.repo.experiments", "dvc_task"),
)
CLIENT = """#!{python} -IS
import json, os, signal, socket, sys
words = sys.argv[1:]
is_unbuffered = words[:1] == ["-u"]
option, name, *rest = [*words[is_unbuffered:], "", ""]
if option != "-m" or name.split(".")[0] not in ("pipeline", "dvc", "benchmarks", "torch", "accelerate"):
    os.execv({python!r}, [{python!r}, *words])
link = socket.socket(socket.AF_UNIX)
link.connect({address!r})
request = {{"words": [name, *rest[:-2]], "unbuffered": is_unbuffered, "folder": os.getcwd()}}
request |= {{"environment": dict(os.environ), "executable": {shim!r}}}
request["group"] = os.getpgrp()
socket.send_fds(link, [b"."], [0, 1, 2])
link.sendall(json.dumps(request).encode())
link.shutdown(socket.SHUT_WR)
code = os.waitstatus_to_exitcode(int(link.makefile().read() or 256))
if code < 0:
    if -code != signal.SIGKILL:
        signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
sys.exit(code)
"""


@contextmanager
def forked_python(folder: Path, environment: dict[str, str], libraries: tuple[str, ...] = LIBRARIES) -> Iterator[Path]:
    """Gives a folder for the front of PATH, with such a `python`; there until the block ends.

    Args:
        folder: Where it is made; its path must be short, as that of every socket.
        environment: Of the process that imports the libraries.
        libraries: Modules that it imports.
    """
    address, shim = str(folder / "socket"), folder / "bin/python"
    shim.parent.mkdir()
    shim.write_text(CLIENT.format(python=sys.executable, address=address, shim=str(shim)), encoding="utf-8")
    shim.chmod(0o755)
    command = [sys.executable, __file__, address, *libraries]
    server = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline() == b"ready\n", "the libraries could not be imported"
            yield shim.parent
        finally:
            server.kill()


def serve(address: str, libraries: list[str]) -> None:
    """Imports the libraries, then forks for each caller until stdin is closed."""
    sys.path[:] = [one for one in sys.path if Path(one) != Path(__file__).parent]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in libraries:
            importlib.import_module(name)
    if "dvc.repo" in libraries:
        remember_files_of_dvc()
    if "mlflow" in libraries:  # it lists what is installed once in a process, in two seconds of a registration
        sys.modules["mlflow.utils.requirements_utils"]._init_modules_to_packages_map()
    gc.freeze()
    signal.signal(signal.SIGCHLD, reap)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        print("ready", flush=True)
        while sys.stdin.fileno() not in select.select([listener, sys.stdin], [], [])[0]:
            link, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                answer(link)
            link.close()


def remember_files_of_dvc() -> None:
    """Lets a process of DVC parse and write the same YAML once: of 15 seconds in a run of all stages these are 10."""
    module: Any = sys.modules["dvc.utils.serialize._yaml"]
    strict: Any = importlib.import_module("dvc.utils.strictyaml")
    parse, dump = module.parse_yaml, module._dump
    parsed: dict[tuple[str, str], bytes] = {}
    dumped: dict[bytes, str] = {}

    def parse_once(text: str, path: str, typ: str = "safe") -> Any:
        if (typ, text) not in parsed:
            parsed[typ, text] = pickle.dumps(parse(text, path, typ))
        return pickle.loads(parsed[typ, text])

    def dump_once(data: Any, stream: io.TextIOBase) -> None:
        content = pickle.dumps(data)
        if content not in dumped:
            written = io.StringIO()
            dump(data, written)
            dumped[content] = written.getvalue()
            parsed["rt", dumped[content]] = content
        stream.write(dumped[content])

    module.parse_yaml, module._dump, strict.parse_yaml = parse_once, dump_once, parse_once


def reap(number: int, frame: FrameType | None) -> None:
    """Waits for the forks that have ended, so that their time counts as the server's."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def answer(link: socket.socket) -> None:
    """Forks the process that was asked for, and says how it ended; ends it when the caller is gone."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _, streams, _, _ = socket.recv_fds(link, 1, 3)
    with link.makefile("rb") as sent:
        request = json.loads(sent.read())
    child = os.fork()
    if child == 0:
        link.close()
        become(request, streams)
    for one in streams:
        os.close(one)  # else whoever reads the output would wait for this process too
    ended = os.pidfd_open(child)
    gone = select.poll()
    gone.register(ended, select.POLLIN)
    gone.register(link, select.POLLHUP)
    if ended not in dict(gone.poll()):
        os.kill(child, signal.SIGTERM)
    _, status = os.waitpid(child, 0)
    with link, suppress(OSError):  # a caller that was killed does not listen
        link.sendall(str(status).encode())
    os._exit(0)


def become(request: dict, streams: list[int]) -> None:
    """Makes this fork what `python -m` of the caller would be, runs it and ends."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    with suppress(OSError):  # the caller is of another session, or gone
        os.setpgid(0, request["group"])
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    own = [one for one in os.environ.get("PYTHONPATH", "").split(os.pathsep) if one]
    sys.path[:] = [request["folder"], *own, *sys.path]
    sys.argv, sys.executable = request["words"], request["executable"]
    if request["unbuffered"]:
        sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), write_through=True)
        sys.stderr = io.TextIOWrapper(io.FileIO(2, "w", closefd=False), errors="backslashreplace", write_through=True)
    code: object = 0
    try:
        runpy.run_module(request["words"][0], run_name="__main__", alter_sys=True)
    except SystemExit as error:
        code = error.code
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    if isinstance(code, str):
        print(code, file=sys.stderr)
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2:])
