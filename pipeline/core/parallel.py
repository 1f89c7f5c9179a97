"""One function over many items, in order, with a progress bar, bounded memory and no lost run; by the engine chosen."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from typing import TYPE_CHECKING, TypeVar

from pipeline.core import progress

if TYPE_CHECKING:
    from pipeline.core.engine_contract import Engine
    from pipeline.core.open_types import Params

Item = TypeVar("Item")
Result = TypeVar("Result")
Output = TypeVar("Output")

ENGINE = "COLIBRI_ENGINE"  # environment variable: a file of conf/engine/
LOCAL = "local"
LOCAL_ENGINE = "pipeline.engines.local.LocalEngine"
SMALL = 64  # with fewer items, starting processes takes longer than they do
_engines: dict[str, Engine] = {}


def num_workers() -> int:
    """Processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def parallel_map(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    total: int,
    what: str,
    killed: Callable[[Item], Result] | None = None,
) -> Iterator[Result]:
    """Results in the order of the items, computed by worker processes on demand, as `Engine.map` says.

    Args:
        function: Picklable, without side effects.
        items: Picklable.
        total: Number of items, for the bar.
        what: Label of the bar.
        killed: The result of an item that kills its process; None stops the run.

    Raises:
        UserError: An item kills its process and `killed` is None, or the engine cannot be used.
    """
    results = map(function, items) if total < SMALL else choose_engine().map(function, items, what, killed)
    yield from progress.track(results, total, what)


def parallel_batches(
    function: Callable[[Item], Result],
    model: Callable[[list[Result]], Output],
    items: Iterable[Item],
    total: int,
    size: int,
    what: str,
    killed: Callable[[Item], Result] | None = None,
    arrived: Callable[[int], None] | None = None,
) -> Iterator[Output]:
    """What a model makes of `size` results of `parallel_map` at a time, in order, as `Engine.map_batches` says.

    Args:
        function: As for `parallel_map`.
        model: Of up to `size` results.
        items: As for `parallel_map`.
        total: As for `parallel_map`.
        size: Results that the model takes at once, at least 1.
        what: As for `parallel_map`.
        killed: As for `parallel_map`.
        arrived: Called with how many more items are done, as for `Engine.map_batches`; the bar counts the same.

    Raises:
        UserError: As for `parallel_map`, or the model kills its process.
    """
    engine = _build({"_target_": LOCAL_ENGINE, "workers": 1}) if total < SMALL else None
    with progress.show(what, total, "pictures") if total > 1 else nullcontext() as bar:

        def count(number: int) -> None:
            if arrived is not None:
                arrived(number)
            if bar is not None:
                bar.advance(number)

        yield from (engine or choose_engine()).map_batches(function, model, items, size, what, killed, count)


def choose_engine() -> Engine:
    """The engine that COLIBRI_ENGINE names: a file of conf/engine/, `local` unless set.

    Raises:
        UserError: There is no such file, or its options are refused.
    """
    from pipeline.core import config

    name = os.environ.get(ENGINE) or LOCAL
    if name not in _engines:
        _engines[name] = _build((name == LOCAL and _read_local()) or config.compose_option("engine", name), name)
    return _engines[name]


def _read_local() -> Params | None:
    """The options of the local engine, without Hydra, which takes a second; None where the file cannot be read."""
    import yaml

    from pipeline.core import config

    path = config.CONF / "engine" / f"{LOCAL}.yaml"
    if not path.exists():  # as where a model is used outside a checkout
        return {"_target_": LOCAL_ENGINE}
    try:
        content: Params | None = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return None
    return content


def _build(node: Params, name: str = LOCAL) -> Engine:
    from pipeline.core import config

    engine: Engine = config.build(node, f"conf/engine/{name}.yaml", "engine")
    return engine


def stop() -> None:
    """Ends the worker processes at once, even in the middle of an item."""
    for engine in _engines.values():
        engine.stop()
