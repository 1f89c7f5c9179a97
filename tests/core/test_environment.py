"""What `colibri doctor` says of the installation and the machine, from made-up ones."""

import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from pipeline.core import environment
from pipeline.core.environment import Finding, look_at_machine, look_at_packages, look_at_python, look_at_torch

EXTRAS = "[project.optional-dependencies]\none = ['pyyaml>=1']\ntwo = ['no-such-package>=1', 'pyyaml']\n"


def only(findings, name):
    return next(one for one in findings if one.name == name)


def test_this_python_is_in_order():
    assert [one.state for one in look_at_python()] == ["ok"]


@pytest.mark.parametrize("number", [(3, 10, 1), (3, 14, 0)])
def test_another_python_names_the_way_out(monkeypatch, number):
    monkeypatch.setattr(sys, "version_info", number)
    (finding,) = look_at_python()
    assert finding == Finding(
        state="error",
        name="python",
        text=f"{'.'.join(map(str, number))}, and Colibri needs 3.11 to 3.13",
        remedy="rm -r .venv && make install PYTHON=/path/to/python3.13",
    )


def write_lock(monkeypatch, text):
    Path("requirements.lock").write_text(text)
    Path("pyproject.toml").write_text(EXTRAS)
    versions = {"pyyaml": "6.0", "torch": "2.1.0+cpu"}
    monkeypatch.setattr(environment, "_version", versions.get)


@pytest.mark.parametrize(
    ("lock", "state", "text"),
    [
        ("pyyaml==6.0 \\\n    --hash=sha256:0\n", "ok", "1 packages as in requirements.lock"),
        ("torch==2.1.0\n", "ok", "1 packages as in requirements.lock"),  # the build is another matter
        ("pyyaml==6.1\n", "warning", "1 of 1 packages have another version than locked: pyyaml 6.0 instead of 6.1"),
        ("pyyaml==6.0\na==1\nb==1\nc==1\nd==1\n", "error", "4 of 5 locked packages are missing: a, b, c and 1 more"),
        ("pyyaml==6.0\na==1 ; sys_platform == 'nowhere' \\\n", "ok", "1 packages as in requirements.lock"),
    ],
)
def test_versions_against_the_lock(project, monkeypatch, lock, state, text):
    write_lock(monkeypatch, lock)
    finding = only(look_at_packages(), "packages")
    assert (finding.state, finding.text) == (state, text)
    assert bool(finding.remedy) is (state != "ok")


def test_extras(project, monkeypatch):
    write_lock(monkeypatch, "pyyaml==6.0\n")
    assert only(look_at_packages(), "extras").text == "one present; two absent"


def test_no_lock(project):
    assert [one.state for one in look_at_packages()] == ["error"]


@pytest.mark.parametrize(("free", "state"), [(20, "ok"), (1, "warning")])
def test_memory(monkeypatch, free, state):
    memory = SimpleNamespace(total=24 * environment.GIB, available=free * environment.GIB)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    (finding,) = look_at_machine()
    assert finding.state == state
    assert f"24.0 GiB memory, {free}.0 GiB of it free" in finding.text


@pytest.mark.parametrize(
    ("cuda", "driver", "state", "text"),
    [
        ("'13.0'", True, "ok", "2.9, built for CUDA 13.0; an NVIDIA driver is there"),
        ("None", False, "ok", "2.9, built for the processor; no NVIDIA GPU: the processor trains"),
        ("None", True, "warning", "2.9 for the processor, and there is an NVIDIA GPU"),
    ],
)
def test_the_build_of_torch_and_the_gpu(tmp_path, monkeypatch, cuda, driver, state, text):
    (tmp_path / "version.py").write_text(f"__version__ = '2.9'\ncuda: Optional[str] = {cuda}\nhip = None\n")
    spec = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(environment, "find_spec", lambda name: spec)
    monkeypatch.setattr(environment.shutil, "which", lambda name: "/usr/bin/nvidia-smi" if driver else None)
    monkeypatch.setattr(environment, "DRIVER", tmp_path / "none")
    (finding,) = look_at_torch()
    assert (finding.state, finding.text) == (state, text)


def test_no_torch(monkeypatch):
    monkeypatch.setattr(environment, "find_spec", lambda name: None)
    assert [one.state for one in look_at_torch()] == ["error"]
