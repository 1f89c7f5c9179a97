"""One call at a time, and what a damaged journal says."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from retraining_world import NOW, World, call

from pipeline.commands import retrain as command
from pipeline.core.errors import UserError
from pipeline.retraining import lock, steps
from pipeline.retraining.journal import JOURNAL


def test_a_second_call_names_the_holder_and_does_nothing(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    code = (
        "import sys; from datetime import datetime, UTC\n"
        "from pipeline.retraining.lock import lock_retraining\n"
        "with lock_retraining(datetime(2026, 2, 1, tzinfo=UTC)):\n"
        "    print('locked', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"locked\n"
        assert call() == command.LOCKED == 5
        said = capsys.readouterr().err
        assert f"process {other.pid} of {os.uname().nodename}, since 2026-02-01T00:00:00+00:00, retrains" in said
        assert world.runs == 0
        other.kill()
    assert lock.HOLDER.exists()  # of the dead process
    assert call() == 0
    assert not lock.HOLDER.exists()


def test_a_damaged_journal_is_named(world: World) -> None:
    JOURNAL.parent.mkdir(parents=True)
    JOURNAL.write_text("{}")
    with pytest.raises(UserError, match=r"journal\.json is no journal of a retraining; remove it"):
        steps.retrain(NOW)
