"""Remote trees: fetched once, only what changed again, what fails is refused or told, and a kill costs no file."""

import functools
import http.server
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import fsspec
import pytest
from file_options import from_file
from ingest_examples import ingest

from pipeline.core import config
from pipeline.core.errors import UserError
from pipeline.datasets.sources.remote import Remote
from pipeline.datasets.trees import remote_mirror

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def hurry(monkeypatch):
    monkeypatch.setattr(remote_mirror, "WAIT_SECONDS", 0.0)


def built(url, tree, **choices):
    inner = {"_target_": "pipeline.datasets.sources.folder.Folder", "name": "x", "path": str(tree), "watch": "x"}
    choices = {"max_bytes": 10**9, "max_files": 1000, "options": {}, "inner": inner, **choices}
    node = {
        "_target_": "pipeline.datasets.sources.remote.Remote",
        "name": "far",
        "url": url,
        "tree": str(tree),
        "watch": url,
    }
    return config.build({**node, **choices}, "source")


@pytest.fixture
def memory():
    """fsspec's file system in memory, empty."""
    system = fsspec.filesystem("memory")
    system.store.clear()
    system.pseudo_dirs[:] = [""]
    return system


@pytest.fixture
def bucket(memory, picture_folder):
    for one in picture_folder.rglob("*.png"):
        memory.pipe(f"/bucket/{one.relative_to(picture_folder).as_posix()}", one.read_bytes())
    return memory


@pytest.fixture
def fetched(monkeypatch):
    """The places of the files that are fetched."""
    places, original = [], remote_mirror._fetch

    def fetch(system, url, tree, budget, file):
        places.append(file.place)
        return original(system, url, tree, budget, file)

    monkeypatch.setattr(remote_mirror, "_fetch", fetch)
    return places


def outcome(source):
    rows = source.read()
    manifest, quarantine = ingest(source, max_pixels=9_999)
    assert len(manifest) + len(quarantine) == len(rows)
    return manifest["path"].tolist(), dict(zip(quarantine["path"], quarantine["reason"], strict=True))


ALL = [f"{label}/{number}.png" for label in ("cat", "dog") for number in range(4)]


@pytest.mark.parametrize("kind", ["memory", "local", "file"])
def test_a_tree_is_read_as_its_folder_would_be(bucket, picture_folder, tmp_path, kind):
    url = "memory://bucket" if kind == "memory" else f"{kind}://{picture_folder}"
    assert outcome(built(url, tmp_path / "tree")) == (ALL, {})


def test_only_what_changed_is_fetched_again_and_what_is_gone_goes(bucket, tmp_path, fetched):
    source = built("memory://bucket", tmp_path / "tree")
    first = source.read()
    assert sorted(fetched) == ALL
    stamps = [source.stat(path) for path in first["path"]]
    fetched.clear()
    assert source.read().equals(first)
    assert fetched == []
    bucket.pipe("/bucket/cat/0.png", b"other bytes")
    bucket.rm("/bucket/dog/3.png")
    assert source.read()["path"].tolist() == ALL[:-1]
    assert fetched == ["cat/0.png"]
    assert source.open("cat/0.png") == b"other bytes"
    assert [source.stat(path) for path in ALL[1:-1]] == stamps[1:-1]  # so that ingest does not decode them again


def test_a_file_that_was_harmed_here_is_fetched_again(bucket, tmp_path, fetched):
    source = built("memory://bucket", tmp_path / "tree")
    source.read()
    fetched.clear()
    (tmp_path / "tree" / "cat/0.png").write_bytes(b"short")
    (tmp_path / "tree" / "cat/1.png").unlink()
    source.read()
    assert fetched == ["cat/0.png", "cat/1.png"]


def test_a_file_may_become_a_folder_and_back(bucket, tmp_path):
    source = built("memory://bucket", tmp_path / "tree")
    bucket.pipe("/bucket/cat/x", b"1")
    source.read()
    bucket.rm("/bucket/cat/x")
    bucket.pipe("/bucket/cat/x/y", b"2")
    source.read()
    bucket.rm("/bucket/cat/x", recursive=True)
    bucket.pipe("/bucket/cat/x", b"3")
    source.read()
    assert source.open("cat/x") == b"3"


def test_pictures_are_opened_without_read_as_a_later_stage_does(bucket, tmp_path, fetched):
    expected = bucket.cat("/bucket/cat/0.png")
    assert built("memory://bucket", tmp_path / "tree").open("cat/0.png") == expected
    fetched.clear()
    assert built("memory://bucket", tmp_path / "tree").open("cat/0.png") == expected
    assert fetched == []


def test_a_password_in_the_url_is_used_and_neither_written_nor_shown(memory, picture_folder, tmp_path, fetched):
    for one in picture_folder.rglob("*.png"):
        for user in ("ann:hunter2", "ann:hunter3"):
            memory.pipe(f"/{user}@bucket/{one.relative_to(picture_folder).as_posix()}", one.read_bytes())
    assert outcome(built("memory://ann:hunter2@bucket", tmp_path / "tree")) == (ALL, {})
    written = [path for path in tmp_path.rglob("*") if path.is_file() and picture_folder not in path.parents]
    assert len(written) > len(ALL)
    assert not any(b"hunter" in path.read_bytes() for path in written)
    fetched.clear()
    assert built("memory://ann:hunter3@bucket", tmp_path / "tree").open("cat/0.png")  # later, as another stage does
    assert fetched == []
    with pytest.raises(UserError, match=r"memory://\*\*\*@bucket has more than source\.max_files 7 files"):
        built("memory://ann:hunter2@bucket", tmp_path / "tree", max_files=7).read()


def test_names_that_must_not_become_files_are_refused_and_accounted_for(bucket, tmp_path):
    for name in ("../escaped.png", "cat/../../up.png", "CAT/0.png", ".hidden/1.png", "cat/\udcff.png"):
        bucket.store[f"/bucket/{name}"] = type(bucket.store["/bucket/cat/0.png"])(bucket, f"/bucket/{name}", b"x")
    accepted, refused = outcome(built("memory://bucket", tmp_path / "tree"))
    assert accepted == ALL[1:]
    assert refused == {
        "../escaped.png": "outside",
        "cat/../../up.png": "outside",
        "cat/\\udcff.png": "bad_name",
        "cat/0.png": "duplicate_name",  # of CAT/0.png, which comes first
        "CAT/0.png": "not_a_picture",
    }
    assert not list(tmp_path.rglob("escaped.png"))


def test_the_tree_is_bounded(bucket, tmp_path):
    with pytest.raises(UserError, match=r"memory://bucket has more than source\.max_files 7 files"):
        built("memory://bucket", tmp_path / "tree", max_files=7).read()
    with pytest.raises(UserError, match=r"memory://bucket has more than source\.max_bytes 100 bytes"):
        built("memory://bucket", tmp_path / "tree", max_bytes=100).read()
    assert not list(tmp_path.rglob("*.png"))[8:]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("memory://nothing", r"source\.url 'memory://nothing' cannot be listed|holds no file"),
        ("nonsense://x", r"source\.url 'nonsense://x' is not understood \(.*\); expected s3://, gs:// or https://"),
        ("file:///nowhere/at/all", r"source\.url 'file:///nowhere/at/all' cannot be listed|holds no file"),
        ("http://127.0.0.1:1/pictures/", r"'http://127\.0\.0\.1:1/pictures/' cannot be listed \(.*; check the address"),
        ("http://127.0.0.1:1/a.zip", r"'http://127\.0\.0\.1:1/a\.zip' cannot be listed|holds no file"),
        ("http://user:word@127.0.0.1:1/p/?sig=1", r"'http://\*{3}@127\.0\.0\.1:1/p/\?sig=\*{3}' cannot be listed"),
    ],
)
def test_what_cannot_be_reached_ends_in_one_line(memory, tmp_path, url, message):
    with pytest.raises(UserError, match=message):
        built(url, tmp_path / "tree").read()


@pytest.mark.parametrize(("url", "package"), [("s3://bucket/pictures", "s3fs"), ("gs://bucket/pictures", "gcsfs")])
def test_a_missing_package_is_named_with_its_extra(tmp_path, monkeypatch, url, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError, match=rf"needs {package}, which is not installed; run make install EXTRAS=remote"):
        built(url, tmp_path / "tree").read()


class Handler(http.server.SimpleHTTPRequestHandler):
    """A folder as web pages, with faults: what to do wrong with a path, so many times."""

    def __init__(self, *given, faults, asked, **named):
        self.faults, self.asked = faults, asked
        super().__init__(*given, **named)

    def log_message(self, *given):
        pass

    def do_GET(self):
        self.asked.append(self.path)
        fault = self.faults.get(self.path, [])
        kind = fault.pop() if fault else None
        if isinstance(kind, int):
            self.send_error(kind)
        elif kind == "cut":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"half")
            self.close_connection = True
        else:
            super().do_GET()


@pytest.fixture
def web(picture_folder):
    """The url of the picture folder, the faults of its server and the paths it was asked for."""
    faults, asked = {}, []
    handler = functools.partial(Handler, directory=str(picture_folder), faults=faults, asked=asked)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/", faults, asked
        server.shutdown()
        thread.join()


def test_a_folder_of_web_pages(web, picture_folder, tmp_path, fetched):
    (picture_folder / "cat" / "a b&ä.png").write_bytes((picture_folder / "cat" / "0.png").read_bytes())
    url, _, _ = web
    source = built(url, tmp_path / "tree")
    accepted, refused = outcome(source)
    assert sorted(accepted) == sorted([*ALL, "cat/a b&ä.png"])
    assert refused == {}
    fetched.clear()
    source.read()
    assert fetched == []
    os.utime(picture_folder / "dog/0.png", (10**9, 10**9))
    source.read()
    assert fetched == ["dog/0.png"]


def test_an_archive_on_a_web_server(web, picture_folder, tmp_path):
    import shutil

    shutil.make_archive(str(tmp_path / "pictures"), "zip", picture_folder)
    (tmp_path / "pictures.zip").rename(picture_folder / "pictures.zip")
    url, _, asked = web
    tree, inside = tmp_path / "tree", tmp_path / "inside"
    folder = {"_target_": "pipeline.datasets.sources.folder.Folder", "name": "x", "path": str(inside), "watch": "x"}
    archive = {
        "_target_": "pipeline.datasets.sources.archive.Archive",
        "name": "x",
        "path": str(tree / "pictures.zip"),
        "tree": str(inside),
        "watch": "x",
        "inner": folder,
        "max_bytes": 10**9,
        "max_entries": 100,
    }
    assert outcome(built(f"{url}pictures.zip", tree, inner=archive)) == (ALL, {})
    assert asked == ["/pictures.zip"]


def test_a_connection_that_is_cut_is_tried_again(web, tmp_path):
    url, faults, asked = web
    faults["/cat/0.png"] = ["cut", 500]
    assert outcome(built(url, tmp_path / "tree")) == (ALL, {})
    assert asked.count("/cat/0.png") == 3


def test_a_file_that_is_gone_or_forbidden_is_refused(web, tmp_path):
    url, faults, _ = web
    faults["/cat/0.png"], faults["/cat/1.png"] = [404] * 9, [403] * 9
    accepted, refused = outcome(built(url, tmp_path / "tree"))
    assert accepted == ALL[2:]
    assert refused == {"cat/0.png": "missing", "cat/1.png": "unreadable"}


def test_a_server_that_keeps_failing_stops_the_run_and_what_came_is_kept(web, tmp_path, fetched):
    url, faults, _ = web
    faults["/dog/3.png"] = ["cut"] * 3
    with pytest.raises(
        UserError,
        match=r"^1 of 8 files of http://.* could not be fetched, the first is 'dog/3\.png' \(.*\); run it again, what",
    ):
        built(url, tmp_path / "tree").read()
    assert not list((tmp_path / "tree").rglob("*.tmp"))
    fetched.clear()
    assert outcome(built(url, tmp_path / "tree")) == (ALL, {})
    assert fetched == ["dog/3.png"]


def test_one_file_that_keeps_failing_costs_no_other(web, picture_folder, tmp_path, fetched):
    url, faults, _ = web
    for number in range(4, 60):
        (picture_folder / f"cat/{number}.png").write_bytes((picture_folder / "cat/0.png").read_bytes())
    faults["/cat/0.png"], faults["/dog/2.png"] = [503] * 3, [503] * 3
    with pytest.raises(UserError, match=r"^2 of 64 files of http://.*, the first is 'cat/0\.png' \(.*503"):
        built(url, tmp_path / "tree").read()
    assert len(list((tmp_path / "tree").rglob("*.png"))) == 62
    fetched.clear()
    assert len(built(url, tmp_path / "tree").read()) == 64
    assert sorted(fetched) == ["cat/0.png", "dog/2.png"]


def test_more_bytes_than_were_told_are_refused(web, tmp_path, monkeypatch):
    url, _, _ = web
    original = remote_mirror._file_infos

    def smaller(system, root):
        return {path: {**info, "size": 10} for path, info in original(system, root).items()}

    monkeypatch.setattr(remote_mirror, "_file_infos", smaller)
    with pytest.raises(UserError, match=r"holds no file below its sub-folders|found none"):
        built(url, tmp_path / "tree").read()
    assert not list((tmp_path / "tree").rglob("*.png"))


def test_after_a_file_that_keeps_failing_few_others_are_begun(bucket, tmp_path, fetched, monkeypatch):
    def fail(*given, **named):
        raise ConnectionResetError("reset")

    for number in range(100):
        bucket.pipe(f"/bucket/cat/more{number}.png", b"x")
    monkeypatch.setattr(bucket, "get_file", fail)
    monkeypatch.setattr(remote_mirror, "WAIT_SECONDS", 0.02)
    with pytest.raises(
        UserError,
        match=r"^16 of 108 files of memory://bucket could not be fetched, the first is 'cat/0\.png' \(.*reset\)",
    ):
        built("memory://bucket", tmp_path / "tree").read()
    assert len(fetched) <= 3 * remote_mirror.CONNECTIONS


KILLED = """
import os, sys
from pathlib import Path
from pipeline.datasets.trees import remote_mirror
from test_remote import built
original, done = remote_mirror._copy, []
def copy(system, file, tree, budget):
    if len(done) == 3:
        (tree / ".half.tmp").write_bytes(b"half")
        os._exit(9)
    original(system, file, tree, budget)
    done.append(file)
remote_mirror._copy, remote_mirror.CONNECTIONS = copy, 1
built("file://" + sys.argv[1], Path(sys.argv[2])).read()
"""


def test_a_kill_while_fetching_costs_no_whole_file(picture_folder, tmp_path, fetched):
    tree = tmp_path / "tree"
    environment = {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}:{ROOT / 'tests/datasets/sources'}", "PATH": ""}
    command = [sys.executable, "-c", KILLED, str(picture_folder), str(tree)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 9, done.stderr
    kept = [json.loads(line)[0] for line in (tree / ".fetched.jsonl").read_text().splitlines()]
    assert len(kept) == 3
    with (tree / ".fetched.jsonl").open("a") as journal:
        journal.write('["cat/3.png", "cut sho')
    assert outcome(built(f"file://{picture_folder}", tree)) == (ALL, {})
    assert sorted(fetched) == sorted(set(ALL) - set(kept))
    assert not list(tree.rglob("*.tmp"))


def test_a_name_as_long_as_a_file_can_have(bucket, tmp_path):
    longest = f"cat/{'n' * 251}.png"
    bucket.pipe(f"/bucket/{longest}", bucket.cat("/bucket/cat/0.png"))
    assert longest in outcome(built("memory://bucket", tmp_path / "tree"))[0]


def test_somebodys_folder_is_never_changed(bucket, picture_folder):
    with pytest.raises(UserError, match=r"source\.tree '.*pictures' exists and was not made by this source"):
        built("memory://bucket", picture_folder).read()


@pytest.mark.parametrize("parameter", ["max_bytes", "max_files"])
def test_refused_choices(parameter):
    choices = {"name": "x", "url": "x", "tree": "x", "inner": object(), "watch": "x", "max_bytes": 1, "max_files": 1}
    with pytest.raises(ValueError, match=f"{parameter} must be at least 1, got 0"):
        from_file(Remote, **{**choices, "options": {}, parameter: 0})
