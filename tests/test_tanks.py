"""The second example of the README: the tanks stop at `check`, and go through with the remedy."""

import json
import os
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from joblib.externals.loky import get_reusable_executor

from pipeline.core import config, files
from pipeline.core.card import load_predictor
from pipeline.core.labels import to_matrix

ROOT = Path(__file__).parents[1]
BEFORE_ANY_NETWORK = ["compose", "ingest", "validate", "pair", "split", "check"]
AFTER = ["embed", "curate", "augment", "train", "evaluate", "register"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("tanks"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore:.*:pydantic.warnings.PydanticDeprecatedSince20"),
]


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DVC_", "MLFLOW_"))}
    environment |= {"PATH": f"{Path(sys.executable).parent}:{environment['PATH']}", "OMP_NUM_THREADS": "1"}
    environment.pop("PYTHONPATH", None)
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=500, check=False
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The project as it is, with `experiment: tanks` in conf/config.yaml."""
    for name in run(ROOT, "git", "ls-files").stdout.splitlines():
        if not name.startswith(("tests/", "docs/")) and name != "params.yaml" and (ROOT / name).exists():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / name)
    chosen = tmp_path / "conf/config.yaml"
    text = chosen.read_text(encoding="utf-8")
    assert text.count("experiment: null") == 1
    chosen.write_text(text.replace("experiment: null", "experiment: tanks"), encoding="utf-8")
    run(tmp_path, "git", "init", "-q", "-b", "main")
    run(tmp_path, sys.executable, "-m", "pipeline.stages.compose")
    return tmp_path


def test_dvc_repro_stops_at_check_and_says_why_before_any_network_runs(checkout: Path) -> None:
    done = run(checkout, "dvc", "repro")
    assert done.returncode != 0
    assert [line.split("'")[1] for line in done.stdout.splitlines() if line.startswith("Running stage")] == (
        BEFORE_ANY_NETWORK
    )
    (said,) = [line for line in done.stderr.splitlines() if line.startswith("check: shortcut: ")]
    assert "Traceback" not in done.stdout + done.stderr
    finding = json.loads((checkout / files.CHECKS).read_text())["shortcut"]
    assert not finding["passed"]
    assert 0.8 < finding["value"] < 1
    assert f"{finding['value']:.4g} balanced accuracy of one property alone" in said
    assert f"brightness: {finding['worst']['brightness']}" in said
    assert finding["advice"] in said
    assert "exposure" in finding["advice"]
    for name in ("data/embeddings", "data/packed", "data/predictor", "reports/curation.json", "mlflow.db"):
        assert not (checkout / name).exists(), name


def test_with_the_remedy_it_goes_through_and_holds_when_the_weather_is_swapped(project: Path, monkeypatch) -> None:
    monkeypatch.setenv("DVC_ROOT", str(project))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    get_reusable_executor().shutdown(wait=True)  # an earlier test's processes would look in that test's folder
    Path("requirements.lock").touch()
    Path("params.yaml").write_text(config.compose(ROOT / "conf", ["experiment=tanks_remedied"]), encoding="utf-8")
    for stage in [*BEFORE_ANY_NETWORK[1:], *AFTER]:
        import_module(f"pipeline.stages.{stage}").main()
    checks = json.loads(files.CHECKS.read_text())
    assert not checks["shortcut"]["passed"]  # still known, no longer in the way
    registration = json.loads(files.REGISTRATION.read_text())
    assert registration["version"] == "1"
    assert {"weather", "weather and label"} == set(pd.read_csv(files.SLICES)["attribute"])
    planted, swapped = (accuracy(swap) for swap in (False, True))
    assert planted > 0.9
    assert swapped > 0.75  # without the remedy it is about chance; four standard deviations of 0.9 are 0.085


def accuracy(swapped: bool) -> float:
    """Of the predictor on the test scenes."""
    params = yaml.safe_load(Path("params.yaml").read_text())
    source = config.build(params["source"] | {"swapped": swapped}, "source")
    rows = source.read().query("given_split == 'test'")
    predictor, card = load_predictor(files.PREDICTOR)
    decided = predictor.task.decide(predictor.predict(np.stack([source.open(path) for path in rows["path"]])))
    return float((decided == (to_matrix(rows["labels"].tolist(), card["classes"]) > 0)).all(axis=1).mean())
