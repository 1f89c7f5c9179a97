"""What the README tells people to type works, and is what CI runs."""

import os
import re
import shlex
import signal
import subprocess
from pathlib import Path

import pytest

from pipeline.core import config

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line.split("#")[0].strip()
    for block in re.findall(r"```(?:bash|sh)\n(.*?)```", README, flags=re.DOTALL)
    for line in block.splitlines()
    if line.split("#")[0].strip()
]
OVERRIDES = [
    [words[position + 1] for position, word in enumerate(words) if word == "-S"]
    for words in map(shlex.split, COMMANDS)
    if words[:3] == ["dvc", "exp", "run"]
] + [
    [word for word in words[2:] if not word.startswith("-")]
    for words in map(shlex.split, COMMANDS)
    if words[:2] == ["colibri", "run"]
]


def targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))


def test_overrides_are_found() -> None:
    assert len([one for one in OVERRIDES if one]) >= 4


def test_the_two_commands_are_there() -> None:
    assert {"make repro", "make test"} <= set(COMMANDS)


def test_ci_runs_the_readmes_commands() -> None:
    lines = (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()
    run = [" ".join(line.split()[:2]) for line in lines if line.startswith("make")]
    assert run == ["make install", "make check", "make test"]
    assert set(run) <= set(COMMANDS)


def run_ci(make: Path) -> subprocess.CompletedProcess[str]:
    """Runs `.ci/run` with a script in the place of make."""
    make.chmod(0o755)
    path = f"{make.parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [ROOT / ".ci/run"], env={**os.environ, "PATH": path}, check=False, capture_output=True, text=True
    )


@pytest.mark.parametrize(
    ("failing", "end", "code", "ran"),
    [
        ("none", "exit 2", 0, {"install", "check", "test"}),
        ("install", "exit 2", 2, {"install"}),
        ("check", "exit 2", 2, {"install", "check", "test"}),
        ("check", "kill -9 $$", 137, {"install", "check", "test"}),
        ("test", "exit 2", 2, {"install", "check", "test"}),
        ("test", "kill -9 $$", 137, {"install", "check", "test"}),
    ],
)
def test_ci_fails_where_a_command_fails(failing: str, end: str, code: int, ran: set[str], tmp_path: Path) -> None:
    make = tmp_path / "make"
    make.write_text(f'#!/bin/sh\ntouch {tmp_path}/ran-$1\n[ "$1" != {failing} ] || {end}\n', encoding="utf-8")
    done = run_ci(make)
    assert done.returncode == code
    assert ("make check failed: its messages are above" in done.stderr) == (failing == "check")
    assert {found.name.removeprefix("ran-") for found in tmp_path.glob("ran-*")} == ran


def test_the_checks_end_with_a_ci_that_is_stopped(tmp_path: Path) -> None:
    make = tmp_path / "make"
    make.write_text(
        f"""#!/bin/sh
case $1 in
check)
    trap 'kill $!; touch {tmp_path}/stopped; exit 1' TERM
    sleep 20 &
    touch {tmp_path}/ready
    wait ;;
test)
    while [ ! -e {tmp_path}/ready ]; do sleep 0.05; done
    kill -TERM $PPID ;;
esac
""",
        encoding="utf-8",
    )
    assert run_ci(make).returncode == -signal.SIGTERM  # its pipes are closed, so the checks have ended
    assert (tmp_path / "stopped").exists()


@pytest.mark.parametrize("command", [line for line in COMMANDS if line.startswith("make ")])
def test_every_make_target_exists(command: str) -> None:
    assert command.split()[1] in targets()


def test_help_lists_every_target() -> None:
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert targets() <= set(re.findall(r"make ([a-z]+)", shown))


@pytest.mark.parametrize("overrides", [one for one in OVERRIDES if one], ids=" ".join)
def test_every_override_composes(overrides: list[str]) -> None:
    first = [override.split(",")[0] if "=" in override and "[" not in override else override for override in overrides]
    assert config.compose(ROOT / "conf", first)


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\]\(([\w./-]+)\)", README))))
def test_every_link_leads_somewhere(path: str) -> None:
    assert (ROOT / path).exists()
