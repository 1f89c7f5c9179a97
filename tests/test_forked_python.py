"""A fork stands for a process: its folder, environment and streams are the caller's, and the caller ends as it did."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from forked_python import forked_python

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="pidfd_open is of Linux")

MODULES = {
    "told": """
import atexit, os, sys
print(os.getcwd(), os.environ["WHO"], sys.argv[1:], sys.stdin.read(), __name__, "colorsys" in sys.modules)
print("a warning", file=sys.stderr)
atexit.register(print, "at exit")
sys.exit(3)
""",
    "half": """
import os, sys
print("colorsys" in sys.modules, end="")
print(" and", *sys.argv[1:], end="", file=sys.stderr)
os.kill(os.getpid(), 9)
""",
    "worded": "raise SystemExit('why')",
    "broken": "raise ValueError('broken')",
    "killed": "import os; os.kill(os.getpid(), 9)",
    "ended": "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
    "fine": "",
    "long": "import os, pathlib, time; pathlib.Path('number').write_text(str(os.getpid())); time.sleep(60)",
}


@pytest.fixture
def call(tmp_path):
    """Runs `python -m pipeline.NAME` of the fork, in a folder that holds such a package."""
    package = tmp_path / "project/pipeline"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    for name, text in MODULES.items():
        (package / f"{name}.py").write_text(text)
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with forked_python(tmp_path, own, ("colorsys",)) as folder:

        def run(*words, **options):
            return subprocess.run(
                ["env", "python", *words],
                cwd=package.parent,
                env=own | {"PATH": f"{folder}{os.pathsep}{own['PATH']}", "WHO": "caller"},
                **{"capture_output": True, "text": True, "timeout": 30, "check": False, **options},
            )

        yield run


def test_folder_environment_streams_and_exit_code_are_passed_on(call, tmp_path):
    done = call("-m", "pipeline.told", "a", "b c", input="read")
    assert done.stdout == f"{tmp_path / 'project'} caller ['a', 'b c'] read __main__ True\nat exit\n"
    assert done.stderr == "a warning\n"
    assert done.returncode == 3


def test_a_leading_u_is_a_fork_that_loses_nothing_when_it_is_killed(call):
    """As the launchers of torch and Accelerate start their workers."""
    done = call("-u", "-m", "pipeline.half", "-u", "b c")
    assert (done.stdout, done.stderr, done.returncode) == ("True", " and -u b c", -signal.SIGKILL)
    assert call("-u", "-c", "import sys; print('colorsys' in sys.modules)").stdout == "False\n"


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("fine", 0, ""),
        ("worded", 1, "why\n"),
        ("broken", 1, "ValueError: broken\n"),
        ("killed", -signal.SIGKILL, ""),
        ("ended", -signal.SIGTERM, ""),
        ("missing", 1, "No module named pipeline.missing\n"),
    ],
)
def test_the_caller_ends_as_the_fork_did(call, name, code, said):
    done = call("-m", f"pipeline.{name}")
    assert done.returncode == code
    assert done.stderr.endswith(said)
    assert bool(done.stderr) == bool(said)


def test_a_fork_ends_with_its_caller(call, tmp_path):
    with pytest.raises(subprocess.TimeoutExpired):
        call("-m", "pipeline.long", timeout=1)
    number, deadline = int(Path(tmp_path / "project/number").read_text()), time.monotonic() + 10
    while psutil.pid_exists(number) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not psutil.pid_exists(number)


def test_the_rest_is_run_by_the_usual_interpreter(call):
    done = call("-c", "import sys; print(sys.executable, 'colorsys' in sys.modules)")
    assert done.stdout == f"{sys.executable} False\n"
