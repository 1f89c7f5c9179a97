"""In a browser the report fits a laptop and a phone, asks for nothing, and has no error; its bytes have a limit."""

import html
import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from report_material import CASES, build

from pipeline.report.page import render
from pipeline.report.pictures import gallery

WIDTHS = (1280, 390)
CHOSEN = ("ten classes", "a hundred classes", "nasty names", "several labels")
MEASURE = """addEventListener("load", () => {
  const seen = [...document.querySelectorAll("iframe")].map((frame) => {
    const view = frame.contentWindow, page = frame.contentDocument, width = page.documentElement.clientWidth;
    page.querySelectorAll("details").forEach((one) => { one.open = true; });
    const sticksOut = [...page.querySelectorAll("main *, nav")].filter((one) => {
      if (one.closest(".scroll, svg") || view.getComputedStyle(one).position === "absolute") return false;
      const box = one.getBoundingClientRect();
      return box.width > 0 && box.right > width + 1;
    });
    const scrolls = [...page.querySelectorAll(".scroll")].filter((one) => one.tabIndex < 0 || !one.ariaLabel);
    const loads = view.performance.getEntriesByType("resource").map((one) => one.name);
    return {
      width: page.documentElement.scrollWidth - width, sorts: page.querySelectorAll("button.sort").length,
      sticksOut: sticksOut.map((one) => one.outerHTML.slice(0, 120)), scrolls: scrolls.length,
      loads: loads.filter((name) => !name.startsWith("data:")),
    };
  });
  document.title = JSON.stringify(seen);
});"""


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no browser")
def test_it_fits_a_laptop_and_a_phone_and_loads_nothing(tmp_path):
    pages = [render(build(**CASES[name])) for name in CHOSEN]
    frames = [
        f'<iframe style="border:0;width:{width}px;height:900px" srcdoc="{html.escape(page)}"></iframe>'
        for page in pages
        for width in WIDTHS
    ]
    path = tmp_path / "frames.html"
    path.write_text(
        f"<!doctype html><meta charset=utf-8><title>x</title><script>{MEASURE}</script>{''.join(frames)}",
        encoding="utf-8",
    )
    options = [
        "--headless",
        "--hide-scrollbars",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={tmp_path / 'profile'}",
    ]
    done = subprocess.run(
        ["chromium", *options, "--enable-logging=stderr", "--dump-dom", path.as_uri()],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    seen = json.loads(html.unescape(re.search("<title>(.*?)</title>", done.stdout, re.DOTALL).group(1)))
    assert len(seen) == len(CHOSEN) * len(WIDTHS)
    for one in seen:
        assert one.pop("sorts") > 0  # the script of the page has run
        assert one == {"width": 0, "sticksOut": [], "scrolls": 0, "loads": []}
    assert "CONSOLE" not in done.stderr


def test_a_gallery_of_the_worst_pictures_keeps_its_budget():
    noise = np.random.default_rng(0).integers(0, 256, (640, 640, 3), dtype=np.uint8)  # no codec makes it small
    shown = gallery({f"{number}.png": noise for number in range(24)}, max_bytes=500_000)
    assert sum(len(one.uri) for one in shown.values()) < 500_000 * 4 / 3 + 24 * 40
