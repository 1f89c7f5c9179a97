"""Fits a linear probe in the background, and again when people have labelled more."""

from __future__ import annotations

import threading
from typing import final

import numpy as np

from pipeline.core import terminal
from pipeline.labelling.web.session import Session
from pipeline.labelling.web.suggestions import fit_suggestions, reduce

SEED = 0
MORE = 1.1  # times as many labels as for the last probe: then it is fitted again
FEWEST = 10  # further labels for that
PAUSE = 3.0  # seconds between two looks


@final
class ProbeThread(threading.Thread):
    """Keeps the suggestions of a session up to date.

    Args:
        session: Whose suggestions are replaced.
        features: (N, D) frozen features.
    """

    def __init__(self, session: Session, features: np.ndarray):
        super().__init__(name="probe", daemon=True)
        self.session, self.features = session, features
        self._ends = threading.Event()

    def stop(self) -> None:
        """Ends the thread after what it does now."""
        self._ends.set()

    def run(self) -> None:
        try:
            self._run()
        except Exception as error:  # the page works without suggestions
            terminal.show_error(type(error), error, error.__traceback__)

    def _run(self) -> None:
        reduced = reduce(self.features, SEED)
        splits = self.session.manifest["split"].to_numpy(dtype=str)
        last_number, last_version = -FEWEST, -1
        while True:
            version = self.session.state.version
            if version != last_version:
                last_version = version
                with self.session.lock:
                    labels = self.session.state.labels_now()
                number = sum(names is not None for names in labels)
                if number >= max(last_number * MORE, last_number + FEWEST) or number < last_number:
                    last_number = number
                    self.session.suggest(fit_suggestions(reduced, labels, splits, self.session.exclusive, SEED))
            if self._ends.wait(PAUSE):
                return
