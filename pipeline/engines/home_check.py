"""Compares what nodes of a cluster return with what this machine makes of the same items."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any, Literal, final

from pipeline.core.errors import ItemRejected, UserError
from pipeline.engines.local import map_alone
from pipeline.engines.node_work import Outcome, Reply, Work

Part = Literal["both", "function", "model"]


@final
class HomeCheck:
    """Opens replies, and ends the run where a node does not return what this machine would.

    The first batch of each node is computed here too; of this machine's own node only that of a model, whose process
    has fewer threads. Later ones are computed here where they hold a refusal or an exception: a node that cannot see a
    file says the same as one that finds it broken.

    Args:
        work: What the nodes do.
        what: Begins the messages.
        killed: As for `Engine.map`.
        home: Number of the node of this machine.
    """

    def __init__(self, work: Work, what: str, killed: Callable[[Any], Any] | None, home: str):
        self.work, self.what, self.killed, self.home = work, what, killed, home
        self.checked: set[str] = set()

    def open(self, items: list[Any], reply: Reply, part: Part = "both") -> Outcome:
        """What a reply holds.

        Args:
            items: What was sent.
            reply: What came back.
            part: What was applied, function and model or one of them.

        Raises:
            UserError: The node has other code, or returns something else than this machine.
        """
        if reply.mismatch:
            raise UserError(f"{self.what}: node {reply.address} of the Ray cluster {reply.mismatch}")
        content = pickle.loads(reply.content)  # noqa: S301 from a process of the cluster, which runs our code anyway
        is_foreign = reply.node != self.home
        if reply.is_raised:
            if is_foreign and part != "model":
                self._reproduce(items, content, reply)
            raise content
        outcome: Outcome = content
        if part == "both" and reply.node not in self.checked:
            self._check_first(items, outcome, reply, is_foreign)
            self.checked.add(reply.node)
        elif is_foreign:
            for position, result in outcome.refused.items():
                self._compare(items[position], result, self._make_here(items[position]), reply)
        return outcome

    def _check_first(self, items: list[Any], outcome: Outcome, reply: Reply, is_foreign: bool) -> None:
        if not is_foreign and self.work.model is None:
            return
        here = [self._make_here(item) for item in items]
        for position, result in enumerate(outcome.results):
            self._compare(items[position], result, here[position], reply)
        for position, result in outcome.refused.items():
            self._compare(items[position], result, here[position], reply)
        if self.work.model is not None and not is_same(outcome.output, self.work.model(here)):
            raise UserError(
                f"{self.what}: node {reply.address} of the Ray cluster computes other numbers with the model than this "
                "machine; take nodes with the same kind of processor, or set COLIBRI_ENGINE=local"
            )

    def _make_here(self, item: Any) -> Any:
        assert self.work.function is not None
        return map_alone(self.work.function, item, self.what, self.killed)

    def _compare(self, item: Any, result: Any, here: Any, reply: Reply) -> None:
        if not is_same(result, here):
            raise UserError(
                f"{self.what}: node {reply.address} of the Ray cluster makes {_say(result)} of {item!r}, and this "
                f"machine {_say(here)}; every node must see the same files at the same paths, see docs/scaling.md"
            )

    def _reproduce(self, items: list[Any], raised: Exception, reply: Reply) -> None:
        """Raises what this machine raises of the same items, or that the node alone does."""
        here = [self._make_here(item) for item in items]
        if self.work.model is not None:
            self.work.model(here)
        raise UserError(
            f"{self.what}: node {reply.address} of the Ray cluster fails ({raised}), and this machine does not with "
            "the same items; every node must see the same files at the same paths, see docs/scaling.md"
        )


def is_same(first: Any, second: Any) -> bool:
    """Whether two results have equal values, down to the last bit of every number."""
    import joblib

    return bool(joblib.hash(_plain(first)) == joblib.hash(_plain(second)))


def _plain(value: Any) -> Any:
    """A value as joblib compares it; an exception with its text, since its attributes are no part of its pickle."""
    if isinstance(value, BaseException):
        return type(value).__qualname__, str(value)
    if isinstance(value, list | tuple):
        return [type(value).__qualname__, *(_plain(one) for one in value)]
    return value


def _say(result: Any) -> str:
    parts = result if isinstance(result, tuple) else (result,)
    refused = [str(one) for one in parts if isinstance(one, ItemRejected)]
    return f"a refusal ({refused[0]})" if refused else "nothing" if result is None else "a result"
