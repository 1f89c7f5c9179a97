"""Files come in one order; those that nothing names are found."""

import pytest

from pipeline.core.errors import UserError
from pipeline.datasets.discovery.folder_contents import existing_folder, files_below, find_pictures
from pipeline.datasets.sources.items import Item


def make(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()


def test_files_before_folders_and_hidden_ones_not_at_all(tmp_path):
    make(tmp_path, "b.png", "a/z.png", "a/b/c.png", ".hidden", ".git/x", "B.png")
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    assert files_below(tmp_path) == ["B.png", "b.png", "a/z.png", "a/b/c.png"]
    assert files_below(tmp_path, "a") == ["a/z.png", "a/b/c.png"]


def test_pictures_that_nothing_names(tmp_path):
    make(tmp_path, "a.png", "b.PNG", "table.csv", "c.dcm", "LICENSE", "d/e.jpg")
    document = tmp_path / "table.csv"

    def left(*named):
        items = find_pictures(tmp_path, [Item(path=path) for path in named], [document])
        return [item.path for item in items if item.refused and item.refused.reason == "no_row"]

    assert left("a.png") == ["b.PNG", "d/e.jpg"]
    assert left("a.png", "x.dcm") == ["b.PNG", "c.dcm", "d/e.jpg"]
    assert left("a.png", "x.csv") == ["b.PNG", "d/e.jpg"]
    assert find_pictures(tmp_path, [], [document])[0].refused.detail == "nothing in table.csv names it"


def test_a_missing_folder(tmp_path):
    with pytest.raises(UserError, match=r"source\.pictures '.*gone' is not a folder; expected pictures"):
        existing_folder(str(tmp_path / "gone"), "pictures", "pictures")
