"""colibri report: which page is opened, how it is served, and what is refused."""

import threading
import urllib.error
import urllib.request
import webbrowser

import pytest
from report_material import Page

from benchmarks.server_process import free_port
from pipeline.commands import report
from pipeline.core.errors import UserError
from pipeline.core.ports import HOST


@pytest.fixture
def pages(project):
    """A project with three pages."""
    folder = project / "reports"
    folder.mkdir(exist_ok=True)
    for name in ("index", "report", "checks"):
        (folder / f"{name}.html").write_text(f"<h1>{name}</h1>")
    (project / "secret.txt").write_text("secret")
    return folder


def test_the_first_page_is_the_index_else_the_report(pages):
    assert report.find_page(None).name == "index.html"
    assert report.find_page("checks").name == report.find_page("checks.html").name == "checks.html"
    (pages / "index.html").unlink()
    assert report.find_page(None).name == "report.html"


def test_what_commands_found_is_brought_up_to_date(pages, monkeypatch, capsys):
    monkeypatch.setenv("SSH_CONNECTION", "1.2.3.4 1 5.6.7.8 22")
    report.main("commands")
    assert f"open {pages / 'commands.html'} in a browser" in capsys.readouterr().out
    assert "Results of commands: this project" in Page((pages / "commands.html").read_text()).text
    (pages / "clusters.html").touch()
    (pages.parent / "params.yaml").write_text("source: {name: pets}")
    report.main()
    page = Page((pages / "commands.html").read_text())
    assert "Results of commands: pets" in page.text
    assert {"href": "clusters.html"} in page.all("a")


@pytest.mark.parametrize("text", ["source: [", "train: {}", "source: pets", "[1]", "", None])
def test_pages_are_shown_where_params_yaml_says_no_name(pages, monkeypatch, capsys, text):
    monkeypatch.setenv("SSH_CONNECTION", "1.2.3.4 1 5.6.7.8 22")
    if text is not None:
        (pages.parent / "params.yaml").write_text(text)
    report.main()
    assert f"open {pages / 'index.html'} in a browser" in capsys.readouterr().out
    assert "Results of commands: this project" in Page((pages / "commands.html").read_text()).text


def test_a_page_that_is_not_there(pages):
    with pytest.raises(UserError, match=r"^there is no page '\.\./secret'; reports/ has checks, index, report$"):
        report.find_page("../secret")


def test_no_page_yet(project):
    with pytest.raises(UserError, match=r"^reports/ holds no page yet; run colibri run, which makes them$"):
        report.main()


def test_a_browser_opens_it(pages, monkeypatch, capsys):
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda address: opened.append(address) or True)
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    report.main("checks")
    assert opened == [(pages / "checks.html").absolute().as_uri()]
    assert capsys.readouterr().out == ""


def test_without_a_screen_it_says_where_the_page_is(pages, monkeypatch, capsys):
    monkeypatch.setattr(webbrowser, "open", lambda address: pytest.fail("a text browser would take the terminal"))
    monkeypatch.setenv("SSH_CONNECTION", "1.2.3.4 1 5.6.7.8 22")
    report.main()
    assert f"open {pages / 'index.html'} in a browser, or run colibri report --serve 8000" in capsys.readouterr().out


def test_it_serves_the_pages_and_nothing_else(pages, monkeypatch):
    from http.server import ThreadingHTTPServer

    started, servers = threading.Event(), []
    forever = ThreadingHTTPServer.serve_forever

    def serve(self):
        servers.append(self)
        started.set()
        forever(self, poll_interval=0.05)

    monkeypatch.setattr(ThreadingHTTPServer, "serve_forever", serve)
    port = free_port()
    thread = threading.Thread(target=report.main, args=("report", port))
    thread.start()
    assert started.wait(10)
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/report.html", timeout=10) as answer:
            assert answer.read() == b"<h1>report</h1>"
        for path in ("../secret.txt", "%2e%2e/secret.txt"):
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(f"http://{HOST}:{port}/{path}", timeout=10)
    finally:
        servers[0].shutdown()
        thread.join(10)


def test_a_port_that_is_none(pages):
    with pytest.raises(UserError, match=r"^--serve must be 1 to 65535, got 99999$"):
        report.main(serve=99_999)
