"""One running labelling server: the samples, what people decide about them, and the files in which that is written."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, final

from pipeline.core.artifacts import content_digest
from pipeline.core.errors import UserError
from pipeline.datasets.class_list import ClassList, LabelClass, read_classes
from pipeline.datasets.label_decisions import LabelDecision
from pipeline.labelling.automatic.blind_share import is_blind, is_of_audit
from pipeline.labelling.automatic.model_answers import ModelAnswer, append_answers
from pipeline.labelling.web.decision_file import DecisionFile
from pipeline.labelling.web.decision_lines import LineMaker
from pipeline.labelling.web.label_state import LabelState
from pipeline.labelling.web.unwritten import refuse_unwritten
from pipeline.serving.limits import Refusal

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.core.open_types import JsonObject
    from pipeline.labelling.web.bodies import DecisionBody
    from pipeline.labelling.web.suggestions import Suggestion

BLIND_SEED = 0  # the same for everybody, so that two people see the same of a sample


@final
class Session:
    """What the calls of the page read and change; one thread at a time changes it.

    Args:
        source: Name of the data set.
        manifest: As `LabelState` takes it, with `content_hash`.
        decisions: The file of label decisions.
        classes: The file of classes.
        exclusive: Whether a sample has exactly one label.
        batches: sample_id to the batch that `colibri query` put it in.

    Raises:
        UserError: One of the files cannot be read.
    """

    def __init__(
        self,
        source: str,
        manifest: pd.DataFrame,
        decisions: Path,
        classes: Path,
        exclusive: bool,
        batches: dict[str, str],
    ):
        self.source, self.manifest, self.exclusive, self.batches = source, manifest, exclusive, batches
        columns = [manifest["sample_id"].astype(str), manifest["content_hash"].astype(str)]
        self.digest = content_digest(*("\0".join(column).encode(errors="surrogatepass") for column in columns))
        self.file = DecisionFile(decisions)
        self.classes_path = classes
        self.lock = threading.RLock()
        self.suggestions: dict[int, Suggestion] = {}
        self.suggestions_version = 0
        self.classes_version = 0
        self.classes_problem = self.answers_problem = ""
        self.answers_path = decisions.with_suffix(".model.csv")
        self._last_time = datetime.min.replace(tzinfo=UTC)
        self._classes_stamp = self._stamp_of_classes()
        self.state = LabelState(manifest, read_classes(classes))
        self.refresh()
        if self.file.problem:
            raise UserError(self.file.problem)

    @property
    def problems(self) -> list[str]:
        """What stops a file from being read, one line each."""
        return [text for text in (self.file.problem, self.classes_problem, self.answers_problem) if text]

    @property
    def classes(self) -> Sequence[LabelClass]:
        """The classes in use, with what people wrote about them."""
        if self.state.classes is not None:
            return self.state.classes.active
        names = self.state.known_names
        return [LabelClass(name=name, key=key) for name, key in zip(names, _choose_keys(names), strict=True)]

    def refresh(self) -> None:
        """Takes in what others wrote into the files."""
        with self.lock:
            self._refresh_classes()
            former = len(self.file.lines)
            same = self.file.refresh()
            if same is None:
                return
            if same < former:
                self.state.restart(self.file.lines, self.state.classes)
            else:
                self.state.add(self.file.lines[same:])

    def decide(self, body: DecisionBody) -> list[int]:
        """Writes what a person decided about some samples; the rows that changed.

        Raises:
            Refusal: A sample, a class or an answer does not exist, or the lines cannot be written.
        """
        if body.manifest and body.manifest != self.digest:
            raise Refusal(409, "other_samples", "the samples are others since this page was opened; reload the page")
        with self.lock:
            self.refresh()
            maker = LineMaker(
                state=self.state,
                classes=self.classes,
                exclusive=self.exclusive,
                suggestion=self.suggestion,
                batches=self.batches,
            )
            when = self._time()
            lines = [maker.make(row, body, when) for row in self._check_rows(body.rows)]
            if body.again:
                lines = [line for line in lines if not self._is_written(line)]
            rows = self._write(lines)
            self._note_answers(lines)
            return rows

    def undo(self, who: str) -> list[int]:
        """Takes the person's last act back; raises as `decide`, also where there is none."""
        with self.lock:
            self.refresh()
            return self._repeat(self.state.history.lines_to_undo(who, self._time()), "undo")

    def redo(self, who: str) -> list[int]:
        """Does again what the person undid last; raises as `undo`."""
        with self.lock:
            self.refresh()
            return self._repeat(self.state.history.lines_to_redo(who, self._time()), "do again")

    def use_classes(self, classes: ClassList) -> None:
        """Goes on with other classes, which are in the file already."""
        with self.lock:
            self._classes_stamp = self._stamp_of_classes()
            self.classes_version += 1
            self.classes_problem = ""
            self.state.restart(self.file.lines, classes)

    def suggest(self, found: dict[int, Suggestion]) -> None:
        """Shows what a model says from now on; the samples of which it says nothing keep what they have."""
        with self.lock:
            self.suggestions = self.suggestions | found
            self.suggestions_version += 1

    def suggestion(self, row: int) -> Suggestion | None:
        """What may be shown of a model's answer; None also for the blind share."""
        return None if self.is_blind(row) else self.suggestions.get(row)

    def is_blind(self, row: int) -> bool:
        """Whether nobody sees what a model says of this sample."""
        name = self.state.ids[row]
        return is_blind(name, self.batches.get(name, ""), BLIND_SEED)

    def describe(self, row: int, who: str) -> JsonObject:
        """What the page shows of a sample."""
        seen, suggested = self.state.see(row, who), self.suggestion(row)
        today = self.state.classes
        return {
            "row": row,
            "id": self.state.ids[row],
            "labels": seen.labels,
            "status": seen.status,
            "mine": seen.mine is not None,
            "attributes": seen.mine.attributes if seen.mine is not None else {},
            "people": seen.num_people,
            "source": self.state.source_labels(row),
            "split": str(self.manifest["split"].iloc[row]),
            "version": str(self.manifest["content_hash"].iloc[row])[:12],
            "batch": self.batches.get(self.state.ids[row], ""),
            "blind": self.is_blind(row) and row in self.suggestions,
            "predicted": None
            if suggested is None
            else {
                "labels": list(suggested.labels) if today is None else today.rename(suggested.labels).labels,
                "scores": [[name, round(score, 4)] for name, score in suggested.scores],
                "by": suggested.by,
            },
        }

    def check_row(self, row: int) -> int:
        """A row that exists.

        Raises:
            Refusal: There is no such row.
        """
        if not 0 <= row < len(self.state.ids):
            raise Refusal(404, "no_such_sample", f"there are samples 0 to {len(self.state.ids) - 1}, none has {row}")
        return row

    def _is_written(self, line: LabelDecision) -> bool:
        """Whether the person's last line says the same: the page sends again what was not answered."""
        last = self.state.history.standing(line.who, line.sample_id)
        keys = ("action", "labels", "attributes", "previous")
        return last is not None and all(getattr(last, key) == getattr(line, key) for key in keys)

    def _repeat(self, lines: list[LabelDecision], what: str) -> list[int]:
        if not lines:
            raise Refusal(409, "nothing", f"there is nothing to {what}")
        today = [replace(line, previous=self._previous(line)) for line in lines]
        return self._write(today)

    def _previous(self, line: LabelDecision) -> list[str]:
        row = self.state.row_of.get(line.sample_id)
        return line.previous if row is None else self.state.source_labels(row)

    def _write(self, lines: list[LabelDecision]) -> list[int]:
        if not lines:
            return []
        try:
            self.file.append(lines)
        except (UserError, OSError) as error:
            raise refuse_unwritten(error) from None
        if self.file.problem:
            self.state.add(lines)
        else:
            self.refresh()
        names = {line.sample_id for line in lines}
        return sorted(self.state.row_of[name] for name in names if name in self.state.row_of)

    def _note_answers(self, lines: Sequence[LabelDecision]) -> None:
        """Stores what a model says of samples that a person has just labelled, whether the person saw it or not.

        It measures how much people follow predictions. The decisions are on the disk already, so a file that cannot be
        written is a line on the page.
        """
        said = [(line, self.suggestions.get(self.state.row_of[line.sample_id])) for line in lines]
        answers = [
            ModelAnswer(
                sample_id=line.sample_id,
                model=shown.by,
                labels=sorted(shown.labels),
                confidence=shown.score,
                batch=line.batch,
            )
            for line, shown in said
            if shown is not None and not is_of_audit(line.batch)
        ]
        try:
            append_answers(self.answers_path, answers)
            self.answers_problem = ""
        except UserError as error:
            self.answers_problem = str(error)

    def _check_rows(self, rows: Sequence[int]) -> list[int]:
        return [self.check_row(row) for row in dict.fromkeys(rows)]

    def _time(self) -> str:
        """Now, later than every time before: the lines of one act share it."""
        now = datetime.now(UTC)
        now = now.replace(microsecond=now.microsecond // 1000 * 1000)
        self._last_time = max(now, self._last_time + timedelta(milliseconds=1)) if self._last_time.year > 1 else now
        return self._last_time.isoformat(timespec="milliseconds")

    def _refresh_classes(self) -> None:
        stamp = self._stamp_of_classes()
        if stamp == self._classes_stamp:
            return
        self._classes_stamp = stamp
        try:
            found = read_classes(self.classes_path)
        except UserError as error:
            self.classes_problem = str(error)
            self.state.version += 1
            return
        self.classes_problem = ""
        self.classes_version += 1
        self.state.restart(self.file.lines, found)

    def _stamp_of_classes(self) -> tuple[int, int, int] | None:
        try:
            found = self.classes_path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns


def _choose_keys(names: Sequence[str]) -> list[str]:
    """A key for each class: the digits with which all names end where these differ, else 1 to 9 and 0 in order."""
    last = [name[-1:] for name in names]
    if len(set(last)) == len(last) and all(letter.isascii() and letter.isdecimal() for letter in last):
        return last
    return [*"1234567890"[: len(names)], *[""] * (len(names) - 10)]
