"""The processes of a Ray cluster."""

from __future__ import annotations

import pickle
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any, final

from pipeline.core.engine_contract import Engine
from pipeline.core.errors import UserError
from pipeline.core.ranges import PositiveInt
from pipeline.engines.home_check import HomeCheck
from pipeline.engines.local import BATCH, BATCHES_AHEAD, LocalEngine, apply_here, replace_killed
from pipeline.engines.node_work import Installation, Outcome, Reply, Work, find_installation, work_on
from pipeline.engines.ray_connection import connect

ATTEMPTS = 3  # of an item alone, before it is said to kill its process: others may have killed it
LOSSES = 20  # of a batch whose node dies: an address that loses every node is no cluster
SPARE = 2  # batches that wait for a process, where a batch is as large as all that a process may have waiting
POLL = 5.0  # seconds between looks at the size of the cluster


@final
@dataclass(frozen=True, kw_only=True)
class RayEngine(Engine):
    """Tasks of a Ray cluster, a batch of items each; nodes may come and go.

    A node whose code or packages are others is refused. The first batch of every node is computed on this machine too,
    and so is every item that another node refuses. A difference ends the run: no artifact depends on the engine.

    Args:
        address: HOST:PORT of the head node, `auto` for a node that runs on this machine, or `local`, which starts a
            cluster of this machine alone, on localhost.
        object_store: MiB of shared memory of a cluster that `local` starts, at least 80.
        processes: At once, of a cluster that `local` starts; None for one per core.
    """

    address: str
    object_store: PositiveInt
    processes: PositiveInt | None = None

    def map(
        self,
        function: Callable[[Any], Any],
        items: Iterable[Any],
        what: str,
        killed: Callable[[Any], Any] | None = None,
    ) -> Iterator[Any]:
        for outcome in self._call(Work(function=function), what, killed).run(items, BATCH):
            yield from outcome.results

    def map_batches(
        self,
        function: Callable[[Any], Any],
        model: Callable[[list[Any]], Any],
        items: Iterable[Any],
        size: int,
        what: str,
        killed: Callable[[Any], Any] | None = None,
        arrived: Callable[[int], None] | None = None,
    ) -> Iterator[Any]:
        if _stays_here(model):
            yield from apply_here(model, self.map(function, items, what, killed), size, arrived)
        else:
            for outcome in self._call(Work(function=function, model=model), what, killed).run(items, size, arrived):
                yield outcome.output

    def stop(self) -> None:
        import sys

        LocalEngine().stop()
        if "ray" in sys.modules:
            sys.modules["ray"].shutdown()

    def _call(self, work: Work, what: str, killed: Callable[[Any], Any] | None) -> ClusterCall:
        ray = connect(self.address, self.object_store, self.processes)
        return ClusterCall(ray, work, what, killed, find_installation())


class ClusterCall:
    """One function over many items, on a cluster.

    Args:
        ray: The module, connected.
        work: What is applied.
        what: Begins the messages.
        killed: As for `Engine.map`.
        installation: Of this process.
    """

    def __init__(
        self,
        ray: Any,
        work: Work,
        what: str,
        killed: Callable[[Any], Any] | None,
        installation: Installation,
    ):
        self.ray, self.work, self.what, self.killed = ray, work, what, killed
        self.installation = installation
        self.task = ray.remote(max_retries=0, num_cpus=1)(work_on)
        errors = ray.exceptions
        self.crashes = (errors.WorkerCrashedError, errors.OutOfMemoryError)
        self.losses = (errors.NodeDiedError, errors.ObjectLostError, errors.TaskUnschedulableError)
        self.both = self._place(work)
        self.check = HomeCheck(work, what, killed, ray.get_runtime_context().get_node_id())
        self.num_processes, self.looked_at = 0, -POLL

    def run(self, items: Iterable[Any], size: int, arrived: Callable[[int], None] | None = None) -> Iterator[Outcome]:
        """What becomes of `size` items at a time, in order; `arrived` is called with their number."""
        remaining = iter(items)
        waiting: deque[tuple[list[Any], Any]] = deque()
        try:
            while True:
                processes = self._count_processes()
                ahead = max(processes + SPARE, processes * BATCHES_AHEAD * BATCH // size)
                while len(waiting) < ahead and (batch := list(islice(remaining, size))):
                    waiting.append((batch, self._send(self.both, batch)))
                if not waiting:
                    return
                batch, sent = waiting[0]
                reply = self._wait(self.both, batch, sent, attempts=1)
                waiting.popleft()
                outcome = self._one_by_one(batch) if reply is None else self.check.open(batch, reply)
                if arrived is not None:
                    arrived(len(batch))
                yield outcome
        finally:
            if self.ray.is_initialized():  # else to cancel would start a new cluster
                for _, sent in waiting:
                    self.ray.cancel(sent, force=True)

    @cached_property
    def first(self) -> tuple[str, Any]:
        """The function alone."""
        return self._place(Work(function=self.work.function))

    @cached_property
    def second(self) -> tuple[str, Any]:
        """The model alone."""
        return self._place(Work(model=self.work.model))

    def _place(self, work: Work) -> tuple[str, Any]:
        reference = self.ray.put(work)
        return reference.hex(), reference

    def _send(self, work: tuple[str, Any], items: list[Any]) -> Any:
        key, reference = work
        return self.task.remote([reference], key, items, self.installation)

    def _wait(self, work: tuple[str, Any], items: list[Any], sent: Any, attempts: int) -> Reply | None:
        """The reply; None after so many attempts that each killed the process. A node that is lost does not count."""
        errors = self.ray.exceptions
        for _ in range(LOSSES):
            while not self.ray.wait([sent], timeout=POLL)[0]:
                self._count_processes()
            try:
                reply: Reply = self.ray.get(sent)
                return reply
            except self.crashes:
                attempts -= 1
                if not attempts:
                    return None
            except errors.RayTaskError as error:
                if not isinstance(error.cause, self.losses):
                    raise UserError(
                        f"{self.what}: a node of the Ray cluster cannot run Colibri ({_last_line(error)}); "
                        "install the same version on every node"
                    ) from None
            except self.losses:
                pass
            except errors.RayError as error:
                raise UserError(f"{self.what}: the Ray cluster failed: {_last_line(error)}; see its logs") from None
            sent = self._send(work, items)
        raise UserError(f"{self.what}: {LOSSES} nodes of the Ray cluster were lost with the same items; look at them")

    def _one_by_one(self, batch: list[Any]) -> Outcome:
        """Of a batch that killed its process: each item alone, then the model on what they became."""
        results = [self._alone(item) for item in batch]
        if self.work.model is None:
            return Outcome(results=results, refused={})
        reply = self._wait(self.second, results, self._send(self.second, results), ATTEMPTS)
        if reply is None:
            raise UserError(
                f"{self.what}: the model kills its process, mostly for lack of memory; lower the number of pictures it "
                "takes at once, or give each process more memory"
            )
        return self.check.open(results, reply, "model")

    def _alone(self, item: Any) -> Any:
        reply = self._wait(self.first, [item], self._send(self.first, [item]), ATTEMPTS)
        if reply is None:
            return replace_killed(item, self.what, self.killed)
        return self.check.open([item], reply, "function").results[0]

    def _count_processes(self) -> int:
        """Processes of the cluster, looked up every few seconds.

        Raises:
            UserError: No node is left.
        """
        if time.monotonic() - self.looked_at >= POLL:
            self.num_processes, self.looked_at = int(self.ray.cluster_resources().get("CPU", 0)), time.monotonic()
            if not self.num_processes:
                raise UserError(f"{self.what}: the Ray cluster has no node with a processor; start one with ray start")
        return self.num_processes


def _stays_here(model: Callable[[list[Any]], Any]) -> bool:
    """Whether a model cannot travel: it is on a GPU of this machine, or cannot be pickled."""
    import sys

    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return True
    try:
        pickle.dumps(model)
    except Exception:  # pickle lets through whatever an object raises
        return True
    return False


def _last_line(error: BaseException) -> str:
    return ([line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__])[-1][:200]
