"""The colibri command: help, dispatch, and how it ends."""

import importlib.metadata
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from pipeline.commands.main import commands, load, main
from pipeline.core.errors import UserError

ROOT = Path(__file__).parents[2]
SCRIPT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]["colibri"]


def test_every_file_is_a_command_with_a_docstring_and_main():
    files = {path.stem for path in (ROOT / "pipeline/commands").glob("*.py")} - {"__init__", "main"}
    assert {name.replace("-", "_") for name in commands()} == files >= {"init", "summary", "find_lr"}
    assert all(callable(load(name).main) and load(name).__doc__ == text for name, text in commands().items())


@pytest.mark.parametrize("name", commands())
def test_every_help_has_three_examples(name):
    examples = commands()[name].partition("\nExamples:\n")[2].splitlines()
    assert len([line for line in examples if re.search(rf"(colibri |pipeline\.commands\.){name}\b", line)]) >= 3


def test_the_script_names_a_function():
    script = importlib.metadata.EntryPoint("colibri", SCRIPT, "console_scripts")
    assert script.load() is main


@pytest.mark.parametrize("words", [["--help"], *([name, "--help"] for name in commands())])
def test_help_says_how_and_loads_nothing_heavy(words):
    code = (
        "import sys; from pipeline.commands.main import main\n"
        "try: main(sys.argv[1:])\n"
        "finally: print(sorted({'torch', 'mlflow', 'pandas', 'numpy', 'hydra', 'sklearn', 'dvc'} & set(sys.modules)))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert shown.startswith("usage: colibri")
    assert shown.endswith("[]\n")


def test_the_version_is_that_of_the_package(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"colibri {importlib.metadata.version('colibri')}\n"


def test_help_of_init_has_examples(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["init", "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert "Examples:\n  colibri init ~/pictures/screws\n" in shown
    assert "--label-column" in shown


@pytest.mark.parametrize("words", [[], ["nothing"], ["init"], ["init", "a", "b"], ["init", "a", "--nme", "x"]])
def test_wrong_words_end_with_the_usage(words, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("usage: colibri")


def ending(monkeypatch, error, capsys):
    def fail():
        raise error

    monkeypatch.setattr(load("summary"), "main", fail)
    with pytest.raises(SystemExit) as ended:
        main(["summary"])
    return ended.value.code, capsys.readouterr().err


def test_a_mistake_is_one_line_without_escapes(monkeypatch, capsys):
    assert ending(monkeypatch, UserError("no \x1b[31m\nhere"), capsys) == (1, "colibri summary: no \\x1b[31m\\nhere\n")


def test_details_follow_on_lines_of_their_own(monkeypatch, capsys):
    error = UserError("stopped", "  -> Do this", "  or that")
    assert ending(monkeypatch, error, capsys) == (1, "colibri summary: stopped\n  -> Do this\n  or that\n")


def test_an_interruption(monkeypatch, capsys):
    assert ending(monkeypatch, KeyboardInterrupt(), capsys) == (130, "colibri summary: interrupted\n")


def test_a_reader_that_has_had_enough():
    read, write = os.pipe()
    os.close(read)
    code = (
        "import pipeline.commands.summary as summary; from pipeline.commands.main import main\n"
        "summary.main = lambda: print('x' * 100_000); main(['summary'])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, "")


def test_a_terminal_that_lacks_a_letter(tmp_path):
    (tmp_path / "ä").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.commands.main", "init", str(tmp_path / "ä"), "--name", "a"],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "/\\xe4': it holds no file" in done.stderr
