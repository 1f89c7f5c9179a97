"""Text from outside is shown in Markdown as it is, and never obeyed."""

import pytest
from report_material import NASTY

from pipeline.report.markdown import bullets, escape, paragraphs, table


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a*b_c`d`", "a\\*b\\_c\\`d\\`"),
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("[x](javascript:alert)", "\\[x\\](javascript&#58;alert)"),
        ("two\nlines\tand | bars", "two lines and \\| bars"),
        ("# no heading", "\\# no heading"),
        ("1. no list", "1\\. no list"),
        ("- no list", "\\- no list"),
        ("-0.5 to +0.5", "-0.5 to +0.5"),
        ("---", "\\---"),
        ("=== no heading", "\\=== no heading"),
        ("colibri-elpv (v3)", "colibri-elpv (v3)"),
        ("https://example.org", "https&#58;//example.org"),
        ("R\u202eevil\x07", "Revil"),
    ],
)
def test_escaped(text, expected):
    assert escape(text) == expected


def test_cells_paragraphs_and_lists():
    assert table(("A|B",), [(NASTY[0],), (1,)]).splitlines()[1:] == [
        "|---|",
        "| &lt;script&gt;alert(1)&lt;/script&gt; |",
        "| 1 |",
    ]
    assert paragraphs("one\nline\n\n\n# two\n") == "one line\n\n\\# two"
    assert bullets(["a", "b"]) == "* a\n* b"
