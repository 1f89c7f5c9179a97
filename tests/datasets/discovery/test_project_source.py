"""One word of one line of conf/config.yaml is replaced, and never over an edit of a person."""

import subprocess
from pathlib import Path

import pytest

from pipeline.core.errors import UserError
from pipeline.datasets.discovery.project_source import read_defaults, use_source

CONF = Path("conf")
FILE = CONF / "config.yaml"
TEXT = (
    "# mine\r\ndefaults:\r\n  - _self_\n  - source: elpv   # the pictures\n  - experiment: null\n# - source: no\nx: 1\n"
)


@pytest.fixture
def conf(project):
    (CONF / "source").mkdir(parents=True)
    FILE.write_bytes(TEXT.encode())


def git(*words):
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@example.org", *words], check=True)


@pytest.fixture
def commit(conf):
    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "start")


def test_one_word_is_replaced(conf):
    found = use_source("screws", CONF)
    assert (found.before, found.is_new, found.obstacle) == ("elpv", True, "")
    assert FILE.read_bytes() == TEXT.replace("elpv", "screws").encode()
    assert use_source("screws", CONF).before == "screws"


def test_a_committed_line_is_replaced(commit):
    assert use_source("screws", CONF).is_new
    assert FILE.read_bytes() == TEXT.replace("elpv", "screws").encode()


def test_another_edit_of_the_file_is_kept(commit):
    FILE.write_bytes(TEXT.replace("x: 1", "x: 2").encode())
    assert use_source("screws", CONF).is_new
    assert FILE.read_bytes() == TEXT.replace("x: 1", "x: 2").replace("elpv", "screws").encode()


@pytest.mark.parametrize("line", ["- source: mine   # the pictures", "- source: elpv   # mine"])
def test_an_edit_of_the_line_is_left_alone(line, commit):
    edited = TEXT.replace("- source: elpv   # the pictures", line).encode()
    FILE.write_bytes(edited)
    found = use_source("screws", CONF)
    assert (found.is_new, found.obstacle) == (False, "this line of conf/config.yaml has an edit that is not committed")
    assert FILE.read_bytes() == edited


def test_what_init_wrote_itself_is_no_edit(commit):
    (CONF / "source/first.yaml").write_text("# A table. Written by colibri init; edit it as you like.\n")
    assert use_source("first", CONF).is_new
    assert use_source("second", CONF).before == "first"
    assert FILE.read_bytes() == TEXT.replace("elpv", "second").encode()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("defaults:\n  - _self_\n", "has no line like '- source: NAME'"),
        ("defaults:\n  - source: a\n  - source: b\n", "has 2 lines like '- source: NAME'"),
        ("defaults: [{source: a}]\n", "has no line like '- source: NAME'"),
        (b"\xff", "cannot be read as UTF-8 text"),
    ],
)
def test_a_file_that_is_not_understood_is_left_alone(text, message, conf):
    data = text if isinstance(text, bytes) else text.encode()
    FILE.write_bytes(data)
    found = use_source("screws", CONF)
    assert not found.is_new
    assert message in found.obstacle
    assert FILE.read_bytes() == data


def test_the_values_of_the_file_itself(conf):
    assert read_defaults(CONF)["x"] == 1
    FILE.write_text("[1]")
    with pytest.raises(UserError, match=r"^conf/config\.yaml must be a mapping, found list$"):
        read_defaults(CONF)
    FILE.unlink()
    with pytest.raises(UserError, match=r"^conf/config\.yaml cannot be read: "):
        read_defaults(CONF)
