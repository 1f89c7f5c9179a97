"""The second example of the README: the tanks stop at `check`, and the remedy teaches tanks and not the weather."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from benchmarks import tanks
from benchmarks.checkout import OWN
from pipeline.core import artifacts, config
from pipeline.core.contracts import Predictor
from pipeline.datasets.packed import PackedDataset
from pipeline.evaluation.counterfactuals import CounterfactualTest, Options
from pipeline.evaluation.suspicions import Suspicion

ROOT = Path(__file__).parents[1]
BEFORE_ANY_NETWORK = ["compose", "ingest", "validate", "find_duplicates", "split", "check"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore:.*:pydantic.warnings.PydanticDeprecatedSince20"),
]


def run(folder: Path, *command: str, first: tuple[Path, ...] = ()) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(OWN)}
    path = os.pathsep.join(map(str, (*first, Path(sys.executable).parent, environment["PATH"])))
    environment |= {"PATH": path, "OMP_NUM_THREADS": "1"}
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
    run(tmp_path, "git", "add", "-A")
    run(tmp_path, "git", "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", "start")
    return tmp_path


@pytest.mark.xdist_group("dvc")
def test_dvc_repro_stops_at_check_and_says_why_before_any_network_runs(
    checkout: Path, forked: tuple[Path, ...]
) -> None:
    done = run(checkout, "env", "python", "-m", "dvc", "repro", first=forked)
    assert done.returncode != 0
    assert [line.split("'")[1] for line in done.stdout.splitlines() if line.startswith("Running stage")] == (
        BEFORE_ANY_NETWORK
    )
    (said,) = [line for line in done.stderr.splitlines() if line.startswith("check: stopped by shortcut: ")]
    assert "Traceback" not in done.stdout + done.stderr
    finding = json.loads((checkout / artifacts.CHECKS).read_text())["shortcut"]
    assert not finding["passed"]
    assert 0.8 < finding["value"] < 1
    assert "Brightness alone separates" in said
    assert f"({finding['value']:.4g}, at most " in said
    page, ways_out = done.stderr.splitlines()[done.stderr.splitlines().index(said) + 1 :][:3:2]
    assert page.startswith("  -> ")
    assert page.endswith(": reports/checks.html#shortcut")
    assert ways_out.endswith("colibri run check.shortcut.on_fail=warn")
    assert "exposure" in finding["advice"]
    for name in ("data/embeddings", "data/packed", "data/predictor", "reports/curation.json", "mlflow.db"):
        assert not (checkout / name).exists(), name


SEED = 2


@pytest.fixture(scope="module")
def trained() -> dict[str, Predictor]:
    """In fewer epochs and pixels, to save time; as many as in conf/ and more seeds are measured by benchmarks.tanks."""
    found = {}
    for name, epochs in (("without the stop", 3), ("tanks_remedied", 7)):
        fewer = (f"train.epochs={epochs}", "train.min_steps=0", "image_size=48", "augment.margin=0")
        found[name], _ = tanks.trained([*tanks.VARIANTS[name], *fewer], SEED)
    return found


@pytest.mark.xdist_group("tanks")
def test_the_remedy_teaches_tanks_and_not_the_weather(trained: dict[str, Predictor]) -> None:
    planted, swapped = tanks.test_scenes(SEED)
    reached = {}
    for name, predictor in trained.items():
        assert tanks.accuracy(predictor, planted, SEED).value > 0.9  # both have learnt what train shows
        reached[name] = tanks.accuracy(predictor, swapped, SEED).value
    assert reached["without the stop"] < 0.3
    assert reached["tanks_remedied"] > 0.65


@pytest.mark.xdist_group("tanks")
def test_the_planted_pictures_show_the_model_following_the_weather_and_after_the_remedy_not(
    trained: dict[str, Predictor],
) -> None:
    """The scenes as planted are enough: nothing is swapped, and no attribute says what the weather was."""
    planted, _ = tanks.test_scenes(SEED)
    index = planted.index
    index = index.assign(sample_id=index["path"], origin=index["path"], group=index["path"])
    packed = PackedDataset(planted.images, index, planted.card)
    section = yaml.safe_load(config.compose(ROOT / "conf", ["experiment=tanks"]))
    options = Options(**{**section["intervene"], "max_renders": 100, "num_resamples": 500})
    exposure = {"exposure": config.build_all(section, "intervention")["exposure"]}
    suspicion = Suspicion(name="brightness", label="woods", accuracy=0.96)
    found = {}
    for name, predictor in trained.items():
        test = CounterfactualTest(packed=packed, predictor=predictor, interventions=exposure, options=options)
        (found[name],) = test(suspicion)
    plain, remedied = found["without the stop"], found["tanks_remedied"]
    assert plain.state == "follows"
    assert plain.figures["difference"].low > 0.15
    assert plain.figures["nuisance_accuracy"].low > 0.5
    assert plain.figures["crossed_accuracy"].value < 0.5 < remedied.figures["crossed_accuracy"].value
    assert remedied.state == "not_shown"
    assert remedied.figures["difference"].high < 0.15
