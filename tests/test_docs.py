"""The guides: plain words, working links, commands and messages that exist, an up-to-date configuration reference."""

import ast
import re
import shlex
import sys
from pathlib import Path

import pytest
import yaml

from pipeline.core import config

ROOT = Path(__file__).parents[1]
GENERATED = ROOT / "docs/configuration.md"  # its texts are docstrings and comments of conf/
PAGES = sorted(
    [
        *(ROOT / "docs").glob("*.md"),
        *(ROOT / "docs/evidence").glob("*.md"),
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "conf/README.md")),
    ]
)
BANNED = ("told", "drawn", "judged", "settled", "dealt", "weighed", "learnt", "asked", "beside", "placed", "chances")
DECISIONS = sorted((ROOT / "docs/decisions").glob("*.md"))  # records of their day: the words and names are too
STATE = "cannot be judged"  # of a finding, as messages have it
NOT_OURS = ("command not found", "Could not override")  # messages of the shell and of Hydra
HOLE = "\0"  # where a number or a name is
ROW = 3  # words of a message that must be in the code as they are here
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def prose(text: str) -> str:
    """Without code, link targets and the name of the state."""
    text = re.sub(r"```.*?```|`[^`\n]*`|\]\([^)]*\)", " ", text, flags=re.DOTALL)
    return re.sub(STATE, " ", re.sub(r"\s+", " ", text), flags=re.IGNORECASE)


def code(text: str) -> list[str]:
    """Blocks and spans of code."""
    blocks = re.findall(r"```\w*\n(.*?)```", text, flags=re.DOTALL)
    return [*blocks, *re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))]


def anchors(text: str) -> set[str]:
    """Of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}


@pytest.mark.parametrize("page", [page for page in PAGES if page != GENERATED], ids=lambda page: page.name)
def test_words_are_plain(page: Path) -> None:
    found = re.findall(rf"\b(?:{'|'.join(BANNED)})\b", prose(page.read_text(encoding="utf-8")), flags=re.IGNORECASE)
    assert found == []


@pytest.mark.parametrize("page", [*PAGES, *DECISIONS], ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for path, anchor in re.findall(r"\]\(([^)#\s]*)#?([^)\s]*)\)", page.read_text(encoding="utf-8")):
        if re.match(r"\w+:", path):
            continue
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), path
        if anchor:
            assert anchor in anchors(target.read_text(encoding="utf-8")), f"{path}#{anchor}"


@every_page
def test_commands_exist(page: Path) -> None:
    text = "\n".join(code(page.read_text(encoding="utf-8")))
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    files = {path.stem for path in (ROOT / "pipeline/commands").glob("*.py")} - {"__init__", "main"}
    commands = {name.replace("_", "-") for name in files}
    assert set(re.findall(r"(?:^|[ (])make ([a-z]+)", text, flags=re.MULTILINE)) <= targets
    assert set(re.findall(r"(?:^|[ (])colibri ([a-z-]*[a-z])\b", text, flags=re.MULTILINE)) <= commands | {"command"}
    for module in re.findall(r"(?:python|torchrun|accelerate)\b[^\n]* -m ([a-z_.]*[a-z_])", text):
        assert ROOT.joinpath(*module.split(".")).with_suffix(".py").exists(), module


@every_page
def test_scripts_and_files_of_the_project_exist(page: Path) -> None:
    names = re.findall(
        r"(?:^|[\s(])((?:benchmarks|pipeline|tests)/[\w/]+\.py)\b", "\n".join(code(page.read_text(encoding="utf-8")))
    )
    written = {"pipeline/checks/too_dark.py", "pipeline/datasets/sources/flat_files.py"}  # by the reader
    assert [name for name in names if name not in written and not (ROOT / name).exists()] == []


def test_the_index_lists_every_page() -> None:
    index = (ROOT / "docs/README.md").read_text(encoding="utf-8")
    pages = [*(ROOT / "docs").glob("*.md"), *(ROOT / "docs/evidence").glob("*.md")]
    names = {page.relative_to(ROOT / "docs").as_posix() for page in pages} - {"README.md"}
    assert names <= set(re.findall(r"\]\(([\w/]+\.md)\)", index))


def test_the_guide_names_the_checks_there_are() -> None:
    guide = (ROOT / "docs/checks.md").read_text(encoding="utf-8")
    files = [path for group in ("check", "curate") for path in (ROOT / "conf" / group).glob("*.yaml")]
    names = {name for path in files for name in yaml.safe_load(path.read_text(encoding="utf-8"))} - {"defaults"}
    described = set(re.findall(r"\| \[`(\w+)`\]\(#", guide))
    assert len(described) >= 18
    assert described <= names  # a check of one's own need not be there


def constants() -> str:
    """All texts of the project, those of one expression joined and with a blank for what is put in."""
    found = [(ROOT / "Makefile").read_text(encoding="utf-8")]
    for path in (ROOT / "pipeline").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                found.append("".join(str(one.value) if isinstance(one, ast.Constant) else HOLE for one in node.values))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return "\n".join(found)


def test_every_message_of_the_troubleshooting_page_is_one_of_ours() -> None:
    """Some words in a row are a text of the project; numbers and names differ."""
    texts = constants()
    page = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
    messages = re.findall(r"^\*\*`(.*)`\*\*$", page, flags=re.MULTILINE)
    assert len(messages) >= 20
    unknown = []
    for message in messages:
        words = re.sub(r"'[^']*'|\d[\d.,]*\d|\d", HOLE, message).split()
        runs = (" ".join(words[start : start + ROW]) for start in range(max(1, len(words) - ROW + 1)))
        if not any(one in message for one in NOT_OURS) and not any(one in texts for one in runs):
            unknown.append(message)
    assert unknown == []


@pytest.mark.xdist_group("conf")
def test_the_configuration_reference_is_up_to_date() -> None:
    from benchmarks import configuration

    assert GENERATED.read_text(encoding="utf-8") == configuration.page(), f"run {configuration.COMMAND}"


def test_the_reference_reads_comments_defaults_and_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks import configuration, documented_classes

    (tmp_path / "check").mkdir()
    (tmp_path / "config.yaml").write_text(
        "defaults: [_self_, {check: [dark, other]}]\nside: 8   # pixels\n  # of a square\n"
    )
    (tmp_path / "check/dark.yaml").write_text(
        "dark:\n  _target_: pipeline.made.Dark\n  most: 0.5\n  on_fail: warn  # or error\n"
    )
    (tmp_path / "check/other.yaml").write_text("other: null\n")
    (tmp_path / "made.py").write_text(
        "from dataclasses import dataclass\nfrom typing import Annotated, Literal\nfrom pydantic import Field\n"
        "@dataclass(frozen=True, kw_only=True)\nclass Dark:\n"
        '    """Dark | grey.\n\n    Args:\n        most: Largest\n            share.\n        extra: More.\n    """\n'
        "    most: Annotated[float, Field(ge=0, lt=1)]\n    on_fail: Literal['error', 'warn']\n"
        "    extra: int | None = None\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    found = documented_classes.import_module("made").Dark
    monkeypatch.delitem(sys.modules, "made")
    monkeypatch.setattr(configuration, "import_class", lambda target: found)
    text = configuration.page(tmp_path)
    assert "| side | `8` |  | pixels of a square |" in text
    assert "Switched off: `other`." in text
    assert "### `check.dark`: Dark\n\nDark | grey.\n" in text
    assert "| `check.dark.most` | `0.5` | number, at least 0, below 1 | Largest share. |" in text
    assert "| `check.dark.on_fail` | `warn` | `error`, `warn` | or error |" in text
    assert "| **+** `check.dark.extra` | `null` | integer or null | More. |" in text


@pytest.mark.parametrize(
    ("page", "least"),
    [
        ("conf/README.md", 5),
        ("docs/checks.md", 3),
        ("docs/how_to.md", 12),
        ("docs/learners.md", 3),
        ("docs/running.md", 4),
        ("docs/training.md", 3),
        ("docs/tuning.md", 1),
    ],
)
def test_commands_of_the_guides_compose(page: str, least: int) -> None:
    """Overrides that a guide gives for `colibri run` or `dvc exp run` and that no other test composes."""
    found = [
        overrides
        for line in (ROOT / page).read_text(encoding="utf-8").splitlines()
        if line.startswith(("colibri run", "dvc exp run")) and (overrides := overrides_of(line))
    ]
    assert len(found) >= least
    for overrides in found:
        if not any("tuned_" in override or "PATH" in override or "NAME" in override for override in overrides):
            assert config.compose(ROOT / "conf", [re.sub(r"=(\d+),[\d,]+$", r"=\1", one) for one in overrides])


def overrides_of(line: str) -> list[str]:
    """KEY=VALUE of a command, with or without -S."""
    return [word for word in shlex.split(line, comments=True)[2:] if "=" in word]
