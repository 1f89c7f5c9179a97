"""Inputs of a page: the same bytes are the same, and a file that changed, came or went is named."""

import tracemalloc
from pathlib import Path

from pipeline.core.page_inputs import changed_inputs, digest_inputs


def test_what_changed_came_or_went_is_named(project: Path) -> None:
    (project / "folder/deep").mkdir(parents=True)
    (project / "folder/deep/weights").write_bytes(b"1")
    (project / "labels").write_text("a")
    recorded = digest_inputs([Path("folder"), Path("labels"), Path("later")])
    assert list(recorded) == ["folder", "labels", "later"]
    assert recorded["later"] == ""
    assert changed_inputs(recorded) == []
    (project / "labels").write_text("a")  # the same bytes at another time
    assert changed_inputs(recorded) == []
    (project / "later").touch()
    assert changed_inputs(recorded) == ["later"]
    (project / "labels").unlink()
    (project / "folder/deep/weights").rename(project / "folder/weights")
    assert changed_inputs(recorded) == ["folder", "labels", "later"]


def test_a_large_folder_is_not_read_into_memory_whole(project: Path) -> None:
    (project / "folder").mkdir()
    for name in ("a", "b"):
        with (project / "folder" / name).open("wb") as file:
            file.truncate(2**24)  # 16 MiB of zeros
    tracemalloc.start()
    (first,) = digest_inputs([Path("folder")]).values()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**21
    with (project / "folder/b").open("r+b") as file:
        file.seek(2**24 - 1)
        file.write(b"1")
    assert digest_inputs([Path("folder")]) != {"folder": first}
