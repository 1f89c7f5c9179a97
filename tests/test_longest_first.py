"""The order of the tests in the processes of `make test`."""

import re
from pathlib import Path

import pytest
from longest_first import LONGEST, sort_items

TESTS = Path(__file__).parent


class FakeItem:
    """A test with its marks."""

    def __init__(self, name: str, group: str | None = None, slow: bool = False):
        self.name = name
        self.marks = {"xdist_group": pytest.mark.xdist_group(group).mark} if group else {}
        self.marks |= {"slow": pytest.mark.slow.mark} if slow else {}

    def get_closest_marker(self, name: str) -> pytest.Mark | None:
        return self.marks.get(name)


def test_long_groups_come_first_and_short_tests_last_in_their_order() -> None:
    items = [
        *(FakeItem("short 1"), FakeItem("page 1", "page"), FakeItem("conf 1", "conf"), FakeItem("slow", slow=True)),
        *(
            FakeItem("short 2"),
            FakeItem("dvc 1", "dvc", slow=True),
            FakeItem("page 2", "page"),
            FakeItem("dvc 2", "dvc"),
        ),
    ]
    expected = ["dvc 1", "dvc 2", "conf 1", "page 1", "slow", "page 2", "short 1", "short 2"]
    assert [item.name for item in sort_items(items)] == expected  # type: ignore[arg-type, list-item]


def test_every_long_group_is_one() -> None:
    texts = (path.read_text(encoding="utf-8") for path in TESTS.rglob("test_*.py"))
    assert set(LONGEST) <= {group for text in texts for group in re.findall(r'xdist_group\("(\w+)"\)', text)}
