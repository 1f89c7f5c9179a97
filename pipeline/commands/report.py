"""Opens the pages of the last run in the browser, or serves them to a browser on another machine.

reports/index.html leads to all pages. They are plain files, so they can also be copied, mailed and opened anywhere.
reports/commands.html is brought up to date first: what label-efficiency, clusters and other commands found after the
run, and whether that is still of this run.
Without a browser on this machine (a server, a container), the path is printed.

Examples:
  colibri report                open reports/index.html
  colibri report checks         open reports/checks.html
  colibri report commands       what label-efficiency, clusters, leaderboard and others found
  colibri report --serve 8000   serve reports/ on http://127.0.0.1:8000
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from contextlib import suppress
from functools import partial
from pathlib import Path

from pipeline.core.errors import UserError
from pipeline.core.ports import HOST, check_port
from pipeline.core.terminal import say

REPORTS = Path("reports")
FIRST = ("index", "report", "checks")  # the first that is there is shown where none is named


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("page", metavar="PAGE", nargs="?", help="of reports/PAGE.html (default: index)")
    parser.add_argument("--serve", metavar="PORT", type=int, help=f"serve the pages on http://{HOST}:PORT instead")


def main(page: str | None = None, serve: int | None = None) -> None:
    if any(REPORTS.glob("*.html")):
        from pipeline.report.command_pages import write_commands_page

        write_commands_page()
    file = find_page(page)
    if serve is not None:
        serve_pages(file, serve)
    elif not has_screen() or not open_page(file):
        say(f"open {file.absolute()} in a browser, or run colibri report --serve 8000 to read it from another machine")


def find_page(page: str | None) -> Path:
    """The file of a page.

    Args:
        page: Its name without `.html`; None for the first of `FIRST` that is there.

    Raises:
        UserError: There is no such page, or none at all.
    """
    there = {path.stem: path for path in sorted(REPORTS.glob("*.html"))}
    if not there:
        raise UserError(f"{REPORTS}/ holds no page yet; run colibri run, which makes them")
    wanted = page.removesuffix(".html") if page else next((name for name in FIRST if name in there), min(there))
    if wanted not in there:
        raise UserError(f"there is no page {page!r}; {REPORTS}/ has {', '.join(there)}")
    return there[wanted]


def has_screen() -> bool:
    """Whether a browser can show something here: not over SSH, and on Linux only with a display."""
    if os.environ.get("SSH_CONNECTION"):
        return False
    return not sys.platform.startswith("linux") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def open_page(file: Path) -> bool:
    """Opens a file in the browser; False where there is none."""
    import webbrowser

    return webbrowser.open(file.absolute().as_uri())


def serve_pages(file: Path, port: int) -> None:
    """Serves the folder of a page on this machine until Ctrl-C; nothing outside the folder is served."""
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

    check_port(port, "--serve")
    handler = type("Pages", (SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    with ThreadingHTTPServer((HOST, port), partial(handler, directory=str(REPORTS.absolute()))) as server:
        say(f"http://{HOST}:{port}/{file.name}   (Ctrl-C stops it)")
        say(f"from another machine: ssh -L {port}:{HOST}:{port} THIS_MACHINE, then open that address there")
        with suppress(KeyboardInterrupt):
            server.serve_forever()
