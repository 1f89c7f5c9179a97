"""A commit of some files alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from retraining_world import World, git

from pipeline.core.errors import UserError
from pipeline.retraining import branch_commit


def test_the_branch_that_is_checked_out_gets_these_files_alone(world: World) -> None:
    Path("own").write_text("staged by a person")
    git("add", "own")
    Path("dvc.lock").write_text("1")
    first = branch_commit.commit_files("main", [Path("dvc.lock"), Path("absent")], "Retrained", "k1")
    assert git("show", "--name-only", "--format=%s", first).split() == ["Retrained", "dvc.lock"]
    assert git("status", "--porcelain") == "A  own"
    assert branch_commit.commit_files("main", [Path("dvc.lock")], "Retrained", "k1") == first
    with pytest.raises(UserError, match=r"git check-ref-format: .*'a b' is not a valid branch name"):
        branch_commit.commit_files("a b", [], "Retrained", "k2")
