"""colibri ui: the address of the runs, the server's command, and ports that cannot be used."""

import subprocess

import pytest

from pipeline.commands import ui
from pipeline.core.errors import UserError
from pipeline.tracking import connection, experiments


@pytest.fixture
def started(monkeypatch):
    """The calls of servers, none of which starts."""
    calls = []

    def run(command, env, check):
        calls.append((command, env))
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(ui.subprocess, "run", run)
    monkeypatch.setattr(experiments, "runs_page", lambda: "/#/experiments/3/runs?workflowType=machine_learning")
    return calls


def test_it_prints_the_page_of_the_runs_and_starts_the_server(project, started, monkeypatch, capsys):
    monkeypatch.setattr(connection, "tracking_uri", lambda: "sqlite:///mlflow.db")
    ui.main(50_321)
    assert capsys.readouterr().out.startswith("Runs: http://127.0.0.1:50321/#/experiments/3/runs?workflowType=machine")
    (command, environment) = started[0]
    assert command[-4:] == ["--host", "127.0.0.1", "--port", "50321"]
    assert environment["MLFLOW_BACKEND_STORE_URI"] == "sqlite:///mlflow.db"
    assert environment["MLFLOW_DISABLE_TELEMETRY"] == "true"


def test_a_strange_folder_and_no_store_yet(project, monkeypatch, capsys):
    folder = project / "a b?c#d%2F$(false)'e`f`"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    calls = []
    done = subprocess.CompletedProcess([], 0)
    monkeypatch.setattr(ui.subprocess, "run", lambda command, env, check: calls.append(env) or done)
    ui.main(50_323)
    assert capsys.readouterr().out.startswith("Runs: http://127.0.0.1:50323/#/experiments?workflowType=machine_lea")
    assert calls[0]["MLFLOW_BACKEND_STORE_URI"] == connection.tracking_uri()
    assert not (folder / "mlflow.db").exists()  # MLflow's own server makes it


def test_a_server_elsewhere_is_only_named(project, started, monkeypatch, capsys):
    monkeypatch.setattr(connection, "tracking_uri", lambda: "http://me:secret@mlflow.example.org/")
    ui.main()
    assert capsys.readouterr().out == (
        "MLflow runs elsewhere: http://***@mlflow.example.org/#/experiments/3/runs?workflowType=machine_learning\n"
    )
    assert started == []


def test_a_server_that_fails_is_one_line(project, started, monkeypatch):
    monkeypatch.setattr(connection, "tracking_uri", lambda: "sqlite:///mlflow.db")
    monkeypatch.setattr(ui.subprocess, "run", lambda command, env, check: subprocess.CompletedProcess(command, 3))
    with pytest.raises(UserError, match=r"^MLflow's server ended with code 3; its lines above say why$"):
        ui.main(50_322)
