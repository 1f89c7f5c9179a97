"""In a browser the report fits a laptop and a phone, asks for nothing, and has no error; its bytes have a limit."""

import html
import json
import re
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from report_material import CASES, build, stored

from pipeline.core.results import MAX_IN_STRIP, MAX_ROWS, MAX_STRIPS
from pipeline.evaluation.counterfactual_results import Counterfactuals
from pipeline.report.page import render, worst_mistakes
from pipeline.report.pictures import encode_png, to_image

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


def test_the_report_of_ten_thousand_test_pictures_stays_below_ten_megabytes():
    """Noise, which no codec makes small, at every place where a picture can stand, and as many rows as tables take."""
    classes, number = [f"class {one:02d}" for one in range(20)], 10_000
    material = build(classes=classes, wrong=30)
    generator = np.random.default_rng(0)
    names = [f"a/rather/long/folder/{row:06d}.png" for row in range(number)]
    test = material.predictions.sample(number, replace=True, random_state=0).assign(sample_id=names, group=names)
    mistakes = worst_mistakes(test, classes, 24)
    noise = generator.integers(0, 256, (40, 200, 200, 3), dtype=np.uint8)
    shown = dict(zip([*mistakes["sample_id"], *names[:40]], [*noise[:24], *noise], strict=True))
    strips = {f"strip {one}": names[5 * one : 5 * one + MAX_IN_STRIP] for one in range(MAX_STRIPS)}
    failed = {
        "unit": "share of pictures",
        "advice": "Look.",
        "passed": False,
        "on_fail": "warn",
        "value": 0.5,
        "limit": 0.1,
        "worst": {},
        "pictures": strips,
        "table": [{"sample": name, "value": 0.5} for name in names[:MAX_ROWS]],
    }
    checks = stored({f"check_{one}": failed for one in range(6)})
    example = material.counterfactuals.results[1].examples[0]
    pictures = generator.integers(0, 256, (3, 200, 200, 3), dtype=np.uint8)
    followed = replace(material.counterfactuals.results[1], examples=[replace(example, pictures=pictures)] * 6)
    part = material.slices.iloc[1].to_dict()
    large = replace(
        material,
        predictions=test,
        mistakes=mistakes,
        images=shown,
        checks=checks,
        curation=checks,
        slices=pd.DataFrame([{**part, "slice": name} for name in names[:1000]], columns=material.slices.columns),
        counterfactuals=Counterfactuals(note="n", results=[followed] * 8),
        preview=encode_png(to_image(generator.integers(0, 256, (400, 400, 3), dtype=np.uint8))),
    )
    assert 4_000_000 < len(render(large).encode()) < 10_000_000
