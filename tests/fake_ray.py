"""As much of Ray as the engine uses, in this process: nodes in turn, tasks that fail as a test says; and functions."""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from itertools import count
from types import ModuleType, SimpleNamespace
from typing import Any


class RayError(Exception):
    """As in ray.exceptions, like the following."""


class WorkerCrashedError(RayError):
    pass


class OutOfMemoryError(RayError):
    pass


class NodeDiedError(RayError):
    pass


class ObjectLostError(RayError):
    pass


class TaskUnschedulableError(RayError):
    pass


class RayTaskError(RayError):
    def __init__(self, cause: BaseException):
        super().__init__(f"traceback\n{type(cause).__name__}: {cause}")
        self.cause = cause


EXCEPTIONS = (
    *(RayError, WorkerCrashedError, OutOfMemoryError, NodeDiedError),
    *(ObjectLostError, TaskUnschedulableError, RayTaskError),
)


class Dies(BaseException):
    """What a function raises here instead of ending its process."""


class Reference:
    """A value, or a task that has not run."""

    def __init__(self, run: Callable[[], Any]):
        self.run, self.number = run, next(NUMBERS)

    def hex(self) -> str:
        return str(self.number)


NUMBERS = count()


class FakeRay(ModuleType):
    """A cluster of nodes of one process each; `home` is the node of this process.

    Args:
        nodes: Their names, which tasks get in turn.
        fail: From the number of a task and its items to the error that it ends with, or None.
    """

    def __init__(
        self, nodes: tuple[str, ...] = ("home",), fail: Callable[[int, list[Any]], RayError | None] = lambda *_: None
    ):
        super().__init__("ray")
        self.__spec__ = ModuleSpec("ray", None)
        self.nodes, self.fail = nodes, fail
        self.exceptions = SimpleNamespace(**{one.__name__: one for one in EXCEPTIONS})
        self.util = SimpleNamespace(get_node_ip_address=lambda: f"address of {self.node}")
        self.node, self.started, self.cancelled, self.fetched = "home", 0, 0, 0
        self.processors = float(len(nodes))
        self.arguments: dict[str, Any] = {}
        self.refusal: Exception | None = None

    def init(self, **arguments: Any) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.arguments = arguments

    def is_initialized(self) -> bool:
        return bool(self.arguments)

    def shutdown(self) -> None:
        self.arguments = {}

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": self.processors, "memory": 1.0}

    def get_runtime_context(self) -> Any:
        return SimpleNamespace(get_node_id=lambda: self.node)

    def put(self, value: Any) -> Reference:
        content = pickle.dumps(value)

        def fetch() -> Any:
            self.fetched += 1
            return pickle.loads(content)

        return Reference(fetch)

    def remote(self, **options: Any) -> Callable[[Callable[..., Any]], Any]:
        assert options == {"max_retries": 0, "num_cpus": 1}
        return lambda function: SimpleNamespace(remote=lambda *arguments: self._start(function, arguments))

    def wait(self, references: list[Reference], timeout: float) -> tuple[list[Reference], list[Reference]]:
        assert timeout > 0
        return references, []

    def get(self, reference: Reference) -> Any:
        return reference.run()

    def cancel(self, reference: Reference, force: bool) -> None:
        assert force
        self.cancelled += 1

    def _start(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Reference:
        number, node = self.started, self.nodes[self.started % len(self.nodes)]
        self.started += 1
        work, key, *others = arguments

        def run() -> Any:
            if error := self.fail(number, others[0]):
                raise error
            self.node = node
            try:
                return function(work, key, *pickle.loads(pickle.dumps(others)))
            except Dies:
                raise WorkerCrashedError("died") from None
            except Exception as error:
                raise RayTaskError(error) from None
            finally:
                self.node = "home"

        return Reference(run)


def killed_by_13(item: int) -> int:
    """-item, but of 13; in a process that may end."""
    if item == 13:
        os.kill(os.getpid(), signal.SIGKILL)
    return -item


def lost(item: int) -> str:
    """What stands for an item that kills its process."""
    return f"lost {item}"


def count_and_sum(results: list[Any]) -> tuple[int, int]:
    """A model of results of which some may be lost."""
    return len(results), sum(one for one in results if not isinstance(one, str))
