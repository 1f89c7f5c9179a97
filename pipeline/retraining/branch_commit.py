"""A commit of some files on a branch, made once, without touching what else a person has in the work tree."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.core.errors import UserError

TRAILER = "Retraining"  # line of the message by which the commit is found again


def commit_files(branch: str, paths: Sequence[Path], message: str, key: str) -> str:
    """The commit of these files on the branch; the same one where an earlier call made it.

    The branch that is checked out gets an ordinary commit of these files alone. Another one is written through an index
    of its own; it starts from HEAD where it does not exist.

    Args:
        branch: Its name.
        paths: Files, relative to the folder of the project; those that do not exist are left out.
        message: Of the commit, one line.
        key: Of the retraining, kept in the message.

    Raises:
        UserError: Git refuses, with its reason.
    """
    call_git("check-ref-format", "--branch", branch)
    reference = f"refs/heads/{branch}"
    exists = _has(reference)
    text = f"{message}\n\n{TRAILER}: {key}\n"
    if exists and (known := call_git("log", "-1", "--format=%H", f"--grep=^{TRAILER}: {key}$", reference)):
        return known
    files = [path.as_posix() for path in paths if path.exists()]
    if call_git("symbolic-ref", "--quiet", "HEAD", allowed=(0, 1)) == reference:
        call_git("add", "--", *files)
        call_git("commit", "--quiet", "--no-verify", "--message", text, "--only", "--", *files)
        return call_git("rev-parse", "HEAD")
    parent = call_git("rev-parse", reference if exists else "HEAD")
    with tempfile.TemporaryDirectory() as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        call_git("read-tree", parent, variables=index)
        call_git("add", "--", *files, variables=index)
        tree = call_git("write-tree", variables=index)
    commit = call_git("commit-tree", tree, "-p", parent, "-m", text)
    call_git("update-ref", reference, commit, parent if exists else "")
    return commit


def call_git(*words: str, variables: Mapping[str, str] | None = None, allowed: Sequence[int] = (0,)) -> str:
    """What a command of git prints, without the last line feed.

    Raises:
        UserError: It ends with another code than allowed.
    """
    done = subprocess.run(
        ["git", *words], capture_output=True, text=True, check=False, env={**os.environ, **(variables or {})}
    )
    if done.returncode not in allowed:
        said = " ".join((done.stderr or done.stdout).split())[:300] or f"it ended with {done.returncode}"
        raise UserError(f"git {words[0]}: {said}; see retraining.commit in conf/config.yaml")
    return done.stdout.rstrip("\n")


def _has(reference: str) -> bool:
    words = ["git", "show-ref", "--verify", "--quiet", reference]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0
