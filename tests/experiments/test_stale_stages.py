"""Which stages would run: by files, by parameters, by code, and after another one."""

import hashlib
import json
from pathlib import Path

import pytest
import yaml

from pipeline.core.errors import UserError
from pipeline.experiments import stale_stages
from pipeline.experiments.dvc_queue import Refusal
from pipeline.experiments.stale_stages import find_stale

STAGES = {
    "compose": {"cmd": "x", "deps": ["conf"], "outs": ["data/code", {"params.yaml": {"cache": False}}]},
    "read": {"cmd": "x", "deps": ["raw", "data/code/read.txt"], "params": ["source"], "outs": ["data/rows"]},
    "split": {"cmd": "x", "deps": ["data/rows", "data/code/split.txt"], "params": ["split.seed"], "outs": ["data/s"]},
    "train": {"cmd": "x", "deps": ["data/rows", "data/s", "data/code/train.txt"], "params": ["train"], "outs": ["m"]},
    "page": {"cmd": "x", "deps": ["data/rows", "data/code/page.txt"], "params": ["page"], "metrics": ["page.json"]},
}
PARAMS = {"source": {"path": "raw"}, "split": {"seed": 0}, "train": {"epochs": 1}, "page": {}}


@pytest.fixture(autouse=True)
def recorded(project, monkeypatch):
    Path("dvc.yaml").write_text(yaml.safe_dump({"stages": STAGES}, sort_keys=False))
    code = hashlib.md5(b"code").hexdigest()
    lock = {
        name: {
            "deps": [{"path": f"data/code/{name}.txt", "md5": code}],
            "params": {"params.yaml": {key: stale_stages._look_up(PARAMS, key) for key in stage.get("params", [])}},
        }
        for name, stage in STAGES.items()
    }
    Path("dvc.lock").write_text(yaml.safe_dump({"stages": lock}))
    monkeypatch.setattr(stale_stages, "stage_modules", lambda name, keys, params: [name])
    monkeypatch.setattr(stale_stages, "list_code", lambda modules: "code")
    return say(monkeypatch, {})


def say(monkeypatch, status):
    monkeypatch.setattr(stale_stages, "call_dvc", lambda *words: json.dumps(status))


def test_nothing():
    assert find_stale(PARAMS) == []


def test_a_parameter_and_what_comes_after_it():
    assert find_stale({**PARAMS, "split": {"seed": 1, "other": 2}}) == ["split", "train"]
    assert find_stale({**PARAMS, "train": {"epochs": 2}}) == ["train"]
    assert find_stale({**PARAMS, "source": {"path": "other"}}) == ["read", "split", "train", "page"]


def test_a_file(monkeypatch):
    say(monkeypatch, {"read": [{"changed deps": {"raw": "modified"}}]})
    assert find_stale(PARAMS) == ["read", "split", "train", "page"]
    say(monkeypatch, {"page": [{"changed outs": {"page.json": "deleted"}}]})
    assert find_stale(PARAMS) == ["page"]


def test_what_compose_writes_is_compared_by_its_content(monkeypatch):
    """An edit of conf/ or of a comment reruns compose alone, whatever is in params.yaml now."""
    status = {"compose": [{"changed deps": {"conf": "modified"}}]}
    status["train"] = [{"changed deps": {"params.yaml": {"train": "modified"}, "data/code/train.txt": "modified"}}]
    say(monkeypatch, status)
    assert find_stale(PARAMS) == ["compose"]


def test_code(monkeypatch):
    monkeypatch.setattr(stale_stages, "list_code", lambda modules: "new" if modules == ["split"] else "code")
    assert find_stale(PARAMS) == ["split", "train"]


def test_a_first_run():
    Path("dvc.lock").unlink()
    assert find_stale(PARAMS) == [*STAGES]


def test_a_project_that_dvc_cannot_compare(monkeypatch):
    def refuse(*words):
        raise Refusal("it is busy")

    monkeypatch.setattr(stale_stages, "call_dvc", refuse)
    with pytest.raises(UserError, match=r"^DVC cannot say what has changed: it is busy$"):
        find_stale(PARAMS)
