"""A commit in words: its first digits and its day."""

import re
import subprocess

from pipeline.tracking.runs import commit, describe_commit


def test_a_commit_has_its_day(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    who = ["-c", "user.name=A", "-c", "user.email=a@b.c"]
    for command in (["init", "-q"], [*who, "commit", "-q", "--allow-empty", "-m", "start"]):
        subprocess.run(["git", *command], check=True, capture_output=True)
    assert re.fullmatch(r"[0-9a-f]{10} of \d{4}-\d\d-\d\d", describe_commit(commit()))


def test_an_unknown_commit_keeps_its_digits(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert describe_commit("0123456789abcdef") == "0123456789"
    assert describe_commit("") == ""
