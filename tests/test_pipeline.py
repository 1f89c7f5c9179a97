"""All stages, one after the other in this process, on a tiny set."""

import json
import os
import shutil
from importlib import import_module
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
import yaml
from joblib.externals.loky import get_reusable_executor
from picture_folder import TINY, make_folder

from benchmarks import checkout
from pipeline.core import config
from pipeline.core.errors import UserError
from pipeline.evaluation.margin_text import CROSS

ROOT = Path(__file__).parents[1]

STAGES = checkout.STAGES[1:]  # in the order of dvc.yaml; what compose writes is written by write_params
PURE = ("data/manifest.parquet", "data/splits.parquet", "data/packed/images.npy", "data/packed/index.parquet")
LEARNT = (
    *("data/predictor/weights.safetensors", "data/predictor/card.json"),
    *("data/policy.json", "data/feature_reference.safetensors", "data/predictions.parquet"),
)
JUDGED = tuple(
    f"reports/{name}"
    for name in (
        "metrics.json",
        "test_metrics.json",
        "test_readings.json",
        "policy_figures.json",
        "plots/reliability.json",
        "plots/risk_coverage.json",
        "plots/learning_curve.json",
        "plots/robustness.json",
        "slices.csv",
        "robustness.csv",
        "robustness.json",
        "train.csv",
        "imbalance.csv",
        "interventions.json",
        "explanations.json",
        "report.html",
    )
)
CHECKED = tuple(f"reports/{name}.{kind}" for name in ("checks", "curation") for kind in ("json", "html"))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("pipeline"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore:.*:pydantic.warnings.PydanticDeprecatedSince20"),
]


def run(stage: str) -> None:
    import_module(f"pipeline.stages.{stage}").main()


def write_params(*overrides: str) -> None:
    Path("params.yaml").write_text(
        config.compose(ROOT / "conf", [*TINY, "evaluate.cross_validation=never", *overrides]), encoding="utf-8"
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, empty_store: Path):
    """A folder in which every stage has run once."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copy(empty_store, folder / "mlflow.db")
    pictures = make_folder(folder / "pictures", num_per_class=50)
    (pictures / "disc" / "broken.png").write_bytes((pictures / "disc" / "000.png").read_bytes()[:90])
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("DVC_ROOT", str(folder))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        get_reusable_executor().shutdown(wait=True)  # an earlier test's processes would look in that test's folder
        write_params("source.path=pictures")
        for stage in STAGES:
            run(stage)
        yield folder


def test_a_group_stays_on_one_worker(request: pytest.FixtureRequest) -> None:
    """Else every worker builds a module's fixtures, and the whole takes half as long again."""
    if request.config.getoption("dist", "no") == "loadgroup":
        assert request.node.nodeid.endswith("@pipeline"), "this pytest-xdist loses its groups under this pytest"


def test_every_artifact_is_there(project: Path) -> None:
    for name in (
        *PURE,
        *LEARNT,
        *JUDGED,
        *CHECKED,
        "data/quarantine.parquet",
        "reports/registration.json",
        "reports/preview.png",
    ):
        assert (project / name).stat().st_size > 0, name


def test_a_truncated_picture_is_quarantined_and_everything_is_accounted_for(project: Path) -> None:
    manifest, quarantine = (pd.read_parquet(project / f"data/{name}.parquet") for name in ("manifest", "quarantine"))
    assert quarantine[["path", "reason"]].to_dict("records") == [{"path": "disc/broken.png", "reason": "truncated"}]
    assert len(manifest) == 100


def test_it_learnt_what_the_pictures_show(project: Path) -> None:
    metrics, val = (json.loads((project / f"reports/{name}.json").read_text()) for name in ("test_metrics", "metrics"))
    assert metrics["accuracy"]["value"] > 0.8  # chance is 0.5
    predictions = pd.read_parquet(project / "data/predictions.parquet")
    for split, found in (("val", val), ("test", metrics)):
        own = predictions[predictions["split"] == split]
        assert found["accuracy"]["n"] == len(own)
        right = [list(one) == list(other) for one, other in zip(own["labels"], own["decided"], strict=True)]
        assert found["accuracy"]["value"] == pytest.approx(np.mean(right))
        assert found["accuracy"]["groups"] == own["group"].nunique()
    assert not any("/" in name for name in val)  # what one chooses by is one number for all classes
    assert metrics.pop("worst_group_accuracy")["caveat"].startswith("cannot be judged: ")  # cells below 20 pictures
    for name, entry in metrics.items():
        assert entry["groups"] >= 5, name
        assert entry["low"] <= entry["value"] <= entry["high"], name


def test_it_is_compared_with_a_forest_on_the_properties(project: Path) -> None:
    entry = json.loads((project / "reports/test_metrics.json").read_text())["baseline_margin"]
    assert -1 <= entry["value"] <= 1
    assert entry["low"] < entry["value"] < entry["high"]
    assert "alone reach on the same pictures" in (project / "reports/report.html").read_text()


def test_predictions_cover_val_and_test_once(project: Path) -> None:
    predictions = pd.read_parquet(project / "data/predictions.parquet")
    splits = pd.read_parquet(project / "data/splits.parquet")
    expected = splits.loc[splits["split"].isin(["val", "test"]), "sample_id"]
    assert sorted(predictions["sample_id"]) == sorted(expected)
    np.testing.assert_allclose(np.stack(predictions["scores"]).sum(axis=1), 1, atol=1e-5)


def test_the_registered_model_serves_encoded_pictures(project: Path) -> None:
    registration = json.loads((project / "reports/registration.json").read_text())
    assert registration["version"] == "1"
    assert registration["aliases"] == ["challenger", "champion"]
    assert registration["test_set_uses"] == 1
    mlflow.set_tracking_uri(f"sqlite:///{project / 'mlflow.db'}")
    model = mlflow.pyfunc.load_model(f"models:/{registration['model']}@champion")
    predictions = pd.read_parquet("data/predictions.parquet").head(5)
    encoded = [(Path("pictures") / name).read_bytes() for name in predictions["sample_id"]]
    served = model.predict(pd.DataFrame({"image": encoded}))
    assert served["class"].tolist() == [names[0] for names in predictions["decided"]]
    own = [{"disc": float(a), "square": float(b)} for a, b in predictions["scores"]]
    for ours, theirs in zip(own, served["scores"], strict=True):
        assert theirs == pytest.approx(ours, abs=1e-5)
    assert not list((project / "mlruns").rglob("*.pkl"))


def test_the_notebook_of_the_first_hour_runs(project: Path) -> None:
    """In its own kernel, from the folder of the project; and git holds it without outputs."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(ROOT / "docs/first-hour.ipynb", as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(project)}})
    client.execute(env={**os.environ, "PYTHONPATH": path, "MPLBACKEND": "module://matplotlib_inline.backend_inline"})
    texts = ["".join(str(one.get("text", one.get("data", {}))) for one in cell.outputs) for cell in code]
    assert any("colibri-pictures version 1 (challenger, champion)" in text for text in texts)
    assert any("not_a_picture: starts with b'not a pi'" in text for text in texts)
    assert sum("image/png" in text for text in texts) >= 3  # a fourth where the model makes mistakes
    shutil.rmtree(project / "new_pictures")


def test_the_run_holds_parameters_curves_figures_and_files(project: Path) -> None:
    client = mlflow.MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("colibri-pictures")
    (found,) = client.search_runs([experiment.experiment_id])
    assert found.info.run_name.startswith("pictures · ")
    assert " · 16 epochs · " in found.info.run_name
    expected = {"dataset": "pictures", "epochs": "16", "classes": "2", "learner": "fine-tuned"}
    assert expected.items() <= found.data.params.items()
    assert len(found.data.params) <= 25
    assert found.data.tags["mlflow.note.content"].startswith("Accuracy ")
    figures = {"final_test/accuracy", "final_val/accuracy", "train/seconds"}
    assert {"train/loss", "val/f1_macro"} | figures <= set(found.data.metrics)
    assert len(client.get_metric_history(found.info.run_id, "val/loss")) == 16
    assert {entry.path for entry in client.list_artifacts(found.info.run_id)} >= {"params.yaml", "evaluation", "data"}
    assert found.inputs.dataset_inputs[0].dataset.name == "pictures"


def test_registering_again_changes_nothing(project: Path) -> None:
    before = (project / "reports/registration.json").read_bytes()
    run("register")
    assert (project / "reports/registration.json").read_bytes() == before
    client = mlflow.MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
    (version,) = client.search_model_versions("name = 'colibri-pictures'")
    assert "**Champion**: promoted without a comparison" in version.description
    assert version.tags["dataset"] == "pictures"


def test_a_second_run_from_clean_gives_the_same_bytes(
    project: Path, empty_store: Path, tmp_path: Path, monkeypatch
) -> None:
    shutil.copytree(project / "pictures", tmp_path / "pictures")
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    write_params("source.path=pictures")
    for stage in STAGES[:-1]:
        run(stage)
    for name in (
        *PURE,
        *LEARNT,
        *JUDGED,
        *CHECKED,
        "reports/validation.json",
        "reports/labelling.json",
        "reports/preview.png",
    ):
        assert (tmp_path / name).read_bytes() == (project / name).read_bytes(), name


def test_options_for_unequal_classes_are_tried_on_val_and_shown(
    project: Path, empty_store: Path, tmp_path: Path, monkeypatch
) -> None:
    """And frozen features are measured out of fold, which the other runs leave out."""
    for name in ("data", "reports", "pictures"):
        shutil.copytree(project / name, tmp_path / name)
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    chosen = ("imbalance=auto", "imbalance.epochs=1", "train.epochs=1", "evaluate.cross_validation=always")
    write_params("source.path=pictures", *chosen)
    run("train")
    run("calibrate")
    run("evaluate")
    tried = pd.read_csv("reports/imbalance.csv", keep_default_na=False)
    assert tried["option"].tolist() == list(yaml.safe_load(Path("params.yaml").read_text())["imbalance"]["candidates"])
    card = json.loads(Path("data/predictor/card.json").read_text())
    assert card["imbalance"] == tried["option"][tried["chosen"]].item()
    assert "Unequal classes" in Path("reports/report.html").read_text()
    assert "Unequal classes" not in (project / "reports/report.html").read_text()
    measured = json.loads(Path("reports/test_metrics.json").read_text())
    assert measured[f"{CROSS}accuracy"]["n"] == 100  # over the groups of all splits


def test_a_check_stops_the_run_and_leaves_its_findings(project: Path, tmp_path: Path, monkeypatch) -> None:
    shutil.copytree(project / "data", tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    write_params("source.path=pictures", "check.shortcut.on_fail=error", "check.shortcut.max_balanced_accuracy=0.5")
    with pytest.raises(UserError, match=r"^stopped by shortcut: .* balanced accuracy of 100 %"):
        run("check")
    assert not json.loads(Path("reports/checks.json").read_text())["shortcut"]["passed"]


def test_a_failed_expectation_names_itself_the_column_and_the_first_rows(
    project: Path, tmp_path: Path, monkeypatch
) -> None:
    shutil.copytree(project / "data", tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    write_params("source.path=pictures", "validate.min_side=33")
    with pytest.raises(UserError, match=r"expect_column_values_to_be_between on height .*first disc/000.png \(32\)"):
        run("validate")
    assert not json.loads(Path("reports/validation.json").read_text())["passed"]


def test_extra_minority_samples_are_only_in_train(project: Path, tmp_path: Path, monkeypatch) -> None:
    shutil.copytree(project / "data", tmp_path / "data")
    shutil.copytree(project / "pictures", tmp_path / "pictures")
    monkeypatch.chdir(tmp_path)
    splits = pd.read_parquet("data/splits.parquet")
    few = splits["sample_id"].str.startswith("disc") & (splits["split"] == "train")
    splits.loc[few[few].index[:20], "split"] = "none"
    splits.to_parquet("data/splits.parquet")
    write_params("source.path=pictures", "augment.min_class_share=1.0")
    run("augment")
    index = pd.read_parquet("data/packed/index.parquet")
    extra = index[index["origin"] != index["sample_id"]]
    assert len(extra) > 10
    assert set(extra["split"]) == {"train"}
    sizes = index.loc[index["split"] == "train", "labels"].explode().value_counts()
    assert sizes["disc"] == sizes["square"]
    assert len(np.load("data/packed/images.npy")) == len(index)
    assert yaml.safe_load(Path("data/packed/card.json").read_text())["num_extra"] == len(extra)
