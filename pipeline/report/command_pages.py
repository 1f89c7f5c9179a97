"""The page of what commands found after a run: a sentence of each, and whether its inputs are still the same.

Commands write these pages, and no stage; so `reports/index.html`, which a stage writes, cannot say what is in them.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, final

from pipeline.core import artifacts, config
from pipeline.core.errors import UserError
from pipeline.core.page_inputs import changed_inputs
from pipeline.media.choice import media_of_params
from pipeline.report.formatting import join_names
from pipeline.report.rendering import page

REPORTS = artifacts.INDEX.parent
PAGE = REPORTS / "commands.html"
MADE_OF, ANSWER = "made_of", "answer"  # keys of the JSON of a page: what it was computed from, and its sentences
State = Literal["", "current", "earlier run"]


@final
@dataclass(frozen=True, kw_only=True)
class CommandPage:
    """A page that a command writes.

    Attributes:
        name: Of `reports/NAME.html`, and of `NAME.json`, where the command writes what the page says.
        command: That writes it.
        title: Of the page.
        content: What it shows.
    """

    name: str
    command: str
    title: str
    content: str


@final
@dataclass(frozen=True, kw_only=True)
class Entry:
    """A page as it is shown.

    Attributes:
        href: Its address; empty where there is no such page.
        title: Of the page.
        text: What it says, or what it would show.
        note: Of what it is, and how to make it.
        command: That makes it.
        state: Whether its inputs are what they were; empty where that is not recorded.
    """

    href: str
    title: str
    text: str
    note: str
    command: str
    state: State


PAGES = (
    CommandPage(
        name="label_efficiency",
        command="colibri label-efficiency",
        title="Label efficiency",
        content="Did pretraining help, with how many labels, and what did its views remove?",
    ),
    CommandPage(
        name="simulate_labelling",
        command="colibri simulate-labelling",
        title="Simulated labelling",
        content="Is it worth it to choose what is labelled, and how many labels does it save?",
    ),
    CommandPage(
        name="clusters",
        command="colibri clusters",
        title="Clusters",
        content="{Noun}s grouped without labels, and what the groups turn out to be.",
    ),
    CommandPage(
        name="leaderboard",
        command="colibri leaderboard",
        title="Leaderboard",
        content="Other models on the same {noun}s.",
    ),
    CommandPage(
        name="cross_validation",
        command="colibri cross-validate",
        title="Cross-validation",
        content="The recipe trained on several folds, measured over all groups.",
    ),
    CommandPage(
        name="monitoring",
        command="colibri monitor",
        title="Monitoring",
        content="New {noun}s compared with those of the training.",
    ),
)


def write_commands_page(name: str = "", media: str = "") -> None:
    """Writes `reports/commands.html` as it is now; a page made from inputs that have changed since is called so.

    Args:
        name: Of the data set; that in params.yaml where it is empty.
        media: Of the data set; likewise.
    """
    content = {"name": name or _name_project(), "entries": [_entry(one) for one in PAGES]}
    artifacts.write_text(PAGE, page("commands.html.jinja", content, media=media or _media()))


def _name_project() -> str:
    with suppress(UserError):  # the pages are there, whatever params.yaml says
        source = config.get_section(config.load_params(), "source")
        if isinstance(source, dict) and "name" in source:
            return str(source["name"])
    return "this project"


def _media() -> str:
    with suppress(UserError):
        params = config.load_params()
        return media_of_params(params) if isinstance(params.get("media"), dict) else "image"
    return "image"


def _entry(one: CommandPage) -> Entry:
    path, figures = REPORTS / f"{one.name}.html", REPORTS / f"{one.name}.json"
    if not path.is_file():
        return Entry(href="", title=one.title, text=one.content, note="Not made yet.", command=one.command, state="")
    text, note = "", f"{figures} cannot be read."
    state: State = ""
    with suppress(OSError, UserError):  # a broken file must not stop a stage, nor hide the other pages
        answers, made_of = _read(figures) if figures.is_file() else ([], {})
        text = " ".join(answers[:1])
        state, note = _compare(made_of)
    return Entry(href=path.name, title=one.title, text=text or one.content, note=note, command=one.command, state=state)


def _read(figures: Path) -> tuple[list[str], dict[str, str]]:
    """The sentences and the digests of the inputs that a command wrote; empty where it writes none.

    Raises:
        UserError: The file holds something else.
    """
    found = artifacts.read_json(figures)
    answers, made_of = (found.get(ANSWER, []), found.get(MADE_OF, {})) if isinstance(found, dict) else (None, None)
    if not (isinstance(answers, list) and all(isinstance(one, str) for one in answers)):
        raise UserError(f"{figures}: {ANSWER!r} is no list of sentences; run the command that writes it again")
    if not (isinstance(made_of, dict) and all(isinstance(one, str) for one in made_of.values())):
        raise UserError(f"{figures}: {MADE_OF!r} is no table of digests; run the command that writes it again")
    return answers, made_of


def _compare(recorded: dict[str, str]) -> tuple[State, str]:
    """Whether the inputs are what they were, and that in words."""
    if not recorded:
        return "", "It does not record what it was computed from, so it may be of an earlier run."
    try:
        changed = changed_inputs(recorded)
    except OSError as error:
        return "", f"It may be of an earlier run: what it was computed from cannot be read ({error.strerror})."
    if changed:
        verb = "has" if len(changed) == 1 else "have"
        return "earlier run", f"It is of an earlier run: {join_names(changed)} {verb} changed since."
    return "current", "What it was computed from has not changed since."
