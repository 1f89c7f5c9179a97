"""The labelling page in headless Chromium: speed by keyboard, scrolling, two browsers, a server that is killed.

    python -m benchmarks.label_page                  10,000 samples
    python -m benchmarks.label_page --samples 100000
    python -m benchmarks.label_page --pictures docs  and writes screenshots

Prints figures and the machine. Ends with an error where one of the aims is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.browser import Browser
from benchmarks.label_project import make_project
from benchmarks.server_process import free_port
from pipeline.core import artifacts
from pipeline.core.machine import describe_machine
from pipeline.datasets.label_decisions import LabelDecision, read_decisions

ROOT = Path(__file__).parents[1]
AIM_LABELS, AIM_FRAME_MS = 60, 100
NUM_LABELS, NUM_CLICKS = 120, 60
START_SECONDS = 120
PACES = ((40, 600), (400, 1_500), (4_000, 1_500))  # pixels a frame, and the most frames
IS_IDLE = "page.outbox.length === 0 && !page.sending"
IDLE = """new Promise((done) => {
  const frames = [];
  let last = 0;
  const step = (now) => {
    if (last) frames.push(now - last);
    last = now;
    if (frames.length < 300) { requestAnimationFrame(step); return; }
    frames.sort((one, other) => one - other);
    done([frames[296], frames[299]]);
  };
  requestAnimationFrame(step);
})"""
SCROLL = """new Promise((done) => {
  const grid = document.getElementById("grid"), frames = [];
  let last = 0, most = 0;
  const step = (now) => {
    if (last) frames.push(now - last);
    last = now;
    most = Math.max(most, document.querySelectorAll(".tile").length);
    grid.scrollTop += STEP;
    if (frames.length === MOST || grid.scrollTop + grid.clientHeight >= grid.scrollHeight - 1) {
      frames.sort((one, other) => one - other);
      const at = (share) => frames[Math.floor((frames.length - 1) * share)];
      done([frames.length, at(0.5), at(0.99), at(1), most]);
    } else requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
})"""


@contextmanager
def run_server(project: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """`colibri label` in a project, ready to answer."""
    words = [sys.executable, "-m", "pipeline.commands.main", "label", "--port", str(port)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(words, cwd=project, env=environment, stdout=subprocess.DEVNULL)
    try:
        until = time.monotonic() + START_SECONDS
        while True:
            with suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/state", timeout=5).close()
                break
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit("the server did not start")
            time.sleep(0.2)
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(60)


async def enter(browser: Browser, port: int, who: str) -> None:
    """Opens the page, says who labels, and waits for pictures."""
    await browser.open(f"http://127.0.0.1:{port}/")
    await browser.wait_for("document.getElementById('who-view').open")
    await browser.run("document.getElementById('who').focus()")
    await browser.write(who)
    await browser.press("Enter")
    await browser.wait_for("!document.getElementById('who-view').open")
    await browser.wait_for("document.querySelectorAll('.tile img[src]').length > 5")


async def label_by_keyboard(browser: Browser, truth: list[str]) -> float:
    """Labels a minute, each written before the next key."""
    start = time.monotonic()
    for name in truth[:NUM_LABELS]:
        await browser.press(name[-1])
        await browser.wait_for(IS_IDLE)
    return 60 * NUM_LABELS / (time.monotonic() - start)


async def scroll(browser: Browser, step: int, most: int) -> list[str]:
    """Scrolls so many pixels a frame, and waits at the end until the thumbnails in sight are there.

    Whether a frame is short enough cannot be judged on a machine so busy that a page at rest has long ones.
    """
    high, at_rest = await browser.run(IDLE)
    print(f"the page at rest: 300 frames, 99 % below {high:.1f} ms, longest {at_rest:.1f} ms")
    await browser.run("document.getElementById('grid').scrollTop = 0")
    await asyncio.sleep(1)
    before = await work(browser)
    number, median, high, longest, nodes = await browser.run(
        SCROLL.replace("STEP", str(step)).replace("MOST", str(most))
    )
    after = await work(browser)
    start = time.monotonic()
    await browser.wait_for("[...page.tiles.values()].every((tile) => tile.address)")
    print(
        f"scrolling {step:,} pixels a frame: {number:,} frames, median {median:.1f} ms, 99 % below {high:.1f} ms, "
        f"longest {longest:.1f} ms; {1000 * (after - before) / number:.1f} ms of script, style and layout a frame; at "
        f"most {nodes} tiles in the document; all in sight {time.monotonic() - start:.1f} s after the end"
    )
    is_busy = at_rest >= AIM_FRAME_MS / 2
    if longest >= AIM_FRAME_MS and is_busy:
        print("  the longest frame cannot be judged: other programs keep the machine busy, as the page at rest shows")
    return ["scrolling"] if longest >= AIM_FRAME_MS and not is_busy else []


async def work(browser: Browser) -> float:
    """Seconds that the page has computed."""
    found = {entry["name"]: entry["value"] for entry in (await browser.call("Performance.getMetrics"))["metrics"]}
    return float(found["ScriptDuration"] + found["LayoutDuration"] + found["RecalcStyleDuration"])


def decisions(project: Path) -> list[LabelDecision]:
    return read_decisions(project / artifacts.decisions_file("pictures"))


async def measure(project: Path, truth: list[str], port: int, pictures: Path | None) -> list[str]:
    missed = []
    ada, ben = Browser(), Browser()
    await ada.start()
    await ben.start(1000, 700)
    try:
        with run_server(project, port) as process:
            await enter(ada, port, "Ada")
            rate = await label_by_keyboard(ada, truth)
            found = decisions(project)
            right = sum(line.labels in ([], [name]) for line, name in zip(found, truth, strict=False))
            print(f"keyboard: {rate:,.0f} labels a minute, {len(found)} lines, {right} as typed")
            missed += ["keyboard"] if rate < AIM_LABELS or len(found) != NUM_LABELS or right != NUM_LABELS else []
            for step, number in PACES:
                missed += await scroll(ada, step, number)
            await enter(ben, port, "Ben")
            await ben.press(truth[0][-1])
            await ben.wait_for(IS_IDLE)
            both = [line.who for line in decisions(project) if line.sample_id == found[0].sample_id]
            print(f"two browsers: the first sample has lines of {' and '.join(both)}")
            missed += ["two browsers"] if both != ["Ada", "Ben"] else []
            if pictures is not None:
                await take_pictures(ada, pictures)
            missed += await use_by_hand(ada)
            print(f"console: {len(ada.console) + len(ben.console)} errors and warnings")
            missed += ["console"] if ada.console or ben.console else []
            missed += await kill_between(ada, project, port, process)
    finally:
        await ada.stop()
        await ben.stop()
    return missed


async def kill_between(browser: Browser, project: Path, port: int, process: subprocess.Popen[bytes]) -> list[str]:
    """Kills the server between clicks, starts it again, and compares the file with what was clicked."""
    before = len(decisions(project))
    await browser.run("goTo(500)")
    answered = 0
    for number in range(NUM_CLICKS):
        if number == NUM_CLICKS // 2:
            answered = len(decisions(project)) - before
            process.kill()
            process.wait()
        await browser.press(str(number % 10))
        await asyncio.sleep(0.02)
    waiting = await browser.run("page.outbox.length")
    banner = await browser.run("document.getElementById('banners').textContent")
    left = len(decisions(project)) - before
    with run_server(project, port):
        await browser.wait_for(IS_IDLE, 60)
        ids = [f"unlabelled/{row:06}.png" for row in range(500, 500 + NUM_CLICKS)]
        written = decisions(project)[before:]
        last = {line.sample_id: line for line in written}
        lost = [name for name in ids if name not in last]
        print(
            f"kill -9 after {answered} of {NUM_CLICKS} clicks: {left} lines were in the file, {waiting} waited in the "
            f"browser ({banner[:60]!r} ...), {len(lost)} lost, {len(written) - len(last)} written twice"
        )
        with (project / artifacts.decisions_file("pictures")).open("a") as file:
            file.write("by hand,without,enough\n")
        await browser.press("5")
        await browser.wait_for(IS_IDLE)
        await browser.wait_for("document.getElementById('banners').textContent.includes('fields')")
        text = (project / artifacts.decisions_file("pictures")).read_text()
        after = text.partition("by hand")[2].count("\n") - 1
        print(f"a bad line by hand: a banner, and {after} of 1 click written after it")
    return (["kill -9"] if lost or left < answered else []) + (["bad line"] if after != 1 else [])


async def use_by_hand(browser: Browser) -> list[str]:
    """What else a person does with mouse and keys; the names of the steps that went wrong."""
    wrong = []

    async def expect(name: str, script: str) -> None:
        try:
            await browser.wait_for(script, 10)
        except RuntimeError:
            wrong.append(name)

    async def middle(place: int) -> tuple[float, float]:
        box = f"document.getElementById('tile-{place}').getBoundingClientRect()"
        x, y = await browser.run(f"[{box}.x + {box}.width / 2, {box}.y + {box}.height / 2]")
        return x, y

    await browser.run("goTo(0)")
    await browser.click(*await middle(1))
    await expect("click", "page.current === 1 && page.selected.size === 0")
    await browser.click(*await middle(4), 8)
    await expect("shift-click", "page.selected.size === 4")
    await browser.click(*await middle(7), 2)
    await expect("ctrl-click", "page.selected.size === 5")
    first, last = await middle(0), await middle(6)
    await browser.drag([first, (first[0] + 20, first[1] + 20), last])
    await expect("drag", "page.selected.size >= 4 && page.selected.has(page.rows[0])")
    await browser.press("/")
    await browser.write("digit 8")
    await browser.press("Enter")
    await expect("search", f"{IS_IDLE} && page.samples.get(page.rows[0]).labels[0] === 'digit 8'")
    await browser.press("z", 2)
    await expect("undo", f"{IS_IDLE} && page.samples.get(page.rows[0]).labels[0] !== 'digit 8'")
    await browser.press("y", 2)
    await expect("redo", f"{IS_IDLE} && page.samples.get(page.rows[0]).labels[0] === 'digit 8'")
    await browser.press("Escape")
    await browser.press(";")
    await expect("more like this", "page.view === 'like' && page.rows.length > 100")
    await browser.press("Escape")
    await expect("back", "page.view === 'all'")
    await browser.press("Enter")
    await expect("large", "document.querySelectorAll('#facts-near img').length === 12 && page.stage.isFitted")
    before = await browser.run("page.stage.scale")
    await browser.press("+")
    await expect("zoom", f"page.stage.scale > {before}")
    await browser.press("ArrowRight")
    await browser.press("Escape")
    await expect("close", "page.stage === null && document.activeElement.id === 'grid'")
    await browser.run("openView('classes')")
    await browser.wait_for("document.querySelectorAll('#class-rows tr').length > 3")
    hostile = "<img src=x onerror=document.title=1>"
    await browser.run(
        f"(() => {{ const row = document.getElementById('class-rows').lastElementChild;"
        f" row.querySelector('[name=name]').value = {hostile!r};"
        " row.querySelector('[name=attributes]').value = 'severity:choice(mild|severe); note:text';"
        " row.querySelector('button').click(); })()"
    )
    await expect("add a class", f"page.byName.has({hostile!r})")
    await browser.run("openView('all')")
    await browser.wait_for("page.rows.length > 0")
    await browser.run(f"chooseClass({hostile!r})")
    await expect("a hostile name is text", "document.querySelectorAll('img[src=x]').length === 0")
    await browser.run("goTo(0)")
    await expect("questions", "document.querySelectorAll('#questions label').length === 2")
    await browser.run(
        "(() => { const field = document.querySelector('#questions select'); field.value = 'severe';"
        " field.dispatchEvent(new Event('change')); })()"
    )
    await expect("an answer", f"{IS_IDLE} && page.samples.get(page.rows[0]).attributes.severity === 'severe'")
    await browser.run("(document.getElementById('f-split').value = 'val', openView('all'))")
    await expect("filter", "page.rows.length === 100")
    await browser.run("(document.getElementById('f-split').value = '', openView('all'))")
    await browser.wait_for("page.rows.length > 100")
    print(f"by hand: 17 steps, wrong: {', '.join(wrong) or 'none'}")
    return wrong


async def take_pictures(browser: Browser, folder: Path) -> None:
    """Screenshots for the documentation: the grid, a sample large, the classes in the dark."""
    await browser.run("resize(-1)")
    await browser.run("goTo(400)")
    await asyncio.sleep(2)
    await browser.press("ArrowDown", 8)
    await browser.press("ArrowRight", 8)
    await asyncio.sleep(1)
    await browser.photograph(folder / "label-grid.webp")
    await browser.press("Escape")
    await browser.press("Enter")
    await asyncio.sleep(2)
    await browser.photograph(folder / "label-large.webp")
    await browser.press("Escape")
    await browser.use_theme(True)
    await browser.run("openView('classes')")
    await asyncio.sleep(1)
    await browser.photograph(folder / "label-classes.webp")
    await browser.use_theme(False)
    await browser.run("openView('all')")
    await browser.wait_for("page.rows.length")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--pictures", type=Path, help="a folder for screenshots")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        truth = make_project(Path(folder), options.samples)
        missed = asyncio.run(measure(Path(folder), truth, free_port(), options.pictures))
    print(", ".join(f"{name} {value}" for name, value in describe_machine().items()))
    if missed:
        raise SystemExit(f"missed: {', '.join(missed)}")


if __name__ == "__main__":
    main()
