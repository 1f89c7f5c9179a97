"""The script that sorts tables: by digest the only one that runs, and in a browser the rows change places."""

import base64
import hashlib
import json
import re
import shutil

import pytest
from report_material import read_dom

from pipeline.report.comparison import comparison_page
from pipeline.report.rendering import TEMPLATES

SCRIPT = (TEMPLATES / "tables.js").read_text(encoding="utf-8")
ROWS = (("b", "<td>1,200</td><td></td>"), ("a", "<td>none</td><td></td>"), ("c", "<td>90</td><td></td>"))
SPANNING = ("d", '<td colspan="2">not evaluable: 3 samples</td>')
TABLE = (
    '<table id="t"><thead><tr><th>Class</th><th class="n">Pictures</th><th class="dots"></th></tr></thead><tbody>'
    + "".join(f"<tr><td>{name}</td>{cells}</tr>" for name, cells in (*ROWS, SPANNING))
    + '</tbody></table><table class="matrix"><thead><tr><th>x</th></tr></thead><tbody>'
    + "<tr><td>1</td></tr>" * 3
    + "</tbody></table>"
)


def test_it_is_short_and_writes_no_markup():
    assert len(SCRIPT.splitlines()) <= 40
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|eval|document\.write|fetch|https?:", SCRIPT)


def test_the_policy_of_a_page_names_its_digest():
    html = comparison_page("x", {"version": "1"})
    digest = base64.b64encode(hashlib.sha256(html.partition("<script>")[2].partition("</script>")[0].encode()).digest())
    assert f"script-src 'sha256-{digest.decode()}';" in html


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no browser")
def test_a_browser_sorts_by_number_and_by_name(tmp_path):
    clicks = """const heads = document.querySelectorAll("#t .sort"), seen = [];
      const body = document.getElementById("t").tBodies[0];
      const rows = () => seen.push([...body.rows].map((row) => row.cells[0].innerText).join(""));
      heads[1].click(); rows(); heads[1].click(); rows(); heads[0].click(); rows();
      document.title = JSON.stringify([seen, document.querySelectorAll(".sort").length,
        [...document.querySelectorAll("#t th")].map((head) => head.getAttribute("aria-sort"))]);"""
    path = tmp_path / "page.html"
    path.write_text(
        f"<!doctype html><meta charset=utf-8><title>x</title>{TABLE}<script>{SCRIPT}</script><script>{clicks}</script>",
        encoding="utf-8",
    )
    title = re.search("<title>(.*?)</title>", read_dom(path, tmp_path), re.DOTALL).group(1)
    orders, buttons, states = json.loads(title)
    assert orders == ["cbad", "bcda", "abcd"]  # upwards, downwards, both with what has no number last; by name
    assert buttons == 2  # not the column of a drawing, and no matrix
    assert states == ["ascending", None, None]
