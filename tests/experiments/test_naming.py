"""The name of an experiment changes with all that its results depend on, and with nothing else."""

import re
import subprocess
from pathlib import Path

import pytest

from pipeline.core.errors import UserError
from pipeline.experiments.naming import names

ONE = {"one": ["experiment=one"]}
DVC_YAML = "stages:\n  ingest:\n    cmd: echo\n    outs: [data/manifest.parquet]\n"


def git(*words):
    author = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    subprocess.run(["git", *author, *words], check=True, capture_output=True)


@pytest.fixture
def checkout(project):
    """A small project under git and DVC: an experiment, a stage's code, a command's code, pictures that git ignores."""
    from dvc.repo import Repo

    texts = {
        "conf/config.yaml": "defaults:\n  - _self_\n  - experiment: null\n\nsource: {watch: pictures}\nx: 1\n",
        "conf/experiment/one.yaml": "# @package _global_\nx: 2\n",
        "pipeline/stages/train.py": "train = 1\n",
        "pipeline/commands/main.py": "main = 1\n",
        "pipeline/experiments/table.py": "table = 1\n",
        "docs/page.md": "a\n",
        "dvc.yaml": DVC_YAML,
        "pictures/a.png": "a",
        ".gitignore": "/pictures\n",
    }
    for name, text in texts.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)
    git("init", "-q")
    Repo.init(str(project)).close()
    git("add", "-A")
    git("commit", "-qm", "start")
    return project


def test_a_name_is_the_experiments_and_a_digest(checkout):
    found = names(ONE)
    assert re.fullmatch(r"one-[0-9a-f]{8}", found["one"])
    assert names(ONE) == found


@pytest.mark.parametrize(
    ("file", "changes"),
    [
        ("conf/experiment/one.yaml", True),
        ("conf/config.yaml", True),
        ("pipeline/stages/train.py", True),
        ("dvc.yaml", True),
        ("pictures/a.png", True),
        ("pipeline/commands/main.py", False),
        ("pipeline/experiments/table.py", False),
        ("docs/page.md", False),
    ],
)
def test_what_changes_it(checkout, file, changes):
    before = names(ONE)
    text = (checkout / file).read_text()
    (checkout / file).write_text({"conf/config.yaml": text + "y: 1\n"}.get(file, text.replace("2", "3") + "# x\n"))
    if "conf/" in file:
        (checkout / file).write_text(text.replace("x: ", "y: 0\nx: "))
    assert (names(ONE) != before) == changes


def test_a_file_that_git_does_not_know_is_named(checkout):
    (checkout / "conf/experiment/two.yaml").write_text("# @package _global_\nx: 3\n")
    with pytest.raises(
        UserError, match=r"^git does not know conf/experiment/two\.yaml; DVC runs a copy of what git knows"
    ):
        names(ONE)
    (checkout / "pipeline/new.py").write_text("")
    with pytest.raises(UserError, match=r"two\.yaml and 1 more; DVC"):
        names(ONE)


def test_without_git_it_says_what_to_do(project):
    Path("conf").mkdir()
    with pytest.raises(UserError, match=r"this folder is no git checkout; run git init and commit once$"):
        names(ONE)
