"""colibri label: options that are refused, and a project from its files to the first answer."""

import pytest
from starlette.testclient import TestClient

from benchmarks.label_project import make_project
from pipeline.commands import label
from pipeline.commands.main import main
from pipeline.core import config
from pipeline.labelling.web.probe_thread import ProbeThread
from pipeline.labelling.web.server import create_application
from pipeline.serving.gate import Access


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--host", "0.0.0.0"], "--host 0.0.0.0 lets other machines call; set COLIBRI_API_KEY to a secret"),
        (["--token", "short"], "COLIBRI_API_KEY must have at least 16 printable ASCII characters, got 5"),
        (["--who", "=1+1"], "--who: a name must not begin like a formula"),
        (["--port", "0"], "--port must be 1 to 65535, got 0"),
    ],
)
def test_what_is_refused_before_anything_is_read(words, message, monkeypatch, capsys):
    monkeypatch.delenv("COLIBRI_API_KEY", raising=False)
    monkeypatch.setattr(label, "open_labelling", None)
    with pytest.raises(SystemExit) as ended:
        main(["label", *words])
    assert ended.value.code == 1
    assert message in capsys.readouterr().err


def test_a_project_is_opened_and_a_probe_suggests(tmp_path, monkeypatch):
    truth = make_project(tmp_path, 180, num_train=110, num_val=10)
    monkeypatch.chdir(tmp_path)
    labelling = label.open_labelling(config.load_params(), None, "Ada")
    probe = ProbeThread(labelling.session, labelling.views.features)
    probe.stop()  # after the first fit
    probe.run()
    found = labelling.session.suggestions
    right = sum(found[row].labels == (truth[row],) for row in range(120, 180))
    assert (labelling.first_view, right > 30) == ("all", True)
    client = TestClient(create_application(labelling, Access()), base_url="http://127.0.0.1:5002")
    assert client.get("/state").json()["who"] == "Ada"
    assert client.get("/samples/120/thumbnail").status_code == 200
    body = {"who": "Ada", "rows": [120, 121], "labels": [truth[120]]}
    assert client.post("/decisions", json=body).status_code == 201
    assert (tmp_path / "data/label_decisions/pictures.csv").read_text().count("\n") == 3
