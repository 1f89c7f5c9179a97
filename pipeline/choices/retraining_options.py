"""What a scheduled retraining does around the pipeline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final
from urllib.parse import urlsplit

from pipeline.core.ranges import PositiveFloat


@final
@dataclass(frozen=True, kw_only=True)
class Options:
    """The section `retraining` of conf/config.yaml, which `colibri retrain` reads.

    Args:
        update: Files written by `dvc import` or `dvc import-url`, which `dvc update` brings up to date first.
        pull: Whether `dvc pull` fetches what the workspace lacks first, as in a fresh clone.
        commit: Branch that takes a commit of dvc.lock and reports after a run; null makes none.
        push: Whether `dvc push` stores data and model in DVC's remote after a run.
        notify_command: Words of a command that gets the result as JSON on stdin; null runs none.
        notify_webhook: URL to which the result is posted as JSON; null posts none.
        notify_seconds: Longest time that either may take.
        notify_always: Whether a call that does nothing notifies, too.
    """

    update: list[str]
    pull: bool
    commit: str | None
    push: bool
    notify_command: list[str] | None
    notify_webhook: str | None
    notify_seconds: PositiveFloat
    notify_always: bool

    def __post_init__(self) -> None:
        if self.notify_webhook is not None:
            parts = urlsplit(self.notify_webhook)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError("notify_webhook must be a URL that begins with https:// or http://")
        if self.notify_command == []:
            raise ValueError("notify_command is an empty list; set the words of a command, or null")
        if self.commit is not None and (not self.commit.strip() or self.commit.startswith("-")):
            raise ValueError(f"commit must be the name of a branch or null, got {self.commit!r}")
