"""From find_duplicates to register on pictures without labels, and what a person does with the clusters."""

import json
import re
import shutil
from importlib import import_module
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from picture_folder import TINY, picture

from benchmarks import checkout
from pipeline.commands import clusters, monitor, name_clusters
from pipeline.core import artifacts, config
from pipeline.core.errors import UserError
from pipeline.monitoring.reference import load_reference
from pipeline.prediction.classifier import PictureClassifier
from pipeline.prediction.onnx_comparison import compare_with_torch, load_network
from pipeline.prediction.onnx_export import export_onnx

ROOT = Path(__file__).parents[1]
NUM = 120
STAGES = checkout.STAGES[checkout.STAGES.index("find_duplicates") :]
OF_LABELS = ("encoder", "train.epochs", "train.batch", "train.learning", "train.ema", "train.min_steps", "gate.")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("pipeline"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore:.*:pydantic.warnings.PydanticDeprecatedSince20"),
]


def run(stage: str) -> list[str]:
    lines: list[str] = import_module(f"pipeline.stages.{stage}").main()
    return lines


def write_params(*overrides: str) -> None:
    chosen = [one for one in TINY if not one.startswith(OF_LABELS)]
    chosen += ["source=unlabelled", "source.path=pictures", "experiment=clusters", "encoder=pixels", "encoder.side=4"]
    chosen += ["clusters.num_clusters=2", "clusters.num_starts=2", "clusters.num_repeats=2", "clusters.max_clusters=2"]
    chosen += ["clusters.num_permutations=39", "clusters.num_resamples=100", "clusters.num_pictures=2", *overrides]
    Path("params.yaml").write_text(config.compose(ROOT / "conf", chosen), encoding="utf-8")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, empty_store: Path):
    """A folder in which every stage has run on dark and bright discs, all in one folder."""
    folder = tmp_path_factory.mktemp("clusters")
    shutil.copy(empty_store, folder / "mlflow.db")
    write_pictures(folder / "pictures", NUM, 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("DVC_ROOT", str(folder))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.setattr("pipeline.core.parallel.num_workers", lambda: 1)
        write_params()
        run("ingest")
        artifacts.write_json(artifacts.VALIDATION, {"passed": True, "expectations": []})  # see test_validate
        for stage in STAGES:
            run(stage)
        yield folder


def write_pictures(folder: Path, number: int, seed: int) -> None:
    folder.mkdir()
    generator = np.random.default_rng(seed)
    for one in range(number):
        made = picture("disc", generator).point(lambda value, bright=one % 2: min(255, value // 2 + 90 * bright))
        made.save(folder / f"{one:03d}.png")


def is_bright(names: pd.Series) -> np.ndarray:
    return np.array([int(name.removesuffix(".png")) % 2 for name in names])


def test_the_clusters_are_the_dark_and_the_bright_ones(project: Path) -> None:
    card = json.loads((project / "data/predictor/card.json").read_text())
    assert card["classes"] == card["task"]["names"] == ["cluster 1", "cluster 2"]
    predictions = pd.read_parquet(project / "data/predictions.parquet")
    assert set(predictions["split"]) == {"val", "test"}
    assert not predictions["labels"].map(len).any()
    decided = predictions["decided"].map(lambda names: names[0])
    assert set(decided.groupby(is_bright(predictions["sample_id"])).nunique()) == {1}
    assert decided.nunique() == 2


def test_figures_and_pages_are_of_clusters(project: Path) -> None:
    assert json.loads((project / "reports/metrics.json").read_text()) == {}
    figures = json.loads((project / "reports/test_metrics.json").read_text())
    assert list(figures) == ["stability"]
    assert figures["stability"]["value"] == 1
    page = (project / "reports/report.html").read_text()
    assert "without a look at any label" in page
    assert "No picture has a label" in page
    assert pd.read_csv(project / "reports/confusion.csv").empty
    assert "clusters, found without labels" in (project / "reports/model_card.md").read_text()
    assert "Clusters on which halves of the pictures agree by 1" in (project / "reports/index.html").read_text()


def test_the_version_is_registered_and_says_cluster(project: Path) -> None:
    registration = json.loads((project / "reports/registration.json").read_text())
    assert registration["aliases"] == ["challenger", "champion"]
    outcomes = {one["name"]: one["outcome"] for one in registration["gates"]}
    assert (outcomes["stable_clusters"], outcomes["same_clusters"]) == ("passed", "not_needed")
    mlflow.set_tracking_uri(f"sqlite:///{project / 'mlflow.db'}")
    model = mlflow.pyfunc.load_model(f"models:/{registration['model']}@champion")
    predictions = pd.read_parquet("data/predictions.parquet").head(6)
    encoded = [(Path("pictures") / name).read_bytes() for name in predictions["sample_id"]]
    served = model.predict(pd.DataFrame({"image": encoded}))
    assert served["class"].tolist() == [names[0] for names in predictions["decided"]]


def test_new_pictures_are_compared_without_any_label(project: Path, capsys) -> None:
    write_pictures(project / "new", 20, 1)
    monitor.main(["new"])
    shown = capsys.readouterr().out
    assert "not measured       expected loss: of the training no scored picture has a label" in shown
    assert re.search(r"(no drift|cannot be judged) +features", shown)


def test_the_model_is_exported_with_its_distances(project: Path) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    model = PictureClassifier.load(project / "data/predictor")
    export_onnx(model, project / "model.onnx")
    pictures = np.load("data/packed/images.npy")[:20]
    assert compare_with_torch(model, load_network(model, project / "model.onnx"), pictures).num_same == 20


def test_the_clusters_of_the_model_are_shown_and_named(project: Path, capsys) -> None:
    clusters.main([])
    assert "against labels" not in capsys.readouterr().out
    table = pd.read_csv(artifacts.CLUSTERS_TABLE)
    assert len(table) == NUM
    assert set(table["cluster"].groupby(is_bright(table["sample_id"])).nunique()) == {1}
    with pytest.raises(UserError, match=r"the clusters of data/predictor are as they were trained; add --features emb"):
        clusters.main(["clusters.whiten=true"])
    names = pd.read_csv(artifacts.CLUSTER_NAMES, keep_default_na=False)
    artifacts.write_csv(artifacts.CLUSTER_NAMES, names.assign(name=["night", "day"]))
    name_clusters.main("Ada", when="2026-11-29")
    shown = capsys.readouterr().out
    assert "18 pictures: are of test, which is not labelled from clusters" in shown
    clusters_named = pd.read_csv(artifacts.decisions_file("pictures"))
    assert len(clusters_named) == NUM - 18


def test_a_later_model_with_the_same_clusters_replaces_the_champion(project: Path) -> None:
    write_params("clusters.seed=1", "gate.same_clusters.min_samples=10", "gate.same_clusters.min_agreement=0.5")
    for stage in STAGES[STAGES.index("train") :]:
        run(stage)
    registration = json.loads((project / "reports/registration.json").read_text())
    assert registration["version"] == "2"
    assert registration["aliases"] == ["challenger", "champion"]
    assert "of 18 test pictures are in the cluster of the same name as by the champion" in registration["reasons"][0]
    reason = registration["against_champion"]["reason"]
    assert reason == "no label says what is right: the gate same_clusters compares clusters"
    assert "accuracy" not in (project / "reports/comparison.html").read_text()


def test_labels_of_the_source_are_no_classes_of_clusters(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tables = {path: pd.read_parquet(path) for path in (artifacts.MANIFEST, artifacts.SPLITS, artifacts.PREDICTIONS)}
    tables[artifacts.MANIFEST]["labels"] = [["cat"] for _ in range(NUM)]
    monkeypatch.setattr(artifacts, "read_table", lambda path, **rest: tables[path])
    monkeypatch.setattr("pipeline.monitoring.reference.stored_features", lambda names, folder: None)
    assert not load_reference().is_labelled.any()
