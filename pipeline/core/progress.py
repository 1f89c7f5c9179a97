"""What runs now, on a line that a terminal redraws: a bar with the time left, or a few words; no log has it."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar, final

from pipeline.core import rank, terminal

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.progress import Progress

Item = TypeVar("Item")
REDRAW = 0.5  # seconds; drawing takes about a millisecond
FULL_WIDTH = 100  # columns from which a bar has the speed too
MAX_TEXT = 60
_screens: list[Progress] = []  # the one that is shown
_before: dict[str, int] = {}  # what runs to the units that an earlier call did


@final
class Bar:
    """One line of the screen, redrawn at most every `REDRAW` seconds; the latest bar hides those that run around it.

    Args:
        what: What runs.
        total: Units of the whole; 0 where it is not known, which shows the words only.
        unit: Of a step, in the plural: "pictures".
        done: Units done before, as by a training that is resumed.
        holds: How many of what a unit holds, for the speed; None where the unit itself is counted.
    """

    def __init__(self, what: str, total: int = 0, unit: str = "", done: int = 0, holds: tuple[int, str] | None = None):
        self.what, self.total, self.unit, self.done = what, total, unit, done
        self.number, self.things = holds or (1, unit)
        self.started, self.first, self.redrawn_at = time.monotonic(), done, 0.0
        self.note = ""
        self.screen = _screen()
        _set_visible(self.screen, False)
        self.task = self.screen.add_task("", total=None, text="")
        self._draw()

    def advance(self, number: int = 1, what: str | None = None, note: str | None = None) -> None:
        """Counts units.

        Args:
            number: Of them.
            what: Replaces what runs.
            note: Figures shown after the bar.
        """
        self.done += number
        self.what, self.note = what or self.what, self.note if note is None else note
        if time.monotonic() - self.redrawn_at >= REDRAW:
            self._draw()

    def speed(self) -> float:
        """Units per second, of those counted here."""
        return (self.done - self.first) / max(time.monotonic() - self.started, 1e-9)

    def seconds_left(self) -> float | None:
        """Until the total, at the speed so far; None where nothing is known yet."""
        speed = self.speed()
        return (self.total - self.done) / speed if speed and self.total else None

    def close(self) -> None:
        """Removes the line."""
        if self._is_shown():
            self.screen.remove_task(self.task)
            _set_visible(self.screen, True)
            if not self.screen.tasks:
                stop()

    def _is_shown(self) -> bool:
        return self.screen in _screens

    def _draw(self) -> None:
        self.redrawn_at = time.monotonic()
        if not self._is_shown():
            return
        screen, left = self.screen, self.seconds_left()
        wide = screen.console.width >= FULL_WIDTH
        parts = [
            f"{self.done:,}/{self.total:,} {self.unit}"
            if self.total
            else f"{self.done:,} {self.unit}"
            if self.unit
            else "",
            self.note,
            f"{rate(self.number * self.speed())} {self.things}/s" if left is not None and wide else "",
            "" if left is None else f"left {clock(left)}",
        ]
        shown, text = terminal.truncate(self.what, MAX_TEXT), "  ".join(filter(None, parts))
        screen.update(self.task, total=self.total or None, completed=self.done, description=shown, text=text)
        screen.refresh()


@contextmanager
def show(
    what: str, total: int = 0, unit: str = "", done: int = 0, holds: tuple[int, str] | None = None
) -> Iterator[Bar | None]:
    """A bar for the time of the block; None where no person looks.

    Args:
        what: What runs, such as "curate: label suspects, round 1 of 2".
        total: As for `Bar`.
        unit: As for `Bar`.
        done: As for `Bar`.
        holds: As for `Bar`.
    """
    is_seen = rank.is_main_process() and terminal.is_interactive(sys.stderr)
    before = _before.get(what, 0)
    bar = Bar(what, total + before if total else 0, unit, done + before, holds) if is_seen else None
    try:
        yield bar
    finally:
        if bar is not None:
            bar.close()


@contextmanager
def go_on(what: str, done: int) -> Iterator[None]:
    """Bars of this name that begin in the block show the whole: what is left, and before it what an earlier call did.

    Args:
        what: As for `show`.
        done: Units that the earlier call did.
    """
    _before[what] = done
    try:
        yield
    finally:
        del _before[what]


def track(items: Iterable[Item], total: int | None, what: str, unit: str = "pictures") -> Iterator[Item]:
    """The items, counted by a bar; a single one, or none, needs no bar.

    Args:
        items: To go through.
        total: Their number; None where it is not known.
        what: What runs.
        unit: Of an item, in the plural.
    """
    if total is not None and total <= 1:
        yield from items
        return
    with show(what, total or 0, unit) as bar:
        for item in items:
            yield item
            if bar is not None:
                bar.advance()


def stop() -> None:
    """Removes everything that is shown, so that an error has the screen for itself."""
    while _screens:
        _screens.pop().stop()


def clock(seconds: float) -> str:
    """3:10 for 190 seconds, 1:03:10 for an hour more."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"


def duration(seconds: float) -> str:
    """25.9 s, 3 min 10 s, or 1 h 03 min."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def rate(number: float) -> str:
    """10.9, or 1,234: with one decimal below 100."""
    return f"{number:.1f}" if number < 100 else f"{number:,.0f}"


def _set_visible(screen: Progress, visible: bool) -> None:
    """Shows or hides the latest line."""
    if screen.task_ids:
        screen.update(screen.task_ids[-1], visible=visible)


def _screen() -> Progress:
    """The screen of this process; prints of the stage appear above it."""
    if not _screens:
        from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
        from rich.text import Text

        class BarOfKnownLength(ProgressColumn):
            """Nothing where there is no total."""

            bar = BarColumn(bar_width=None)

            def render(self, task: Task) -> RenderableType:
                return Text() if task.total is None else self.bar.render(task)

        screen = Progress(
            TextColumn("{task.description}", markup=False),
            BarOfKnownLength(),
            TextColumn("{task.fields[text]}", markup=False),
            console=terminal.console(sys.stderr),
            auto_refresh=False,  # a thread of its own would take the interpreter from the training loop
            transient=True,
            expand=True,
            redirect_stdout=terminal.is_interactive(sys.stdout),  # else it would be taken from the log
        )
        screen.console.show_cursor = lambda show=True: False  # type: ignore[method-assign]  # killed, it would stay away
        screen.start()
        _screens.append(screen)
    return _screens[0]
