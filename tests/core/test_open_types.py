"""What has a known shape is a record; how many open shapes there are may fall, not rise."""

import re
from pathlib import Path

import pytest

from pipeline.core import open_types

TEXTS = [path.read_text(encoding="utf-8") for path in Path(open_types.__file__).parents[1].rglob("*.py")]


@pytest.mark.parametrize(("shape", "most"), [(r"\bdict\[str, Any\]", 59), (r"\bMapping\[str, Any\]", 52)])
def test_few_mappings_hold_anything(shape, most):
    assert sum(len(re.findall(shape, text)) for text in TEXTS) <= most
