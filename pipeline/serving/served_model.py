"""The model that a server uses, and the watch for a new champion."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import final

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.sample_codec import noun_of
from pipeline.prediction.classifier import PictureClassifier
from pipeline.tracking import registry
from pipeline.tracking.connection import Unavailable
from pipeline.tracking.model_choice import CHAMPION, find_version, load_classifier, open_files

LOCAL = "local"  # the version of a folder with card and weights


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class ServedModel:
    """A loaded model.

    Attributes:
        name: Of the registered model, or of the folder.
        version: Its number; `local` for a folder.
        title: A text that names it for a person.
        classifier: Decodes and decides.
        follows: The alias by which it was found, which may later name another version; None for a fixed version.
    """

    name: str
    version: str
    title: str
    classifier: PictureClassifier
    follows: str | None = None


def load_model(model: str | None = None) -> ServedModel:
    """The model that a person means, as `tracking.model_choice.load_classifier` finds it.

    Raises:
        UserError: There is no such model, its files are missing or do not fit, or the store does not answer.
    """
    if model is not None and (Path(model) / "card.json").is_file():
        classifier, title = load_classifier(model)
        return ServedModel(name=Path(model).name, version=LOCAL, title=title, classifier=classifier)
    if model is None:
        try:
            version = find_version(None)
        except Unavailable:  # there may be a champion
            raise
        except UserError:  # no champion yet: the last trained model, or the reason
            classifier, title = load_classifier(None)
            return ServedModel(
                name=artifacts.PREDICTOR.name, version=LOCAL, title=title, classifier=classifier, follows=CHAMPION
            )
    else:
        version = find_version(model)
    with open_files(version) as folder:
        classifier = PictureClassifier.load(folder)
    alias = CHAMPION if model is None else model.rpartition("@")[2] if "@" in model else None
    return ServedModel(
        name=version.name, version=version.version, title=str(version), classifier=classifier, follows=alias
    )


def refuse_other_media(model: ServedModel, media: str) -> None:
    """Refuses a next version that takes other samples than this server was started for.

    Raises:
        UserError: It does.
    """
    if (other := model.classifier.codec.media) != media:
        raise UserError(
            f"{model.title} takes {noun_of(other)}s, and this server was started for {noun_of(media)}s; start it again"
        )


@final
class ModelWatch:
    """The model in use; a thread looks every few seconds whether its alias names another version.

    The next version is loaded and tried while the present one answers; then requests that arrive take the next one.
    Where the store does not answer, or the next version cannot be loaded, the present one stays in use.

    Args:
        model: As for `load_model`.
        seconds: Between two looks; 0 never looks.
        prepare: Called with a loaded model before it is used.
        report: Called with a line for a person when the model changes, or why it could not.
    """

    def __init__(
        self,
        model: str | None,
        seconds: float,
        prepare: Callable[[ServedModel], None],
        report: Callable[[str], None],
    ):
        self.reference, self.seconds, self.prepare, self.report = model, seconds, prepare, report
        self.current = load_model(model)
        prepare(self.current)
        self.num_changes = 0
        self.problem = ""
        self.is_closed = threading.Event()
        self.thread = threading.Thread(target=self._watch, name="model watch", daemon=True)
        if self.current.follows is not None and seconds > 0:
            self.thread.start()

    def look(self) -> bool:
        """Looks once, and takes over another version; whether there was one."""
        present = self.current
        try:
            if self._is_unchanged(present):
                return False
            following = load_model(self.reference)
            same = (following.name, following.version) == (present.name, present.version)
            if same or following.version == LOCAL:  # what nobody promoted takes over from no version
                return False
            self.prepare(following)
        except Exception as error:
            text = " ".join(str(error).split()) or type(error).__name__
            if text != self.problem:
                self.report(f"the model stays {present.title}: {text}")
            self.problem = text
            return False
        self.current, self.problem = following, ""
        self.num_changes += 1
        self.report(f"model: {following.title}, before: {present.title}")
        return True

    def close(self) -> None:
        """Ends the thread."""
        self.is_closed.set()
        if self.thread.is_alive():
            self.thread.join(timeout=1.0)

    def _is_unchanged(self, present: ServedModel) -> bool:
        """Whether the alias still names the version; an SQLite file says so without a connection.

        Raises:
            UserError: The alias names none, or the store does not answer.
        """
        found = registry.peek_champion(present.name) if present.follows == CHAMPION else None
        if found is not None:
            return found == present.version
        try:
            version = find_version(self.reference)
        except UserError:
            if present.version == LOCAL:  # no champion as yet
                return True
            raise
        return (version.name, version.version) == (present.name, present.version)

    def _watch(self) -> None:
        while not self.is_closed.wait(self.seconds):
            self.look()
