"""A password that stands in a URI is nowhere to be found: not on the screen, not in the store, not in an artifact."""

import os
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pandas as pd
import pytest
import yaml
from content_examples import chosen

from pipeline.core import artifacts
from pipeline.tracking import runs
from pipeline.tracking.connection import WAIT, connect, find
from pipeline.tracking.parameters import choices

pytestmark = pytest.mark.xdist_group("tracking")
ROOT = Path(__file__).parents[2]
PASSWORD, SIGNATURE = "hunter2pw", "c2lnbmF0dXJl0123"
SERVER = f"http://ann:{PASSWORD}@127.0.0.1:9"  # where nobody listens
REMOTE = {
    "name": "pets",
    "url": f"{SERVER}/pets/?sig={SIGNATURE}",
    "watch": f"{SERVER}/pets/?sig={SIGNATURE}",
    "options": {"key": PASSWORD, "secret": SIGNATURE, "client_kwargs": {"headers": {"Authorization": PASSWORD}}},
}


def run(module, folder, **environment):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    done = subprocess.run(
        [sys.executable, "-m", module],
        cwd=folder, env={**kept, "PYTHONPATH": str(ROOT), WAIT: "0", **environment},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def assert_nowhere(text, *places):
    for place in places:
        found = [path for path in place.rglob("*") if path.is_file()] if place.is_dir() else [place]
        for path in found:
            assert not [one for one in (PASSWORD, SIGNATURE) if one.encode() in path.read_bytes()], path
    assert PASSWORD not in text
    assert SIGNATURE not in text
    assert "Traceback" not in text


def write_params(url):
    params = chosen("source=remote")
    params["source"] |= {"url": url, "watch": url}
    params["ingest"] |= {"max_quarantine_fraction": 0.5, "decisions": False}
    artifacts.write_text(Path("params.yaml"), yaml.safe_dump(params))


def test_a_remote_source_that_does_not_answer(project):
    write_params(REMOTE["url"])
    code, said = run("pipeline.stages.ingest", project)
    assert code == 1
    assert "127.0.0.1:9" in said
    assert_nowhere(said)


class Handler(SimpleHTTPRequestHandler):
    """Serves a folder, but for one file that it forbids."""

    def send_head(self):
        if self.path.endswith("/cat/1.png"):
            return self.send_error(403)
        return super().send_head()

    def log_message(self, *args):
        pass


def test_a_remote_source_that_refuses_some_pictures(project, picture_folder):
    (picture_folder / "dog" / "broken.png").write_bytes(b"no picture")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(picture_folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        write_params(f"http://ann:{PASSWORD}@127.0.0.1:{server.server_port}/")
        code, said = run("pipeline.stages.ingest", project)
    finally:
        server.shutdown()
        server.server_close()
    assert code == 0, said
    assert len(artifacts.read_table(artifacts.MANIFEST)) == 7
    assert len(artifacts.read_table(artifacts.QUARANTINE)) == 2
    assert_nowhere(said, project / "data")
    assert (
        PASSWORD
        not in artifacts.read_table(artifacts.QUARANTINE).to_csv() + artifacts.read_table(artifacts.MANIFEST).to_csv()
    )


def test_a_store_that_does_not_answer(project):
    artifacts.write_text(
        Path("asks.py"),
        "import pandas as pd\n"
        "from pipeline.core import stage_runner\n"
        "from pipeline.tracking import runs\n"
        "stage_runner.run('register', lambda: runs.completed_run('k', 'r', {'a': 1}, pd.DataFrame(), {}))\n",
    )
    code, said = run("asks", project, MLFLOW_TRACKING_URI=SERVER)
    assert code == 1
    assert "register: MLflow's store http://***@127.0.0.1:9 cannot be used" in said
    assert_nowhere(said, project)


@pytest.mark.parametrize("uri", [f"postgresql://ann:{PASSWORD}@127.0.0.1:9/mlflow", f"odd://ann:{PASSWORD}@host"])
def test_a_store_of_another_kind(store, monkeypatch, uri):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv(WAIT, "0")
    monkeypatch.setattr("mlflow.store.db.utils.MAX_RETRY_COUNT", 1)
    with pytest.raises(ValueError, match=r"///?\*\*\*@|://\*\*\*@") as caught:
        connect()
    assert_nowhere(str(caught.value))


def test_what_is_logged_holds_none(store, client, project, capfd):
    params = {"source": REMOTE, "train": {"epochs": 1}}
    artifacts.write_text(Path("params.yaml"), yaml.safe_dump(params))
    lock = {"stages": {"ingest": {"deps": [{"path": REMOTE["watch"], "etag": "1"}], "params": {"params.yaml": params}}}}
    artifacts.write_text(Path("dvc.lock"), yaml.safe_dump(lock))
    artifacts.write_text(Path("dvc.yaml"), "# as it is\nstages: {}\n")
    with runs.training_run("secret", params) as log:
        log(1, {"epoch": 1, "train_loss": 0.5})
    with pytest.raises(RuntimeError, match=r"lost"), runs.training_run("secret and failing", params):
        raise RuntimeError(f"lost {REMOTE['url']}")
    run_id, _ = runs.completed_run("secret", "secret results", params, pd.DataFrame(), {})
    kept = {"": [Path("params.yaml"), Path("dvc.lock"), Path("dvc.yaml")]}
    runs.log_results(run_id, "secret results", kept, pd.DataFrame({"sample_id": ["a"]}), "pets", "abc")
    said = capfd.readouterr()
    assert_nowhere(said.out + said.err, store)
    (run,) = find(client, connect()[1], runs.KEY, "secret")
    assert "url" not in "".join(run.data.params)
    assert choices(params)["source.url"] == "http://***@127.0.0.1:9/pets/?sig=***"  # what differing_params compares
    assert choices(params)["source.options.key"] == "***"
    logged = {one: Path(client.download_artifacts(run_id, one)).read_text() for one in ("params.yaml", "dvc.yaml")}
    assert yaml.safe_load(logged["params.yaml"])["train"] == {"epochs": 1}
    assert logged["dvc.yaml"] == "# as it is\nstages: {}\n"  # what holds no secret is logged byte for byte
    assert PASSWORD in Path("params.yaml").read_text()  # the owner's own file is not changed
