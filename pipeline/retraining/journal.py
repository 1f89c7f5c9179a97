"""The steps of one retraining that are done, in a file, so that a call after a kill goes on with the same work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, final

from pipeline.core import artifacts
from pipeline.core.errors import UserError

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject

JOURNAL = Path(".cache/retrain/journal.json")  # no artifact: git and DVC ignore it


@final
@dataclass
class RetrainJournal:
    """One retraining, from its start until everybody knows of it.

    Attributes:
        key: Names it in MLflow, in reports/retrains.jsonl and in the commit.
        started: ISO 8601, by the clock of the call that began it.
        results: Step to what it gave, of the steps that are done, in their order.
        is_resumed: Whether an earlier call began it.
    """

    key: str
    started: str
    results: dict[str, JsonObject] = field(default_factory=dict)
    is_resumed: bool = False

    @classmethod
    def load(cls) -> RetrainJournal | None:
        """The one that an earlier call left behind, or None.

        Raises:
            UserError: The file is damaged, which no kill does.
        """
        if not JOURNAL.exists():
            return None
        content = artifacts.read_json(JOURNAL)
        try:
            return cls(str(content["key"]), str(content["started"]), dict(content["results"]), is_resumed=True)
        except (KeyError, TypeError, ValueError):
            raise UserError(
                f"{JOURNAL} is no journal of a retraining; remove it, and colibri retrain begins anew"
            ) from None

    def save(self) -> None:
        artifacts.write_json(JOURNAL, {"key": self.key, "started": self.started, "results": self.results})

    def take(self, step: str, work: Callable[[], JsonObject]) -> JsonObject:
        """The result of a step: the recorded one, or that of the work, which is then recorded."""
        if step not in self.results:
            result = work()
            self.results[step] = result
            self.save()
        return self.results[step]

    def close(self) -> None:
        JOURNAL.unlink(missing_ok=True)
