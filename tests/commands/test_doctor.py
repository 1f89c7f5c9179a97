"""`colibri doctor`: a line for each finding, the exit code, and an environment that is half broken."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.commands import doctor
from pipeline.commands.main import main
from pipeline.core.environment import Finding

ROOT = Path(__file__).parents[2]
FINE = Finding(state="ok", name="git", text="commit abc")
WARNING = Finding(state="warning", name="disk", text="1 GiB free", remedy="remove something")
WRONG = Finding(state="error", name="python", text="3.8", remedy="take another")


def found(monkeypatch, *findings):
    monkeypatch.setattr(doctor, "LOOKS", (("a module", "look_at_it"),))
    monkeypatch.setattr(doctor, "look", lambda module, name: iter(findings))


def test_all_is_well(monkeypatch, capsys):
    found(monkeypatch, FINE)
    main(["doctor"])
    assert capsys.readouterr().out == "ok       git        commit abc\nnothing is in the way of a run\n"


def test_warnings_do_not_fail(monkeypatch, capsys):
    found(monkeypatch, FINE, WARNING)
    main(["doctor"])
    shown = capsys.readouterr().out.splitlines()
    assert shown[1:] == [
        "warning  disk       1 GiB free -> remove something",
        "nothing is in the way of a run; 1 warning",
    ]


def test_an_error_fails(monkeypatch, capsys):
    found(monkeypatch, FINE, WRONG)
    with pytest.raises(SystemExit) as ended:
        main(["doctor"])
    out, err = capsys.readouterr()
    assert ended.value.code == 1
    assert out.splitlines()[1] == "error    python     3.8 -> take another"
    assert err == "colibri doctor: 1 of 2 lines are errors: follow the arrows, then colibri doctor again\n"


@pytest.mark.parametrize(
    ("module", "name", "text"),
    [
        (
            "pipeline.nowhere",
            "look_at_it",
            "cannot be looked at: ModuleNotFoundError: No module named",
        ),
        ("pipeline.core.environment", "look_at_gone", "cannot be looked at: AttributeError: "),
    ],
)
def test_what_cannot_be_looked_at_is_an_error(module, name, text):
    (finding,) = doctor.look(module, name)
    assert finding.state == "error"
    assert finding.text.startswith(text)
    assert finding.remedy == "make install"


def test_it_loads_its_looks_when_their_turn_comes():
    names = [f"{module}.{name}" for module, name in doctor.LOOKS]
    assert len(set(names)) == len(names) == 10
    for module, name in doctor.LOOKS:
        assert callable(getattr(__import__(module, fromlist=[name]), name))


def test_a_broken_library_stops_one_look_only(tmp_path):
    """Without the libraries of DVC, Hydra and torch each line is there, and nothing of torch is loaded."""
    for name in ("psutil", "hydra"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('half installed')\n")
    code = "import sys; from pipeline.commands.doctor import main\ntry: main()\nfinally: print('torch' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, env=environment)
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines if " machine " in line] == ["error"]
    assert "ImportError: half installed -> make install" in done.stdout
    assert any(line.startswith("ok       python ") for line in lines)
    assert lines[-1] == "False"
    assert done.returncode == 1


def test_as_a_module_it_ends_with_one_line(tmp_path):
    command = [sys.executable, "-m", "pipeline.commands.doctor"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert done.returncode == 1
    assert re.fullmatch(r"colibri doctor: \d of \d+ lines are errors: .*\n", done.stderr)
    assert "conf/ does not exist here; run this in the project's folder" in done.stdout
