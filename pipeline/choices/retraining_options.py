"""What a scheduled retraining does around the pipeline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final
from urllib.parse import urlsplit

from pipeline.core.ranges import PositiveFloat

PROJECT = "project"


@final
@dataclass(frozen=True, kw_only=True)
class Options:
    """The section `retraining` of conf/config.yaml, which `colibri retrain` reads.

    Args:
        update: Files written by `dvc import` or `dvc import-url`, which `dvc update` brings up to date first.
        pull: Whether `dvc pull` fetches what the workspace lacks first, as in a fresh clone.
        feedback: Database whose corrected pictures become samples, and whose answers are compared with the training:
            `project` (that of `colibri serve` here, where there is one), a URL without a password, or null for none.
        commit: Branch that takes a commit of dvc.lock and reports after a run; null makes none.
        push: Whether `dvc push` stores data and model in DVC's remote after a run.
        notify_command: Words of a command that gets the result as JSON on stdin; null runs none.
        notify_webhook: URL to which the result is posted as JSON; null posts none.
        notify_seconds: Longest time that either may take.
        notify_always: Whether a call that does nothing notifies, too.
    """

    update: list[str]
    pull: bool
    feedback: str | None
    commit: str | None
    push: bool
    notify_command: list[str] | None
    notify_webhook: str | None
    notify_seconds: PositiveFloat
    notify_always: bool

    def __post_init__(self) -> None:
        self._check_feedback()
        if self.notify_webhook is not None:
            parts = urlsplit(self.notify_webhook)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError("notify_webhook must be a URL that begins with https:// or http://")
        if self.notify_command == []:
            raise ValueError("notify_command is an empty list; set the words of a command, or null")
        if self.commit is not None and (not self.commit.strip() or self.commit.startswith("-")):
            raise ValueError(f"commit must be the name of a branch or null, got {self.commit!r}")

    def _check_feedback(self) -> None:
        if self.feedback in (None, PROJECT):
            return
        if "://" not in str(self.feedback):
            raise ValueError(
                f"feedback must be {PROJECT}, null, or the URL of a database such as sqlite:///answers.db, got "
                f"{self.feedback!r}"
            )
        try:
            parts = urlsplit(str(self.feedback))
            has_password = bool(parts.password) or "password=" in parts.query
        except ValueError:
            raise ValueError("feedback is no URL; write it as postgresql+psycopg://user@host/name") from None
        if has_password:
            raise ValueError(
                "feedback holds a password, and git keeps this file; leave it out of the URL, and set PGPASSWORD or "
                "write ~/.pgpass"
            )
