"""Which pictures a call names."""

import io
import os
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from trained_model import make_pictures

from pipeline.core.errors import ItemRejected, UserError
from pipeline.prediction.inputs import list_inputs
from pipeline.prediction.tables import predict_contents


@pytest.fixture
def packed(project, encode):
    """The same four pictures, a broken one and a text in pictures.zip, pictures.tar and pictures.tar.gz."""
    files = {f"in/{number}.png": encode(one) for number, one in enumerate(make_pictures(4))}
    files |= {"in/bad.jpg": b"hello", "in/notes.txt": b"x", "__MACOSX/in/0.png": b"x", "../up.png": files["in/0.png"]}
    with zipfile.ZipFile("pictures.zip", "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    for name, mode in (("pictures.tar", "w"), ("pictures.tar.gz", "w:gz")):
        with tarfile.open(name, mode) as archive:
            for path, data in files.items():
                entry = tarfile.TarInfo(path)
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
    return files


@pytest.mark.parametrize("name", ["pictures.zip", "pictures.tar", "pictures.tar.gz"])
def test_an_archive_is_read_without_being_unpacked(name, packed, project, classifier):
    before = sorted(os.listdir())
    inputs = list_inputs([name])
    shown = [f"{name}/in/{one}" for one in ("0.png", "1.png", "2.png", "3.png", "bad.jpg")]
    assert (len(inputs), inputs.left_out) == (5, (f"{name}/in/notes.txt",))
    assert [one for one, _ in inputs.read(range(5))] == shown
    assert dict(inputs.read({1, 3})) == {shown[1]: packed["in/1.png"], shown[3]: packed["in/3.png"]}
    ((table, pictures),) = predict_contents(classifier, inputs.read(range(5)), 5)
    assert (table["file"].tolist(), len(pictures)) == (shown, 4)
    assert table["reason"].tolist() == [""] * 4 + ["not_a_picture: starts with b'hello'"]
    scores = classifier.predictor.predict(make_pictures(4)[..., None])
    np.testing.assert_allclose(table.filter(like="score_")[:4], scores, rtol=1e-5)
    assert sorted(os.listdir()) == before
    assert not (project.parent / "up.png").exists()


def test_entries_that_are_no_files(project, encode):
    with tarfile.open("links.tar", "w") as archive:
        for name, kind in (("a.png", tarfile.SYMTYPE), ("b.png", tarfile.FIFOTYPE)):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, "/etc/passwd"
            archive.addfile(entry)
    refused = dict(list_inputs(["links.tar"]).read(range(2)))
    assert isinstance(refused["links.tar/a.png"], ItemRejected)
    assert "a link; name the file" in str(refused["links.tar/a.png"])
    assert "neither a file, a folder nor a link" in str(refused["links.tar/b.png"])


def test_a_bomb_and_a_damaged_archive_end_in_one_line(project):
    with zipfile.ZipFile("bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", bytes(80 * 1024**2))
    with pytest.raises(UserError, match=r"^bomb\.zip could fill the disk: it unpacks to more"):
        list(list_inputs(["bomb.zip"]).read(range(1)))
    whole = (project / "bomb.zip").read_bytes()
    (project / "half.zip").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"^half\.zip is damaged, or no archive"):
        list_inputs(["half.zip"])


def test_a_list_takes_names_as_they_are_and_a_missing_file_is_a_row(scans, classifier):
    lines = ["scans/new/0.png\n", "gone[1].png\n", "\n", "scans/old\r\n", "scans/new/0.png\n"]
    inputs = list_inputs(["-"], lines)
    assert len(inputs.sections) == 1
    names = [name for name, _ in inputs.read(range(len(inputs)))]
    assert names[:3] == ["scans/new/0.png", "gone[1].png", "scans/old/1.png"]
    assert len(names) == len(set(names)) == 9
    table = pd.concat(part for part, _ in predict_contents(classifier, inputs.read(range(2)), 2))
    assert table["reason"].tolist() == ["", "missing: no such file"]


def test_an_empty_list(project):
    with pytest.raises(UserError, match=r"^'-': no picture in there; name a folder or an archive"):
        list_inputs(["-"], [])


def test_an_address_is_fetched_once_and_its_files_have_its_name(scans):
    url = (scans.parent / "scans").as_uri()
    inputs = list_inputs([url])
    names = [name for name, _ in inputs.read(range(len(inputs)))]
    assert names[0] == f"{url}/new/0.png"
    assert f"{url}/labels.csv" in inputs.left_out
    assert all(Path(path).is_file() for _, path in inputs.read(range(len(inputs))))
    assert list_inputs([url]).digest() == inputs.digest()


@pytest.fixture
def served(project, encode):
    """A server of scans.zip (also with a blank in its name), open.png, and a folder with a picture it refuses."""
    picture = encode(make_pictures(1)[0])
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("in/0.png", picture)
    page = b'<a href="open.png">1</a> <a href="shut.png">2</a> <a href="shut.csv">3</a>'
    files = {"/scans.zip": packed.getvalue(), "/my%20scans.zip": packed.getvalue(), "/open.png": picture}
    files |= {"/march/": page, "/march/open.png": picture, "/march/shut.png": b"x", "/march/shut.csv": b"x"}
    files |= {"/shut.png": b"x"}

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self, is_head=True):
            path = self.path.partition("?")[0]
            shut = not is_head and "shut" in path
            self.send_response(403 if shut else 200 if path in files else 404)
            body = b"" if shut else files.get(path, b"")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Type", "text/html" if path.endswith("/") else "application/octet-stream")
            self.end_headers()
            self.wfile.write(b"" if is_head else body)

        def do_GET(self):
            self.do_HEAD(is_head=False)

        def log_message(self, *words):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_file_that_the_server_refuses_is_a_row(served):
    inputs = list_inputs([f"{served}/march/"])
    found = dict(inputs.read(range(len(inputs))))
    assert list(found) == [f"{served}/march/open.png", f"{served}/march/shut.png"]
    refused = found[f"{served}/march/shut.png"]
    assert isinstance(refused, ItemRejected)
    assert (refused.reason, "403" in refused.detail) == ("unreadable", True)
    assert list(inputs.read({1})) == [(f"{served}/march/shut.png", refused)]
    assert inputs.left_out == (f"{served}/march/shut.csv",)
    assert list_inputs([f"{served}/march/"] * 2).digest() == inputs.digest()


def test_the_only_file_of_an_address_is_refused_and_its_key_is_shown_nowhere(served):
    ((name, refused),) = list_inputs([f"{served}/shut.png?token=geheim"]).read(range(1))
    assert name == f"{served}/shut.png?token=***"
    assert "403" in str(refused)
    assert "geheim" not in str(refused)


@pytest.mark.parametrize("name", ["scans.zip", "my%20scans.zip", "scans.zip?token=abc", "scans.zip?from=a/b.zip"])
def test_an_archive_is_known_whatever_its_address_looks_like(served, name):
    inputs = list_inputs([f"{served}/{name}"])
    ((shown, content),) = inputs.read(range(len(inputs)))
    assert shown == f"{served}/{name.replace('abc', '***')}/in/0.png"
    assert content.startswith(b"\x89PNG")


def test_addresses_that_differ_in_a_masked_key_are_two_pictures(served):
    inputs = list_inputs([f"{served}/open.png?key={key}" for key in (1, 2, 1)])
    found = list(inputs.read(range(len(inputs))))
    assert [name for name, _ in found] == [f"{served}/open.png?key=***"] * 2
    assert found[0][1] != found[1][1]


def test_names_that_no_file_can_have(project, encode):
    """Of nobody's home, or too long: a row in a list, one line by itself."""
    names = ["~abc.jpg", "x" * 300 + ".jpg", "a\0b.jpg", "~nosuchuser/x", "x" * 300]
    inputs = list_inputs(["-"], names)
    assert [name for name, _ in inputs.read(range(5))] == names
    for name in names:
        with pytest.raises(UserError, match="does not exist"):
            list_inputs([name])


def test_an_archive_that_is_removed_meanwhile(packed, project):
    inputs = list_inputs(["pictures.zip"])
    (project / "pictures.zip").unlink()
    with pytest.raises(UserError, match=r"^'pictures\.zip' cannot be read: No such file or directory; put it back"):
        list(inputs.read(range(5)))


def test_the_digest_changes_with_a_name_a_file_and_the_order(scans):
    first = list_inputs(["scans"]).digest()
    assert list_inputs(["scans/old", "scans/new"]).digest() != first
    assert list_inputs(["scans"]).digest() == first
    os.utime("scans/new/0.png", ns=(1, 1))
    assert list_inputs(["scans"]).digest() != first
