"""colibri predict with a model of clips: films, folders of frames and archives, each clip one row."""

import io
import tarfile
import zipfile

import numpy as np
import pandas as pd
import pytest
from clip_model import save_clip_model
from films import film, numbered
from PIL import Image

from pipeline.commands import predict
from pipeline.core.errors import ItemRejected, UserError
from pipeline.core.sample_codec import FileSet
from pipeline.prediction.classifier import PictureClassifier
from pipeline.prediction.content_spool import IN_MEMORY, open_spool
from pipeline.prediction.gallery import show_stored
from pipeline.prediction.input_sections import FolderParts
from pipeline.prediction.inputs import list_inputs
from pipeline.prediction.sample_names import SampleNames

CLIPS = SampleNames("clip")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_clip_model(tmp_path_factory.mktemp("clips"))


@pytest.fixture(scope="module")
def mp4():
    return film(numbered(8, 32, 32))


def png(frame):
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(frame)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def clips(project, mp4):
    """A film, frames, a text that is called a film, a table, and a poster of the film in a folder of its own."""
    (project / "in/frames").mkdir(parents=True)
    (project / "in/poster").mkdir()
    for number, frame in enumerate(numbered(5, 32, 32)):
        (project / f"in/frames/{number}.png").write_bytes(png(frame))
    (project / "in/a.mp4").write_bytes(mp4)
    (project / "in/text.mp4").write_text("no film")
    (project / "in/poster/a.png").write_bytes(png(np.zeros((8, 8, 3), np.uint8)))
    (project / "in/table.csv").write_text("a")
    return project / "in"


def names_and_contents(names):
    inputs = list_inputs(names, samples=CLIPS)
    return inputs, dict(inputs.read(range(len(inputs))))


def test_a_folder_of_frames_is_one_clip(clips):
    inputs = list_inputs(["in"], samples=CLIPS)
    assert [name for name, _ in inputs.read(range(len(inputs)))] == ["in/a.mp4", "in/text.mp4", "in/frames"]
    assert inputs.left_out == ("in/table.csv", "in/poster/a.png")
    before = inputs.digest()
    assert list_inputs(["in"], samples=CLIPS).digest() == before
    (clips / "frames/0.png").write_bytes(b"another frame")
    assert list_inputs(["in"], samples=CLIPS).digest() != before


def test_a_named_folder_of_frames_is_the_clip(clips):
    assert [section.names for section in list_inputs(["in/frames"], samples=CLIPS).sections] == [("in/frames",)]


def write_zip(path, entries):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in entries:
            archive.writestr(name, data)


def test_clips_of_an_archive_in_the_order_in_which_they_are_complete(project, mp4):
    first, second = b"frame one", b"frame two"
    entries = [("c/2.png", second), ("a.mp4", mp4), ("c/1.png", first), ("b/notes.txt", b"x"), ("b.mp4", mp4)]
    write_zip(project / "clips.zip", entries)
    inputs, found = names_and_contents(["clips.zip"])
    assert list(found) == ["clips.zip/a.mp4", "clips.zip/c", "clips.zip/b.mp4"]
    assert found["clips.zip/c"] == FileSet(files=(("1.png", first), ("2.png", second)))
    assert inputs.left_out == ("clips.zip/b/notes.txt",)
    assert [name for name, _ in inputs.read({1})] == ["clips.zip/c"]


def test_an_archive_of_frames_alone_is_one_clip(project):
    write_zip(project / "one.zip", [("1.png", b"1"), ("2.png", b"2")])
    _, found = names_and_contents(["one.zip"])
    assert list(found) == ["one.zip"]


def test_a_link_among_the_frames_of_an_archive_refuses_the_clip(project):
    with tarfile.open(project / "clips.tar", "w") as archive:
        for name in ("c/1.png", "c/2.png"):
            entry = tarfile.TarInfo(name)
            entry.size = 1
            archive.addfile(entry, io.BytesIO(b"x"))
        link = tarfile.TarInfo("c/3.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    _, found = names_and_contents(["clips.tar"])
    assert isinstance(found["clips.tar/c"], ItemRejected)
    assert found["clips.tar/c"].reason == "unreadable"


def test_frames_of_too_many_bytes_are_not_held(monkeypatch):
    monkeypatch.setattr("pipeline.prediction.input_sections.MAX_FILE_BYTES", 10)
    parts = FolderParts()
    for number in range(3):
        parts.add(f"c/{number}.png", bytes(4))
    assert isinstance(parts.content, ItemRejected)
    assert str(parts.content) == "too_large: a folder of more than 10 bytes"


def test_a_frame_whose_name_no_disk_takes_refuses_its_clip_alone(project, mp4):
    long = "1" * 252 + ".png"
    write_zip(project / "clips.zip", [(f"c/{long}", bytes(IN_MEMORY)), ("c/2.png", b"2"), ("a.mp4", mp4)])
    inputs, found = names_and_contents(["clips.zip"])
    assert str(found["clips.zip/c"]) == "unreadable: a file name of more than 255 bytes"
    with open_spool() as spool:
        assert [name for name, _ in spool.write(inputs.read({0, 1}))] == ["clips.zip/c", "clips.zip/a.mp4"]


def test_large_frames_wait_in_a_folder(tmp_path):
    frames = FileSet(files=(("1.png", bytes(IN_MEMORY)), ("2.png", b"x")))
    with open_spool(tmp_path) as spool:
        ((name, place),) = spool.write([("c", frames)])
        assert (name, sorted(one.name for one in spool.folder.glob("*/*"))) == ("c", ["1.png", "2.png"])
        assert isinstance(place, str)
        spool.free(1)
        assert not list(spool.folder.iterdir())


def test_the_table_has_a_row_for_each_clip_and_the_page_shows_frames(clips, model, capsys):
    predict.main(["in"], str(model), "out.csv", None, annotate="page.html")
    table = pd.read_csv("out.csv", keep_default_na=False)
    assert table["file"].tolist() == ["in/a.mp4", "in/text.mp4", "in/frames"]
    assert table["class"].tolist() == ["bee", "", "bee"]
    assert table["reason"].tolist()[1].startswith("not_a_clip: starts with b'no film'")
    assert "left out, no clips by their names: 'in/table.csv', 'in/poster/a.png'" in capsys.readouterr().out
    page = (clips.parent / "page.html").read_text()
    assert page.count("<img") == 2
    with pytest.raises(UserError, match="'in/poster': no clip in there"):
        predict.main(["in/poster"], str(model), "out.csv", None)


def test_a_clip_is_shown_by_four_frames_and_a_picture_as_it_is(model):
    codec = PictureClassifier.load(model).codec
    stored = np.arange(4, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 1), np.uint8)
    assert show_stored(codec, stored)[..., 0].tolist() == [[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 3, 3], [2, 2, 3, 3]]
